/** @file What the maliciously curious client knows, and whether a record of it can be true. */
import { ensureKnown } from "../core/known";
import { ensure, ensureCount } from "../core/errors";
import { ensureFloats, ensureVector } from "../core/typed";
import type { Batch, Shape } from "../core/types";
import { architectures } from "../model/architectures";
import { buildNetwork, type ModelSpec } from "../model/buildNetwork";
import { activationNames, type ActivationName } from "../model/layers/activation";
import { poolingNames, type PoolingName } from "../model/layers/pooling";
import type { Normalization } from "../model/layers/shape";
import { checkBatch, type Network } from "../model/network";
import { isFiniteVector } from "../numerics/linear";
import { checkProtocol, isPlainMean, type Protocol } from "./protocol";

/** All that the maliciously curious client may know. */
export interface AttackerView {
  /** k, the round. */
  readonly round: number;
  /** Of the model that clients train: a name, or its layers. */
  readonly architecture: ModelSpec;
  /** Of that model, where it has a name. */
  readonly activation: ActivationName;
  /** Of that model, where it has a name. */
  readonly pooling: PoolingName;
  /** What that model does to images before its first layer; images here are in [0, 1] all the same. */
  readonly normalize?: Normalization;
  /** [C, H, W]. */
  readonly inputShape: Shape;
  /** Of the dataset. */
  readonly numClasses: number;
  /** w^(k) as broadcast, [d]. */
  readonly weights: Float32Array;
  /** (w^(k) - w^(k+1)) / eta, [d]. */
  readonly observedGradient: Float32Array;
  /** What it sent itself, [d]; a poison need not be finite. */
  readonly ownUpdate: Float32Array;
  /** Its own images of the round. */
  readonly ownBatch: Batch;
  /** B, per client and local step. */
  readonly batchSize: number;
  /** M, clients of the federation. */
  readonly numClients: number;
  /** tau, gradient steps of a client in a round. */
  readonly localSteps: number;
  /** eta, of clients and server. */
  readonly learningRate: number;
  /** mu in [0, 1) of a client's local steps, from 0 in each round: m_t = mu m_(t-1) + g_t; default 0. */
  readonly momentum?: number;
  /** Batches that a client has, 1..tau, of which step t takes number t mod this; default tau: every step has its own. */
  readonly localBatches?: number;
  /** What a client's update weighs in the mean, [M] numbers > 0 of any sum, in the order of the clients; default: all alike. */
  readonly clientWeights?: readonly number[];
  /** Images that the attacker takes to be behind observedGradient: M·tau·B unless it knows better. */
  readonly numImages: number;
  /** How the round was aggregated, where the client knows it. */
  readonly protocol?: Protocol;
  /** The aggregate before this round's, [d], as the last broadcasts showed it; null before the first. */
  readonly previous?: Float32Array | null;
  /** Whether its own images count among numImages; default "counted". */
  readonly ownShare?: OwnShare;
}

/**
 * Where the attacker's own share is: its images are among numImages ("counted"), it was subtracted from observedGradient ("out"), or it
 * is in there but no question, as ownUpdate is known ("known").
 */
export type OwnShare = "counted" | "out" | "known";

/**
 * Whether the attacker's own update is in what a view shows, known and not taken out: what is not finite was dropped.
 *
 * @param view as observe or knowingOwnShare gives it
 * @returns false where its images count among the unknown ones, or its share is out
 * @example
 * isOwnIn(view); // false; it counts among the unknown
 */
export function isOwnIn({ ownShare, ownUpdate }: AttackerView): boolean {
  return ownShare === "known" && isFiniteVector(ownUpdate);
}

/**
 * Images that a client trains on in a round.
 *
 * @param view any
 * @returns B times the batches that it has: tau, where every step has its own
 * @example
 * imagesPerClient({ localSteps: 5, localBatches: 1, batchSize: 4 }); // 4
 */
export function imagesPerClient(view: Pick<AttackerView, "localSteps" | "localBatches" | "batchSize">): number {
  return (view.localBatches ?? view.localSteps) * view.batchSize;
}

/**
 * What the clients whose images a view is asked for weigh in the mean.
 *
 * @param view with a protocol, where it has clientWeights
 * @returns their shares, of sum 1, in the order of the clients; undefined where all weigh alike
 * @example
 * clientShares(view); // undefined
 */
export function clientShares({ clientWeights, ownShare = "counted", protocol }: AttackerView): number[] | undefined {
  if (clientWeights === undefined) return undefined;
  const own = protocol!.maliciouslyCuriousClient;
  const asked = clientWeights.filter((_, client) => ownShare === "counted" || client !== own);
  const sum = asked.reduce((all, w) => all + w, 0);
  return asked.map((w) => w / sum);
}

/**
 * How many gradients of each of a client's batches its update is worth.
 *
 * c_b = sum over the steps s on batch b of sum_(j < tau - s) mu^j, which is their number without momentum
 *
 * @param view any
 * @returns one per batch
 * @example
 * gradientsPerBatch({ localSteps: 3, momentum: 0.5 }); // [1.75, 1.5, 1]
 */
export function gradientsPerBatch(view: Pick<AttackerView, "localSteps" | "localBatches" | "momentum">): number[] {
  const { localSteps, localBatches = localSteps, momentum = 0 } = view;
  const sums = new Array<number>(localBatches).fill(0);
  let following = 0; // sum of the momentum's powers
  for (let s = localSteps - 1; s >= 0; s--) sums[s % localBatches]! += following = momentum * following + 1;
  return sums;
}

