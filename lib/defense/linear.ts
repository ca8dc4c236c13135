/** @file Sums of updates with weights: what most rules end in. */
import type { Aggregation } from "./aggregator";

/**
 * A weighted sum of vectors, in double precision.
 *
 * sum_i weights[i] vectors[i] / divisor
 *
 * @param vectors [n][d], n >= 1; those of weight 0 are not read
 * @param weights [n]
 * @param divisor default 1: a mean as a sum divided by the count rounds once, the same in any order of the vectors
 * @returns a new vector [d]
 * @example
 * combine([Float32Array.of(1, 2), Float32Array.of(3, 4)], [2, -1]); // Float32Array [-1, 0]
 */
export function combine(vectors: readonly Float32Array[], weights: readonly number[], divisor = 1): Float32Array {
  const d = vectors[0]!.length;
  const sum = new Float64Array(d);
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  let at = 0;
  for (; at + 3 < used.length; at += 4) {
    const [i, j, l, m] = [used[at]!, used[at + 1]!, used[at + 2]!, used[at + 3]!]; // four at a time: the sum is read once for them
    const [a, b, c, e] = [vectors[i]!, vectors[j]!, vectors[l]!, vectors[m]!];
    const [wa, wb, wc, we] = [weights[i]!, weights[j]!, weights[l]!, weights[m]!];
    for (let k = 0; k < d; k++) sum[k]! += wa * a[k]! + wb * b[k]! + (wc * c[k]! + we * e[k]!);
  }
  for (; at < used.length; at++) {
    const vector = vectors[used[at]!]!;
    const weight = weights[used[at]!]!;
    for (let k = 0; k < d; k++) sum[k]! += weight * vector[k]!;
  }
  const result = new Float32Array(d);
  for (let k = 0; k < d; k++) result[k] = sum[k]! / divisor;
  return result;
}

/**
 * How many equally weighted updates average independent noise as these weights do.
 *
 * M_eff = (sum_i w_i)^2 / sum_i w_i^2
 *
 * @param weights [n], of one sign; not all 0
 * @returns M_eff, 1..n
 * @example
 * effectiveCount([1, 1, 0]); // 2
 * effectiveCount([3, 1]); // 1.6
 * @source Kish 1965, effective sample size
 */
export function effectiveCount(weights: readonly number[]): number {
  const sum = weights.reduce((total, w) => total + w, 0);
  return sum ** 2 / weights.reduce((total, w) => total + w ** 2, 0);
}

/**
 * The mean of some updates.
 *
 * @param updates [n][d]; unchanged
 * @param kept indices of those that enter, at least one, in any order
 * @returns their mean in a new vector, their indices ascending, and their number as M_eff
 * @example
 * averageOf([1, 2, 6].map((x) => Float32Array.of(x)), [2, 1]); // { update: Float32Array [4], kept: [1, 2], effective: 2, weights: [0, 0.5, 0.5] }
 */
export function averageOf(updates: readonly Float32Array[], kept: readonly number[]): Aggregation {
  const chosen = new Set(kept);
  const ones = updates.map((_, i) => (chosen.has(i) ? 1 : 0));
  const count = chosen.size;
  return {
    update: combine(updates, ones, count),
    kept: [...chosen].sort((i, j) => i - j),
    effective: count,
    weights: ones.map((one) => one / count),
  };
}

/**
 * Lengths of vectors, squared.
 *
 * @param vectors [n][d]
 * @param origin from where lengths are measured, [d]; default 0
 * @returns sum_k (vectors[i][k] - origin[k])^2 for every i, [n]
 * @example
 * squaredNorms([Float32Array.of(3, 4)]); // [25]
 * squaredNorms([Float32Array.of(3, 4)], Float32Array.of(3, 3)); // [1]
 */
export function squaredNorms(vectors: readonly Float32Array[], origin?: Float32Array): number[] {
  const from = origin ?? new Float32Array(vectors[0]!.length);
  return vectors.map((vector) => {
    let [a, b, c, d] = [0, 0, 0, 0]; // chains of their own, so that no addition waits for the last
    const whole = vector.length - (vector.length % 4);
    for (let k = 0; k < whole; k += 4) {
      a += (vector[k]! - from[k]!) ** 2;
      b += (vector[k + 1]! - from[k + 1]!) ** 2;
      c += (vector[k + 2]! - from[k + 2]!) ** 2;
      d += (vector[k + 3]! - from[k + 3]!) ** 2;
    }
    for (let k = whole; k < vector.length; k++) a += (vector[k]! - from[k]!) ** 2;
    return a + b + c + d;
  });
}
