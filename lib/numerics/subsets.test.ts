import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureFewSubsets, smallestSubset, subsets } from "./subsets";

test("subsets: are all of them, each once, in lexicographic order", () => {
  for (let n = 1; n <= 8; n++) {
    for (let size = 1; size <= n; size++) {
      const masks = Array.from({ length: 2 ** n }, (_, mask) => [...Array(n).keys()].filter((i) => (mask >> i) & 1));
      const expected = masks
        .filter(({ length }) => length === size)
        .map(String)
        .sort();
      assert.deepEqual(Array.from(subsets(n, size), String), expected, `n = ${n}, size = ${size}`); // single digits sort as numbers
    }
  }
});

test("smallestSubset: is the first of the smallest, and each is measured against the smallest before it", () => {
  const bounds: number[] = [];
  const measures = [3, 2, 2, 5, 1, 1]; // of 01, 02, 03, 12, 13, 23
  const found = smallestSubset(4, 2, (_, bound) => measures[bounds.push(bound) - 1]!);
  assert.deepEqual(found, [1, 3]);
  assert.deepEqual(bounds, [Infinity, 3, 2, 2, 2, 1]);
});

test("ensureFewSubsets: refuses what would take too long, and says how many there are", () => {
  ensureFewSubsets("mda", 100, 0);
  ensureFewSubsets("mda", 100, 2); // 4950
  ensureFewSubsets("mda", 25, 5); // 53130
  assert.throws(() => ensureFewSubsets("smea", 31, 6), {
    name: "InputError",
    message:
      "smea: needs at most 100000 ways to leave f updates out, got 7.4e+5 (n = 31, f = 6); take a smaller f, or multiKrum",
  });
});
