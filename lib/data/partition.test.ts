import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { partition, type PartitionOptions } from "./partition";

const labelsOf = (indices: Int32Array, labels: Uint8Array) => [...indices].map((i) => labels[i]!);
const cycle = (count: number, classes = 10) => Uint8Array.from({ length: count }, (_, i) => i % classes);
const someLabels = fc.uint8Array({ min: 20, max: 26, minLength: 60, maxLength: 200 });
const someKind = fc.oneof(
  fc.constant({ kind: "iid" } as const),
  fc.record({ kind: fc.constant("dirichlet" as const), alpha: fc.constantFrom(0.5, 1, 10) }),
  fc.record({ kind: fc.constant("classes" as const), classesPerClient: fc.integer({ min: 1, max: 3 }) }),
);

test("partition: divides equally when iid (hand-worked)", () => {
  // 10 images over 4 clients: cuts at round(2.5) = 3, 5, round(7.5) = 8, 10
  const { name, clients } = partition(cycle(10), { kind: "iid", numClients: 4 }, createRng(1));
  assert.equal(name, "iid");
  assert.deepEqual(
    clients.map((images) => images.length),
    [3, 2, 3, 2],
  );
});

test("partition: gives each client its class when two clients take one of two", () => {
  const options = { kind: "classes", numClients: 2, classesPerClient: 1 } as const;
  const { name, clients } = partition(Uint8Array.of(0, 0, 1, 1), options, createRng(1));
  assert.equal(name, "1 class per client");
  assert.deepEqual(clients.map((images) => [...images]).sort(), [
    [0, 1],
    [2, 3],
  ]);
});

test("partition: cuts the shuffled class at the cumulated gamma shares when dirichlet (oracle)", () => {
  const labels = cycle(300, 3);
  const [numClients, alpha] = [4, 0.7];
  const rng = createRng("oracle");
  const expected = Array.from({ length: numClients }, (): number[] => []);
  for (let label = 0; label < 3; label++) {
    const gammas = Array.from({ length: numClients }, (_, client) => rng.split("share", label, client).gamma(alpha));
    const total = gammas.reduce((sum, gamma) => sum + gamma);
    const order = rng.split("class", label).permutation(100);
    for (let client = 0; client < numClients; client++) {
      // image at position j belongs to the first client whose cumulated share exceeds j / 100
      for (let j = 0; j < 100; j++) {
        const before = gammas.slice(0, client).reduce((sum, gamma) => sum + gamma, 0) / total;
        const after = gammas.slice(0, client + 1).reduce((sum, gamma) => sum + gamma, 0) / total;
        if (j >= Math.floor(before * 100) && (client === numClients - 1 || j < Math.floor(after * 100)))
          expected[client]!.push(label + 3 * order[j]!);
      }
    }
  }
  const { name, clients } = partition(labels, { kind: "dirichlet", numClients, alpha }, rng);
  assert.equal(name, "dirichlet(0.7)");
  assert.deepEqual(
    clients.map((images) => [...images]),
    expected.map((images) => images.sort((a, b) => a - b)),
  );
});

test("partition: has shares with the moments of a Dirichlet (oracle)", () => {
  // A share of Dir(alpha over M) has mean 1 / M and variance (M - 1) / (M^2 (M alpha + 1)): for M = 5, alpha = 2: 4 / (25 * 11)
  const [numClients, alpha, size] = [5, 2, 4000];
  const labels = new Uint8Array(size);
  const shares = Array.from({ length: 400 }, (_, seed) => {
    const { clients } = partition(labels, { kind: "dirichlet", numClients, alpha }, createRng(seed));
    return clients.map((images) => images.length / size);
  }).flat();
  const variance = shares.reduce((sum, share) => sum + (share - 1 / numClients) ** 2, 0) / shares.length;
  assert.ok(Math.abs(variance - 4 / 275) < 0.002, `variance ${variance}`); // about four standard errors
});

test("partition: gives no image twice, keeps indices ascending, and leaves none over unless by classes (property)", () => {
  fc.assert(
    fc.property(
      someLabels,
      someKind,
      fc.integer({ min: 1, max: 6 }),
      fc.integer(),
      (labels, kind, numClients, seed) => {
        fc.pre(kind.kind !== "classes" || new Set(labels).size >= kind.classesPerClient);
        let clients: readonly Int32Array[];
        try {
          ({ clients } = partition(labels, { ...kind, numClients }, createRng(seed)));
        } catch (error) {
          assert.match(
            (error as Error).message,
            /^partition: needs at least 1 images for every client, got 0 for client/,
          );
          return; // a client without an image is refused, never returned
        }
        const all = clients.flatMap((images) => [...images]);
        assert.equal(clients.length, numClients);
        assert.equal(new Set(all).size, all.length);
        assert.ok(all.every((i) => i >= 0 && i < labels.length));
        if (kind.kind !== "classes") assert.equal(all.length, labels.length);
        for (const images of clients) assert.deepEqual(images, Int32Array.from(images).sort());
      },
    ),
  );
});

