/** @file What no attacker can do: lower bounds on the error of every reconstruction of the images behind a noisy view. */
import { createHash } from "node:crypto";
import { backendReady } from "../core/backend";
import { ensure, ensureCount, refuse } from "../core/errors";
import { ensureNames } from "../core/known";
import { ensurePixels } from "../core/typed";
import type { Batch } from "../core/types";
import { spent } from "../defense/privacy/spent";
import { divergenceOf } from "../defense/privacy/renyi";
import { checkBatch, type Network } from "../model/network";
import { volume } from "../model/stack";
import { isFiniteVector } from "../numerics/linear";
import { fisherBounds, type FisherBounds } from "./fisherBounds";
import { clipOf, type Clip } from "./forward";
import { priorFactor, type GaussianPrior } from "./gaussianPrior";
import { jacobianOf } from "./jacobian";
import { noiseSeen } from "./noise";
import { isMean } from "./protocol";
import { checkView, type AttackerView } from "./view";

/** What bounds are asked for. */
export interface BoundsOptions {
  /** See gaussianPrior, or the standard deviation of every pixel by itself; default: no vanTrees. */
  readonly prior?: number | GaussianPrior;
  /** Of a coordinate of what the client sees, for a view whose clients add none of their own. */
  readonly noiseStd?: number;
  /** Of Hutchinson's estimator, at least 2; default 16. */
  readonly probes?: number;
  /** Of conjugate gradients, for each probe at most; default 100. */
  readonly iterations?: number;
  /** At which they stop before; default 1e-3. */
  readonly tolerance?: number;
  /** Of the probes, which are others for every truth; default 0. */
  readonly seed?: number;
}

/** Lower bounds on the error of reconstructions from a view; of FisherBounds the estimates are images, the unknowns their pixels. */
export interface Bounds extends FisherBounds {
  /** Of the view. */
  readonly round: number;
  /** The noise s, of a coordinate of the broadcasts' difference that the client sees. */
  readonly noiseStd: number;
  /** The n pixels of all images together. */
  readonly coordinates: number;
  /** 1 / (2 sqrt(e^D - 1)), for unbiased attackers, whatever the images; null without a mechanism. */
  readonly renyi: number | null;
}

const optionNames = ["prior", "noiseStd", "probes", "iterations", "tolerance", "seed"];
const most = 4e6; // weights in a stack of copies: 64 copies of LeNet-5

/**
 * Lower bounds on the error with which the others' images can be reconstructed from a noisy view.
 *
 * A client knows what it sent itself. Of the plain mean of M messages it is left with the sum of the M - 1 others', and the noise
 * of each: N(F(x), s^2) per coordinate, F(x) = sum_m clip(g_m(x)). With the Jacobian J of F at the private images x, all n pixels
 * together, the Fisher information of the images is I = J'J / s^2. Per pixel, of the mean squared error:
 *
 *     trace      >= n / tr I                      unbiased attackers; the cheap one, by tr I^-1 >= n^2 / tr I
 *     cramerRao  >= tr I^-1 / n                   unbiased attackers
 *     vanTrees   >= tr (I + Sigma^-1)^-1 / n      attackers of any kind, on average over images of a prior N(mean, Sigma)
 *     renyi      >= 1 / (4 (e^D - 1))             unbiased attackers, at any images: D the Rényi divergence of order 2 between what is
 *                                                 seen of two images that one client may have, in one round
 *
 * What they do not say. An attacker that clips to [0, 1], has a prior or stops early is biased, and trace, cramerRao and renyi do not
 * bound it, whatever the number of draws: one that answers 1/2 everywhere never errs by more than 1/2. van Trees' inequality has the
 * expectation of I over the prior; here I is taken at the images given (a local, "plug-in" bound), which is exact where F is linear in
 * x. It holds on average over images and noise, not for one of them, and for images that are as the prior says: see gaussianPrior.
 * The labels and which image is whose are granted to the attacker; the choice of the best order after the fact, as matchImages makes
 * it, is not.
 *
 * How they are computed. Traces by Hutchinson's estimator, E z' A z = tr A over z of random signs, with the standard error of its
 * mean; every truth has probes of its own, so that over many views these errors average out. J y and J' v are the engine's R-operators
 * (jacobianOf). Inverses by conjugate gradients, whose values are lower bounds wherever they stop (inverseForms): a large residual makes
 * a bound weaker, never wrong. With Sigma = L L', (I + Sigma^-1)^-1 is L (1 + L' I L)^-1 L', which needs no inverse of Sigma and
 * converges fast where noise hides most directions.
 *
 * Clipping is part of F, with its derivative; under dpSgd each example's. How much a client sees in terms of epsilon, beside what the
 * server does, `spent(…, { observer: "client" })` says.
 *
 * @param view with its protocol, at tau = 1, of a mean without pre-aggregation; what it shows is not read
 * @param truth the others' (M - 1) B private images with their labels, client by client
 * @param options see BoundsOptions
 * @returns the bounds as root mean squared errors in the unit of pixels, to be held against the root of an attack's mean squared error
 * @throws InputError for a view that no round could have shown, or without a protocol; rules other than a mean; tau > 1; noise of unknown
 *   size, or none; images that are not all the others', or not in [0, 1]; options that are unknown or out of range; gradients that
 *   are not finite. No tensor is left then
 * @example
 * const protocol = { ...protocolOf(config), privacy: "localDp", privacyParameters: { ...defaultPrivacy, noiseMultiplier: 0.01 } };
 * const truth = joinBatches(records[0].batches.slice(1).flat());
 * const found = await bounds({ ...view, protocol }, truth, { prior: 0.3, probes: 2, iterations: 3 });
 * found.noiseStd; // 0.00471; 0.01 · 1 · sqrt(2) / 3
 * found.guess; // 0.300
 * found.vanTrees.rmse < 0.3 && found.trace.rmse < found.cramerRao.rmse; // true
 * @source Hannun et al. 2021 (Fisher information of the data); Guo et al. 2022, "Bounding training data reconstruction in private (deep)
 *   learning" (trace and renyi, there with the domain's diameter, 1 here; from Hammersley, Chapman and Robbins, with e^D - 1 the
 *   chi-squared divergence and, for every pixel, an image at least 1/2 away in it); van Trees 1968, Gill and Levit 1995; Hutchinson 1990
 */
