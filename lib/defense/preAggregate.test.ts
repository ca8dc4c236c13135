import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import type { AggregationOptions, Aggregator } from "./aggregator";
import { aggregators } from "./aggregators";
import { preAggregate } from "./preAggregate";
import { preAggregations, type PreAggregationName } from "./preAggregations";

const numbers = (...values: readonly number[]): Float32Array[] => values.map((x) => Float32Array.of(x));
const flat = (vectors: readonly Float32Array[]): number[] => vectors.flatMap((vector) => [...vector]);
const near = (found: readonly number[], expected: readonly number[], tolerance = 1e-6): void => {
  assert.equal(found.length, expected.length);
  found.forEach((x, i) =>
    assert.ok(Math.abs(x - expected[i]!) <= tolerance, `${found.join(", ")} is not ${expected.join(", ")}`),
  );
};
const names = Object.keys(preAggregations) as PreAggregationName[];
const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("mixing").split("update", i).normals(d));

test("nnm: averages each update with its nearest, worked by hand", () => {
  // n - f = 3 nearest, itself included: of 0, 1 and 3 {0, 1, 3}; of 7 {1, 3, 7}; of 50 {3, 7, 50}
  const { updates, members } = preAggregations.nnm.transform(numbers(0, 1, 3, 7, 50), { f: 2 });
  near(flat(updates), [4 / 3, 4 / 3, 4 / 3, 11 / 3, 20]);
  assert.deepEqual(members[4], [0, 0, 1 / 3, 1 / 3, 1 / 3]);
});

test("clipping: shortens what is too long and passes the rest on", () => {
  const updates = [Float32Array.of(3, 4), Float32Array.of(0, 1), Float32Array.of(0, 0)];
  const { updates: clipped, members } = preAggregations.clipping.transform(updates, { f: 0 });
  near(flat(clipped), [1.2, 1.6, 0, 1, 0, 0]); // 2 / 5 of (3, 4)
  assert.equal(clipped[1], updates[1]);
  near(members.flat(), [0.4, 0, 0, 0, 1, 0, 0, 0, 1]);
});

test("arc: shortens the longest to the next, as many as worked by hand", () => {
  // n = 7, f = 2: floor(2 * 2 * 5 / 7) = floor(2.86) = 2 are shortened, to length 5
  const { updates } = preAggregations.arc.transform(numbers(9, -1, 2, -30, 3, 4, -5), { f: 2 });
  assert.deepEqual(flat(updates), [5, -1, 2, -5, 3, 4, -5]);
  // n = 3, f = 0: none
  assert.deepEqual(flat(preAggregations.arc.transform(numbers(9, -1, 2), { f: 0 }).updates), [9, -1, 2]);
});

test("bucketing: puts everybody into one of ceil(n / s) buckets, at random", () => {
  const updates = draw(7, 3);
  const rng = createRng("buckets");
  const { updates: buckets, members } = preAggregations.bucketing.transform(updates, { f: 1, bucketSize: 3, rng });
  assert.equal(buckets.length, 3);
  const sizes = members.map((weights) => weights.filter((w) => w > 0).length);
  assert.deepEqual(sizes, [3, 3, 1]);
  updates.forEach((_, i) => assert.equal(members.filter((weights) => weights[i]! > 0).length, 1));
  const again = preAggregations.bucketing.transform(updates, { f: 1, bucketSize: 3, rng: createRng("buckets") });
  assert.deepEqual(again.updates, buckets);
  const other = preAggregations.bucketing.transform(updates, { f: 1, bucketSize: 3, rng: createRng("others") });
  assert.notDeepEqual(other.members, members);
});

test("pre-aggregations: members say what is in every vector, inputs stay as they are, one update is left alone", () => {
  for (const name of names) {
    for (const n of [1, 2, 5, 8]) {
      const updates = draw(n, 6).map((update, i) => update.map((x) => x * (i + 1)));
      const copies = updates.map((update) => update.slice());
      const f = Math.floor((n - 1) / 3);
      const { updates: mixed, members } = preAggregations[name].transform(updates, { f, rng: createRng(n) });
      assert.equal(members.length, mixed.length);
      mixed.forEach(
        (vector, r) =>
        near([...vector], [...updates[0]!].map((_, k) => updates.reduce((s, x, i) => s + members[r]![i]! * x[k]!, 0))), // prettier-ignore
      );
      assert.deepEqual(updates, copies, name);
    }
    const [only] = numbers(1);
    assert.deepEqual(preAggregations[name].transform([only!], { f: 0, rng: createRng(1) }).updates, [only]);
  }
});

