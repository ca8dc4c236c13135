/** @file Centered clipping. */
import { ensure, ensureFinite } from "../../core/errors";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { combine, effectiveCount, squaredNorms } from "../../numerics/linear";

/**
 * From the last round's aggregate v, a step to the mean of the updates, each pulled to within tau of v:
 *
 * v <- v + (1/n) sum_i (updates[i] - v) min(1, tau / |updates[i] - v|)
 *
 * Keeps everybody, with the weight that v's way from the last round gives it. Reads clipNorm = tau (default 10), iterations
 * (default 1) and, of the round, previous (default 0). Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * centeredClipping.aggregate([1, 2, 90].map((x) => Float32Array.of(x)), { f: 1, clipNorm: 3 }).update; // [2]; (1 + 2 + 3) / 3
 * @source Karimireddy, He and Jaggi 2021; tau = 10 and one iteration are theirs
 */
export const centeredClipping = checkedAggregator({
  name: "centeredClipping",
  source: "Karimireddy et al. 2021",
  reads: ["f", "clipNorm", "iterations"],
  readsPrevious: true,
  aggregate(updates, { f, clipNorm = 10, iterations = 1, previous }) {
    const lengths = ensureUpdates("centeredClipping", updates, f);
    const n = updates.length;
    const d = updates[0]!.length;
    if (previous) {
      const sameLength = previous.length === d;
      ensure(sameLength, "centeredClipping", `needs previous of the updates' length ${d}`, previous.length);
      ensureFinite("centeredClipping", "previous", previous);
    }
    let update = previous ?? new Float32Array(d);
    let weights = updates.map(() => 0); // of the updates in v; the rest, 1 - sum_i weights[i], is the last round's
    for (let iteration = 0; iteration < iterations; iteration++) {
      const distances = iteration === 0 && !previous ? lengths : squaredNorms(updates, update);
      const steps = distances.map((squared) => Math.min(1, clipNorm / Math.sqrt(squared)) / n);
      const stay = 1 - steps.reduce((sum, step) => sum + step, 0);
      weights = weights.map((w, i) => stay * w + steps[i]!);
      update = combine([...updates, update], [...steps, stay]);
    }
    return { update, kept: [...updates.keys()], effective: effectiveCount(weights), weights };
  },
});
