/** @file Local differential privacy: a client bounds its whole update and adds noise before it sends it. */
import { ensureCount } from "../../core/errors";
import type { Rng } from "../../core/rng";
import { clipElementwise, clipToNorm } from "../../numerics/clip";
import { checkParameters, noiseStd, type Privacy, type PrivacyParameters } from "./privacy";

/**
 * A client's update as local DP sends it.
 *
 *     sent = clip(update) + N(0, s^2) per coordinate
 *     clipping "norm":         update min(1, C / ||update||)      "elementwise":           min(C, max(-C, update_i))
 *     noiseScale "clipNorm":   s = sigma C                        "sensitivityOverBatch":  s = sigma 2 C / B
 *
 * The guarantee is about whole updates: whatever two data sets a client may have, its message under one is hardly told from that
 * under the other. Two clipped updates lie up to 2 C apart ("norm"), so the noise multiplier is s / (2 C): sigma / 2, or
 * sigma / B. With "elementwise" they lie up to 2 C sqrt(d) apart; sigma / (B sqrt(d)) is then what the authors' form comes to:
 * its 2 C / B would be the step of one example in B, had each example's gradient been clipped, and to a norm. See spent.
 *
 * @param update [d], finite: a gradient, or the sum of a client's local gradients
 * @param parameters C, sigma, clipping and noiseScale; see PrivacyParameters
 * @param batchSize B, images in one local step; read by "sensitivityOverBatch"
 * @param rng the client's stream of this round; one normal is drawn for each coordinate, none without noise
 * @returns [d], owned by the caller; the update stays as it is
 * @throws InputError for parameters out of range, or an update that is not finite
 * @example
 * const parameters = { ...defaultPrivacy, clipNorm: 0.5, noiseMultiplier: 0 };
 * localDp(Float32Array.of(3, 4), parameters, 1, createRng(1)); // [0.3000, 0.4000]
 * @source Duchi, Jordan and Wainwright 2013 (the model); the authors' form is "elementwise" with "sensitivityOverBatch" (the first
 * author's public code, C = 1, sigma = 10, B = 100, where it is applied to the batch gradient of every local step)
 */
export function localDp(
  update: Float32Array,
  parameters: PrivacyParameters,
  batchSize: number,
  rng: Rng,
): Float32Array {
  checkParameters("localDp", localDpMechanism, parameters);
  ensureCount("localDp", "batchSize", batchSize);
  const { clipNorm, clipping = "norm" } = parameters;
  const sent = clipping === "norm" ? clipToNorm(update, clipNorm) : clipElementwise(update, clipNorm);
  const std = noiseStd(parameters, batchSize);
  if (std > 0) for (let i = 0; i < sent.length; i++) sent[i]! += std * rng.normal();
  return sent;
}

/**
 * Local differential privacy: every message is clipped and noised as a whole, so it is one release, in which a given example is unless it
 * was in none of the round's tau batches. One unclipped example can turn an update right round, hence the same reach for both units: 2 C,
 * or with "elementwise" the width 2 C sqrt(d) of its box.
 *
 * @source Duchi, Jordan and Wainwright 2013 (local privacy)
 */
export const localDpMechanism: Privacy = {
  name: "localDp",
  label: "local DP",
  unit: "update",
  source: "Duchi, Jordan and Wainwright 2013 (local privacy)",
  clips: "update",
  clippings: ["norm", "elementwise"],
  noiseScales: ["clipNorm", "sensitivityOverBatch"],
  stream: "local DP",
  protect: (update, parameters, { batchSize }, rng) => localDp(update, parameters, batchSize, rng),
  stepNoise: noiseStd,
  released: ({ clipping = "norm" }, { rounds, localSteps, batchSize, shardSizes, dimension }) => ({
    releases: rounds,
    reach: clipping === "norm" ? 1 : Math.sqrt(dimension),
    inRelease: 1 - (1 - batchSize / Math.min(...shardSizes)) ** localSteps,
    addUp: true,
  }),
};