test("pre-aggregations: refuse bad rounds and bad parameters by name", () => {
  const rng = createRng(1);
  for (const name of names) {
    const refuses = (updates: readonly Float32Array[], f: number, message: string): void =>
      assert.throws(() => preAggregations[name].transform(updates, { f, rng }), {
        name: "InputError",
        message: `${name}: ${message}`,
      });
    refuses([], 0, "needs n >= 1 updates, got 0");
    refuses([new Float32Array(2), new Float32Array(1)], 0, "needs updates of one length (the first has 2), got 1 in update 1"); // prettier-ignore
    refuses(numbers(1, 2), 1, "needs f < n/2, got n = 2, f = 1");
    refuses(numbers(1, 2, 3), 0.5, "needs an integer f >= 0, got 0.5");
    refuses(numbers(1, 2, NaN), 1, "needs finite numbers in update 2, got NaN at index 0");
    refuses(numbers(1, -Infinity, 3), 1, "needs finite numbers in update 1, got -Infinity at index 0");
  }
  const refuses = (name: PreAggregationName, options: AggregationOptions, message: string): void =>
    assert.throws(() => preAggregations[name].transform(numbers(1, 2, 3), options), { name: "InputError", message });
  refuses("clipping", { f: 0, clipNorm: 0 }, "clipping: needs a finite clipNorm > 0, got 0");
  refuses("clipping", { f: 0, clipNorm: NaN }, "clipping: needs a finite clipNorm > 0, got NaN");
  refuses("bucketing", { f: 0, bucketSize: 0, rng }, "bucketing: needs an integer bucketSize >= 1, got 0");
  refuses("bucketing", { f: 0, bucketSize: 1.5, rng }, "bucketing: needs an integer bucketSize >= 1, got 1.5");
  refuses("bucketing", { f: 0 }, "bucketing: needs rng, the round's random stream, got undefined");
});

test("preAggregate: runs the steps in their order before the rule, and is named after them", () => {
  const updates = draw(9, 5);
  const options = { f: 2, clipNorm: 1.5 };
  const rule = preAggregate(aggregators.trimmedMean, ["clipping", "nnm"]);
  const clipped = preAggregations.clipping.transform(updates, options).updates;
  const mixed = preAggregations.nnm.transform(clipped, options).updates;
  assert.deepEqual(rule.aggregate(updates, options).update, aggregators.trimmedMean.aggregate(mixed, options).update);
  assert.equal(rule.name, "clipping>nnm>trimmedMean");
  const plain = preAggregate(aggregators.krum, []);
  assert.deepEqual(plain.aggregate(updates, { f: 2 }), aggregators.krum.aggregate(updates, { f: 2 }));
});

test("preAggregate: what was kept and how much it averages speak of clients, worked by hand", () => {
  // Krum takes one vector, which is the mean of n - f = 3 clients.
  const nnm = preAggregate(aggregators.krum, ["nnm"]).aggregate(numbers(0, 1, 3, 7, 50), { f: 2, neighbours: "n-f-1" });
  assert.deepEqual(nnm.kept, [0, 1, 2]);
  assert.ok(Math.abs(nnm.effectiveParticipants - 3) < 1e-9);
  near(nnm.weights!, [1 / 3, 1 / 3, 1 / 3, 0, 0], 1e-12);
  // Lengths 1 and 4 clipped to 2 weigh 1/2 and 1/4 of the mean: (3/4)^2 / (1/4 + 1/16) = 1.8
  const clipped = preAggregate(aggregators.mean, ["clipping"]).aggregate(numbers(1, 4), { f: 0 });
  assert.deepEqual([[...clipped.update], clipped.kept], [[1.5], [0, 1]]);
  assert.ok(Math.abs(clipped.effectiveParticipants - 1.8) < 1e-9);
  // Every bucket averages two; the median of three normals has the variance 1 - sqrt(3)/pi, that of four 0.2982.
  const bucketed = (n: number): number =>
    preAggregate(aggregators.median, ["bucketing"]).aggregate(draw(n, 4), { f: 1, rng: createRng(3) })
      .effectiveParticipants;
  assert.ok(Math.abs(bucketed(6) - 2 / (1 - Math.sqrt(3) / Math.PI)) < 1e-6);
  assert.ok(Math.abs(bucketed(8) - 2 / 0.2982) < 1e-2);
  // Coordinate-wise rules keep nobody in particular.
  assert.deepEqual(preAggregate(aggregators.median, ["nnm"]).aggregate(draw(5, 4), { f: 2 }).kept, []);
});

