/** @file The plain mean: no defense (FedAvg, FedSGD). */
import { ensureFiniteUpdates, ensureRound } from "../updates";
import { checkedAggregator } from "../checked";
import { averageOf } from "../average";
import { squaredNorms } from "../../numerics/linear";

/**
 * The arithmetic mean, update = (1/n) sum_i updates[i]; keeps everybody.
 *
 * Sums run in double precision, so the result does not depend on the order of the clients beyond the last digit. Does not read f;
 * refuses the round when a number is not finite.
 *
 * @example
 * mean.aggregate([Float32Array.of(1, 2), Float32Array.of(3, 6)], { f: 0 }).update; // [2, 4]
 * @source McMahan et al. 2017
 */
export const mean = checkedAggregator({
  name: "mean",
  label: "no defense (mean)",
  source: "McMahan et al. 2017",
  reads: [],
  equalWeights: true,
  aggregate(updates) {
    ensureRound("mean", updates);
    const result = averageOf(updates, [...updates.keys()]);
    if (!isFinite(squaredNorms([result.update])[0]!)) ensureFiniteUpdates("mean", updates);
    return result;
  },
  pullBack: "weights",
});
