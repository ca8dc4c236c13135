/** @file From records of a run to what the maliciously curious client knows. Everything else stays on the other side of this file. */
import { ensure, ensureFinite, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import type { FederationConfig } from "../fl/config";
import type { RoundRecord } from "../fl/train";
import { isFiniteVector } from "../numerics/linear";
import { protocolOf } from "./protocol";
import { checkView, imagesPerClient, type AttackerView } from "./view";

/**
 * Turns two consecutive broadcasts into the attacker's view of the round between them.
 *
 * observedGradient = (w^(k) - w^(k+1)) / eta
 *
 * @param before record of round k
 * @param after record of round k + 1, of which only the number and the broadcast are read
 * @param config what every client knows of the protocol: M, B, tau, eta, the architecture, how the server aggregates and what clients do
 *   to what they send
 * @param input shape and classes of the data, which the client knows from its own
 * @returns the view, which shares its vectors with the records
 * @throws InputError when nothing was sent in the round, the other record is not the next round's, the config is another run's by
 *   its sizes, or the difference is not finite
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
  const { round } = before;
  ensure(after.round === round + 1, "observe", `needs the next record, of round ${round + 1}`, `round ${after.round}`);
  const [asked, held] = [[numClients, localSteps, batchSize], [before.batches.length, ownBatches.length, ownBatches[0]?.size]]; // prettier-ignore
  ensure(String(asked) === String(held), "observe", `needs the config of the run: M, tau, B = ${held.join(", ")}`, asked.join(", ")); // prettier-ignore
  ensure(before.weights.length === after.weights.length, "observe", "needs two broadcasts of one model", `${before.weights.length} and ${after.weights.length} weights`); // prettier-ignore
  const view: AttackerView = {
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
    protocol: protocolOf(config),
    previous: before.memory.previous ?? null, // which the client has seen too: the broadcasts before this one differ by eta times it
  };
  checkView("observe", view);
  return view;
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
 * g_others = (M g - ownUpdate) / (M - 1), the mean over the other clients, also of sums over tau local steps; where clients weigh
 * differently, with sum 1,  g_others = (g - p ownUpdate) / (1 - p),  p the attacker's weight
 *
 * @param view as observe gives it
 * @returns another view with observedGradient g_others, over (M - 1) tau B images; the rest is shared with the given one
 * @throws InputError when the attacker is alone, its own update is not finite, the share is out already, or the view is none
 * @example
 * const view = observe(records[0], records[1], config, dataset);
 * withoutOwnShare(view).numImages; // view.numImages - view.localSteps * view.batchSize
 * @source our choice; the paper does not say whether the client subtracts its own update
 */
export function withoutOwnShare(view: AttackerView): AttackerView {
  const fn = "withoutOwnShare";
  checkView(fn, view);
  const { numClients: m, observedGradient, ownUpdate, numImages, clientWeights } = view;
  ensure(m >= 2, fn, "needs at least two clients", m);
  const all = m * imagesPerClient(view);
  ensure(numImages === all, fn, `needs a view of all M tau B = ${all} images`, numImages, "take the share out once");
  ensureFinite(fn, "ownUpdate", ownUpdate);
  const share = ownWeight(view);
  return {
    ...view,
    observedGradient:
      clientWeights === undefined
        ? observedGradient.map((g, i) => (m * g - ownUpdate[i]!) / (m - 1))
        : observedGradient.map((g, i) => (g - share * ownUpdate[i]!) / (1 - share)),
    numImages: all - imagesPerClient(view),
    ownShare: "out",
  };
}

/** Of the attacker's update in the mean, weights of sum 1. */
function ownWeight({ clientWeights, numClients, protocol }: AttackerView): number {
  if (clientWeights === undefined) return 1 / numClients;
  return clientWeights[protocol!.maliciouslyCuriousClient]! / clientWeights.reduce((sum, w) => sum + w, 0);
}

/**
 * The view of an attacker who knows its own share, of a round in which the server took the mean, with that share out.
 *
 * @param view of knowingOwnShare
 * @returns withoutOwnShare of it; where its own update was not finite, and so dropped, what it shows is the others' mean already
 * @throws InputError as withoutOwnShare
 * @example
 * ownShareOut(knowingOwnShare(view)).numImages; // view.numImages - view.localSteps * view.batchSize
 */
export function ownShareOut(view: AttackerView): AttackerView {
  if (!isFiniteVector(view.ownUpdate)) return { ...view, ownShare: "out" };
  return withoutOwnShare({
    ...view,
    ownShare: "counted",
    numImages: view.numImages + imagesPerClient(view),
  });
}

/**
 * The view of an attacker who knows what it sent, whatever became of it: the others' images alone are unknown. For `invert` through the
 * protocol, which sends the known update along with the dummy clients'.
 *
 * @param view as observe gives it
 * @returns another view over (M - 1) tau B images; the rest is shared with the given one
 * @throws InputError when the attacker is alone, the view is none, or one of other images than all
 * @example
 * knowingOwnShare(observe(records[0], records[1], config, dataset)).numImages; // (config.numClients - 1) * config.batchSize
 * @source our choice: the strongest attacker
 */
export function knowingOwnShare(view: AttackerView): AttackerView {
  const fn = "knowingOwnShare";
  checkView(fn, view);
  const { numClients: m, numImages } = view;
  ensure(m >= 2, fn, "needs at least two clients", m);
  const all = m * imagesPerClient(view);
  ensure(
    numImages === all,
    fn,
    `needs a view of all M tau B = ${all} images`,
    numImages,
    "give the view that observe gives",
  );
  return { ...view, ownShare: "known", numImages: all - imagesPerClient(view) };
}

/**
 * The view of an attacker who knows how many clients the server's rule lets into the aggregate: one under Krum.
 *
 * @param view as observe gives it
 * @param clients in the aggregate, 1..numClients
 * @returns another view with numImages = clients · localSteps · batchSize; the rest is shared with the given one
 * @throws InputError when clients is no integer in 1..numClients, or the view is none
 * @example
 * assumeContributors(observe(records[0], records[1], config, dataset), 1).numImages; // config.localSteps * config.batchSize
 * @source our choice: the adaptive attacker; the paper's attacker knows M and the batch size
 */
export function assumeContributors(view: AttackerView, clients: number): AttackerView {
  checkView("assumeContributors", view);
  const { numClients: m } = view;
  const possible = Number.isInteger(clients) && clients >= 1 && clients <= m;
  ensure(possible, "assumeContributors", `needs an integer number of clients in 1..${m}`, clients);
  return { ...view, numImages: clients * imagesPerClient(view) };
}
