/** @file Sums of updates with weights: what most rules end in. */
import type { Aggregation } from "./aggregator";
import { kernels } from "./kernels";

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
 * combine([Float32Array.of(1, 2), Float32Array.of(3, 4)], [2, -1]); // [-1, 0]
 */
export function combine(vectors: readonly Float32Array[], weights: readonly number[], divisor = 1): Float32Array {
  const d = vectors[0]!.length;
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  const result = new Float32Array(d);
  if (used.length === 0) return result;
  const stride = blockWidth + 16; // rows a power of two apart would share cache lines
  const rowBytes = stride * Float32Array.BYTES_PER_ELEMENT;
  const at = used.length * rowBytes;
  const out = at + used.length * Float64Array.BYTES_PER_ELEMENT;
  const kernel = kernels(out + blockWidth * Float64Array.BYTES_PER_ELEMENT);
  const rows = new Float32Array(kernel.memory.buffer);
  const sum = new Float64Array(kernel.memory.buffer, out);
  new Float64Array(kernel.memory.buffer, at).set(used.map((i) => weights[i]!));
  for (let from = 0; from < d; from += blockWidth) {
    const width = Math.min(blockWidth, d - from);
    for (let r = 0; r < used.length; r++) rows.set(vectors[used[r]!]!.subarray(from, from + width), r * stride);
    kernel.combine(0, width * Float32Array.BYTES_PER_ELEMENT, rowBytes, at, out, out);
    for (let k = 0; k < width; k++) result[from + k] = sum[k]! / divisor;
  }
  return result;
}

const blockWidth = 1024; // coordinates at a time, a multiple of the 8 that the kernel adds together

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
 * averageOf([1, 2, 6].map((x) => Float32Array.of(x)), [2, 1]).update; // [4]
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
 * Squared lengths of vectors, in double precision.
 *
 * @param vectors [n][d]
 * @param origin from where lengths are measured, [d]; default 0
 * @returns sum_k (vectors[i][k] - origin[k])^2 for every i, [n]; not finite where a number is not
 * @example
 * squaredNorms([Float32Array.of(3, 4)]); // [25]
 * squaredNorms([Float32Array.of(3, 4)], Float32Array.of(3, 3)); // [1]
 */
export function squaredNorms(vectors: readonly Float32Array[], origin?: Float32Array): number[] {
  const d = vectors[0]!.length;
  const padded = Math.ceil(d / 8) * 8; // the kernel takes coordinates in eights
  const { memory, distance } = kernels(2 * 4 * padded + 64);
  const row = new Float32Array(memory.buffer, 0, padded).fill(0, d);
  const start = new Float32Array(memory.buffer, 4 * padded, padded).fill(0);
  if (origin) start.set(origin);
  const sums = new Float64Array(memory.buffer, 2 * 4 * padded, 8);
  return vectors.map((vector) => {
    row.set(vector);
    if (d > 0) distance(0, 4 * padded, 4 * padded, 2 * 4 * padded);
    return d > 0 ? sums.reduce((total, sum) => total + sum, 0) : 0;
  });
}
