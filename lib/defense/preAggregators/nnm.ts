/** @file NNM: nearest neighbour mixing. */
import { ensureDistances, ensureRound } from "../updates";
import { checkedPreAggregation } from "../checked";
import { averageOf } from "../average";
import { ascending } from "../../numerics/order";

/**
 * Every update becomes the mean of itself and its n - f - 1 nearest others; of equally near ones the first.
 *
 * Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * nnm.transform([0, 1, 50].map((x) => Float32Array.of(x)), { f: 1 }).updates[1]; // [0.5]
 * @source Allouah et al. 2023 (fixing by mixing)
 */
export const nnm = checkedPreAggregation({
  name: "nnm",
  label: "nearest-neighbour mixing",
  source: "Allouah et al. 2023",
  reads: ["f"],
  transform(updates, { f }) {
    ensureRound("nnm", updates, f);
    const n = updates.length;
    const squared = ensureDistances("nnm", updates);
    const mixed = updates.map((_, i) => {
      const distances = [...squared.subarray(i * n, (i + 1) * n)];
      distances[i] = -1; // itself before any that is equal to it
      return averageOf(updates, ascending(distances).slice(0, n - f));
    });
    return { updates: mixed.map(({ update }) => update), members: mixed.map(({ weights }) => weights!) };
  },
  pullBack: "members",
});
