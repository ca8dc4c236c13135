/** @file The budget that a run spends with a privacy mechanism. */
import { ensure, ensureCount } from "../../core/errors";
import { privacies, type PrivacyName } from "../privacies";
import { epsilonOf } from "./accountant";
import { checkPrivacy } from "./checkPrivacy";
import { noiseStd, type Privacy, type PrivacyParameters, type PrivacyUnit, type PrivateRun } from "./privacy";

/**
 * Who looks: "server", which sees every client's message by itself; "client", another client, which sees the aggregate of each round
 * through the broadcasts, and knows its own message.
 */
export type PrivacyObserver = "server" | "client";

/** Of what spent speaks. */
export interface PrivacyQuestion {
  /** Whose data, default the mechanism's own. */
  readonly unit?: PrivacyUnit;
  /** Who looks, default "server". */
  readonly observer?: PrivacyObserver;
}

/** The budget of a run and what it was computed from. */
export interface PrivacySpent {
  /** For the client with the fewest images; Infinity without noise. */
  readonly epsilon: number;
  readonly delta: number;
  readonly unit: PrivacyUnit;
  readonly observer: PrivacyObserver;
  /** Clients whose independent noises lie over a victim's data, its own among them; 1 for the server. */
  readonly noises: number;
  /** The noise's standard deviation / how far a neighbour moves what it is added to. */
  readonly noiseMultiplier: number;
  /** How likely a step or message uses a given example; 1 for the unit "update". */
  readonly samplingRate: number;
  /** Releases with noise. */
  readonly steps: number;
}

/**
 * The privacy budget that a client spends in a run, as the server sees it, or as another client does. Neighbours are data replaced
 * by other data, as our batches have a fixed size and no repeats:
 *
 *     mechanism, unit       noise              moved by       steps    q
 *     localDp, "update"     noiseStd           2 C or 2 C d'  K        1
 *     localDp, "example"    noiseStd           2 C or 2 C d'  K        1 - (1 - B/n)^tau, n the smallest shard
 *     dpSgd, "example"      sigma C, on a sum  2 C            K tau    B/n
 *     dpSgd, "update"       sigma C, on a sum  2 C B          K tau    1
 *
 *     multiplier = noise sqrt(noises) / moved by
 *
 * d' = sqrt(d) for elementwise clipping, whose box [-C, C]^d is that wide; 1 for norm clipping. One unclipped example can turn an
 * update right round, hence the same width for both units of localDp.
 *
 * The server sees a message under its own noise: noises = 1. A curious client sees the messages' plain mean, takes its own away, and
 * is left with the sum of M - 1, of which the victim's data moves one: noises = M - 1. This assumes that the other M - 1 clients follow
 * the protocol, draw their noise independently, and do not show it to the attacker; their data and batches it may know. A rule
 * that chooses or weighs messages by what is in them, noise included, may let one noise through alone: there, and after any
 * pre-aggregation, what is proved is what holds of all that is computed from the messages: the server's budget, noises = 1. The same
 * under dpSgd with tau > 1, where a client's later steps follow its own noise, not the sum.
 *
 * The unit "example" is helped by nobody knowing whether an image is in a batch at all; how well the image that is in it stays
 * hidden, which is what a reconstruction asks, is a question to the unit "update". At B = tau = 1 both mechanisms are one.
 *
 * Replacing moves a sum by 2 C, so that the multiplier is half of sigma. What other tools print for DP-SGD counts one example more
 * or less (C) and Poisson sampling, which is not how our batches are drawn: epsilonOf({ noiseMultiplier: sigma, samplingRate:
 * B / n, steps: K tau, delta, accounting: "renyi" }) gives that number, for comparison.
 *
 * @param privacy the mechanism
 * @param parameters its parameters
 * @param run what decides how often data is touched, and what a client sees
 * @param question whose data, and who looks
 * @returns epsilon at delta with what it was computed from
 * @throws InputError for parameters or a run out of range, a shard smaller than a batch, or a client's view without an aggregator or
 *   without a second client
 * @example
 * const run = { rounds: 50, localSteps: 1, batchSize: 1, aggregator: "mean", shardSizes: [6000, 5000, 7000], dimension: 61_706 };
 * spent("dpSgd", { ...defaultPrivacy, noiseMultiplier: 2 }, run).epsilon; // 0.01249
 * spent("localDp", { ...defaultPrivacy, noiseMultiplier: 2 }, run).epsilon; // 57.254
 * spent("localDp", { ...defaultPrivacy, noiseMultiplier: 2 }, run, { observer: "client" }).epsilon; // 35.068
 * @source divergenceOf, whose bound needs an example to be left out with probability 1 - q, all else being equal, and any two messages
 * to be within reach: that is so for both mechanisms, for localDp at tau > 1 too; Mironov 2017 (composition)
 */
export function spent(
  privacy: PrivacyName,
  parameters: PrivacyParameters,
  run: PrivateRun,
  question: PrivacyQuestion = {},
): PrivacySpent {
  checkPrivacy("spent", privacy, parameters);
  const isAsked = typeof question === "object" && question !== null;
  ensure(isAsked, "spent", "needs a question with unit, observer", question, '{ unit: "update" }');
  const mechanism: Privacy = privacies[privacy];
  const { unit = mechanism.unit, observer = "server" } = question;
  ensure(["update", "example"].includes(unit), "spent", "needs a unit of update, example", unit);
  ensure(["server", "client"].includes(observer), "spent", "needs an observer of server, client", observer);
  checkRun(run);

  const { clipNorm, delta } = parameters;
  const { releases, reach, inRelease, addUp } = mechanism.released(parameters, run, unit);
  const noises = observer === "server" ? 1 : noisesSeen(addUp, run);
  const steps = {
    noiseMultiplier: (noiseStd(parameters, run.batchSize) * Math.sqrt(noises)) / (2 * clipNorm * reach),
    samplingRate: unit === "example" ? inRelease : 1,
    steps: releases,
    delta,
  };
  return { ...steps, unit, observer, noises, epsilon: epsilonOf({ ...steps, sampling: "withoutReplacement" }) };
}

/** Refuses a run of which no budget can be told. */
function checkRun(run: PrivateRun): void {
  ensure(typeof run === "object" && run !== null, "spent", "needs a run with rounds, batchSize, shardSizes", run);
  const { batchSize, shardSizes } = run;
  for (const name of ["rounds", "localSteps", "batchSize", "dimension"] as const) ensureCount("spent", name, run[name]);
  const isList = Array.isArray(shardSizes) && shardSizes.length >= 1;
  ensure(
    isList,
    "spent",
    "needs the shard sizes of at least one client",
    Array.isArray(shardSizes) ? "none" : shardSizes,
  );
  for (const size of shardSizes) ensureCount("spent", "shard size", size);
  const smallest = Math.min(...shardSizes);
  ensure(smallest >= batchSize, "spent", `needs shards of at least batchSize = ${batchSize} images`, smallest);
}

/** How many clients' noises lie over one client's data in what another client sees; see spent. */
function noisesSeen(addUp: boolean, { aggregator, preAggregations = [], shardSizes }: PrivateRun): number {
  const numClients = shardSizes.length;
  ensure(typeof aggregator === "string", "spent", "needs the run's aggregator for what a client sees", aggregator, 'such as "mean"'); // prettier-ignore
  ensure(
    numClients >= 2,
    "spent",
    "needs the shard sizes of all clients, at least 2, for what one of them sees",
    numClients,
  );
  const isSum = aggregator === "mean" && preAggregations.length === 0;
  return isSum && addUp ? numClients - 1 : 1;
}
