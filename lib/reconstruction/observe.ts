/** @file What the maliciously curious client knows. Everything else stays on the other side of this file. */
import { ensure, refuse } from "../core/errors";
import type { Batch, Shape } from "../core/types";
import type { FederationConfig } from "../fl/config";
import type { RoundRecord } from "../fl/train";
import type { ArchitectureName } from "../model/architectures";
import type { ActivationName } from "../model/layers/activation";
import type { PoolingName } from "../model/layers/pooling";

/** All that the maliciously curious client may know. */
export interface AttackerView {
  readonly round: number; // k
  readonly architecture: ArchitectureName;
  readonly activation: ActivationName;
  readonly pooling: PoolingName;
  readonly inputShape: Shape; // [C, H, W]
  readonly numClasses: number;
  readonly weights: Float32Array; // w^(k) as broadcast, [d]
  readonly observedGradient: Float32Array; // (w^(k) - w^(k+1)) / eta, [d]
  readonly ownUpdate: Float32Array; // what it sent itself, [d]
  readonly ownBatch: Batch; // its own images of the round
  readonly batchSize: number; // B, per client and local step
  readonly numClients: number; // M
  readonly localSteps: number; // tau
  readonly learningRate: number; // eta
  readonly numImages: number; // images that the attacker takes to be behind observedGradient: M·tau·B unless it knows better
}

/**
 * Turns two consecutive broadcasts into the attacker's view of the round between them.
 *
 * observedGradient = (w^(k) - w^(k+1)) / eta
 *
 * @param before record of round k
 * @param after record of round k + 1, of which only the broadcast is read
 * @param config what every client knows of the protocol: M, B, tau, eta and the architecture
 * @param input shape and classes of the data, which the client knows from its own
 * @returns the view, which shares its vectors with the records
 * @throws InputError when nothing was sent in the round
 * @example
 * observe(records[0], records[1], config, dataset).numImages; // config.numClients * config.localSteps * config.batchSize
 * @source the paper's section 4.1
 */
export function observe(
  before: RoundRecord,
  after: RoundRecord,
  config: FederationConfig,
  input: { readonly inputShape: Shape; readonly numClasses: number },
): AttackerView {
  const { architecture, activation, pooling, batchSize, numClients, localSteps, learningRate } = config;
  const ownBatches = before.batches[config.maliciouslyCuriousClient];
  if (before.ownUpdate === null || ownBatches === undefined) {
    return refuse("observe", "needs the record of a round in which clients sent updates", `round ${before.round}`);
  }
  return {
    round: before.round,
    architecture,
    activation,
    pooling,
    inputShape: input.inputShape,
    numClasses: input.numClasses,
    weights: before.weights,
    observedGradient: broadcastDifference(before.weights, after.weights, learningRate),
    ownUpdate: before.ownUpdate,
    ownBatch: ownBatches[0]!,
    batchSize,
    numClients,
    localSteps,
    learningRate,
    numImages: numClients * localSteps * batchSize,
  };
}

/**
 * What two consecutive broadcasts tell every client: the server's aggregate.
 *
 * (w^(k) - w^(k+1)) / eta
 *
 * @param before w^(k), [d]
 * @param after w^(k+1), [d]
 * @param learningRate eta > 0
 * @returns [d], owned by the caller
 * @example
 * broadcastDifference(Float32Array.of(1, 2), Float32Array.of(0.5, 2), 0.25); // [2, 0]
 */
export function broadcastDifference(before: Float32Array, after: Float32Array, learningRate: number): Float32Array {
  return before.map((w, i) => (w - after[i]!) / learningRate);
}

/**
 * The view with the attacker's own share taken out. It knows its share only where the server takes the plain mean.
 *
 * g_others = (M g - ownUpdate) / (M - 1), the mean over the other clients, also of sums over tau local steps
 *
 * @param view as observe gives it
 * @returns another view with observedGradient g_others, over (M - 1) tau B images; the rest is shared with the given one
 * @throws InputError when the attacker is alone
 * @example
 * const view = observe(records[0], records[1], config, dataset);
 * withoutOwnShare(view).numImages; // view.numImages - view.localSteps * view.batchSize
 * @source our choice; the paper does not say whether the client subtracts its own update
 */
export function withoutOwnShare(view: AttackerView): AttackerView {
  const { numClients: m, observedGradient, ownUpdate, localSteps, batchSize } = view;
  ensure(m >= 2, "withoutOwnShare", "needs at least two clients", m);
  return {
    ...view,
    observedGradient: observedGradient.map((g, i) => (m * g - ownUpdate[i]!) / (m - 1)),
    numImages: (m - 1) * localSteps * batchSize,
  };
}

/**
 * The view of an attacker who knows how many clients the server's rule lets into the aggregate: one under Krum.
 *
 * @param view as observe gives it
 * @param clients in the aggregate, 1..numClients
 * @returns another view with numImages = clients · localSteps · batchSize; the rest is shared with the given one
 * @throws InputError when clients is no integer in 1..numClients
 * @example
 * assumeContributors(observe(records[0], records[1], config, dataset), 1).numImages; // config.localSteps * config.batchSize
 * @source our choice: the adaptive attacker; the paper's attacker knows M and the batch size
 */
export function assumeContributors(view: AttackerView, clients: number): AttackerView {
  const { numClients: m } = view;
  const possible = Number.isInteger(clients) && clients >= 1 && clients <= m;
  ensure(possible, "assumeContributors", `needs an integer number of clients in 1..${m}`, clients);
  return { ...view, numImages: clients * view.localSteps * view.batchSize };
}
