/** @file What secure aggregation changes: nothing for the client, everything for the server. */
import type { Dataset } from "../core/types";
import { localUpdates } from "../fl/client";
import type { FederationConfig } from "../fl/config";
import { aggregateMasked, maskUpdates } from "../fl/secureAggregation";
import { drawBatches, firstBroadcast, setUp } from "../fl/federation";
import { stepAgainst } from "../fl/train";
import { mean } from "../defense/aggregation/mean";
import { broadcastDifference } from "../reconstruction/observe";

/** The first round of a seed, with and without masks. */
export type MaskingCheck = {
  /** Of the run. */
  readonly seed: number;
  /** ||g_masked - g|| / ||g|| of the gradient that the client observes. */
  readonly gradientDifference: number;
  /** Largest |correlation| over clients of what the server receives with the true update: 1. */
  readonly plainCorrelation: number;
  /** The same under masks. */
  readonly maskedCorrelation: number;
};

/** A setting and its seeds. */
export interface MaskingPlan {
  /** The setting, whose first round is played; its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** One check per seed; integers, each once. */
  readonly seeds: readonly number[];
}

/**
 * Measures the first round of a plan's seed; see compareMasking.
 *
 * @param plan its federation carries the seed
 * @param dataset as loadDataset gives it
 * @returns what the client and the server see
 * @example
 * measureMasking({ federation: config, seeds: [1] }, dataset).gradientDifference < 1e-4; // true
 */
export function measureMasking({ federation: config }: MaskingPlan, dataset: Dataset): MaskingCheck {
  const federation = setUp(config, dataset);
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
    seed: config.seed,
    gradientDifference: norm(plain.map((g, i) => g - hidden[i]!)) / norm(plain),
    plainCorrelation: strongest(updates),
    maskedCorrelation: strongest(masked),
  };
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
