/** @file DP-SGD: every example's gradient is clipped, and noise is added to their sum. */
import { dispose, tf, tidy } from "../core/backend";
import { ensure, refuse } from "../core/errors";
import { sumPerReplica } from "../core/ops";
import type { Rng } from "../core/rng";
import type { Batch } from "../core/types";
import {
  checkStack,
  differentiate,
  packWeights,
  stackImages,
  stackTargets,
  stackVectors,
  unpackWeights,
  unstackVectors,
  volume,
  type Network,
} from "../model/network";
import { checkPrivacy, noiseStd, type PrivacyParameters } from "./privacy";

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
  checkPrivacy(fn, "dpSgd", parameters);
  checkStack(fn, network, weights, batches);
  ensure(rngs.length === weights.length, fn, `needs ${weights.length} streams, one a client`, rngs.length);
  const batchSize = batches[0]!.size;
  const std = noiseStd(parameters, batchSize);
  const sums = clippedSums(network, weights, batches, parameters.clipNorm);
  for (const [client, sum] of sums.entries()) {
    const rng = rngs[client]!;
    for (let i = 0; i < sum.length; i++) sum[i] = (std > 0 ? sum[i]! + std * rng.normal() : sum[i]!) / batchSize;
  }
  return sums;
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
    gradients.forEach((gradient, m) => addTo(updates[m]!, gradient));
    if (t + 1 < localSteps) local = local.map((w, m) => w.map((x, i) => x - learningRate * gradients[m]![i]!));
  }
  return updates;
}

/** sum_b clip(grad L(w_m; x_b)) for every client m. */
function clippedSums(
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
  clipNorm: number,
): Float32Array[] {
  const { layer, inputShape, numClasses, size: d } = network;
  const pixels = volume(inputShape);
  const examples = batches.flatMap(({ images, labels, size }, client) =>
    Array.from({ length: size }, (_, b) => ({
      client,
      image: images.subarray(b * pixels, (b + 1) * pixels),
      label: labels.subarray(b, b + 1),
    })),
  );
  const sums = weights.map(() => new Float32Array(d));
  const all = tidy(() => unpackWeights(layer, stackVectors(weights)));
  try {
    const atOnce = Math.max(1, Math.floor(CHUNK / d));
    for (let from = 0; from < examples.length; from += atOnce) {
      const chunk = examples.slice(from, from + atOnce);
      const owners = chunk.map(({ client }) => client);
      const clients = [...new Set(owners)];
      const found = tidy(() => {
        const own = tf.tensor1d(owners, "int32");
        const { gradients } = differentiate(
          network,
          all.map((w) => tf.gather(w, own)),
          stackImages(
            chunk.map(({ image }) => image),
            inputShape,
          ),
          stackTargets(
            chunk.map(({ label }) => label),
            numClasses,
          ),
        );
        // Rows first: the wasm backend adds a million float32 one after the other, and loses four digits.
        const squares = gradients.weights.map((g) => sumPerReplica(tf.sum(tf.square(g), -1)));
        const norms = tf.sqrt(tf.addN(squares)).dataSync();
        const bad = norms.findIndex((norm) => !Number.isFinite(norm));
        if (bad >= 0) {
          const got = `one of norm ${norms[bad]} from client ${owners[bad]}`;
          refuse("privateGradients", "needs finite gradients of every example", got, "lower the learningRate");
        }
        // One matrix product clips and sums: row m holds the factors of the examples of client m, and zeros.
        const factors = clients.map((client) =>
          owners.map((owner, s) => (owner === client ? Math.min(1, clipNorm / norms[s]!) : 0)),
        );
        return tf.matMul(tf.tensor2d(factors), packWeights(layer, gradients.weights));
      });
      unstackVectors(found).forEach((part, row) => addTo(sums[clients[row]!]!, part));
      found.dispose();
    }
  } finally {
    dispose(all);
  }
  return sums;
}

function addTo(sum: Float32Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
}
