import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { meanAroundMedian, meanOfRanks, sortColumns } from "./columns";

const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("columns").split("update", i).normals(d));
const columnsOf = (updates: readonly Float32Array[]): number[][] =>
  Array.from(updates[0]!, (_, k) => updates.map((update) => update[k]!).sort((a, b) => a - b));

test("sortColumns: sorts every column as a plain sort does, for every number of updates up to 40", () => {
  for (let n = 1; n <= 40; n++) {
    const updates = draw(n, 19);
    const found: number[][] = [];
    sortColumns(updates, ({ values, stride, width }) => {
      for (let k = 0; k < width; k++) found.push(updates.map((_, rank) => values[rank * stride + k]!));
    });
    assert.deepEqual(found, columnsOf(updates), `n = ${n}`);
  }
});

test("sortColumns: shows every block once, in order, and leaves the updates alone", () => {
  for (const d of [0, 1, 1024, 1025, 2049]) {
    const updates = draw(3, d);
    const copies = updates.map((update) => update.slice());
    const found: number[] = [];
    let next = 0;
    sortColumns(updates, ({ values, from, width }) => {
      assert.equal(from, next);
      next = from + width;
      found.push(...values.subarray(0, width));
    });
    assert.equal(next, d);
    assert.deepEqual(
      found,
      columnsOf(updates).map(([smallest]) => smallest),
    );
    assert.deepEqual(updates, copies);
  }
});

test("meanOfRanks: averages the sorted values of these ranks", () => {
  for (const [n, first, last] of [
    [1, 0, 0],
    [4, 1, 2],
    [9, 2, 6],
    [9, 0, 8],
    [5, 4, 4],
  ] as const) {
    // prettier-ignore
    const updates = draw(n, 1100);
    const expected = columnsOf(updates).map(
      (column) => column.slice(first, last + 1).reduce((sum, x) => sum + x, 0) / (last - first + 1),
    );
    meanOfRanks(updates, first, last).forEach((x, k) => assert.ok(Math.abs(x - expected[k]!) < 1e-6));
  }
});

test("meanAroundMedian: averages those nearest to the median as sorting by distance finds them", () => {
  for (const [n, count] of [
    [1, 1],
    [4, 3],
    [9, 6],
    [9, 9],
    [10, 1],
  ] as const) {
    // prettier-ignore
    const updates = draw(n, 1100);
    const expected = columnsOf(updates).map((column) => {
      const median = (column[Math.floor((n - 1) / 2)]! + column[Math.floor(n / 2)]!) / 2;
      const near = [...column].sort((a, b) => Math.abs(a - median) - Math.abs(b - median)).slice(0, count);
      return near.reduce((sum, x) => sum + x, 0) / count;
    });
    meanAroundMedian(updates, count).forEach((x, k) => {
      if (n % 2 === 0 && count % 2 === 1) return; // two values are equally far from an even median: see the next test
      assert.ok(Math.abs(x - expected[k]!) < 1e-6);
    });
  }
});

test("meanAroundMedian: keeps the lower of two equally far values", () => {
  assert.deepEqual(
    [
      ...meanAroundMedian(
        [-1, 2, 5].map((x) => Float32Array.of(x)),
        2,
      ),
    ],
    [0.5],
  ); // (-1 + 2) / 2
  assert.deepEqual(
    [
      ...meanAroundMedian(
        [1, 2, 4, 5].map((x) => Float32Array.of(x)),
        1,
      ),
    ],
    [2],
  ); // median 3
});
