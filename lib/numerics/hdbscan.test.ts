import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { hdbscan } from "./hdbscan";

const onLine = (at: readonly number[], minClusterSize: number): number[] =>
  hdbscan(
    at.map((a) => at.map((b) => Math.abs(a - b))),
    minClusterSize,
  );

test("hdbscan: finds two groups and a lone point", () => {
  // single linkage: 0 1 | gap 9 | 10 11 | gap 89 | 100. The root loses 100 at lambda 1/89 and splits at 1/9: its stability is
  // 1/89 + 4/9 = 0.46; each pair's is 2 (1 - 1/9) = 1.78
  assert.deepEqual(onLine([0, 1, 100, 10, 11], 2), [0, 0, -1, 1, 1]);
});

test("hdbscan: keeps of all points those that hold together longest when no two groups are large enough", () => {
  // 30 leaves at gap 18, 12 at gap 8; of 0 1 2 4 no three stay when gap 2 opens, so these four end together
  assert.deepEqual(onLine([0, 1, 2, 4, 12, 30], 4), [0, 0, 0, 0, -1, -1]);
});

test("hdbscan: equals scikit-learn 1.9.1 (min_samples 1, allow_single_cluster, precomputed distances) up to the clusters' order", () => {
  const cases = [
    { m: 2, at: [73, 56.017, 21.066, 62.149, 80.264, 54.413, 83.595, 85.81], labels: [0, 1, -1, 1, 0, 1, 0, 0] },
    {
      m: 3,
      at: [44, 23.01, 64.04, 30.09, 53.16, 41.25, 55.36, 47.49, 24.64, 91.81],
      labels: [0, 1, 0, 1, 0, 0, 0, 0, 1, -1],
    },
    {
      m: 7,
      at: [47, 40.007, 71.027, 94.06, 25.107, 81.167, 24.241, 74.328, 36.428, 91.542, 57.669, 83.81],
      labels: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    },
    {
      m: 3,
      at: [58, 61.007, 48.027, 40.06, 64.107, 46.167, 81.241, 7.328, 56.428, 34.542, 65.669, 21.81],
      labels: [0, 0, 0, 0, 0, 0, -1, -1, 0, 0, 0, -1],
    },
    {
      m: 6,
      at: [90, 51.008, 34.032, 22.073, 20.13, 5.202, 68.292, 38.397, 3.518, 55.656, 50.81],
      labels: [-1, 0, 0, 0, 0, -1, -1, 0, -1, 0, 0],
    },
    {
      m: 5,
      at: [9, 83.013, 7.051, 59.114, 96.202, 41.316, 39.456, 49.62, 66.81],
      labels: [-1, -1, -1, 0, -1, 0, 0, 0, 0],
    },
  ];
  for (const { m, at, labels } of cases) assert.deepEqual(onLine(at, m), labels);
  // four clusters of 14 points; theirs are numbered otherwise
  const at = [93, 35.005, 73.019, 90.043, 88.077, 64.12, 36.173, 1.235, 30.307, 89.388, 20.479, 0.58, 8.69, 4.81];
  assert.deepEqual(onLine(at, 2), [0, 1, 2, 0, 0, 2, 1, 3, 1, 0, 1, 3, 3, 3]);
});

test("hdbscan: takes coinciding points as one group, whatever else there is", () => {
  assert.deepEqual(onLine([5, 5, 5, 5], 2), [0, 0, 0, 0]);
  assert.deepEqual(onLine([5, 5, 5, 9], 3), [0, 0, 0, -1]);
  assert.deepEqual(onLine([5, 5, 5, 9, 9, 9], 3), [0, 0, 0, 1, 1, 1]);
});

test("hdbscan: calls all noise when there are too few points", () => {
  assert.deepEqual(onLine([1, 2], 3), [-1, -1]);
});

test("hdbscan: finds clusters of at least that size, one at least, whatever the order of the points", () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 20 }), fc.integer({ min: 2, max: 11 }), fc.integer(), (n, least, seed) => {
      fc.pre(least <= n);
      const rng = createRng(seed);
      const points = Array.from({ length: n }, () => [rng.normal(), rng.normal()] as const);
      const labelsOf = (order: ArrayLike<number>): number[] => {
        const placed = Array.from(order, (i) => points[i]!);
        return hdbscan(
          placed.map(([a, b]) => placed.map(([c, d]) => Math.hypot(a - c, b - d))),
          least,
        );
      };
      const groups = (labels: readonly number[], order: ArrayLike<number>): string[] => {
        const members = new Map<number, number[]>();
        labels.forEach((label, i) => label >= 0 && members.set(label, [...(members.get(label) ?? []), order[i]!]));
        return [...members.values()].map((points) => points.sort((a, b) => a - b).join()).sort();
      };
      const [plain, shuffled] = [Int32Array.from(points.keys()), rng.permutation(n)];
      const found = groups(labelsOf(plain), plain);
      assert.ok(found.length >= 1);
      if (found.length > 1) assert.ok(found.every((group) => group.split(",").length >= least));
      assert.deepEqual(groups(labelsOf(shuffled), shuffled), found);
    }),
  );
});