/**
 * How many gradients a client's update is worth: what divides it into a mean gradient, tau without momentum.
 *
 * @param view any
 * @returns the sum of gradientsPerBatch
 * @example
 * gradientsSent({ localSteps: 3, momentum: 0.5 }); // 4.25
 */
export function gradientsSent(view: Pick<AttackerView, "localSteps" | "localBatches" | "momentum">): number {
  return gradientsPerBatch(view).reduce((sum, count) => sum + count, 0);
}

/**
 * The model that clients train in a view, normalisation included.
 *
 * @param view as observe gives it
 * @returns as buildNetwork
 * @throws InputError as buildNetwork
 * @example
 * networkOf(view).size; // view.weights.length
 */
export function networkOf(view: AttackerView): Network {
  const { architecture, inputShape, numClasses, activation, pooling, normalize } = view;
  return buildNetwork(architecture, inputShape, numClasses, {
    ...{ activation, pooling },
    ...(normalize !== undefined && { normalize }),
  });
}

/**
 * Refuses a view that no round could have shown; the check of every public entry that takes one.
 *
 * @param fn name of the public function that was called
 * @param view anything that is taken for a view
 * @returns the model that clients train in it
 * @throws InputError naming the field: an unknown name, a vector of another length than the model's d or not finite, a batch of
 *   other images, a number that is no count, more images than clients have; momentum, batches or client weights that cannot be, and
 *   weights where the server does not take the mean; a protocol that no federation could have, see checkProtocol
 * @example
 * checkView("invert", { ...view, weights: new Float32Array(3) }); // throws "invert: needs 101770 numbers in weights of round 0, got 3"
 */
export function checkView(fn: string, view: AttackerView): Network {
  const given: unknown = view; // from JavaScript, anything
  ensure(typeof given === "object" && given !== null, fn, "needs a view as observe gives it", given);
  const { round, architecture, activation, pooling, learningRate } = view;
  ensureCount(fn, "round", round, 0);
  if (!Array.isArray(architecture)) ensureKnown(fn, "an architecture", architecture, Object.keys(architectures));
  ensureKnown(fn, "an activation", activation, activationNames);
  ensureKnown(fn, "a pooling", pooling, poolingNames);
  const network = networkOf(view);
  ensureVector(fn, `weights of round ${round}`, view.weights, network.size);
  ensureVector(fn, `observedGradient of round ${round}`, view.observedGradient, network.size);
  ensureFloats(fn, `ownUpdate of round ${round}`, view.ownUpdate);
  ensure(view.ownUpdate.length === network.size, fn, `needs ${network.size} numbers in ownUpdate of round ${round}`, view.ownUpdate.length); // prettier-ignore
  checkBatch(fn, "ownBatch", network, view.ownBatch);
  for (const name of ["batchSize", "numClients", "localSteps", "numImages"] as const) ensureCount(fn, name, view[name]);
  ensure(Number.isFinite(learningRate) && learningRate > 0, fn, "needs a finite learningRate > 0", learningRate);
  const { momentum = 0, localBatches = view.localSteps, clientWeights } = view;
  ensure(momentum >= 0 && momentum < 1, fn, "needs momentum in [0, 1)", momentum);
  ensureCount(fn, "localBatches", localBatches);
  ensure(localBatches <= view.localSteps, fn, `needs localBatches <= localSteps = ${view.localSteps}`, localBatches);
  const perClient = imagesPerClient(view);
  const most = view.numClients * perClient;
  ensure(view.numImages <= most, fn, `needs numImages <= M tau B = ${most}`, view.numImages);
  const { protocol, previous, ownShare = "counted" } = view;
  ensureKnown(fn, "an ownShare", ownShare, ["counted", "out", "known"]);
  const others = most - perClient;
  const fits = ownShare === "counted" || view.numImages <= others;
  ensure(fits, fn, `needs numImages <= (M - 1) tau B = ${others} where ownShare is "${ownShare}"`, view.numImages);
  if (protocol !== undefined) checkProtocol(fn, protocol, view.numClients);
  if (clientWeights !== undefined) checkWeights(fn, clientWeights, view);
  if (previous) ensureVector(fn, `previous of round ${round}`, previous, network.size);
  return network;
}

/** Refuses weights that are not one per client > 0 under a plain mean, of all images that are asked for. */
function checkWeights(fn: string, weights: readonly number[], view: AttackerView): void {
  const { numClients, numImages, protocol, ownShare = "counted" } = view;
  const isOnePerClient = Array.isArray(weights) && weights.length === numClients;
  ensure(isOnePerClient, fn, `needs clientWeights of M = ${numClients} clients`, (weights as number[] | null)?.length);
  ensure(weights.every((w) => Number.isFinite(w) && w > 0), fn, "needs clientWeights > 0", weights); // prettier-ignore
  const isPlain = protocol !== undefined && isPlainMean(protocol);
  ensure(isPlain, fn, "needs the plain mean in view.protocol for clientWeights", protocol?.aggregator ?? "no protocol", "other rules and clips know no weights: leave them out"); // prettier-ignore
  const asked = (ownShare === "counted" ? numClients : numClients - 1) * imagesPerClient(view);
  ensure(numImages === asked, fn, `needs all ${asked} images of clients that weigh differently`, numImages);
}
