/** @file FreqFed: the largest cluster of updates that look alike in their low frequencies. */
import { ensure, refuse } from "../../core/errors";
import { joined } from "../../core/joined";
import type { Shape } from "../../core/types";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { lowFrequencies } from "../../numerics/dct";
import { hdbscan } from "../../numerics/hdbscan";
import { averageOf } from "../average";

/**
 * FreqFed: the mean of the largest cluster of updates, compared by the low frequencies of every layer.
 *
 * update = mean of the updates in the largest cluster of hdbscan(1 - cosine of lowBand_i and lowBand_j)
 *
 * The paper leaves much open; our choices: updates are compared, not weights, which all resemble the last broadcast. All layers enter, one
 * after the other. A weight tensor [out, ...] is a matrix [out, the rest] (convolution filters [O, C, k, k] are [O, C k k]), of
 * which the orthonormal two-dimensional DCT-II is taken, and of that the coefficients with i + j <= floor(min(rows, columns)/2);
 * of biases [out] the one-dimensional, i <= floor(out/2). Where the low band of an update is all zero, its cosine with any other is
 * 0. HDBSCAN has min_samples 1, minClusterSize floor(n/2) + 1 and may find one cluster that is everything but noise; noise is never
 * kept. With a majority as minClusterSize there is one cluster always; with a smaller one, of equally large clusters that of the
 * first client is kept.
 *
 * Its `aggregate` takes the updates [n][d], n >= 2, reads options.layers (the shapes of the weight tensors, in the vector's order)
 * and minClusterSize (an integer in 2..n), and returns the mean of the kept updates. It does not read f. It throws an InputError
 * when the layers are missing or hold other than d numbers, and refuses the round when an update is not finite.
 *
 * @example
 * const updates = [[1, 2], [2, 4.1], [1, 1.9], [-1, -2]].map((row) => Float32Array.from(row));
 * freqFed.aggregate(updates, { f: 1, layers: [[2]] }).kept; // [0, 1, 2]
 * @source Fereidooni et al. 2024, "FreqFed"
 */
export const freqFed = checkedAggregator({
  name: "freqFed",
  label: "FreqFed",
  source: "Fereidooni et al. 2024",
  reads: ["minClusterSize"],
  keeps: (n, { minClusterSize = Math.floor(n / 2) + 1 }) =>
    Array.from({ length: n - minClusterSize + 1 }, (_, k) => minClusterSize + k),
  aggregate(updates, { layers, minClusterSize = Math.floor(updates.length / 2) + 1 }) {
    ensureUpdates("freqFed", updates);
    const n = updates.length;
    ensure(n >= 2, "freqFed", "needs n >= 2 updates", n);
    ensure(minClusterSize <= n, "freqFed", `needs a minClusterSize of at most n = ${n}`, minClusterSize);
    if (layers === undefined)
      refuse("freqFed", "needs the shapes of the weight tensors", "none", "give them in options.layers");
    const size = layers.reduce((sum, shape) => sum + countOf(shape), 0);
    const d = updates[0]!.length;
    ensure(size === d, "freqFed", `needs layers that hold the d = ${d} numbers of an update`, size);
    const labels = hdbscan(cosineDistances(updates.map((update) => lowBand(update, layers))), minClusterSize);
    return averageOf(updates, largestCluster(labels));
  },
  pullBack: "weights",
});

/** The low frequencies of every layer of an update, one after the other. */
function lowBand(update: Float32Array, layers: readonly Shape[]): Float64Array {
  let from = 0;
  const bands = layers.map((shape) => {
    const values = update.subarray(from, (from += countOf(shape)));
    const rows = shape.length > 1 ? shape[0]! : 1;
    const columns = values.length / rows;
    const highest = Math.floor((shape.length > 1 ? Math.min(rows, columns) : columns) / 2);
    const side = [Math.min(rows, highest + 1), Math.min(columns, highest + 1)] as const;
    return lowFrequencies(values, [rows, columns], side).filter(
      (_, at) => Math.floor(at / side[1]) + (at % side[1]) <= highest,
    );
  });
  return joined(Float64Array, bands);
}

/** 1 - cosine of every two vectors; 1 where one of them is zero. */
function cosineDistances(vectors: readonly Float64Array[]): number[][] {
  const lengths = vectors.map((vector) => Math.sqrt(dot(vector, vector)));
  const distances = vectors.map(() => new Array<number>(vectors.length).fill(0));
  for (let i = 0; i < vectors.length; i++) {
    for (let j = 0; j < i; j++) {
      const product = lengths[i]! * lengths[j]!;
      const cosine = product === 0 ? 0 : dot(vectors[i]!, vectors[j]!) / product;
      distances[i]![j] = distances[j]![i] = Math.max(0, 1 - cosine); // rounding can take a cosine above 1
    }
  }
  return distances;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The points of the largest cluster; noise is none. */
function largestCluster(labels: readonly number[]): number[] {
  const members = new Map<number, number[]>();
  labels.forEach((label, i) => label >= 0 && members.set(label, [...(members.get(label) ?? []), i]));
  return [...members.values()].reduce((largest, cluster) => (cluster.length > largest.length ? cluster : largest));
}

function countOf(shape: Shape): number {
  return shape.reduce((product, side) => product * side, 1);
}
