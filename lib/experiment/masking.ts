/** @file What secure aggregation changes: nothing for the client, everything for the server. */
import { backendReady } from "../core/backend";
import { ensureSeeds } from "../core/known";
import type { Dataset } from "../core/types";
import { localUpdates } from "../fl/client";
import type { FederationConfig } from "../fl/config";
import { aggregateMasked, maskUpdates } from "../fl/secureAggregation";
import { drawBatches, firstBroadcast, setUp } from "../fl/federation";
import { stepAgainst } from "../fl/train";
import { mean } from "../defense/mean";
import { broadcastDifference } from "../reconstruction/observe";

/** The first round of a seed, with and without masks. */
export type MaskingCheck = {
  readonly seed: number;
  readonly gradientDifference: number; // ||g_masked - g|| / ||g|| of the gradient that the client observes
  readonly plainCorrelation: number; // largest |correlation| over clients of what the server receives with the true update: 1
  readonly maskedCorrelation: number; // the same under masks
};

/**
 * Compares the first round with and without secure aggregation, from both sides.
 *
 * @param config its seed is replaced by each of the seeds
 * @param dataset as loadDataset gives it
 * @param seeds at least one, none twice
 * @returns one check a seed
 * @throws InputError for no seed, or one twice
 * @example
 * const [check] = await compareMasking(config, dataset, [1]);
 * check.gradientDifference < 1e-4; // true
 * @source the paper's section 4.1: secure aggregation hides updates from the server, not the broadcast from the client
 */
export async function compareMasking(
  config: FederationConfig,
  dataset: Dataset,
  seeds: readonly number[],
): Promise<MaskingCheck[]> {
  ensureSeeds("compareMasking", seeds);
  await backendReady();
  return seeds.map((seed) => {
    const federation = setUp({ ...config, seed }, dataset);
    const { network, rng } = federation;
    const weights = firstBroadcast(federation);
    const updates = localUpdates(network, weights, drawBatches(federation, dataset, 0), config.learningRate);
    const masked = maskUpdates(updates, rng.split("masks", 0));
    const observed = (update: Float32Array): Float32Array =>
      broadcastDifference(weights, stepAgainst(weights, update, config.learningRate), config.learningRate);
    const plain = observed(mean.aggregate(updates, { f: 0 }).update);
    const hidden = observed(aggregateMasked(masked));
    const strongest = (received: readonly ArrayLike<number>[]): number =>
      Math.max(...updates.map((update, m) => Math.abs(correlation(update, received[m]!))));
    return {
      seed,
      gradientDifference: norm(plain.map((g, i) => g - hidden[i]!)) / norm(plain),
      plainCorrelation: strongest(updates),
      maskedCorrelation: strongest(masked),
    };
  });
}

function norm(x: Float32Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}

/** Pearson's correlation of two vectors of one length. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const average = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, value) => sum + value, 0) / x.length;
  const [meanA, meanB] = [average(a), average(b)];
  let [product, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [a[i]! - meanA, b[i]! - meanB];
    product += da * db;
    squareA += da * da;
    squareB += db * db;
  }
  return product / Math.sqrt(squareA * squareB);
}
