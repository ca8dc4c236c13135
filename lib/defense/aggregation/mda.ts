/** @file MDA: minimum diameter averaging. */
import { ensureDistances, ensureRound } from "../updates";
import { checkedAggregator } from "../checked";
import { averageOf } from "../average";
import { ensureFewSubsets, smallestSubset } from "../../numerics/subsets";

/**
 * The mean of the n - f updates whose largest distance from each other is smallest; keeps those, of equals the lexicographically
 * first.
 *
 * Tries all subsets, on the distances alone; refuses when there are more than 100,000. Refuses the round when a number is not finite
 * or f >= n/2.
 *
 * @example
 * mda.aggregate([0, 1, 3, 7, 50].map((x) => Float32Array.of(x)), { f: 2 }).kept; // [0, 1, 2]
 * @source Rousseeuw 1985 (minimal volume); El Mhamdi et al. 2021 for gradients
 */
export const mda = checkedAggregator({
  name: "mda",
  label: "MDA",
  source: "El Mhamdi et al. 2021",
  reads: ["f"],
  keeps: (n, { f }) => [n - f],
  aggregate(updates, { f }) {
    const n = updates.length;
    ensureRound("mda", updates, f);
    ensureFewSubsets("mda", n, f);
    const squared = ensureDistances("mda", updates);
    const kept = smallestSubset(n, n - f, (subset, bound) => diameterBelow(bound, subset, squared, n));
    return averageOf(updates, kept);
  },
  pullBack: "weights",
});

/** The largest squared distance in a subset, or, once it is known not to be below the bound, some distance that is not either. */
function diameterBelow(bound: number, subset: readonly number[], squared: Float64Array, n: number): number {
  let diameter = 0;
  for (let at = 1; at < subset.length && diameter < bound; at++) {
    const row = subset[at]! * n;
    for (let before = 0; before < at; before++) diameter = Math.max(diameter, squared[row + subset[before]!]!);
  }
  return diameter;
}
