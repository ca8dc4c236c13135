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
 * @source Batcher 1968: a network whose exchanges do not depend on the values, so many columns go through it together
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
 */
export function meanAroundMedian(updates: readonly Float32Array[], count: number): Float32Array {
  const n = updates.length;
  const mean = unwritten(updates[0]!.length);
  const [lower, upper] = middleRanks(n);
  sortColumns(updates, ({ values, stride, from, width }) => {
    for (let k = 0; k < width; k++) {
      const median = (values[lower * stride + k]! + values[upper * stride + k]!) / 2;
      const low = lowestNear(values, stride, k, median, n, count);
      let sum = 0;
      for (let at = low, left = count; left > 0; at += stride, left--) sum += values[at]!;
      mean[from + k] = sum / count;
    }
  });
  return mean;
}

/** Where the lowest stands of the `count` values of column k that are nearest to the median. */
function lowestNear(values: Float32Array, stride: number, k: number, median: number, n: number, count: number): number {
  let low = k;
  let high = (n - 1) * stride + k;
  for (let out = n - count; out > 0; out--) {
    if (median - values[low]! > values[high]! - median) low += stride;
    else high -= stride;
  }
  return low;
}

/**
 * The pull-back of meanAroundMedian.
 *
 * v_i[k] = cotangent[k] / count where the value enters, else 0; values that tie share what goes to them
 *
 * @param updates [n][d], n >= 1, finite; unchanged
 * @param count how many values enter each coordinate, 1..n
 * @param cotangent [d]
 * @returns v [n][d], owned by the caller
 * @example
 * pullAroundMedian([0, 1, 2, 3, 50].map((x) => Float32Array.of(x)), 3, Float32Array.of(6)); // [[0], [2], [2], [2], [0]]
 */
export function pullAroundMedian(
  updates: readonly Float32Array[],
  count: number,
  cotangent: Float32Array,
): Float32Array[] {
  const n = updates.length;
  const [lower, upper] = middleRanks(n);
  return pullRanks(updates, count, cotangent, ({ values, stride }, k) => {
    const median = (values[lower * stride + k]! + values[upper * stride + k]!) / 2;
    return (lowestNear(values, stride, k, median, n, count) - k) / stride;
  });
}

/** Of every coordinate the mean of `count` consecutive ranks, pulled back to the updates whose values have them. */
function pullRanks(
  updates: readonly Float32Array[],
  count: number,
  cotangent: Float32Array,
  firstOf: (block: SortedColumns, k: number) => number,
): Float32Array[] {
  const n = updates.length;
  const pulled = updates.map(({ length }) => unwritten(length));
  const row = (): Float32Array => new Float32Array(blockWidth);
  const ends: Ends = { low: row(), high: row(), inside: row(), ofLow: row(), ofHigh: row() };
  sortColumns(updates, (block) => {
    const { values, stride, from, width } = block;
    for (let k = 0; k < width; k++) {
      const first = firstOf(block, k);
      const last = first + count - 1;
      const share = cotangent[from + k]! / count;
      ends.low[k] = values[first * stride + k]!;
      ends.high[k] = values[last * stride + k]!;
      ends.inside[k] = share;
      ends.ofLow[k] = share * shareOfEqual(block, k, n, first, last, first);
      const isOne = ends.low[k] === ends.high[k]; // then all are counted as the lowest
      ends.ofHigh[k] = isOne ? 0 : share * shareOfEqual(block, k, n, first, last, last);
    }
    for (let i = 0; i < n; i++) hand(updates[i]!, pulled[i]!, from, width, ends);
  });
  return pulled;
}

/** The lowest and highest value that enters, of every column of a block, and what goes to a value between, or equal to either. */
type Ends = Readonly<Record<"low" | "high" | "inside" | "ofLow" | "ofHigh", Float32Array>>;

/** An update's part in a block. Where a value stands is chance: products with 0 and 1 take a sixth of what branches do. */
function hand(update: Float32Array, v: Float32Array, from: number, width: number, ends: Ends): void {
  const { low, high, inside, ofLow, ofHigh } = ends;
  for (let k = 0, at = from; k < width; k++, at++) {
    const [x, least, most] = [update[at]!, low[k]!, high[k]!];
    const isInside = Number(x > least) * Number(x < most);
    v[at] = isInside * inside[k]! + Number(x === least) * ofLow[k]! + Number(x === most) * ofHigh[k]!;
  }
}

/** Of the values of column k that are equal to the one of this rank, how many have ranks first..last by how many there are. */
function shareOfEqual(
  { values, stride }: SortedColumns,
  k: number,
  n: number,
  first: number,
  last: number,
  rank: number,
): number {
  const x = values[rank * stride + k]!;
  let [from, to] = [rank, rank];
  while (from > 0 && values[(from - 1) * stride + k] === x) from--;
  while (to < n - 1 && values[(to + 1) * stride + k] === x) to++;
  return (Math.min(to, last) - Math.max(from, first) + 1) / (to - from + 1);
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
 */
export function meanOfRanks(updates: readonly Float32Array[], first: number, last: number): Float32Array {
  const mean = unwritten(updates[0]!.length);
  sortColumns(updates, (block) => mean.set(block.mean(first, last), block.from));
  return mean;
}

/**
 * The pull-back of meanOfRanks.
 *
 * v_i[k] = cotangent[k] / (last - first + 1) where the value's rank enters, else 0; values that tie share what goes to them
 *
 * @param updates [n][d], n >= 1, finite; unchanged
 * @param first lowest rank that enters, counted from 0
 * @param last highest rank that enters, first..n-1
 * @param cotangent [d]
 * @returns v [n][d], owned by the caller
 * @example
 * pullThroughRanks([5, 1, 3, 100].map((x) => Float32Array.of(x)), 1, 2, Float32Array.of(8)); // [[4], [0], [4], [0]]
 * pullThroughRanks([5, 5, 5].map((x) => Float32Array.of(x)), 1, 1, Float32Array.of(3)); // [[1], [1], [1]]
 */
export function pullThroughRanks(
  updates: readonly Float32Array[],
  first: number,
  last: number,
  cotangent: Float32Array,
): Float32Array[] {
  return pullRanks(updates, last - first + 1, cotangent, () => first);
}