test("partition: is the same for the same stream, another for another (property)", () => {
  fc.assert(
    fc.property(someKind, fc.integer({ min: 2, max: 5 }), fc.integer(), (kind, numClients, seed) => {
      const of = (key: string) => partition(cycle(1000), { ...kind, numClients }, createRng(key));
      assert.deepEqual(of(`${seed}`), of(`${seed}`));
      // Two clients of one class each can be dealt in 90 ways only, so a single other stream may well agree by chance.
      const others = Array.from({ length: 10 }, (_, i) => JSON.stringify(of(`${seed} other ${i}`)));
      assert.ok(new Set(others).size > 1);
    }),
    { numRuns: 30 },
  );
});

test("partition: shows every client exactly its number of classes, evenly owned (property)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer(),
      (numClients, k, seed) => {
        const labels = cycle(1200);
        const { clients } = partition(labels, { kind: "classes", numClients, classesPerClient: k }, createRng(seed));
        const seen = clients.map((images) => new Set(labelsOf(images, labels)));
        for (const classes of seen) assert.equal(classes.size, k);
        const owners = Array.from({ length: 10 }, (_, label) => seen.filter((classes) => classes.has(label)).length);
        assert.ok(Math.max(...owners) - Math.min(...owners) <= 1, `owners ${owners.join()}`);
        const all = clients.reduce((sum, images) => sum + images.length, 0);
        assert.equal(all, 120 * owners.filter((n) => n > 0).length); // owned classes are used up
      },
    ),
  );
});

test("partition: keeps the draws of former clients when one is added", () => {
  const labels = cycle(1000);
  const seen = (numClients: number) =>
    partition(labels, { kind: "classes", numClients, classesPerClient: 2 }, createRng(5)).clients.map((images) =>
      [...new Set(labelsOf(images, labels))].sort(),
    );
  assert.deepEqual(seen(8).slice(0, 7), seen(7));
  // Dirichlet shares are gammas over their sum: among the former clients the proportions stay
  const sizes = (numClients: number) =>
    partition(new Uint8Array(60000), { kind: "dirichlet", numClients, alpha: 2 }, createRng(5)).clients.map(
      (images) => images.length,
    );
  const [three, four] = [sizes(3), sizes(4)];
  assert.notEqual(three[0], four[0]);
  assert.ok(Math.abs(three[0]! / three[1]! - four[0]! / four[1]!) < 1e-3);
});

test("partition: grows more one-sided when alpha falls", () => {
  const labels = cycle(6000);
  const largest = (alpha: number) => {
    const { clients } = partition(labels, { kind: "dirichlet", numClients: 10, alpha }, createRng(3));
    const tops = clients.map((images) => {
      const counts = new Array<number>(10).fill(0);
      for (const label of labelsOf(images, labels)) counts[label]!++;
      return Math.max(...counts) / images.length;
    });
    return tops.reduce((sum, top) => sum + top) / tops.length; // mean share of a client's commonest class
  };
  const [one, two, three] = [largest(0.1), largest(1), largest(1000)] as const;
  assert.ok(one > 0.5 && one > two && two > three && three < 0.12, `${one}, ${two}, ${three}`);
});

test("partition: deals out by Dirichlet as it always has for ordinary alphas", () => {
  const labels = Uint8Array.from({ length: 600 }, (_, i) => (i * 7 + (i >> 3)) % 10);
  const pinned: readonly [alpha: number, numClients: number, seed: number, digest: string][] = [
    [0.05, 3, 1, "0544b110cc58f649"],
    [0.05, 3, 4, "3a6cc22951f4dffa"],
    [0.1, 5, 1, "523f0ef5b5d07f2c"],
    [0.5, 10, 1, "c2f7facce27383a7"],
    [0.5, 10, 2, "cad6413702f7d6b9"],
    [0.5, 10, 3, "2dc9af35ffa3343d"],
    [1, 4, 1, "a3b22929c23af846"],
    [5, 10, 1, "424e486a435315fe"],
    [100, 10, 1, "4f3ccf6c07e1caee"],
  ]; // of the partitions when shares were drawn without logarithms
  for (const [alpha, numClients, seed, digest] of pinned) {
    const { clients } = partition(labels, { kind: "dirichlet", alpha, numClients }, createRng(seed).split("partition"));
    const text = clients.map((images) => images.join()).join(";");
    assert.equal(createHash("sha256").update(text).digest("hex").slice(0, 16), digest, `${alpha} ${seed}`);
  }
});

