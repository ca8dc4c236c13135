/** @file The direction in which updates differ most. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** The top eigenpair of a covariance, as the updates see it. */
export interface Spread {
  readonly variance: number; // the largest eigenvalue of the covariance, lambda
  readonly projections: readonly number[]; // [n], <x_i - mu, v>^2 along its unit eigenvector v, of the updates of weight 0 too
}

/**
 * The largest eigenvalue of the updates' weighted covariance, and every update's squared projection on its eigenvector v.
 *
 * covariance = sum_i w_i (x_i - mu)(x_i - mu)^T / W has the positive eigenvalues of the n x n matrix
 * K_ij = sqrt(w_i w_j) <x_i - mu, x_j - mu> / W, and with K's unit eigenvector u
 * v = sum_j sqrt(w_j) u_j (x_j - mu) / sqrt(lambda W); the inner products follow from the distances, so that d never enters
 *
 * @param squared distances as squaredDistances gives them, [n * n]
 * @param weights [n], >= 0, not all 0; W is their sum
 * @returns see Spread; where the largest eigenvalue is a multiple one, its eigenvector is one of many
 * @example
 * const squared = squaredDistances([0, 1, 5].map((x) => Float32Array.of(x)));
 * const { variance, projections } = spreadOf(squared, [1, 1, 1]);
 * variance; // 4.667
 * projections.map(Math.round); // [4, 1, 9]
 * @source Gower 1966, principal coordinates
 */
export function spreadOf(squared: Float64Array, weights: readonly number[]): Spread {
  const n = weights.length;
  const used = weights.flatMap((w, i) => (w > 0 ? [i] : []));
  const total = used.reduce((sum, i) => sum + weights[i]!, 0);
  const means = weights.map((_, i) => used.reduce((sum, j) => sum + weights[j]! * squared[i * n + j]!, 0) / total);
  const mean = used.reduce((sum, i) => sum + weights[i]! * means[i]!, 0) / total;
  const inner = (i: number, j: number): number => (means[i]! + means[j]! - squared[i * n + j]! - mean) / 2;

  const roots = weights.map(Math.sqrt);
  const rows = used.map((i) => used.map((j) => (roots[i]! * roots[j]! * inner(i, j)) / total));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(new Matrix(rows), {
    assumeSymmetric: true,
  });
  const variance = Math.max(...realEigenvalues);
  if (variance <= 0) return { variance: 0, projections: weights.map(() => 0) };
  const u = eigenvectorMatrix.getColumn(realEigenvalues.indexOf(variance));
  const along = (i: number): number => used.reduce((sum, j, at) => sum + roots[j]! * u[at]! * inner(i, j), 0);
  return { variance, projections: weights.map((_, i) => along(i) ** 2 / (variance * total)) };
}
