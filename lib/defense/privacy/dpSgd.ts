/** @file DP-SGD: every example's gradient is clipped, and noise is added to their sum. */
import { ensure, refuse } from "../../core/errors";
import type { Rng } from "../../core/rng";
import type { Batch } from "../../core/types";
import { sliceOf } from "../../data/batch";
import { checkStack, lossAndGradient, type Network } from "../../model/network";
import { localDp } from "./localDp";
import { checkParameters, noiseStd, type Privacy, type PrivacyParameters } from "./privacy";

/** Weights that a chunk of examples may hold in all, each example having its own copy: 64 examples of LeNet-5, 16 MB. */
const CHUNK = 4e6;

/**
 * The private gradients of M clients on a batch each, all examples of all clients stacked.
 *
 *     g_m = (sum_b clip(grad L(w_m; x_b)) + N(0, (sigma C)^2) per coordinate) / B,   clip(u) = u min(1, C / ||u||)
 *
 * The norm is that of the whole vector, not of a layer.
 *
 * @param network the clients' model
 * @param weights w_m, M vectors [d]
 * @param batches M batches of equal size B
 * @param parameters C and sigma; see PrivacyParameters
 * @param rngs one stream a client; one normal is drawn for each coordinate, none without noise
 * @returns M vectors [d], owned by the caller
 * @throws InputError for parameters out of range, counts that disagree, or an example's gradient that is not finite (the client is
 *   named)
 * @example
 * const off = { ...defaultPrivacy, clipNorm: 1e6, noiseMultiplier: 0 };
 * const [gradient] = privateGradients(network, [weights], [batch], off, [rng]);
 * gradient.length; // lossAndGradient(network, [weights], [batch]).gradients[0].length
 * @source Abadi et al. 2016, algorithm 1; batches there are Poisson samples divided by their expected size, ours have a fixed size
 */
export function privateGradients(
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
  parameters: PrivacyParameters,
  rngs: readonly Rng[],
): Float32Array[] {
  const fn = "privateGradients";
  checkParameters(fn, dpSgd, parameters);
  checkStack(fn, network, weights, batches);
  ensure(rngs.length === weights.length, fn, `needs ${weights.length} streams, one a client`, rngs.length);
  const batchSize = batches[0]!.size;
  const std = noiseStd(parameters, batchSize);
  return clippedSums(network, weights, batches, parameters.clipNorm).map((sum, client) => {
    const rng = rngs[client]!;
    return Float32Array.from(sum, (x) => (std > 0 ? x + std * rng.normal() : x) / batchSize);
  });
}

/**
 * The updates of M clients that take private gradient steps from the same weights; DP-SGD's counterpart of localUpdates.
 *
 *     w_(m,0) = w,  w_(m,t+1) = w_(m,t) - eta g_(m,t),  update_m = sum_t g_(m,t),  g_(m,t) as privateGradients at w_(m,t)
 *
 * @param network the model that all clients train
 * @param weights w, [d], as broadcast
 * @param batches [M][tau], of equal size
 * @param learningRate eta > 0
 * @param parameters C and sigma; see PrivacyParameters
 * @param rngs one stream a client, drawn from step by step
 * @returns M vectors [d], owned by the caller
 * @throws InputError as privateGradients
 * @example
 * const [update] = privateUpdates(network, weights, [[batch, batch]], 0.05, defaultPrivacy, [rng]);
 * update.length; // network.size
 * @source Abadi et al. 2016, as the local steps of McMahan et al. 2017
 */
export function privateUpdates(
  network: Network,
  weights: Float32Array,
  batches: readonly (readonly Batch[])[],
  learningRate: number,
  parameters: PrivacyParameters,
  rngs: readonly Rng[],
): Float32Array[] {
  const localSteps = batches[0]?.length ?? 0;
  const isEven = localSteps >= 1 && batches.every((own) => own.length === localSteps);
  const counts = batches.map((own) => own.length);
  ensure(isEven, "privateUpdates", "needs at least one client, and batches for as many steps of each", counts);
  let local = batches.map(() => weights);
  const updates = batches.map(() => new Float32Array(weights.length));
  for (let t = 0; t < localSteps; t++) {
    const step = batches.map((own) => own[t]!);
    const gradients = privateGradients(network, local, step, parameters, rngs);
    gradients.forEach((gradient, m) => gradient.forEach((g, i) => (updates[m]![i]! += g)));
    if (t + 1 < localSteps) local = local.map((w, m) => w.map((x, i) => x - learningRate * gradients[m]![i]!));
  }
  return updates;
}

/**
 * DP-SGD: every local step releases the noised sum of a batch's clipped gradients. A replaced example moves it by 2 C, a replaced
 * client by 2 C B. At tau > 1 a client's later steps follow its own noise, so noises of others do not lie over them.
 *
 * A poisoned sum of tau steps without noise is sent within the bound of such a sum and with its noise:
 *
 *     clip(update, tau C) + N(0, tau (sigma C / B)^2) per coordinate
 *
 * @source Abadi et al. 2016
 */
export const dpSgd: Privacy = {
  name: "dpSgd",
  label: "DP-SGD",
  unit: "example",
  source: "Abadi et al. 2016",
  clips: "example",
  clippings: ["norm"],
  noiseScales: ["clipNorm"],
  stream: "DP-SGD",
  localUpdates: ({ network, weights, batches, learningRate }, parameters, rngs) =>
    privateUpdates(network, weights, batches, learningRate, parameters, rngs),
  protect(update, parameters, { localSteps, batchSize }, rng) {
    const clipNorm = localSteps * parameters.clipNorm;
    const noiseMultiplier = parameters.noiseMultiplier / (batchSize * Math.sqrt(localSteps)); // sigma C sqrt(tau) / B in all
    return localDp(update, { ...parameters, clipNorm, noiseMultiplier }, batchSize, rng);
  },
  stepNoise: (parameters, batchSize) => noiseStd(parameters, batchSize) / batchSize,
  released: (_, { rounds, localSteps, batchSize, shardSizes }, unit) => ({
    releases: rounds * localSteps,
    reach: unit === "example" ? 1 : batchSize,
    inRelease: batchSize / Math.min(...shardSizes),
    addUp: localSteps === 1,
  }),
};

/** sum_b clip(grad L(w_m; x_b)) for every client m. */
function clippedSums(
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
  clipNorm: number,
): Float64Array[] {
  const sums = weights.map(() => new Float64Array(network.size));
  const examples = batches.flatMap((batch, client) => apart(batch).map((example) => ({ client, example })));
  const atOnce = Math.max(1, Math.floor(CHUNK / network.size));
  for (let from = 0; from < examples.length; from += atOnce) {
    const chunk = examples.slice(from, from + atOnce);
    const { gradients } = lossAndGradient(
      network,
      chunk.map(({ client }) => weights[client]!),
      chunk.map(({ example }) => example),
    );
    for (const [s, gradient] of gradients.entries()) {
      const { client } = chunk[s]!;
      const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)); // in double precision
      if (!Number.isFinite(norm)) {
        const got = `one of norm ${norm} from client ${client}`;
        refuse("privateGradients", "needs finite gradients of every example", got, "lower the learningRate");
      }
      const factor = Math.min(1, clipNorm / norm);
      const sum = sums[client]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += factor * gradient[i]!;
    }
  }
  return sums;
}

/** A batch as batches of one image. */
function apart(batch: Batch): Batch[] {
  return Array.from({ length: batch.size }, (_, b) => sliceOf(batch, b, 1));
}
