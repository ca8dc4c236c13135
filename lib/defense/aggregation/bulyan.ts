/** @file Bulyan: Krum over and over, then a mean around the median. */
import type { AggregationParameters } from "../aggregator";
import { checkedAggregator } from "../checked";
import { meanAroundMedian, pullAroundMedian } from "../../numerics/columns";
import { ensureKrum, krumScores } from "../krumScores";
import { nearestVariance } from "../../numerics/normalOrder";
import { ascending } from "../../numerics/order";
import { ensureDistances } from "../updates";

/**
 * Krum over and over selects n - 2f updates, each time among those left; then, of every coordinate, the mean of the n - 4f selected
 * values nearest to their median.
 *
 * Keeps the selected; M_eff is that of the second step alone, see nearestVariance: with many coordinates the choice of the selected
 * says next to nothing of a single one. Needs n >= 4f + 3. Reads neighbours, see
 * krum. Refuses the round when a number is not finite.
 *
 * @example
 * bulyan.aggregate([0, 1, 2, 4, 5, 9, 50].map((x) => Float32Array.of(x)), { f: 1 }).kept; // [0, 1, 2, 3, 4]
 * @source El Mhamdi, Guerraoui and Rouault 2018. Towards the end fewer than 2f + 3 are left: an update is then judged by its nearest
 *   other at least, which is our choice
 */
export const bulyan = checkedAggregator({
  name: "bulyan",
  label: "Bulyan",
  source: "El Mhamdi et al. 2018",
  reads: ["f", "neighbours"],
  aggregate(updates, options) {
    const n = updates.length;
    const { f } = options;
    const kept = select(updates, options);
    const selected = kept.map((i) => updates[i]!);
    const effectiveParticipants = 1 / nearestVariance(n - 2 * f, n - 4 * f);
    return { update: meanAroundMedian(selected, n - 4 * f), kept, effectiveParticipants };
  },
  pullBack(updates, options, cotangent) {
    const kept = select(updates, options);
    const selected = kept.map((i) => updates[i]!);
    const pulled = pullAroundMedian(selected, updates.length - 4 * options.f, cotangent);
    return updates.map(({ length }, i) => pulled[kept.indexOf(i)] ?? new Float32Array(length));
  },
});

/** The n - 2f that Krum selects, one after the other; ascending. */
function select(updates: readonly Float32Array[], options: Pick<AggregationParameters, "f" | "neighbours">): number[] {
  const { f } = options;
  const further = ensureKrum("bulyan", updates, options, [4, 3]);
  const squared = ensureDistances("bulyan", updates);
  let left = [...updates.keys()];
  const kept: number[] = [];
  while (kept.length < updates.length - 2 * f) {
    const neighbours = Math.max(1, left.length - f - further);
    const [best] = ascending(krumScores(squared, left, neighbours));
    kept.push(left[best!]!);
    left = left.filter((_, at) => at !== best);
  }
  return kept.sort((i, j) => i - j);
}
