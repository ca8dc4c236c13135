/** @file Krum: Byzantine-tolerant selection of one update. */
import { checkedAggregator } from "../checked";
import { ensureKrum, krumScores } from "../krumScores";
import { averageOf } from "../average";
import { ascending } from "../../numerics/order";
import { ensureDistances } from "../updates";

/**
 * The one update whose nearest others are nearest:
 *
 * argmin_i sum of the n - f - 2 smallest |updates[i] - updates[j]|^2, j != i
 *
 * Keeps that one; of equals the first. Reads neighbours: "n-f-2" (default) needs n >= 2f + 3, "n-f-1" needs n >= 2f + 1. Refuses the
 * round when a number is not finite.
 *
 * @example
 * krum.aggregate([0, 1, 3, 7, 50].map((x) => Float32Array.of(x)), { f: 1 }).kept; // [1]
 * @source Blanchard et al. 2017; "n-f-1" is Farhadkhani et al. 2022, who count the update itself among its n - f nearest
 */
export const krum = checkedAggregator({
  name: "krum",
  label: "Krum",
  source: "Blanchard et al. 2017",
  reads: ["f", "neighbours"],
  keeps: () => [1],
  aggregate(updates, options) {
    const neighbours = updates.length - options.f - ensureKrum("krum", updates, options);
    const scores = krumScores(ensureDistances("krum", updates), [...updates.keys()], neighbours);
    return averageOf(updates, ascending(scores).slice(0, 1));
  },
  pullBack: "weights",
});
