/** @file Sums of updates with weights: what most rules end in. */
import { kernels } from "./simd";
import { unwritten } from "./spare";

/**
 * A weighted sum of vectors, in double precision.
 *
 * sum_i weights[i] vectors[i] / divisor
 *
 * @param vectors [n][d], n >= 1; those of weight 0 are not read
 * @param weights [n]
 * @param divisor default 1: a mean is a sum divided by its count, rounded to float32 at last, the same in any order of the vectors
 * @returns a new vector [d]
 */
export function combine(vectors: readonly Float32Array[], weights: readonly number[], divisor = 1): Float32Array {
  const d = vectors[0]!.length;
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  if (used.length === 0) return new Float32Array(d);
  const width = 16 * Math.max(64, Math.floor(blockSize / 16 / used.length));
  const rowBytes = 4 * (width + 16); // rows a power of two apart would share cache lines
  const at = used.length * rowBytes;
  const out = at + 8 * used.length;
  const kernel = kernels(out + 4 * width);
  const rows = new Float32Array(kernel.memory.buffer);
  const sum = new Float32Array(kernel.memory.buffer, out, width);
  new Float64Array(kernel.memory.buffer, at).set(used.map((i) => weights[i]!));
  const result = unwritten(d);
  for (let from = 0; from < d; from += width) {
    const count = Math.min(width, d - from);
    used.forEach((i, r) => rows.set(vectors[i]!.subarray(from, from + count), (r * rowBytes) / 4));
    kernel.combine(0, 4 * count, rowBytes, at, out, 1 / divisor, out);
    result.set(sum.subarray(0, count), from);
  }
  return result;
}

const blockSize = 32768; // numbers at a time, which stay in the nearer caches

/**
 * How many equally weighted updates average independent noise as these weights do.
 *
 * M_eff = (sum_i w_i)^2 / sum_i w_i^2
 *
 * @param weights [n], of one sign; not all 0
 * @returns M_eff, 1..n
 * @source Kish 1965, effective sample size
 */
export function participationRatio(weights: readonly number[]): number {
  const sum = weights.reduce((total, w) => total + w, 0);
  return sum ** 2 / weights.reduce((total, w) => total + w ** 2, 0);
}

/**
 * Squared lengths of vectors, in double precision.
 *
 * @param vectors [n][d]
 * @param origin from where lengths are measured, [d]; default 0
 * @returns sum_k (vectors[i][k] - origin[k])^2 for every i, [n]; not finite where a number is not
 */
export function squaredNorms(vectors: readonly Float32Array[], origin?: Float32Array): number[] {
  const d = vectors[0]!.length;
  const bytes = 4 * Math.ceil(d / 8) * 8; // the kernels take coordinates in eights
  const { memory, length, distance } = kernels(2 * bytes + 64);
  const sums = new Float64Array(memory.buffer, 2 * bytes, 8);
  const row = new Float32Array(memory.buffer, 0, bytes / 4).fill(0, d);
  if (origin) new Float32Array(memory.buffer, bytes, bytes / 4).fill(0, d).set(origin);
  return vectors.map((vector) => {
    if (d === 0) return 0;
    row.set(vector);
    if (origin) distance(0, bytes, bytes, 2 * bytes);
    else length(0, bytes, 2 * bytes);
    return sums.reduce((total, sum) => total + sum, 0);
  });
}

/**
 * Whether all numbers of a vector are finite, and the server can use it.
 *
 * @param vector any
 * @returns false with a NaN or an infinity in it
 * @example
 * isFiniteVector(Float32Array.of(1, NaN)); // false
 */
export function isFiniteVector(vector: Float32Array): boolean {
  return Number.isFinite(squaredNorms([vector])[0]);
}

/**
 * An inner product, in double precision.
 *
 * sum_k a[k] b[k]
 *
 * @param a [d]
 * @param b [d]
 * @returns the product; not finite where a number is not
 * @example
 * innerProduct(Float32Array.of(1, 2), Float32Array.of(3, 4)); // 11
 */
export function innerProduct(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/**
 * A vector no longer than that, in its own direction.
 *
 * vector min(1, longest / |vector|)
 *
 * @param vector [d]; unchanged
 * @param longest > 0
 * @returns the vector itself where it is short enough, else a new one; its squared length before, not finite where a number is not; and
 *   the factor
 */
export function shortened(vector: Float32Array, longest: number): Shortened {
  const d = vector.length;
  if (d === 0) return { vector, squared: 0, factor: 1 };
  const bytes = 4 * Math.ceil(d / 8) * 8;
  const { memory, length, scale } = kernels(bytes + 64);
  const row = new Float32Array(memory.buffer, 0, bytes / 4).fill(0, d);
  row.set(vector);
  length(0, bytes, bytes);
  const squared = new Float64Array(memory.buffer, bytes, 8).reduce((total, sum) => total + sum, 0);
  const factor = Math.min(1, longest / Math.sqrt(squared));
  if (factor === 1) return { vector, squared, factor };
  scale(0, bytes, factor);
  const short = unwritten(d);
  short.set(row.subarray(0, d));
  return { vector: short, squared, factor };
}

/** What `shortened` gives. */
export interface Shortened {
  readonly vector: Float32Array; // [d]
  readonly squared: number;
  readonly factor: number; // in (0, 1]
}
