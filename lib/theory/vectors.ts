/** @file Small vectors and matrices in double precision: what the exactly solvable cases need thousands of times. */
import type { Rng } from "../core/rng";

/** A vector of double precision. */
export type Vector = readonly number[];

/** A matrix, by rows. */
export type Matrix = readonly Vector[];

/**
 * Inner product, sum_i a[i] b[i].
 *
 * @param a a vector [d]
 * @param b a vector [d]
 * @returns <a, b>
 * @example
 * dot([1, 2], [3, 4]); // 11
 */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Squared length, ||a||^2.
 *
 * @param a a vector [d]
 * @returns sum_i a[i]^2
 * @example
 * squaredNorm([3, 4]); // 25
 */
export function squaredNorm(a: ArrayLike<number>): number {
  return dot(a, a);
}

/**
 * Squared distance, ||a - b||^2.
 *
 * @param a a vector [d]
 * @param b a vector [d]
 * @returns sum_i (a[i] - b[i])^2
 * @example
 * squaredDistance([3, 4], [0, 0]); // 25
 */
export function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/**
 * A step along a vector, a + t b.
 *
 * @param a a vector [d]
 * @param t how far
 * @param b a vector [d]
 * @returns a new vector [d]
 * @example
 * plus([1, 2], -1, [3, 5]); // [-2, -3]
 */
export function plus(a: Vector, t: number, b: Vector): number[] {
  return a.map((value, i) => value + t * b[i]!);
}

/**
 * Weighted sum of vectors, sum_i weights[i] vectors[i]; the mean without weights.
 *
 * @param vectors n vectors [d], n >= 1
 * @param weights n numbers, default 1/n each
 * @returns a new vector [d]
 * @example
 * combination([[1, 2], [3, 6]]); // [2, 4]
 * combination([[1, 2], [3, 6]], [1, -1]); // [-2, -4]
 */
export function combination(vectors: readonly ArrayLike<number>[], weights?: Vector): number[] {
  const sum = new Array<number>(vectors[0]!.length).fill(0);
  vectors.forEach((vector, i) => {
    const weight = weights?.[i] ?? 1 / vectors.length;
    for (let j = 0; j < sum.length; j++) sum[j]! += weight * vector[j]!;
  });
  return sum;
}

/**
 * Matrix times vector.
 *
 * @param matrix [n][d]
 * @param vector [d]
 * @returns a new vector [n]
 * @example
 * times([[1, 2], [3, 4]], [1, 1]); // [3, 7]
 */
export function times(matrix: Matrix, vector: Vector): number[] {
  return matrix.map((row) => dot(row, vector));
}

/**
 * The quadratic form v^T A v.
 *
 * @param matrix A, symmetric [d][d]
 * @param vector v [d]
 * @returns v^T A v
 * @example
 * form([[2, 0], [0, 3]], [1, 2]); // 14
 */
export function form(matrix: Matrix, vector: Vector): number {
  return dot(vector, times(matrix, vector));
}

/**
 * Independent standard normals.
 *
 * @param d how many
 * @param rng where they come from
 * @returns a new vector [d]
 * @example
 * normalVector(3, createRng(1)).length; // 3
 */
export function normalVector(d: number, rng: Rng): number[] {
  return Array.from({ length: d }, () => rng.normal());
}

/**
 * A direction, uniform on the sphere.
 *
 * @param d dimension, >= 1
 * @param rng where it comes from
 * @returns a new vector [d] of length 1
 * @example
 * Math.abs(squaredNorm(unitVector(3, createRng(1))) - 1) < 1e-12; // true
 */
export function unitVector(d: number, rng: Rng): number[] {
  const vector = normalVector(d, rng);
  const length = Math.sqrt(squaredNorm(vector));
  return vector.map((value) => value / length);
}

/**
 * A random rotation or reflection: rows of length 1, perpendicular to one another (Gram and Schmidt, on normals).
 *
 * @param d dimension, >= 1
 * @param rng where it comes from
 * @returns an orthogonal matrix [d][d]
 * @example
 * const [a, b] = orthogonalMatrix(2, createRng(1));
 * Math.abs(dot(a, b)) < 1e-12; // true
 */
export function orthogonalMatrix(d: number, rng: Rng): number[][] {
  const rows: number[][] = [];
  while (rows.length < d) {
    let row = unitVector(d, rng);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) row = plus(row, -dot(row, other), other); // twice is enough
    }
    const length = Math.sqrt(squaredNorm(row));
    if (length > 1e-3) rows.push(row.map((value) => value / length)); // else nearly in the span of the others: draw again
  }
  return rows;
}
