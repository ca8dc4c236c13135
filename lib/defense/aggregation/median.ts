/** @file The coordinate-wise median (CwMed, CM). */
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { meanOfRanks, middleRanks, pullThroughRanks } from "../../numerics/columns";
import { trimmedVariance } from "../../numerics/normalOrder";

/**
 * The median of every coordinate; of an even number of updates the mean of the two in the middle.
 *
 * No client is kept or left out; M_eff is 1 over the median's variance for n standard normals, see trimmedVariance: 7.2 of ten,
 * never 1 or 2, as which of them stand in the middle changes from coordinate to coordinate. Refuses the round when a number is not
 * finite or f >= n/2.
 *
 * @example
 * median.aggregate([1, 2, 50].map((x) => Float32Array.of(x)), { f: 1 }).update; // [2]
 * @source Yin et al. 2018
 */
export const median = checkedAggregator({
  name: "median",
  label: "median",
  source: "Yin et al. 2018",
  reads: ["f"],
  byRank: true,
  aggregate(updates, { f }) {
    ensureUpdates("median", updates, f);
    const [lower, upper] = middleRanks(updates.length);
    return {
      update: meanOfRanks(updates, lower, upper),
      kept: [],
      effectiveParticipants: 1 / trimmedVariance(updates.length, lower),
    };
  },
  pullBack: (updates, _, cotangent) => pullThroughRanks(updates, ...middleRanks(updates.length), cotangent),
});
