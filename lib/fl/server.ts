/** @file The server: drops what is not finite, aggregates by the config's rule, remembers what the rule needs. */
import { refuse } from "../core/errors";
import type { Rng } from "../core/rng";
import type { Aggregation, AggregationContext, Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { squaredNorms } from "../defense/linear";
import { preAggregate } from "../defense/preAggregate";
import { localUpdates } from "./client";
import type { FederationConfig } from "./config";
import { aggregateMasked, maskUpdates } from "./secureAggregation";
import type { Federation } from "./federation";

/** What a server remembers of the rounds before, for rules that read it. */
export interface ServerMemory {
  readonly previous?: Float32Array; // the last aggregate, [d], where the rule reads it
  readonly history?: readonly Float32Array[]; // every client's updates summed over the rounds before, [M][d]
}

/** What the server made of a round; `kept` speaks of clients. */
export interface Served extends Omit<Aggregation, "weights"> {
  readonly dropped: readonly number[]; // clients whose update was not finite and was left out
  readonly memory: ServerMemory; // after the round
}

/**
 * The server's part of a round.
 *
 * An update that is not finite is left out of the round (nonFinite: "drop"), or stops the run ("stop").
 *
 * @param federation as setUp gives it
 * @param sent what every client sent, [M][d]
 * @param round the broadcast w^(k) [d], the server's memory and the round's stream
 * @returns the aggregate [d], whom it kept, M_eff, whom it dropped, and the memory for the next round
 * @throws InputError as the aggregation rule; for an update that is not finite where the config says "stop"
 * @example
 * const sent = [1, 3, Infinity].map((x) => Float32Array.of(x));
 * serve(federation, sent, { weights: Float32Array.of(0), memory: {}, rng: createRng(1) }).dropped; // [2]
 */
export function serve(
  { config, network, root }: Federation,
  sent: readonly Float32Array[],
  { weights, memory, rng }: { readonly weights: Float32Array; readonly memory: ServerMemory; readonly rng: Rng },
): Served {
  const dropped = squaredNorms(sent).flatMap((norm, client) => (Number.isFinite(norm) ? [] : [client]));
  if (dropped.length > 0 && config.nonFinite === "stop")
    refuse("train", "needs finite updates", `another from client ${dropped.join(", ")}`, 'set nonFinite: "drop"');
  const clients = [...sent.keys()].filter((client) => !dropped.includes(client));
  const poisoned = config.poisoning === "none" ? -1 : config.maliciouslyCuriousClient;
  const { needs = [], readsPrevious }: Aggregator = aggregators[config.aggregator];
  const history = needs.includes("history") && (memory.history ?? sent.map(({ length }) => new Float32Array(length)));
  const context: AggregationContext = {
    rng: rng.split("aggregation"),
    layers: network.layer.parameters.map(({ shape }) => shape),
    malicious: clients.flatMap((client, i) => (client === poisoned ? [i] : [])),
    ...(memory.previous && { previous: memory.previous }),
    ...(history && { history: clients.map((client) => history[client]!) }),
    ...(root && { rootUpdate: localUpdates(network, weights, [[root]], config.learningRate)[0]! }),
  };
  const received = clients.map((client) => sent[client]!);
  const { update, kept, effective } = aggregate(config, received, context, rng.split("masks"));
  const next = {
    ...(readsPrevious && { previous: update }),
    ...(history && { history: addUp(history, sent, dropped) }),
  };
  return { update, kept: kept.map((i) => clients[i]!), effective, dropped, memory: next };
}

/** The config's rule, behind its pre-aggregations, or the plain mean through masks. */
function aggregate(
  config: FederationConfig,
  updates: readonly Float32Array[],
  context: AggregationContext,
  masks: Rng,
): Aggregation {
  if (config.secureAggregation) {
    const everybody = [...updates.keys()];
    return { update: aggregateMasked(maskUpdates(updates, masks)), kept: everybody, effective: everybody.length };
  }
  const rule = preAggregate(aggregators[config.aggregator], config.preAggregations);
  return rule.aggregate(updates, { ...config.aggregatorParameters, f: config.assumedMalicious, ...context });
}

function addUp(
  history: readonly Float32Array[],
  sent: readonly Float32Array[],
  dropped: readonly number[],
): Float32Array[] {
  return history.map((sum, client) =>
    dropped.includes(client) ? sum : sum.map((value, i) => value + sent[client]![i]!),
  );
}
