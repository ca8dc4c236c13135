/** @file Adaptive robust clipping. */
import { ensureUpdates } from "../updates";
import { checkedPreAggregation } from "../checked";
import { preAggregated } from "./clipping";
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
  source: "Allouah et al. 2025",
  reads: ["f"],
  transform(updates, { f }) {
    const n = updates.length;
    const norms = ensureUpdates("arc", updates, f).map(Math.sqrt);
    const longest = norms[ascending(norms)[n - 1 - Math.floor((2 * f * (n - f)) / n)]!]!;
    return preAggregated(
      updates.map((update, i) => (norms[i]! > longest ? shortened(update, longest) : { vector: update, factor: 1 })),
    );
  },
});
