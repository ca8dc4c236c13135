/** @file Coordinate-wise rules: the updates' values of every coordinate in ascending order. */
import { kernels } from "./simd";
import { unwritten } from "./spare";

/** A block of coordinates: the value of rank r at coordinate `from + k` is values[r * stride + k], k < width. Valid during the visit. */
export interface SortedColumns {
  readonly values: Float32Array;
  readonly stride: number;
  readonly from: number;
  readonly width: number;
  readonly mean: (first: number, last: number) => Float32Array; // of the values of these ranks, [width]
}

const blockWidth = 1024; // coordinates at a time, a multiple of the 16 that the kernel sorts together

/**
 * Sorts the updates' values of every coordinate, block by block.
 *
 * @param updates [n][d], n >= 1, finite; unchanged
 * @param visit is shown each block once, from the first coordinates to the last
 * @example
 * const ranks = [];
 * sortColumns([3, 1, 2].map((x) => Float32Array.of(x)), ({ values, stride }) => ranks.push(values[0], values[stride]));
 * ranks; // [1, 2]
 * @source Batcher 1968: a network whose exchanges do not depend on the values, so that many columns go through it together
 */
export function sortColumns(updates: readonly Float32Array[], visit: (block: SortedColumns) => void): void {
  const n = updates.length;
  const d = updates[0]!.length;
  const bytes = Float32Array.BYTES_PER_ELEMENT;
  const stride = blockWidth + 16; // rows a power of two apart would share cache lines
  const network = exchanges(n).map((rank) => rank * stride * bytes);
  const pairs = n * stride * bytes;
  const last = pairs + network.length * Int32Array.BYTES_PER_ELEMENT;
  const out = last + 8 * n; // after a one for each rank
  const { memory, sort, combine } = kernels(out + 4 * blockWidth);
  const values = new Float32Array(memory.buffer);
  const means = new Float32Array(memory.buffer, out, blockWidth);
  new Float64Array(memory.buffer, last, n).fill(1);
  new Int32Array(memory.buffer, pairs).set(network);
  for (let from = 0; from < d; from += blockWidth) {
    const width = Math.min(blockWidth, d - from);
    for (let i = 0; i < n; i++) values.set(updates[i]!.subarray(from, from + width), i * stride);
    if (n > 1) sort(0, width * bytes, pairs, last);
    const mean = (low: number, high: number): Float32Array => {
      const [row, count] = [low * stride * bytes, high - low + 1];
      combine(row, row + width * bytes, stride * bytes, last, last + 8 * count, 1 / count, out);
      return means.subarray(0, width);
    };
    visit({ values, stride, from, width, mean });
  }
}

/** Batcher's odd-even merge sort of n values: pairs of ranks, one after the other; the smaller value goes to the first. */
function exchanges(n: number): number[] {
  const pairs: number[] = [];
  for (let p = 1; p < n; p *= 2) {
    for (let gap = p; gap >= 1; gap /= 2) {
      for (let start = gap % p; start + gap < n; start += 2 * gap) {
        for (let low = start; low < Math.min(start + gap, n - gap); low++) {
          const inOneMerge = Math.floor(low / (2 * p)) === Math.floor((low + gap) / (2 * p));
          if (inOneMerge) pairs.push(low, low + gap);
        }
      }
    }
  }
  return pairs;
}

/**
 * Coordinate by coordinate, the mean of the values nearest to the median. Of two equally far ones the lower stays.
 *
 * @param updates [n][d], n >= 1, finite; unchanged
 * @param count how many values enter each coordinate, 1..n
 * @returns a new vector [d]
 * @example
 * meanAroundMedian([0, 1, 2, 3, 50].map((x) => Float32Array.of(x)), 3); // [2]; the median is 2, and 1, 2, 3 are nearest
 */
export function meanAroundMedian(updates: readonly Float32Array[], count: number): Float32Array {
  const n = updates.length;
  const mean = unwritten(updates[0]!.length);
  const [lower, upper] = middleRanks(n);
  sortColumns(updates, ({ values, stride, from, width }) => {
    for (let k = 0; k < width; k++) {
      const median = (values[lower * stride + k]! + values[upper * stride + k]!) / 2;
      let low = k;
      let high = (n - 1) * stride + k;
      for (let out = n - count; out > 0; out--) {
        if (median - values[low]! > values[high]! - median) low += stride;
        else high -= stride;
      }
      let sum = 0;
      for (let at = low; at <= high; at += stride) sum += values[at]!;
      mean[from + k] = sum / count;
    }
  });
  return mean;
}

/**
 * The ranks whose values are averaged in a median: the middle one twice, or the two in the middle.
 *
 * @param n how many values, n >= 1
 * @returns lower and upper rank, counted from 0
 * @example
 * middleRanks(5); // [2, 2]
 * middleRanks(4); // [1, 2]
 */
export function middleRanks(n: number): [lower: number, upper: number] {
  return [Math.floor((n - 1) / 2), Math.floor(n / 2)];
}

/**
 * Coordinate by coordinate, the mean of the values of some consecutive ranks.
 *
 * @param updates [n][d], n >= 1, finite; unchanged
 * @param first lowest rank that enters, counted from 0
 * @param last highest rank that enters, first..n-1
 * @returns a new vector [d]
 * @example
 * meanOfRanks([5, 1, 3, 100].map((x) => Float32Array.of(x)), 1, 2); // [4]
 */
export function meanOfRanks(updates: readonly Float32Array[], first: number, last: number): Float32Array {
  const mean = unwritten(updates[0]!.length);
  sortColumns(updates, (block) => mean.set(block.mean(first, last), block.from));
  return mean;
}
