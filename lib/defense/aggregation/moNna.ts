/** @file MoNNA, mean of nearest neighbours: the mean of a trusted client's nearest neighbours. */
import { refuse } from "../../core/errors";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { averageOf } from "../average";
import { squaredNorms } from "../../numerics/linear";
import { ascending } from "../../numerics/order";

/**
 * The mean of the n - f updates nearest to the trusted client's, its own included; keeps those, of equally near ones the first.
 *
 * Reads trusted, which has no default: whom to trust is not for the rule to guess. Refuses the round when a number is not finite or
 * f >= n/2.
 *
 * @example
 * moNna.aggregate([0, 1, 3, 7, 50].map((x) => Float32Array.of(x)), { f: 2, trusted: 2 }).kept; // [0, 1, 2]
 * @source Farhadkhani et al. 2023; there every client aggregates for itself and trusts its own, here the server trusts one client
 */
export const moNna = checkedAggregator({
  name: "moNna",
  label: "MoNNA",
  source: "Farhadkhani et al. 2023",
  reads: ["f", "trusted"],
  keeps: (n, { f }) => [n - f],
  aggregate(updates, { f, trusted }) {
    const n = updates.length;
    ensureUpdates("moNna", updates, f);
    if (trusted === undefined) refuse("moNna", `needs trusted, the index of a client in 0..${n - 1}`, "none");
    const distances = squaredNorms(updates, updates[trusted]);
    distances[trusted] = -1; // itself before any that is equal to it
    return averageOf(updates, ascending(distances).slice(0, n - f));
  },
  pullBack: "weights",
});