export async function bounds(view: AttackerView, truth: Batch, options: BoundsOptions = {}): Promise<Bounds> {
  const fn = "bounds";
  const network = checkView(fn, view);
  ensureNames(fn, "options", options, optionNames);
  const { probes = 16, iterations = 100, tolerance = 1e-3, seed = 0, prior } = options;
  ensureCount(fn, "probes", probes, 2);
  ensureCount(fn, "iterations", iterations);
  ensure(Number.isFinite(tolerance) && tolerance >= 0, fn, "needs a finite tolerance >= 0", tolerance);
  ensure(Number.isInteger(seed), fn, "needs an integer seed", seed);
  const sight = sightOf(view, options.noiseStd);
  const others = (view.numClients - 1) * view.batchSize;
  checkBatch(fn, "truth", network, truth);
  ensure(truth.size === others, fn, `needs the (M - 1) B = ${others} private images of all others`, truth.size);
  ensurePixels(fn, "truth", truth.images);
  await backendReady();

  const count = sight.isPerExample ? others : view.numClients - 1;
  const channel = {
    n: truth.images.length,
    std: sight.std * sight.messages,
    atOnce: Math.max(1, Math.floor(most / (count * network.size))),
    map: (rows: number) => jacobianOf(network, view.weights, truth, { count, clip: sight.clip }, rows),
    ...(prior !== undefined && { factor: () => priorFactor(fn, prior, truth.labels, volume(network.inputShape)) }),
  };
  const found = fisherBounds(channel, { probes, seed: `${seed}/${digestOf(truth.images)}`, iterations, tolerance });
  const isSound = [found.trace, found.cramerRao, ...(found.vanTrees ? [found.vanTrees] : [])].every(({ rmse }) => !Number.isNaN(rmse)); // prettier-ignore
  ensure(isSound, fn, "needs gradients that move by finite amounts with the images", "others", "look at the weights");
  return { round: view.round, noiseStd: sight.std, coordinates: channel.n, ...found, renyi: renyiBound(view, network) };
}

/** Images by their bytes. */
function digestOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

/** What stands between the others' clipped gradients and the client. */
interface Sight {
  /** Of a coordinate of the aggregate. */
  readonly std: number;
  /** By which the aggregate divides the sum of the clipped gradients. */
  readonly messages: number;
  readonly clip: Clip;
  readonly isPerExample: boolean;
}

/** What a client sees of the others: how they clip, and with which noise. */
function sightOf(view: AttackerView, given?: number): Sight {
  const fn = "bounds";
  const { round, protocol, numClients, localSteps, batchSize, ownUpdate } = view;
  if (protocol === undefined) return refuse(fn, "needs a view with its protocol", `one of round ${round} without`, "see protocolOf"); // prettier-ignore
  const { aggregator, preAggregations, privacy } = protocol;
  ensure(isMean(protocol), fn, "needs a plain mean, of whose noise the size is known", [...preAggregations, aggregator].join(" and ")); // prettier-ignore
  ensure(localSteps === 1, fn, "needs one local step, after which noise and images are apart", `tau = ${localSteps}`);
  ensure(numClients >= 2, fn, "needs at least two clients", numClients);
  const { isPerExample, clip } = clipOf(protocol);
  const senders = isFiniteVector(ownUpdate) ? numClients : numClients - 1; // what is not finite was dropped
  const messages = senders * (isPerExample ? batchSize : 1);
  if (privacy === "none") {
    ensure(given !== undefined, fn, "needs noise of known size", 'privacy "none"', "give noiseStd, of a coordinate of what the client sees"); // prettier-ignore
    ensure(Number.isFinite(given) && given! > 0, fn, "needs a finite noiseStd > 0", given);
    return { std: given!, messages, clip, isPerExample };
  }
  ensure(given === undefined, fn, `needs no noiseStd beside that of ${privacy}`, given, "leave it out");
  const std = noiseSeen({ ...view, ownShare: "known", numImages: (numClients - 1) * batchSize });
  ensure(std > 0, fn, "needs noise of known size", "noiseMultiplier 0", "set protocol.privacyParameters.noiseMultiplier"); // prettier-ignore
  return { std, messages, clip, isPerExample };
}

/** Of one image replaced in one round, as the client sees it. */
function renyiBound({ protocol, numClients, batchSize }: AttackerView, { size }: Network): number | null {
  const { privacy, privacyParameters, aggregator, preAggregations } = protocol!;
  if (privacy === "none") return null;
  const shardSizes = new Array<number>(numClients).fill(batchSize); // all of them in the batch
  const run = { rounds: 1, localSteps: 1, batchSize, aggregator, preAggregations, shardSizes, dimension: size };
  const { noiseMultiplier, samplingRate } = spent(privacy, privacyParameters, run, {
    unit: "example",
    observer: "client",
  });
  const divergence = divergenceOf(2, samplingRate, noiseMultiplier, "withoutReplacement");
  return 1 / (2 * Math.sqrt(Math.expm1(divergence)));
}
