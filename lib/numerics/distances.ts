/** @file Squared distances between updates, which most rules that choose among updates begin with. */
import { kernels } from "./simd";
import { squaredNorms } from "./linear";

const blockWidth = 1024; // coordinates at a time: a hundred updates' stay in the nearer caches, and few are added in float32

/**
 * All squared distances, from the updates' inner products:
 *
 * D[i n + j] = sum_k (updates[i][k] - updates[j][k])^2 = g_ii + g_jj - 2 g_ij, g = the inner products
 *
 * Fewer than 20 updates' come from the differences, which are as fast then. Of updates that are nearly alike most of g_ii + g_jj
 * cancels. A pair that keeps less than a tenth of it gets its distance from the differences in float64; where many pairs do, all
 * get them from the differences in float32, which takes two to three times as long. What a client sends far out touches its own pairs
 * only. A pair whose squares may be too large or too small for float32 is computed again in float64.
 *
 * Products and sums of up to 256 of them are float32, the rest is float64: D is right to 4e-4 of itself if all roundings conspire where
 * nine tenths cancel, 2e-5 if they do in differences, and as a rule to 1e-6.
 *
 * @param updates [n][d], n >= 1
 * @returns [n * n], symmetric, zeros on the diagonal; not finite where a number is not
 * @example
 * squaredDistances([Float32Array.of(1, 2), Float32Array.of(4, 6)]); // [0, 25, 25, 0]
 */
export function squaredDistances(updates: readonly Float32Array[]): Float64Array {
  const n = updates.length;
  if (n === 1) return new Float64Array(1);
  const squared = (n >= many ? fromProducts(updates) : undefined) ?? sums(updates, "distances");
  const least = updates[0]!.length * leastSquare;
  const first = updates.map((_, i) => i); // of the updates equal to each, the first: there may be many pairs of them
  for (let i = 0; i < n; i++) {
    squared[i * n + i] = 0;
    for (let j = i + 1; j < n; j++) {
      const fits = squared[i * n + j]! >= least && squared[i * n + j]! < Infinity;
      if (first[i] === first[j]) squared[i * n + j] = 0;
      else if (!fits) squared[i * n + j] = squaredNorms([updates[i]!], updates[j])[0]!;
      if (squared[i * n + j] === 0) first[j] = first[i]!;
      squared[j * n + i] = squared[i * n + j]!;
    }
  }
  return squared;
}

/** The distances for i < j, 0 where the inner products cancel; nothing where they do in so many pairs that differences are faster. */
function fromProducts(updates: readonly Float32Array[]): Float64Array | undefined {
  const n = updates.length;
  const products = sums(updates, "products");
  const squared = new Float64Array(n * n);
  let cancelled = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const size = products[i * n + i]! + products[j * n + j]!;
      const distance = size - 2 * products[i * n + j]!;
      if (distance >= leastShare * size) squared[i * n + j] = distance;
      else cancelled++;
    }
  }
  return alone * cancelled > (n * (n - 1)) / 2 ? undefined : squared;
}

const many = 20; // updates, from which on inner products are faster than differences
const leastShare = 0.1; // of g_ii + g_jj that a distance has to be
const alone = 6; // times as long does a pair take in float64 as one among all in float32
const leastSquare = 2 ** -126; // with all of float32's digits: one below is off by 2^-150 at most, d of them by 2^-24 of d 2^-126

/** Of n >= 2 updates, for i <= j: the distances' sums of squares, or the inner products. */
function sums(updates: readonly Float32Array[], kind: "distances" | "products"): Float64Array {
  const n = updates.length;
  const d = updates[0]!.length;
  const row = blockWidth + 16; // rows a power of two apart would share cache lines
  const scratch = 4 * row * (n + 3); // a tile may end three rows after the last
  const out = scratch + 128;
  const tiles = Math.ceil(n / 2) * Math.ceil(n / 4); // at most
  const kernel = kernels(out + 128 * tiles);
  const block = new Float32Array(kernel.memory.buffer, 0, scratch / 4).fill(0);
  const found = new Float64Array(kernel.memory.buffer, out, 16 * tiles).fill(0);
  for (let from = 0; from < d; from += blockWidth) {
    const width = Math.min(blockWidth, d - from);
    if (width < blockWidth) block.fill(0); // the kernels take coordinates in fours
    for (let i = 0; i < n; i++) block.set(updates[i]!.subarray(from, from + width), i * row);
    kernel[kind](4 * row * n, 4 * row, 16 * Math.ceil(width / 4), scratch, out);
  }
  const apart = kind === "distances" ? 1 : 0; // from the first row of a tile to the first it is paired with
  const all = new Float64Array(n * n);
  let at = 0;
  for (let first = 0; first + apart < n; first += 2) {
    for (let second = first + apart; second < n; second += 4) {
      for (let pair = 0; pair < 8; pair++, at += 2) {
        const [i, j] = [first + (pair >> 2), second + (pair & 3)];
        if (i <= j && j < n) all[i * n + j] = found[at]! + found[at + 1]!;
      }
    }
  }
  return all;
}
