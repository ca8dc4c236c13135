/** @file Static clipping to a given length. */
import { ensureFiniteUpdates, ensureRound } from "../updates";
import { checkedPreAggregation } from "../checked";
import { pullThroughBound } from "../../numerics/clip";
import { shortened, squaredNorms, type Shortened } from "../../numerics/linear";
import type { PreAggregated } from "../preAggregation";

/**
 * Shortens every update to a length of at most C:
 *
 * updates[i] min(1, C / |updates[i]|)
 *
 * One that is short enough is passed on, not copied: updates are read, never written on. Reads clipNorm = C (default 2). Refuses the
 * round when a number is not finite or f >= n/2.
 *
 * @example
 * clipping.transform([Float32Array.of(3, 4), Float32Array.of(0, 1)], { f: 0, clipNorm: 2.5 }).updates[0]; // [1.5, 2]
 * @source Abadi et al. 2016 for single gradients; C = 2 as in byzfl
 */
export const clipping = checkedPreAggregation({
  name: "clipping",
  label: "clipping",
  source: "Abadi et al. 2016",
  reads: ["f", "clipNorm"],
  transform(updates, { f, clipNorm = 2 }) {
    ensureRound("clipping", updates, f);
    const clipped = updates.map((update) => shortened(update, clipNorm));
    if (!clipped.every(({ squared }) => Number.isFinite(squared))) ensureFiniteUpdates("clipping", updates);
    return preAggregated(clipped);
  },
  pullBack(updates, { clipNorm = 2 }, _, cotangents) {
    const norms = squaredNorms(updates).map(Math.sqrt);
    return pullThroughBound({ vectors: updates, norms, bound: clipNorm }, cotangents);
  },
});

/**
 * What clipping gives, from every update after it.
 *
 * @param clipped as `shortened` gives them, [n]
 * @returns the vectors, and each the client's of the same index times its factor
 * @example
 * preAggregated([2, 3].map((x) => shortened(Float32Array.of(x), 2.5))).members; // [[1, 0], [0, 0.8333]]
 */
export function preAggregated(clipped: readonly Pick<Shortened, "vector" | "factor">[]): PreAggregated {
  return {
    updates: clipped.map(({ vector }) => vector),
    members: clipped.map(({ factor }, r) => clipped.map((_, i) => (i === r ? factor : 0))),
  };
}
