/** @file The mean around the median. */
import { ensureUpdates } from "./check";
import { checkedAggregator } from "./checked";
import { meanAroundMedian } from "./columns";

/**
 * The mean of the n - f values of every coordinate that are nearest to its median; of two equally far ones the lower stays.
 *
 * No client is kept or left out; M_eff is the number of updates that enter each coordinate, n - f. Refuses the round when a number
 * is not finite or f >= n/2.
 *
 * @example
 * meaMed.aggregate([1, 2, 6, 50].map((x) => Float32Array.of(x)), { f: 1 }).update; // [3]; nearest to the median 4 are 1, 2 and 6
 * @source Xie, Koyejo and Gupta 2018 (generalized Byzantine-tolerant SGD)
 */
export const meaMed = checkedAggregator({
  name: "meaMed",
  source: "Xie et al. 2018",
  reads: ["f"],
  aggregate(updates, { f }) {
    ensureUpdates("meaMed", updates, f);
    const count = updates.length - f;
    return { update: meanAroundMedian(updates, count), kept: [], effective: count };
  },
});
