/** @file What rules that choose among updates end in. */
import { combine } from "../numerics/linear";
import type { Aggregation } from "./aggregator";

/**
 * The mean of some updates.
 *
 * @param updates [n][d]; unchanged
 * @param kept indices of those that enter, at least one, in any order
 * @returns their mean in a new vector, their indices ascending, and their number as M_eff
 * @example
 * averageOf([1, 2, 6].map((x) => Float32Array.of(x)), [2, 1]).update; // [4]
 */
export function averageOf(updates: readonly Float32Array[], kept: readonly number[]): Aggregation {
  const chosen = new Set(kept);
  const ones = updates.map((_, i) => (chosen.has(i) ? 1 : 0));
  const count = chosen.size;
  return {
    update: combine(updates, ones, count),
    kept: [...chosen].sort((i, j) => i - j),
    effectiveParticipants: count,
    weights: ones.map((one) => one / count),
  };
}
