/** @file The privacy mechanisms by name, their parameters, and the budget that a run spends with them. */
import { ensure, ensureCount } from "../../core/errors";
import { epsilonOf } from "./accountant";

/**
 * The privacy mechanisms by name; what each adds noise to, and whose data its own guarantee is about:
 * "update": two clients' whole messages, whatever their data; "example": one image of a client's shard, replaced by another.
 */
export const privacies = {
  localDp: {
    name: "localDp",
    label: "local DP",
    unit: "update",
    source: "Duchi, Jordan and Wainwright 2013 (local privacy)",
  },
  dpSgd: { name: "dpSgd", label: "DP-SGD", unit: "example", source: "Abadi et al. 2016" },
} as const;

/** A privacy mechanism's name; a config's `privacy` is one of them, or "none". */
export type PrivacyName = keyof typeof privacies;

/** Whose data a guarantee is about; see privacies. */
export type PrivacyUnit = "update" | "example";

/**
 * Who looks: "server", which sees every client's message by itself; "client", another client, which sees the aggregate of each round
 * through the broadcasts, and knows its own message.
 */
export type PrivacyObserver = "server" | "client";

/** What clients set: plain JSON. */
export interface PrivacyParameters {
  /** C > 0, largest length of an update (localDp) or of one example's gradient (dpSgd); default 1 (not stated: our choice). */
  readonly clipNorm: number;
  /** sigma >= 0, in units of C unless noiseScale says otherwise; default 3 (paper). */
  readonly noiseMultiplier: number;
  /** In (0, 1), at which epsilon is given; default 1e-5 (not stated: our choice). */
  readonly delta: number;
  /** Lengths ("norm", default), or each coordinate for itself ("elementwise", localDp alone). */
  readonly clipping?: "norm" | "elementwise";
  /** What sigma multiplies: C ("clipNorm", default), or 2 C / B ("sensitivityOverBatch", localDp alone). */
  readonly noiseScale?: "clipNorm" | "sensitivityOverBatch";
}

/** The defaults, each with its source. */
export const defaultPrivacy: Required<PrivacyParameters> = {
  clipNorm: 1, // not stated in the paper: our choice, as in the first author's public code
  noiseMultiplier: 3, // paper: local DP with sigma = 3
  delta: 1e-5, // not stated: our choice, the field's usual value, below one over the images of a shard
  clipping: "norm", // not stated: our choice; without it there is no guarantee worth the name, see spent
  noiseScale: "clipNorm", // not stated: our choice, the field's usual meaning of sigma
};

/** The parameters' names, by which a misspelt one is found; all of them have a default. */
export const privacyParameterNames = Object.keys(defaultPrivacy) as readonly (keyof PrivacyParameters)[];

/**
 * Refuses parameters that a mechanism cannot run with.
 *
 * @param fn name of the public function that was called
 * @param privacy the mechanism
 * @param parameters its parameters
 * @throws InputError naming the parameter, what it needs and what it got
 * @example
 * checkPrivacy("train", "dpSgd", { ...defaultPrivacy, clipNorm: 0 }); // throws "train: needs a finite clipNorm > 0, got 0"
 */
