/** @file For tests: the covariance written out, [d][d], and its top eigenpair by many power iterations. */
import type { Spread } from "./principalVariance";

/**
 * What spreadOf finds, slowly.
 *
 * @param updates [n][d]
 * @param weights [n]
 * @returns variance and projections
 * @example
 * explicitSpread([0, 1, 5].map((x) => Float32Array.of(x)), [1, 1, 1]).variance; // 4.667
 */
export function explicitSpread(updates: readonly Float32Array[], weights: readonly number[]): Spread {
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = Array.from(updates[0]!, (_, k) => updates.reduce((sum, x, i) => sum + weights[i]! * x[k]!, 0) / total);
  const centred = updates.map((x) => mean.map((m, k) => x[k]! - m));
  const covariance = mean.map((_, k) =>
    mean.map((_, l) => centred.reduce((sum, x, i) => sum + weights[i]! * x[k]! * x[l]!, 0) / total),
  );
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
  let v = mean.map((_, k) => 1 + k / 10);
  for (let step = 0; step < 4000; step++) {
    const next = covariance.map((row) => dot(row, v));
    const length = Math.sqrt(dot(next, next));
    v = next.map((x) => x / length);
  }
  return {
    variance: dot(
      v,
      covariance.map((row) => dot(row, v)),
    ),
    projections: centred.map((x) => dot(x, v) ** 2),
  };
}