test("partition: gives a class to one client, each equally often, when alpha is next to 0", () => {
  const labels = cycle(200);
  for (const alpha of [0.001, 1e-6, 1e-290]) {
    let [first, together] = [0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const { clients } = partition(labels, { kind: "dirichlet", alpha, numClients: 2 }, createRng(seed));
      const classes = clients.map((images) => new Set(labelsOf(images, labels)));
      first += classes[0]!.size;
      together += [...classes[0]!].filter((label) => classes[1]!.has(label)).length;
    }
    assert.ok(first > 420 && first < 580, `${alpha}: ${first} of 1000 classes`); // 5 standard deviations
    assert.ok(together <= 45, `${alpha}: ${together} shared`); // of 1000; shares in 0.05..1-2^-53, about alpha/2 (log 19 + 37)
  }
});

test("partition: gives one client everything, and equal shares when alpha is huge", () => {
  for (const alpha of [1e-290, 0.001, 0.5, 1e308]) {
    const { clients } = partition(cycle(60), { kind: "dirichlet", alpha, numClients: 1 }, createRng(1));
    assert.equal(clients[0]!.length, 60);
  }
  const { clients } = partition(cycle(800), { kind: "dirichlet", alpha: 1e308, numClients: 4 }, createRng(1));
  for (const { length } of clients) assert.ok(Math.abs(length - 200) <= 10, `${length}`);
});

test("partition: says what is wrong, and what to do, when an option cannot be met", () => {
  const tenOf = (options: object) => () => partition(cycle(10), options as PartitionOptions, createRng(1));
  const cases: readonly [options: object, message: RegExp][] = [
    [{ kind: "iid", numClients: 0 }, /^partition: needs an integer numClients >= 1, got 0$/],
    [{ kind: "iid", numClients: 2, minImages: 0.5 }, /^partition: needs an integer minImages >= 1, got 0.5$/],
    [
      { kind: "iid", numClients: 3, minImages: 4 },
      /needs 3 clients x 4 = 12 images, got 10; lower numClients or the batch/,
    ],
    [
      { kind: "dirichlet", numClients: 2, alpha: 0 },
      /needs a finite alpha > 0, got 0; kind "iid" is the limit of a large/,
    ],
    [{ kind: "dirichlet", numClients: 2, alpha: Infinity }, /needs a finite alpha > 0, got Infinity/],
    [{ kind: "dirichlet", numClients: 2, alpha: 5e-324 }, /needs an alpha whose shares can be computed, got 5e-324/],
    [{ kind: "dirichlet", numClients: 2 }, /needs a finite alpha > 0, got undefined/],
    [
      { kind: "dirichlet", numClients: 5, alpha: 0.01 },
      /needs at least 1 images for every client, got 0 for client \d \(dir/,
    ],
    [{ kind: "classes", numClients: 2, classesPerClient: 0 }, /needs an integer classesPerClient >= 1, got 0$/],
    [
      { kind: "classes", numClients: 2, classesPerClient: 11 },
      /needs classesPerClient <= 10, the classes there are, got 11/,
    ],
    [
      { kind: "classes", numClients: 4, classesPerClient: 1, minImages: 2 },
      /needs at least 2 .*; raise classesPerClient, or/,
    ],
    [{ kind: "niid", numClients: 2 }, /needs a kind of iid, dirichlet, classes, got niid; did you mean iid\?$/],
    [{ kind: "shards", numClients: 2 }, /needs a kind of iid, dirichlet, classes, got shards$/],
    [{ kind: "constructor", numClients: 2 }, /needs a kind of iid, dirichlet, classes, got constructor$/],
    [{ kind: "iid", numClients: 2, alpha: 1 }, /needs only known names in the options of iid, got alpha; known are/],
    [
      { kind: "dirichlet", numClients: 2, aplha: 1 },
      /needs only known names in the options of dirichlet, got aplha; did you mean alpha\?$/,
    ],
  ];
  const none = [-1, -1, 1.5, 0, 0] as unknown as Uint8Array; // images that would be nobody's
  assert.throws(() => partition(none, { kind: "dirichlet", alpha: 1, numClients: 1 }, createRng(1)), {
    message: "partition: needs labels as a Uint8Array, got another kind",
  });
  for (const [options, message] of cases) assert.throws(tenOf(options), { name: "InputError", message });
});
