/** @file A config's way to aggregate, of all clients' updates or of those that are left, and its rehearsal before a run. */
import { createRng, type Rng } from "../core/rng";
import type { Aggregation, AggregationContext, AggregationParameters, Aggregator } from "../defense/aggregator";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { RoundRefused } from "../defense/updates";
import { preAggregate } from "../defense/preAggregate";
import type { PreAggregationName } from "../defense/preAggregations";
import { aggregateMasked, maskUpdates } from "./secureAggregation";

/** What of a FederationConfig says how its server aggregates. */
export interface ServerSettings {
  readonly numClients: number;
  readonly preAggregations: readonly PreAggregationName[];
  readonly aggregator: AggregatorName;
  readonly aggregatorParameters: Omit<AggregationParameters, "f">;
  readonly assumedMalicious: number;
  readonly secureAggregation: boolean;
}

/**
 * The config's rule, behind its pre-aggregations, or the plain mean through masks.
 *
 * f' = max(0, f - (M - n)):  f bounds how many of M clients misbehave, and each of the M - n that are not among the updates has
 *
 * Where clients are left out, `trusted`, which names a client, becomes its place among the updates; nobody's where it is left out itself.
 *
 * @param config its rule, pre-aggregations, parameters, f and M
 * @param updates [n][d], finite
 * @param clients [n], whose they are, ascending
 * @param context what the rule may need of the round, as places among the updates; who is malicious does not check the ring's range
 * @param masks of the round's secure aggregation
 * @returns what the rule gives; kept speaks of places
 * @throws InputError as the rule, the pre-aggregations and maskUpdates
 * @example
 * const config = { ...defaultFederation, numClients: 5, aggregator: "krum", assumedMalicious: 1 } as const;
 * const updates = [1, 2, 4, 8].map((x) => Float32Array.of(x));
 * aggregate(config, updates, [0, 1, 2, 4], {}, createRng(1)).kept; // [1]; with f' = 0, as client 3 is out
 */
export function aggregate(
  config: ServerSettings,
  updates: readonly Float32Array[],
  clients: readonly number[],
  context: AggregationContext,
  masks: Rng,
): Aggregation {
  if (config.secureAggregation) {
    const masked = maskUpdates(updates, masks, context.malicious);
    return { update: aggregateMasked(masked), kept: [...updates.keys()], effectiveParticipants: updates.length };
  }
  const { rule, parameters } = ruleOf(config, clients);
  return rule.aggregate(updates, { ...parameters, ...context });
}

/**
 * The config's rule, behind its pre-aggregations, and its parameters for the clients that are left; see aggregate.
 *
 * @param config its rule, pre-aggregations, parameters, f and M
 * @param clients [n], who is left, ascending
 * @returns the rule, and what of its options is not of the round
 * @example
 * ruleOf({ ...defaultFederation, numClients: 3, assumedMalicious: 1 }, [0, 2]).parameters; // { f: 0 }
 */
export function ruleOf(
  config: ServerSettings,
  clients: readonly number[],
): { rule: Aggregator; parameters: AggregationParameters } {
  const missing = config.numClients - clients.length;
  const f = Math.max(0, config.assumedMalicious - missing);
  const { trusted, ...parameters } = config.aggregatorParameters;
  const place = missing === 0 || trusted === undefined ? trusted : clients.indexOf(trusted);
  return {
    rule: preAggregate(aggregators[config.aggregator], config.preAggregations),
    parameters: { ...parameters, ...(place !== undefined && place !== -1 && { trusted: place }), f },
  };
}

const mostRehearsed = 1000; // clients: with more a rule that compares all pairs takes long, and its first round says the same

/**
 * Refuses a config whose server could not make a single step: aggregates made-up updates of all clients, as different as noise is.
 *
 * A rule that refuses them for what they hold can run on others. Too few clients for f, for the rule or behind bucketing, and parameters
 * that are missing or out of range, show here, whatever rule and pre-aggregations meet.
 *
 * @param config of a known rule and known pre-aggregations; more than 1,000 clients are not rehearsed
 * @param poisoners who really is malicious, default nobody
 * @param size numbers of an update
 * @returns the aggregate of what is nothing but noise; null where the rule refuses it, or there are too many clients
 * @throws InputError as aggregate
 * @example
 * rehearse({ ...defaultFederation, aggregator: "krum", assumedMalicious: 4 }); // throws "krum: needs n >= 2f + 3 updates, got n = 10, f = 4"
 */
export function rehearse(config: ServerSettings, poisoners: readonly number[] = [], size = 8): Aggregation | null {
  if (config.numClients > mostRehearsed) return null;
  const rng = createRng("rehearsal");
  const clients = Array.from({ length: config.numClients }, (_, client) => client);
  const updates = clients.map((client) => rng.split("update", client).normals(size));
  const context = {
    rng,
    layers: [[size]],
    malicious: poisoners,
    history: updates.map(() => new Float32Array(size)),
    rootUpdate: updates[0]!,
  };
  try {
    return aggregate(config, updates, clients, context, rng);
  } catch (error) {
    if (error instanceof RoundRefused) return null;
    throw error;
  }
}
