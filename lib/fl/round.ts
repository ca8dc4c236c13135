/** @file One round: what every client sends, and what the server makes of it. */
import type { Rng } from "../core/rng";
import type { Batch } from "../core/types";
import { privacies } from "../defense/privacies";
import type { Privacy } from "../defense/privacy/privacy";
import { isFiniteVector } from "../numerics/linear";
import { poisonings } from "../poisoning/poisonings";
import type { PoisoningContext } from "../poisoning/poisoning";
import { localUpdates } from "./client";
import type { FederationConfig } from "./config";
import { aggregateRound, type Served, type ServerMemory } from "./server";
import type { Federation } from "./federation";

/** A round's messages and their aggregate. */
export interface Exchange extends Served {
  readonly sent: readonly Float32Array[]; // [M][d], what the server received
}

/** A round's circumstances. */
export interface RoundInput {
  readonly weights: Float32Array; // w^(k) as broadcast, [d]
  readonly batches: readonly (readonly Batch[])[]; // [M][tau], private
  readonly memory: ServerMemory; // of the server, before the round
  readonly rng: Rng; // the round's stream
}

/**
 * Plays a round: clients compute their updates (of clipped, noisy gradients where their privacy mechanism has such), or clip and noise
 * them when they are done, the malicious one poisons its own before that, and the server aggregates.
 *
 *     update = A(q(g_1), ..., q(p(g_a)), ..., q(g_M)),  q: the privacy protocol or nothing, p: the poisoning
 *
 * Clipping and noise come after the poison: kappa cannot lift a message above the bound that all others keep, and a server that checks
 * lengths finds nothing. Where clients clip and noise before an update exists, one that poisons takes its local
 * steps on clipped gradients without noise, poisons their sum, and sends what keeps the protocol's bound and carries its noise:
 *
 *     localDp    q(p(g)),  g its update as it is
 *     dpSgd      clip(p(g), tau C) + N(0, tau (sigma C / B)^2),  g = (1/B) sum over steps and images of the clipped gradients
 *
 * With poisonerFollowsPrivacy: false it sends p(g) for its whole g. What is not finite cannot be clipped and is sent as it is. A passive
 * client follows the protocol in all.
 *
 * @param federation as setUp gives it
 * @param input the broadcast, the private batches, the server's memory and the round's stream
 * @returns what was sent and its aggregate, owned by the caller
 * @throws InputError as localUpdates, the poisoning and aggregateRound
 * @example
 * const input = { weights: firstBroadcast(federation), batches: drawBatches(federation, dataset, 0), memory: {}, rng: createRng(1) };
 * runRound(federation, input).kept; // [0, 1, 2]; three clients under the mean
 * @source the paper's section 4.1 for p
 */
export function runRound(federation: Federation, input: RoundInput): Exchange {
  const { config } = federation;
  const { weights, rng } = input;
  const rule = config.poisoning === "none" ? undefined : poisonings[config.poisoning];
  const poisoner = rule && config.maliciouslyCuriousClient;
  const context = (honestUpdates: readonly Float32Array[]): PoisoningContext => ({
    parameters: config.poisoningParameters,
    numClients: config.numClients,
    numMalicious: 1,
    honestUpdates,
    inputShape: federation.network.inputShape,
    numClasses: federation.network.numClasses,
    aggregate: (updates) => aggregateRound(federation, inOrder(updates, poisoner!, disguise), input).update,
  });
  const disguise = (update: Float32Array): Float32Array => disguised(config, update, poisoner!, rng);
  const batches = input.batches.map((own, client) =>
    client === poisoner && rule?.poisonBatch
      ? own.map((batch, t) => rule.poisonBatch!(batch, context([]), rng.split("poisoned batch", t)))
      : own,
  );
  const sent = compute(federation, weights, batches, rng);
  if (poisoner !== undefined) {
    const honest = rule?.knows === "honest" ? sent.filter((_, client) => client !== poisoner) : [];
    const own = sent[poisoner]!;
    sent[poisoner] = disguise(rule?.poisonUpdate?.(own, context(honest), rng.split("poisoned update")) ?? own);
  }
  return { sent, ...aggregateRound(federation, sent, input) };
}

/** Honest updates and the poisoned one behind them, as the clients are numbered, and as they would be sent. */
function inOrder(
  updates: readonly Float32Array[],
  poisoner: number,
  disguise: (update: Float32Array) => Float32Array,
): Float32Array[] {
  return [...updates.slice(0, poisoner), disguise(updates.at(-1)!), ...updates.slice(poisoner, -1)];
}

/** What the federation's clients do for their privacy, if anything. */
function mechanismOf({ privacy }: FederationConfig): Privacy | undefined {
  return privacy === "none" ? undefined : privacies[privacy];
}

/** A poisoned update as its client sends it: within the privacy protocol's bound and with its noise, where it follows that. */
function disguised(config: FederationConfig, update: Float32Array, client: number, rng: Rng): Float32Array {
  const mechanism = mechanismOf(config);
  if (mechanism === undefined || !config.poisonerFollowsPrivacy || !isFiniteVector(update)) return update;
  return mechanism.protect(update, config.privacyParameters, config, rng.split(mechanism.stream, client));
}

/**
 * Every client's update as its privacy mechanism has it, all in one stacked computation; that of a client who poisons has no noise in it
 * yet, and nothing of a mechanism that the client ignores.
 */
function compute(
  { config, network }: Federation,
  weights: Float32Array,
  batches: readonly (readonly Batch[])[],
  rng: Rng,
): Float32Array[] {
  const { learningRate, privacyParameters: parameters, maliciouslyCuriousClient: curious } = config;
  const poisoner = config.poisoning === "none" ? undefined : curious;
  const mechanism = mechanismOf(config);
  if (mechanism === undefined) return localUpdates(network, weights, batches, learningRate);
  const streams = batches.map((_, client) => rng.split(mechanism.stream, client));
  if (mechanism.localUpdates === undefined)
    return localUpdates(network, weights, batches, learningRate).map((update, client) =>
      client === poisoner ? update : mechanism.protect(update, parameters, config, streams[client]!),
    );
  const updates = mechanism.localUpdates({ network, weights, batches, learningRate }, parameters, streams);
  if (poisoner === undefined) return updates;
  const own = [batches[poisoner]!];
  const silent = { ...parameters, noiseMultiplier: 0 };
  [updates[poisoner]] = (
    config.poisonerFollowsPrivacy
      ? mechanism.localUpdates({ network, weights, batches: own, learningRate }, silent, [streams[poisoner]!])
      : localUpdates(network, weights, own, learningRate)
  ) as [Float32Array];
  return updates;
}
