/** @file The direction in which updates differ most. */
import { topEigenpair } from "./eigen";

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
 * v = sum_j sqrt(w_j) u_j (x_j - mu) / sqrt(lambda W); the inner products follow from the distances, so d never enters
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
  const total = weights.reduce((sum, w) => sum + w, 0);
  const means = new Float64Array(n); // of the squared distances from each update
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) means[i]! += (weights[j]! * squared[i * n + j]!) / total;
  }
  const mean = means.reduce((sum, m, i) => sum + (weights[i]! * m) / total, 0);
  const inner = squared.map((x, at) => (means[Math.floor(at / n)]! + means[at % n]! - x - mean) / 2);

  const roots = weights.map(Math.sqrt);
  const matrix = inner.map((x, at) => (roots[Math.floor(at / n)]! * roots[at % n]! * x) / total);
  const { value, vector } = topEigenpair(matrix, n);
  if (value <= 0) return { variance: 0, projections: weights.map(() => 0) };
  const projections = weights.map((_, i) => {
    const along = roots.reduce((sum, root, j) => sum + root * vector[j]! * inner[i * n + j]!, 0);
    return along ** 2 / (value * total);
  });
  return { variance: value, projections };
}