export function checkPrivacy(fn: string, privacy: PrivacyName, parameters: PrivacyParameters): void {
  const known = Object.keys(privacies);
  ensure(known.includes(privacy), fn, `needs a privacy mechanism of ${known.join(", ")}`, privacy);
  const isRecord = typeof parameters === "object" && parameters !== null;
  ensure(isRecord, fn, `needs privacy parameters with ${privacyParameterNames.slice(0, 3).join(", ")}`, parameters);
  const { clipNorm, noiseMultiplier, delta, clipping = "norm", noiseScale = "clipNorm" } = parameters;
  const isAtLeastZero = Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0;
  ensure(Number.isFinite(clipNorm) && clipNorm > 0, fn, "needs a finite clipNorm > 0", clipNorm);
  ensure(isAtLeastZero, fn, "needs a finite noiseMultiplier >= 0", noiseMultiplier);
  ensure(typeof delta === "number" && delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
  const isLocal = privacy === "localDp";
  const [clippings, scales] = [isLocal ? ["norm", "elementwise"] : ["norm"], isLocal ? ["clipNorm", "sensitivityOverBatch"] : ["clipNorm"]]; // prettier-ignore
  ensure(clippings.includes(clipping), fn, `needs clipping of ${clippings.join(", ")} for ${privacy}`, clipping);
  ensure(scales.includes(noiseScale), fn, `needs noiseScale of ${scales.join(", ")} for ${privacy}`, noiseScale);
}

/**
 * The standard deviation of the noise on one coordinate: of a client's update (localDp), or of the sum of its examples' gradients
 * (dpSgd, which then divides by B).
 *
 *     "clipNorm":              sigma C
 *     "sensitivityOverBatch":  sigma 2 C / B
 *
 * @param parameters of which clipNorm, noiseMultiplier and noiseScale are read
 * @param batchSize B, images in one local step
 * @returns the standard deviation, in the gradient's unit
 * @throws InputError when B is no positive integer
 * @example
 * const authors = { ...defaultPrivacy, noiseMultiplier: 10, noiseScale: "sensitivityOverBatch" } as const;
 * noiseStd(authors, 100); // 0.200; 10 · 2 · 1 / 100
 * noiseStd(defaultPrivacy, 100); // 3
 */
export function noiseStd({ clipNorm, noiseMultiplier, noiseScale }: PrivacyParameters, batchSize: number): number {
  ensureCount("noiseStd", "batchSize", batchSize);
  return noiseMultiplier * (noiseScale === "sensitivityOverBatch" ? (2 * clipNorm) / batchSize : clipNorm);
}

/** What decides how often a client's data is touched, and who sees what. A federation's config has all but the last two. */
export interface PrivateRun {
  /** K, communication rounds. */
  readonly rounds: number;
  /** tau, local steps of a client in a round. */
  readonly localSteps: number;
  /** B, images in a local step. */
  readonly batchSize: number;
  /** How the server aggregates; read for what a client sees. */
  readonly aggregator?: string;
  /** In front of it, default none; read for what a client sees. */
  readonly preAggregations?: readonly string[];
  /** Images of each of the M clients, each at least B. */
  readonly shardSizes: readonly number[];
  /** d, the number of weights. */
  readonly dimension: number;
}

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
  /** In (0, 1), as it was asked for. */
  readonly delta: number;
  /** Whose data, see PrivacyUnit. */
  readonly unit: PrivacyUnit;
  /** Who looks, see PrivacyObserver. */
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
  const { unit = privacies[privacy].unit, observer = "server" } = question;
  ensure(["update", "example"].includes(unit), "spent", "needs a unit of update, example", unit);
  ensure(["server", "client"].includes(observer), "spent", "needs an observer of server, client", observer);
  checkRun(run);

  const { rounds, localSteps, batchSize, shardSizes, dimension } = run;
  const { clipNorm, delta, clipping = "norm" } = parameters;
  const isLocal = privacy === "localDp";
  const reach = isLocal ? (clipping === "norm" ? 1 : Math.sqrt(dimension)) : unit === "example" ? 1 : batchSize;
  const inBatch = batchSize / Math.min(...shardSizes);
  const inMessage = isLocal ? 1 - (1 - inBatch) ** localSteps : inBatch;
  const noises = observer === "server" ? 1 : noisesSeen(privacy, run);
  const steps = {
    noiseMultiplier: (noiseStd(parameters, batchSize) * Math.sqrt(noises)) / (2 * clipNorm * reach),
    samplingRate: unit === "example" ? inMessage : 1,
    steps: isLocal ? rounds : rounds * localSteps,
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
function noisesSeen(
  privacy: PrivacyName,
  { aggregator, preAggregations = [], localSteps, shardSizes }: PrivateRun,
): number {
  const numClients = shardSizes.length;
  ensure(typeof aggregator === "string", "spent", "needs the run's aggregator for what a client sees", aggregator, 'such as "mean"'); // prettier-ignore
  ensure(
    numClients >= 2,
    "spent",
    "needs the shard sizes of all clients, at least 2, for what one of them sees",
    numClients,
  );
  const isSum = aggregator === "mean" && preAggregations.length === 0;
  return isSum && (privacy === "localDp" || localSteps === 1) ? numClients - 1 : 1;
}
