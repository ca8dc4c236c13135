/** @file Norm bounding (norm clipping, norm thresholding): no update longer than a bound. */
import { jStat } from "jstat";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { pullThroughBound } from "../../numerics/clip";
import { combine, participationRatio } from "../../numerics/linear";
import { medianShares } from "../../numerics/order";

/**
 * The mean of the updates, each shortened to a length that none may exceed; keeps everybody (where the bound is 0, because the median is,
 * the updates of zeros).
 *
 * update = (1/n) sum_i updates[i] min(1, C / |updates[i]|),  C = clipNorm, or else the median of the lengths
 *
 * Of an even number of lengths the median is the mean of the two in the middle. M_eff counts the clipping as weights.
 *
 * Its `aggregate` takes the updates [n][d], n >= 1, reads clipNorm (C > 0, finite) and does not read f. It throws an InputError
 * when C is out of range, and refuses the round when an update is not finite.
 *
 * @example
 * const updates = [[3, 4], [30, 40], [0, 1]].map((row) => Float32Array.from(row)); // of length 5, 50 and 1
 * normBounding.aggregate(updates, { f: 1 }).update; // [2, 3]; the median is 5
 * normBounding.aggregate(updates, { f: 1, clipNorm: 1 }).update; // [0.4, 0.8667]
 * @source Sun et al. 2019; the median as the bound where none is given is ours
 */
export const normBounding = checkedAggregator({
  name: "normBounding",
  label: "norm bounding",
  source: "Sun et al. 2019",
  reads: ["clipNorm"],
  aggregate(updates, { clipNorm }) {
    const norms = ensureUpdates("normBounding", updates).map(Math.sqrt);
    const bound = clipNorm ?? jStat.median(norms);
    const factors = norms.map((norm) => (norm > bound ? bound / norm : 1));
    const n = updates.length;
    return {
      update: combine(updates, factors, n),
      kept: factors.flatMap((factor, i) => (factor > 0 ? [i] : [])),
      effectiveParticipants: participationRatio(factors),
      weights: factors.map((factor) => factor / n),
    };
  },
  pullBack(updates, { clipNorm }, cotangent) {
    const norms = ensureUpdates("normBounding", updates).map(Math.sqrt);
    const shares = clipNorm === undefined ? medianShares(norms) : updates.map(() => 0);
    const weights = updates.map(() => 1 / updates.length);
    const bounded = { vectors: updates, norms, bound: clipNorm ?? jStat.median(norms), weights, shares };
    return pullThroughBound(
      bounded,
      updates.map(() => cotangent),
    );
  },
});
