/** @file Squared distances between updates, which most rules that choose among updates begin with. */
import { ensureFiniteUpdates } from "./check";
import { kernels } from "./kernels";
import { squaredNorms } from "./linear";

const blockWidth = 1024; // coordinates at a time: a hundred updates' stay in the nearer caches, and few are added in float32

/**
 * All squared distances, from the differences themselves: no offset common to the updates and no huge update of another client costs
 * a digit, as it would through inner products. Every update is read once.
 *
 * D[i n + j] = sum_k (updates[i][k] - updates[j][k])^2
 *
 * Differences, squares and sums of up to 256 of them are float32, the rest is float64: D is right to 2e-5 of itself at the worst, as a
 * rule to 1e-7. A pair whose squares may be too large or too small for float32 is computed again in float64.
 *
 * @param updates [n][d], n >= 1
 * @returns [n * n], symmetric, zeros on the diagonal; not finite where a number is not
 * @example
 * squaredDistances([Float32Array.of(1, 2), Float32Array.of(4, 6)]); // [0, 25, 25, 0]
 */
export function squaredDistances(updates: readonly Float32Array[]): Float64Array {
  const n = updates.length;
  const squared = new Float64Array(n * n);
  if (n > 1) sumSquares(updates, squared);
  const least = updates[0]!.length * leastSquare;
  const first = updates.map((_, i) => i); // of the updates equal to each, the first: there may be many pairs of them
  for (let i = 0; i < n; i++) {
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

/**
 * All squared distances of updates that must be finite, which the distances show: rules that need both read the updates once.
 *
 * @param fn name of the rule
 * @param updates [n][d], n >= 1
 * @returns see squaredDistances
 * @throws InputError naming the first update with a number that is not finite, the place in it, and the number
 * @example
 * ensureDistances("krum", [Float32Array.of(1), Float32Array.of(NaN)]); // throws "krum: needs finite numbers in update 1, got NaN…"
 */
export function ensureDistances(fn: string, updates: readonly Float32Array[]): Float64Array {
  const squared = squaredDistances(updates);
  if (updates.length === 1 || !squared.every(Number.isFinite)) ensureFiniteUpdates(fn, updates);
  return squared;
}

const leastSquare = 2 ** -126; // with all of float32's digits: one below is off by 2^-150 at most, d of them by 2^-24 of d 2^-126

/** Writes the distances for i < j, of n >= 2 updates. */
function sumSquares(updates: readonly Float32Array[], squared: Float64Array): void {
  const n = updates.length;
  const d = updates[0]!.length;
  const row = blockWidth + 16; // rows a power of two apart would share cache lines
  const scratch = 4 * row * (n + 3); // a tile may end three rows after the last
  const out = scratch + 128;
  const tiles = Math.ceil(n / 2) * Math.ceil(n / 4); // at most
  const { memory, distances } = kernels(out + 128 * tiles);
  const block = new Float32Array(memory.buffer, 0, scratch / 4).fill(0);
  const sums = new Float64Array(memory.buffer, out, 16 * tiles).fill(0);
  for (let from = 0; from < d; from += blockWidth) {
    const width = Math.min(blockWidth, d - from);
    if (width < blockWidth) block.fill(0); // the kernel takes coordinates in fours
    for (let i = 0; i < n; i++) block.set(updates[i]!.subarray(from, from + width), i * row);
    distances(4 * row * n, 4 * row, 16 * Math.ceil(width / 4), scratch, out);
  }
  let at = 0;
  for (let first = 0; first + 1 < n; first += 2) {
    for (let second = first + 1; second < n; second += 4) {
      for (let pair = 0; pair < 8; pair++, at += 2) {
        const [i, j] = [first + (pair >> 2), second + (pair & 3)];
        if (i < j && j < n) squared[i * n + j] = sums[at]! + sums[at + 1]!;
      }
    }
  }
}
