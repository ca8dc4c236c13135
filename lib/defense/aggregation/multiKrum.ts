/** @file Multi-Krum: the mean of the n - f updates that Krum ranks first. */
import { checkedAggregator } from "../checked";
import { ensureKrum, krumScores } from "../krumScores";
import { averageOf } from "../average";
import { ascending } from "../../numerics/order";
import { ensureDistances } from "../updates";

/**
 * The mean of the n - f updates with the lowest Krum scores, which are computed once; keeps those, of equals the first.
 *
 * Reads neighbours: "n-f-2" (default) needs n >= 2f + 3, "n-f-1" needs n >= 2f + 1. Refuses the round when a number is not finite.
 *
 * @example
 * multiKrum.aggregate([0, 1, 3, 7, 50].map((x) => Float32Array.of(x)), { f: 1 }).kept; // [0, 1, 2, 3]
 * @source Blanchard et al. 2017; their m is n - f here
 */
export const multiKrum = checkedAggregator({
  name: "multiKrum",
  label: "Multi-Krum",
  source: "Blanchard et al. 2017",
  reads: ["f", "neighbours"],
  keeps: (n, { f }) => [n - f],
  aggregate(updates, options) {
    const n = updates.length;
    const neighbours = n - options.f - ensureKrum("multiKrum", updates, options);
    const scores = krumScores(ensureDistances("multiKrum", updates), [...updates.keys()], neighbours);
    return averageOf(updates, ascending(scores).slice(0, n - options.f));
  },
  pullBack: "weights",
});
