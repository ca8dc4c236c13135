/** @file One round: what every client sends, and what the server makes of it. */
import type { Rng } from "../core/rng";
import type { Batch } from "../core/types";
import { privateUpdates } from "../defense/dpSgd";
import { localDp } from "../defense/localDp";
import { poisonings } from "../poisoning/poisonings";
import type { PoisoningContext } from "../poisoning/poisoning";
import { localUpdates } from "./client";
import { serve, type Served, type ServerMemory } from "./server";
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
 * Plays a round: clients compute their updates (under DP-SGD with clipped, noisy gradients), honest clients clip and noise them
 * under local DP, the malicious one poisons its own instead, and the server aggregates.
 *
 *     update = A(q(g_1), ..., p(g_a), ..., q(g_M)),  q: local DP or nothing, p: the poisoning or q
 *
 * A poisoning client ignores privacy, which would only weaken its poison; a passive one follows the protocol in all.
 *
 * @param federation as setUp gives it
 * @param input the broadcast, the private batches, the server's memory and the round's stream
 * @returns what was sent and its aggregate, owned by the caller
 * @throws InputError as localUpdates, the poisoning and the aggregator; for an update that is not finite where the config says
 *   "stop", naming the client
 * @example
 * const input = { weights: firstBroadcast(federation), batches: drawBatches(federation, dataset, 0), memory: {}, rng: createRng(1) };
 * playRound(federation, input).kept; // [0, 1, 2]; three clients under the mean
 * @source the paper's section 4.1 for p
 */
export function playRound(federation: Federation, input: RoundInput): Exchange {
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
    aggregate: (updates) => serve(federation, inOrder(updates, poisoner!), input).update,
  });
  const batches = input.batches.map((own, client) =>
    client === poisoner && rule?.poisonBatch
      ? own.map((batch, t) => rule.poisonBatch!(batch, context([]), rng.split("poisoned batch", t)))
      : own,
  );
  const sent = compute(federation, weights, batches, rng).map((update, client) =>
    config.privacy === "localDp" && client !== poisoner
      ? localDp(update, config.privacyParameters, config.batchSize, rng.split("local DP", client))
      : update,
  );
  if (poisoner !== undefined && rule?.poisonUpdate) {
    const honest = rule.knows === "honest" ? sent.filter((_, client) => client !== poisoner) : [];
    sent[poisoner] = rule.poisonUpdate(sent[poisoner]!, context(honest), rng.split("poisoned update"));
  }
  return { sent, ...serve(federation, sent, input) };
}

/** Honest updates and the poisoned one behind them, as the clients are numbered. */
function inOrder(updates: readonly Float32Array[], poisoner: number): Float32Array[] {
  return [...updates.slice(0, poisoner), updates.at(-1)!, ...updates.slice(poisoner, -1)];
}

/** Every client's update, all in one stacked computation; a client that poisons computes without privacy. */
function compute(
  { config, network }: Federation,
  weights: Float32Array,
  batches: readonly (readonly Batch[])[],
  rng: Rng,
): Float32Array[] {
  const { learningRate, privacyParameters, poisoning, maliciouslyCuriousClient: curious } = config;
  if (config.privacy !== "dpSgd") return localUpdates(network, weights, batches, learningRate);
  const streams = batches.map((_, client) => rng.split("DP-SGD", client));
  const updates = privateUpdates(network, weights, batches, learningRate, privacyParameters, streams);
  if (poisoning !== "none") updates[curious] = localUpdates(network, weights, [batches[curious]!], learningRate)[0]!;
  return updates;
}
