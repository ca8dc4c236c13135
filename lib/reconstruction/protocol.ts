/** @file What is public of a round's protocol: how the server aggregates, and what clients do to what they send. */
import { ensure, ensureCount, refuse } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import type { Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { preAggregations } from "../defense/preAggregations";
import { privacies } from "../defense/privacies";
import { checkPrivacy } from "../defense/privacy/checkPrivacy";
import { rehearse } from "../fl/aggregation";
import type { FederationConfig } from "../fl/config";
import { poisonings } from "../poisoning/poisonings";

const fields = [
  ...["maliciouslyCuriousClient", "poisoning"], // which client the attacker is, and whether it poisons: of itself it knows both
  ...["preAggregations", "aggregator", "aggregatorParameters", "assumedMalicious", "nonFinite", "secureAggregation"],
  ...["privacy", "privacyParameters", "poisonerFollowsPrivacy"],
] as const satisfies (keyof FederationConfig)[];

/**
 * The protocol of a round, as every client knows it; plain JSON. With M, tau, B and eta, which stand in the view, it says all that a
 * FederationConfig has: its clients weigh alike, its server has no momentum, and every local step draws a batch of its own.
 */
export type Protocol = Pick<FederationConfig, (typeof fields)[number]>;

/**
 * The protocol that a config says.
 *
 * @param config of the federation
 * @returns its public part, which shares the config's parameters
 * @example
 * protocolOf(config).aggregator; // "mean"
 */
export function protocolOf(config: FederationConfig): Protocol {
  return Object.fromEntries(fields.map((name) => [name, config[name]])) as unknown as Protocol;
}

/**
 * Refuses a protocol that no federation could have.
 *
 * @param fn name of the public function that was called
 * @param protocol anything that is taken for one
 * @param numClients M
 * @throws InputError for a field that is missing, unknown or out of range, parameters that no rule reads, noise without its size, rules
 *   behind secure aggregation, or too few clients for the rule
 * @example
 * checkProtocol("invert", { ...protocolOf(config), aggregator: "Krum" }, 3); // throws "invert: needs an aggregator of mean, median, …"
 */
export function checkProtocol(fn: string, protocol: Protocol, numClients: number): void {
  ensureNames(fn, "protocol", protocol, fields);
  for (const name of fields)
    if (protocol[name] === undefined) refuse(fn, `needs a value for protocol.${name}`, "undefined", "see protocolOf");
  const { maliciouslyCuriousClient: own, assumedMalicious: f, aggregator, privacy } = protocol;
  ensureCount(fn, "protocol.maliciouslyCuriousClient", own, 0);
  ensure(own < numClients, fn, `needs protocol.maliciouslyCuriousClient < numClients = ${numClients}`, own);
  ensureCount(fn, "protocol.assumedMalicious", f, 0);
  ensure(2 * f < numClients, fn, `needs protocol.assumedMalicious f < numClients / 2 = ${numClients / 2}`, f);
  ensureKnown(fn, "an aggregator", aggregator, Object.keys(aggregators));
  ensureKnown(fn, "a poisoning", protocol.poisoning, ["none", ...Object.keys(poisonings)]);
  ensureKnown(fn, "a privacy", privacy, ["none", ...Object.keys(privacies)]);
  ensureKnown(fn, "a nonFinite", protocol.nonFinite, ["drop", "stop"]);
  for (const name of ["secureAggregation", "poisonerFollowsPrivacy"] as const)
    ensure(typeof protocol[name] === "boolean", fn, `needs protocol.${name} true or false`, protocol[name]);
  const steps: unknown = protocol.preAggregations;
  ensure(Array.isArray(steps), fn, "needs a list of preAggregations", steps);
  for (const name of protocol.preAggregations) ensureKnown(fn, "a pre-aggregation", name, Object.keys(preAggregations));
  const chain = [...protocol.preAggregations.map((name) => preAggregations[name]), aggregators[aggregator]];
  const reads = chain.flatMap((rule) => rule.reads.filter((name) => name !== "f"));
  ensureNames(fn, "protocol.aggregatorParameters", protocol.aggregatorParameters, reads);
  if (privacy !== "none") checkPrivacy(fn, privacy, protocol.privacyParameters);
  const isSum = aggregator === "mean" && protocol.preAggregations.length === 0;
  ensure(isSum || !protocol.secureAggregation, fn, "needs the mean under secure aggregation", aggregator, "set secureAggregation: false"); // prettier-ignore
  rehearse({ ...protocol, numClients }, protocol.poisoning === "none" ? [] : [own]);
}

/**
 * Whether the aggregate is the plain mean of what clients computed, from which a client can take its own share.
 *
 * @param protocol of the round
 * @returns true where every update has the same weight and nobody clips
 * @example
 * isPlainMean(protocolOf(config)); // true
 */
export function isPlainMean(protocol: Protocol): boolean {
  return isMean(protocol) && protocol.privacy === "none";
}

/**
 * Whether the aggregate is the plain mean of what clients sent.
 *
 * @param protocol of the round
 * @returns true where every update has the same weight, whatever clients do to theirs
 * @example
 * isMean(protocolOf(config)); // true
 */
export function isMean({ aggregator, preAggregations: before }: Protocol): boolean {
  const { equalWeights }: Aggregator = aggregators[aggregator];
  return equalWeights === true && before.length === 0;
}
