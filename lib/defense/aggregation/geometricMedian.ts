/** @file The geometric median. */
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { combine, effectiveCount, squaredNorms } from "../../numerics/linear";

const settled = 1e-9; // largest change of a weight at which iterating stops

/**
 * The point z with the smallest sum of distances to the updates, by smoothed Weiszfeld iterations from z = 0:
 *
 * w_i = 1 / max(|updates[i] - z|, nu), z = sum_i w_i updates[i] / sum_i w_i
 *
 * Keeps everybody, with the last iteration's weights. Reads smoothing = nu, a length in the updates' unit (default 1e-6 of the median
 * length of the updates, or of the shortest that is not 0 where that is 0: the rule then scales with its updates) and iterations, at
 * most (default 100; it stops earlier where the weights have settled). Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * const updates = [Float32Array.of(0, 1), Float32Array.of(0, -1), Float32Array.of(1, 0), Float32Array.of(-1, 0), Float32Array.of(90, 0)];
 * geometricMedian.aggregate(updates, { f: 1 }).update[0]; // 0.57735
 * @source Pillutla, Kakade and Harchaoui 2022; they stop after 3 iterations, we where it has settled; their nu, as
 *   byzfl's, is 1e-6 whatever the updates' size, which makes a mean of updates that are as small
 */
export const geometricMedian = checkedAggregator({
  name: "geometricMedian",
  source: "Pillutla et al. 2022",
  reads: ["f", "smoothing", "iterations"],
  aggregate(updates, { f, smoothing, iterations = 100 }) {
    let distances = ensureUpdates("geometricMedian", updates, f); // squared, from z = 0 at first
    const nu = smoothing ?? 1e-6 * ordinary(distances.map(Math.sqrt));
    let update: Float32Array = new Float32Array(updates[0]!.length);
    let weights = updates.map(() => 0);
    for (let iteration = 0; iteration < iterations; iteration++) {
      if (iteration > 0) distances = squaredNorms(updates, update);
      const inverse = distances.map((squared) => 1 / Math.max(Math.sqrt(squared), nu));
      const sum = inverse.reduce((total, w) => total + w, 0);
      const next = inverse.map((w) => w / sum);
      const change = Math.max(...next.map((w, i) => Math.abs(w - weights[i]!)));
      weights = next;
      update = combine(updates, weights);
      if (change <= settled) break;
    }
    return { update, kept: [...updates.keys()], effective: effectiveCount(weights), weights };
  },
});

/** The median length, of an even number the lower; where it is 0 the shortest that is not, or 1. */
function ordinary(lengths: readonly number[]): number {
  const sorted = [...lengths].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]! || (sorted.find((length) => length > 0) ?? 1);
}
