/** @file CAF: the covariance-bound agnostic filter. */
import { ensureDistances, ensureRound } from "../updates";
import { checkedAggregator } from "../checked";
import { combine, participationRatio } from "../../numerics/linear";
import { spreadOf } from "../../numerics/principalVariance";

const mostSteps = 1000; // of the published loop; ordinary updates take less than ten

/**
 * Lowers the weights of the updates that stand out along the direction of largest variance, until they sum to n - 2f or less, and
 * takes the weighted mean at which that variance was smallest:
 *
 * c_i <- c_i (1 - tau_i / max_j tau_j), tau_i = <updates[i] - mu_c, v>^2, v the top eigenvector of the covariance under c
 *
 * Keeps those whose weight is not 0. The maximum is over all updates, those that are out too. Where one of them stands out by far, the
 * steps become so small that the loop does not end: from the first that changes no weight, or else after 1000, the maximum is over
 * those that are in. Refuses the round when a number is not finite or f >= n/2.
 *
 * Its pull-back holds the weights fixed, v_i = w_i cotangent / sum_j w_j: they follow the updates by way of an eigenvector in every step.
 *
 * @example
 * caf.aggregate([0, 1, 2, 50].map((x) => Float32Array.of(x)), { f: 1 }).kept; // [0, 1, 2]
 * @source Allouah et al. 2025. The eigenpair is exact, so the result does not depend on chance; what ends the loop is our choice, where
 *   the published one goes on
 */
export const caf = checkedAggregator({
  name: "caf",
  label: "CAF",
  source: "Allouah et al. 2025",
  reads: ["f"],
  aggregate(updates, { f }) {
    const n = updates.length;
    ensureRound("caf", updates, f);
    const squared = ensureDistances("caf", updates);
    let smallest = Infinity;
    let best: readonly number[] = [];
    let weights = updates.map(() => 1);
    let endless = false;
    let step = 0;
    do {
      const { variance, projections } = spreadOf(squared, weights);
      if (variance < smallest) [smallest, best] = [variance, weights];
      if (variance === 0) break; // all that are in are equal
      const isIn = weights.map((c) => c > 0);
      let next = lowered(weights, projections, Math.max(...projections));
      endless ||= ++step > mostSteps || next.every((c, i) => c === weights[i]);
      if (endless) next = lowered(weights, projections, Math.max(...projections.filter((_, i) => isIn[i])));
      weights = next;
    } while (sum(weights) > n - 2 * f);
    const total = sum(best);
    return {
      update: combine(updates, best, total),
      kept: best.flatMap((c, i) => (c > 0 ? [i] : [])),
      effectiveParticipants: participationRatio(best),
      weights: best.map((c) => c / total),
    };
  },
  pullBack: "weights", // held fixed, though they follow the updates
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function lowered(weights: readonly number[], projections: readonly number[], largest: number): number[] {
  return weights.map((c, i) => c * (1 - projections[i]! / largest));
}