test("preAggregate: M_eff of a coordinate-wise rule is what it does to noise", () => {
  // Independent normal numbers in so many coordinates: M_eff = (sum w)^2 / variance of the result's coordinates.
  const d = 40_000;
  const updates = draw(10, d);
  const options = { f: 2, clipNorm: 100, rng: createRng(1) };
  for (const before of [["nnm"], ["bucketing"], ["clipping"], ["arc"], ["arc", "nnm"]] as PreAggregationName[][]) {
    const weights = preAggregate(aggregators.mean, before).aggregate(updates, options).weights!;
    const sum = weights.reduce((total, w) => total + w, 0);
    for (const rule of [aggregators.median, aggregators.trimmedMean, aggregators.meaMed]) {
      const { update, effectiveParticipants } = preAggregate(rule, before).aggregate(updates, options);
      const variance = update.reduce((total, x) => total + x * x, 0) / d;
      assert.ok(
        Math.abs(effectiveParticipants / (sum ** 2 / variance) - 1) < 0.05,
        `${before.join(">")}>${rule.name}: ${effectiveParticipants}`,
      );
    }
  }
});

test("preAggregate: a rule behind buckets is not told of single clients, and trusts the bucket of the trusted one", () => {
  const told: AggregationOptions[] = [];
  const spy: Aggregator = {
    name: "spy",
    label: "spy",
    source: "test",
    reads: [],
    pullBack: () => assert.fail("nobody asked"),
    aggregate(updates, options) {
      told.push(options);
      return aggregators.mean.aggregate(updates, options);
    },
  };
  const updates = draw(5, 2);
  const options = { f: 1, malicious: [0], history: updates, trusted: 3, rng: createRng(5) };
  preAggregate(spy, ["nnm"]).aggregate(updates, options);
  preAggregate(spy, ["bucketing"]).aggregate(updates, options);
  assert.deepEqual(told[0], options);
  const { members } = preAggregations.bucketing.transform(updates, { f: 1, rng: createRng(5) });
  const { rng, ...rest } = told[1]!;
  assert.deepEqual(rest, { f: 1, trusted: members.findIndex((weights) => weights[3]! > 0) });
  assert.equal(rng, options.rng);
});

test("preAggregate: a round leaves the results of those before it as they were", () => {
  const layers = [[4, 10]];
  for (const rule of Object.values(aggregators)) {
    for (const before of [["nnm"], ["clipping"], ["arc"], ["clipping", "arc", "nnm"]] as PreAggregationName[][]) {
      const round = (updates: readonly Float32Array[]): Float32Array => {
        const known = { layers, malicious: [0], trusted: 1, rootUpdate: updates[2]!, history: updates };
        const options = { f: 1, clipNorm: 4, rng: createRng(1), ...known };
        return preAggregate(rule, before).aggregate(updates, options).update;
      };
      const [updates, others] = [draw(7, 40), draw(7, 40).map((update) => update.map((x) => 2 * x))];
      const found = round(updates);
      const copy = found.slice();
      round(others);
      assert.deepEqual(found, copy, `${before.join(">")}>${rule.name}`);
      assert.deepEqual(round(updates), copy);
    }
  }
});

test("preAggregate: refuses a name that is none", () => {
  for (const wrong of ["nmm", "toString"]) {
    assert.throws(() => preAggregate(aggregators.mean, [wrong as PreAggregationName]), {
      name: "InputError",
      message: `preAggregate: needs one of ${names.join(", ")}, got ${wrong}`,
    });
  }
});
