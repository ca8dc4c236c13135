/** @file The coordinate-wise trimmed mean (CwTM, TrMean). */
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { meanOfRanks, pullThroughRanks } from "../../numerics/columns";
import { trimmedVariance } from "../../numerics/normalOrder";

/**
 * The mean of every coordinate without its f lowest and f highest values.
 *
 * No client is kept or left out; M_eff is 1 over the rule's variance for n standard normals, see trimmedVariance, which is more than
 * the n - 2f that enter each coordinate: 9.5 of ten with f = 1. Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * trimmedMean.aggregate([-9, 1, 3, 50].map((x) => Float32Array.of(x)), { f: 1 }).update; // [2]
 * @source Yin et al. 2018; they trim a share beta of the clients, here beta = f/n
 */
export const trimmedMean = checkedAggregator({
  name: "trimmedMean",
  label: "trimmed mean",
  source: "Yin et al. 2018",
  reads: ["f"],
  byRank: true,
  aggregate(updates, { f }) {
    ensureUpdates("trimmedMean", updates, f);
    const n = updates.length;
    return { update: meanOfRanks(updates, f, n - f - 1), kept: [], effectiveParticipants: 1 / trimmedVariance(n, f) };
  },
  pullBack: (updates, { f }, cotangent) => pullThroughRanks(updates, f, updates.length - f - 1, cotangent),
});
