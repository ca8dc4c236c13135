import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { createRng } from "../core/rng";
import { topEigenpair } from "./eigen";

/** |A vector - value vector|, and how far the vector is from a unit one. */
function errors(matrix: Matrix, value: number, vector: Float64Array): [residual: number, length: number] {
  const column = Matrix.columnVector(vector);
  return [Matrix.sub(matrix.mmul(column), Matrix.mul(column, value)).norm(), Math.abs(column.norm() - 1)];
}

function check(matrix: Matrix, size = matrix.norm()): void {
  const before = matrix.to1DArray();
  const given = Float64Array.from(before);
  const { value, vector } = topEigenpair(given, matrix.rows);
  assert.deepEqual([...given], before);
  const { realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const expected = Math.max(...realEigenvalues);
  assert.ok(Math.abs(value - expected) <= 1e-12 * size, `${value}, not ${expected}`);
  const [residual, length] = errors(matrix, value, vector);
  assert.ok(residual <= 1e-12 * size, `residual ${residual} of ${size}`);
  assert.ok(length <= 1e-12, `length off by ${length}`);
}

/** V diag(eigenvalues) V', V random and orthogonal. */
function withEigenvalues(eigenvalues: readonly number[], seed: number): Matrix {
  const n = eigenvalues.length;
  const random = new Matrix([...Array(n).keys()].map((i) => [...createRng(seed).split("row", i).normals(n)]));
  const vectors = new EigenvalueDecomposition(Matrix.add(random, random.transpose()), { assumeSymmetric: true })
    .eigenvectorMatrix;
  const matrix = vectors.mmul(Matrix.diag([...eigenvalues])).mmul(vectors.transpose());
  return Matrix.mul(Matrix.add(matrix, matrix.transpose()), 0.5);
}

test("topEigenpair: is 3 and (1, 1) / sqrt(2) of [[2, 1], [1, 2]]", () => {
  const { value, vector } = topEigenpair(Float64Array.of(2, 1, 1, 2), 2); // [[2, 1], [1, 2]] (1, 1) = (3, 3)
  assert.ok(Math.abs(value - 3) < 1e-14);
  vector.forEach((x) => assert.ok(Math.abs(Math.abs(x) - Math.SQRT1_2) < 1e-14));
  assert.ok(vector[0]! * vector[1]! > 0);
});

test("topEigenpair: is the largest of a whole decomposition, of whatever sign", () => {
  const number = fc.double({ min: -1, max: 1, noNaN: true }).map((x) => (Math.abs(x) < 1e-100 ? 0 : x));
  const matrices = fc.integer({ min: 1, max: 9 }).chain((n) => {
    const row = fc.array(number, { minLength: n, maxLength: n });
    return fc.array(row, { minLength: n, maxLength: n });
  });
  fc.assert(
    fc.property(matrices, fc.integer({ min: -40, max: 40 }), (rows, power) => {
      const half = new Matrix(rows);
      check(Matrix.mul(Matrix.add(half, half.transpose()), 10 ** power));
    }),
    { numRuns: 300 },
  );
});

test("topEigenpair: does not mind eigenvalues that coincide or nearly do, at the top or elsewhere", () => {
  const ones = (n: number, x: number): number[] => new Array<number>(n).fill(x);
  check(Matrix.eye(7), 1);
  check(Matrix.zeros(5, 5), 1);
  check(Matrix.diag([1, 3, 2, 3]));
  check(Matrix.ones(20, 20)); // 20 once, 0 for all others
  for (const top of [
    [2, 2],
    [2, 2, 2, 1],
    [2, 2 - 1e-13],
    [2, 2 - 1e-8],
    [0, 0],
    [1e-9, -1],
    [100, 1],
  ]) {
    for (const rest of [0, 1, -1, -5]) check(withEigenvalues([...ones(30, Math.min(rest, ...top)), ...top], 1));
  }
  check(
    withEigenvalues(
      [...Array(100).keys()].map((i) => 1 + i / 100),
      2,
    ),
  );
});
