import assert from "node:assert/strict";
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
    [{ kind: "dirichlet", numClients: 2, alpha: 1e-300 }, /needs an alpha whose shares do not all vanish, got 1e-300/],
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
    [{ kind: "niid", numClients: 2 }, /needs kind "iid", "dirichlet" or "classes", got niid$/],
  ];
  for (const [options, message] of cases) assert.throws(tenOf(options), { name: "InputError", message });
});
