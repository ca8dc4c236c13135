/** @file The server: drops what it cannot use, aggregates by the config's rule or skips the step, remembers what the rule needs. */
import { InputError, refuse } from "../core/errors";
import type { Rng } from "../core/rng";
import type { Aggregation, AggregationContext, Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { RoundRefused } from "../defense/updates";
import { isFiniteVector } from "../numerics/linear";
import { aggregate } from "./aggregation";
import { localUpdates } from "./client";
import type { Federation } from "./federation";
import { fitsRing } from "./secureAggregation";

/** What a server remembers of the rounds before, for rules that read it. */
export interface ServerMemory {
  readonly previous?: Float32Array; // the last aggregate, [d], where the rule reads it
  readonly history?: readonly Float32Array[]; // every client's updates summed over the rounds before, [M][d]
}

/** What the server made of a round; `kept` speaks of clients. */
export interface Served extends Omit<Aggregation, "weights"> {
  readonly dropped: readonly number[]; // clients whose update could not be used and was left out
  readonly skipped: string | null; // why the server made no step: update is zeros, kept is empty, effectiveParticipants 0; null where it made one
  readonly memory: ServerMemory; // after the round
}

/**
 * The server's part of a round. Whatever a client sends, the server goes on:
 *
 * - An update that is not d finite numbers, or takes the sum that FoolsGold remembers of its client beyond float32, is left out of the
 *   round (nonFinite: "drop"), or stops the run ("stop"). The rule assumes one malicious client less for each that is left out, and
 *   its parameters and the context go on naming the same clients; see aggregate.
 * - Under secure aggregation the same goes for an honest client whose update the ring cannot hold, which sends none. A client that
 *   poisons sends what its numbers come to modulo 2^48: nobody can tell.
 * - Where the rule finds nobody to take, or too few are left for it, the step is skipped: update = 0, and the last aggregate stays what
 *   it was. Without anybody left out, too few are the config's fault, which checkConfig refuses before the first round.
 *
 * @param federation as setUp gives it
 * @param sent what every client sent, [M][d]
 * @param round the broadcast w^(k) [d], the server's memory and the round's stream
 * @returns the aggregate [d], whom it kept, M_eff, whom it dropped, why it made no step, and the memory for the next round
 * @throws InputError for parameters that the rule refuses; for an update that cannot be used where the config says "stop"
 * @example
 * const sent = [1, 3, Infinity].map((x) => Float32Array.of(x));
 * const { dropped, update, skipped } = aggregateRound(federation, sent, { weights: Float32Array.of(0), memory: {}, rng: createRng(1) });
 * dropped; // [2]
 * update; // [2]
 * skipped; // null
 */
export function aggregateRound(
  { config, network, root }: Federation,
  sent: readonly Float32Array[],
  { weights, memory, rng }: { readonly weights: Float32Array; readonly memory: ServerMemory; readonly rng: Rng },
): Served {
  const { needs = [], readsPrevious }: Aggregator = aggregators[config.aggregator];
  const poisoned = config.poisoning === "none" ? -1 : config.maliciouslyCuriousClient;
  const history = needs.includes("history") && (memory.history ?? sent.map(() => new Float32Array(weights.length)));
  const sums = history && history.map((sum, client) => sum.map((value, i) => value + sent[client]![i]!));
  const isUsable = (client: number): boolean =>
    isVector(sent[client]!, weights.length) &&
    (!sums || isVector(sums[client]!, weights.length)) &&
    (!config.secureAggregation || client === poisoned || fitsRing(sent[client]!, config.numClients));
  const clients = [...sent.keys()].filter(isUsable);
  const dropped = [...sent.keys()].filter((client) => !clients.includes(client));
  if (dropped.length > 0 && config.nonFinite === "stop")
    refuse("train", "needs finite updates", `another from client ${dropped.join(", ")}`, 'set nonFinite: "drop"');
  const context: AggregationContext = {
    rng: rng.split("aggregation"),
    layers: network.layer.parameters.map(({ shape }) => shape),
    malicious: clients.flatMap((client, i) => (client === poisoned ? [i] : [])),
    ...(memory.previous && { previous: memory.previous }),
    ...(history && { history: clients.map((client) => history[client]!) }),
    ...(root && { rootUpdate: localUpdates(network, weights, [[root]], config.learningRate)[0]! }),
  };
  const received = clients.map((client) => sent[client]!);
  const outcome = step(() => aggregate(config, received, clients, context, rng.split("masks")), dropped);
  const { update, kept, effectiveParticipants } = outcome.aggregation ?? nobody(weights.length);
  const previous = outcome.aggregation ? update : memory.previous;
  return {
    update,
    kept: kept.map((i) => clients[i]!),
    effectiveParticipants,
    dropped,
    skipped: outcome.skipped,
    memory: {
      ...(readsPrevious && previous && { previous }),
      ...(history &&
        sums && { history: sums.map((sum, client) => (dropped.includes(client) ? history[client]! : sum)) }),
    },
  };
}

/** Whether that is a vector of d finite numbers. */
function isVector(update: Float32Array, d: number): boolean {
  return update.length === d && isFiniteVector(update);
}

/** The aggregation, or why there is none: what the round holds, or that clients were left out of it. */
function step(
  compute: () => Aggregation,
  dropped: readonly number[],
): { readonly aggregation: Aggregation | null; readonly skipped: string | null } {
  try {
    return { aggregation: compute(), skipped: null };
  } catch (error) {
    const isOfRound = error instanceof RoundRefused || (error instanceof InputError && dropped.length > 0);
    if (!isOfRound) throw error;
    const without = dropped.length > 0 ? ` (without client ${dropped.join(", ")})` : "";
    return { aggregation: null, skipped: error.message + without };
  }
}

/** No step. */
function nobody(d: number): Aggregation {
  return { update: new Float32Array(d), kept: [], effectiveParticipants: 0 };
}
