/** @file Clipping to a given length. */
import { ensure } from "../core/errors";
import { ensureUpdates } from "./check";
import { combine } from "./linear";
import type { PreAggregated, PreAggregation } from "./preAggregation";

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
export const clipping: PreAggregation = {
  name: "clipping",
  source: "Abadi et al. 2016",
  transform(updates, { f, clipNorm = 2 }) {
    const lengths = ensureUpdates("clipping", updates, f);
    ensure(clipNorm > 0, "clipping", "needs clipNorm > 0", clipNorm);
    return shorten(
      updates,
      lengths.map((squared) => Math.min(1, clipNorm / Math.sqrt(squared))),
    );
  },
};

/**
 * Multiplies every update by a factor of its own.
 *
 * @param updates [n][d]; unchanged
 * @param factors [n], in (0, 1]; where one is 1 the update itself is passed on
 * @returns factors[i] updates[i], and that as their members
 * @example
 * shorten([Float32Array.of(2), Float32Array.of(3)], [0.5, 1]); // { updates: [[1], [3]], members: [[0.5, 0], [0, 1]] }
 */
export function shorten(updates: readonly Float32Array[], factors: readonly number[]): PreAggregated {
  return {
    updates: updates.map((update, i) => (factors[i] === 1 ? update : combine([update], [factors[i]!]))),
    members: updates.map((_, r) => updates.map((_, i) => (i === r ? factors[r]! : 0))),
  };
}
