import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { combination, dot, form, orthogonalMatrix, squaredDistance, times, unitVector } from "./vectors";

test("orthogonalMatrix: has rows of length 1 perpendicular to one another, in every dimension", () => {
  for (let d = 1; d <= 8; d++) {
    const q = orthogonalMatrix(d, createRng(d));
    q.forEach((row, i) =>
      q.forEach((other, j) => assert.ok(Math.abs(dot(row, other) - (i === j ? 1 : 0)) < 1e-12, `${d}: ${i}, ${j}`)),
    );
  }
});

test("orthogonalMatrix: has no preferred direction", () => {
  // E q_11^2 = 1/d = 1/3; its standard deviation is below 0.3, over 2,000 draws 0.007
  const draws = Array.from({ length: 2000 }, (_, i) => orthogonalMatrix(3, createRng(i))[2]![0]! ** 2);
  assert.ok(Math.abs(draws.reduce((sum, x) => sum + x / draws.length, 0) - 1 / 3) < 0.03);
});

test("combination, times, form: agree with the sums written out", () => {
  const [a, b] = [unitVector(3, createRng(1)), unitVector(3, createRng(2))];
  assert.deepEqual(combination([a, b], [2, 0]), a.map((x) => 2 * x)); // prettier-ignore
  const matrix = [a, b, [0, 0, 1]];
  assert.deepEqual(times(matrix, [0, 0, 2]), [2 * a[2]!, 2 * b[2]!, 2]);
  // (1, 2) [[2, 1], [1, 3]] (1, 2)^T = 2 + 2 * 2 + 12 = 18
  assert.equal(form([[2, 1], [1, 3]], [1, 2]), 18); // prettier-ignore
  assert.equal(squaredDistance([1, 2], [4, 6]), 25);
});
