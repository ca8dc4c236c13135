/** @file ARC: adaptive robust clipping. */
import { ensureUpdates } from "../updates";
import { checkedPreAggregation } from "../checked";
import { preAggregated } from "./clipping";
import { pullThroughBound } from "../../numerics/clip";
import { shortened } from "../../numerics/linear";
import { ascending } from "../../numerics/order";

/**
 * Adaptive robust clipping: shortens the floor(2 f (n - f) / n) longest updates to the length of the next longest.
 *
 * The others are passed on, not copied: updates are read, never written on. Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * arc.transform([1, -2, 4, 8].map((x) => Float32Array.of(x)), { f: 1 }).updates[3]; // [4]; floor(2 (4 - 1) / 4) = 1 is shortened
 * @source Allouah et al. 2025 (adaptive gradient clipping for robust federated learning)
 */
export const arc = checkedPreAggregation({
  name: "arc",
  label: "adaptive clipping (ARC)",
  source: "Allouah et al. 2025",
  reads: ["f"],
  transform(updates, { f }) {
    const norms = ensureUpdates("arc", updates, f).map(Math.sqrt);
    const longest = norms[longestLeft(norms, f)]!;
    return preAggregated(
      updates.map((update, i) => (norms[i]! > longest ? shortened(update, longest) : { vector: update, factor: 1 })),
    );
  },
  pullBack(updates, { f }, _, cotangents) {
    const norms = ensureUpdates("arc", updates, f).map(Math.sqrt);
    const longest = longestLeft(norms, f);
    const shares = norms.map((_, i) => (i === longest ? 1 : 0));
    return pullThroughBound({ vectors: updates, norms, bound: norms[longest]!, shares }, cotangents);
  },
});

/** The longest update that is not shortened. */
function longestLeft(norms: readonly number[], f: number): number {
  const n = norms.length;
  return ascending(norms)[n - 1 - Math.floor((2 * f * (n - f)) / n)]!;
}
