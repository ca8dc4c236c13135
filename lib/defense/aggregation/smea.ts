/** @file SMEA: smallest maximum eigenvalue averaging. */
import { ensureDistances, ensureRound } from "../updates";
import { checkedAggregator } from "../checked";
import { averageOf } from "../average";
import { spreadOf } from "../../numerics/principalVariance";
import { ensureFewSubsets, smallestSubset } from "../../numerics/subsets";

/**
 * The mean of the n - f updates whose covariance has the smallest largest eigenvalue; keeps those, of equals the lexicographically
 * first.
 *
 * Tries all subsets, on the distances alone; refuses when there are more than 100,000. Refuses the round when a number is not finite
 * or f >= n/2.
 *
 * @example
 * smea.aggregate([0, 1, 3, 7, 50].map((x) => Float32Array.of(x)), { f: 2 }).kept; // [0, 1, 2]
 * @source Allouah et al. 2023 (robust distributed learning: tight error bounds); the eigenvalue is exact, so nothing depends on
 *   chance
 */
export const smea = checkedAggregator({
  name: "smea",
  label: "SMEA",
  source: "Allouah et al. 2023",
  reads: ["f"],
  keeps: (n, { f }) => [n - f],
  aggregate(updates, { f }) {
    const n = updates.length;
    ensureRound("smea", updates, f);
    ensureFewSubsets("smea", n, f);
    const squared = ensureDistances("smea", updates);
    const weights = updates.map(() => 0);
    const kept = smallestSubset(n, n - f, (subset) => {
      weights.fill(0);
      for (const i of subset) weights[i] = 1;
      return spreadOf(squared, weights).variance;
    });
    return averageOf(updates, kept);
  },
  pullBack: "weights",
});
