/** @file MeaMed: the mean around the median. */
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { meanAroundMedian, pullAroundMedian } from "../../numerics/columns";
import { nearestVariance } from "../../numerics/normalOrder";

/**
 * The mean of the n - f values of every coordinate that are nearest to its median; of two equally far ones the lower stays.
 *
 * No client is kept or left out; M_eff is 1 over the rule's variance for n standard normals, see nearestVariance, which is less than
 * the n - f that enter each coordinate, and less than the median has: 5.3 of ten with f = 3. Refuses the round when a number is not
 * finite or f >= n/2.
 *
 * @example
 * meaMed.aggregate([1, 2, 6, 50].map((x) => Float32Array.of(x)), { f: 1 }).update; // [3]; nearest to the median 4 are 1, 2 and 6
 * @source Xie, Koyejo and Gupta 2018 (generalized Byzantine-tolerant SGD)
 */
export const meaMed = checkedAggregator({
  name: "meaMed",
  label: "MeaMed",
  source: "Xie et al. 2018",
  reads: ["f"],
  byRank: true,
  aggregate(updates, { f }) {
    ensureUpdates("meaMed", updates, f);
    const n = updates.length;
    return { update: meanAroundMedian(updates, n - f), kept: [], effectiveParticipants: 1 / nearestVariance(n, n - f) };
  },
  pullBack: (updates, { f }, cotangent) => pullAroundMedian(updates, updates.length - f, cotangent),
});
