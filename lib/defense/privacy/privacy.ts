/** @file What a privacy mechanism is: what a client does to what it sends, and what a run tells of its data. Its parameters. */
import { ensure, ensureCount } from "../../core/errors";
import type { Rng } from "../../core/rng";
import type { Batch } from "../../core/types";
import type { Network } from "../../model/network";

/** Whose data a guarantee is about: two clients' whole messages, whatever their data; or one image of a shard, replaced by another. */
export type PrivacyUnit = "update" | "example";

/** What clients set: plain JSON. */
export interface PrivacyParameters {
  /** C > 0, of what the mechanism clips: an update, or one example's gradient; default 1 (not stated: our choice). */
  readonly clipNorm: number;
  /** sigma >= 0, in units of C unless noiseScale says otherwise; default 3 (paper). */
  readonly noiseMultiplier: number;
  /** In (0, 1), at which epsilon is given; default 1e-5 (not stated: our choice). */
  readonly delta: number;
  /** Lengths ("norm", default), or each coordinate for itself ("elementwise"); every mechanism says which it knows. */
  readonly clipping?: "norm" | "elementwise";
  /** What sigma multiplies: C ("clipNorm", default), or 2 C / B ("sensitivityOverBatch"); every mechanism says which it knows. */
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

/** What decides how often a client's data is touched, and who sees what. A federation's config has all but the last two. */
export interface PrivateRun {
  /** K. */
  readonly rounds: number;
  /** Tau. */
  readonly localSteps: number;
  /** B. */
  readonly batchSize: number;
  /** How the server aggregates; read for what a client sees. */
  readonly aggregator?: string;
  /** In front of it, default none; read for what a client sees. */
  readonly preAggregations?: readonly string[];
  /** Images of each of the M clients, each at least B. */
  readonly shardSizes: readonly number[];
  /** D, the number of weights. */
  readonly dimension: number;
}

/** The local steps of clients that start from the same weights. */
export interface LocalSteps {
  readonly network: Network;
  /** W, [d], as broadcast. */
  readonly weights: Float32Array;
  /** [M][tau], of equal size. */
  readonly batches: readonly (readonly Batch[])[];
  /** Eta > 0. */
  readonly learningRate: number;
}

/** What a run releases of one client, for its neighbours in a unit. */
export interface Released {
  /** With noise of their own. */
  readonly releases: number;
  /** How far a neighbour moves what the noise is added to, in 2 C. */
  readonly reach: number;
  /** How likely a given example is in a release. */
  readonly inRelease: number;
  /** Whether the noises of all clients lie over a release of one, where the server takes the plain mean. */
  readonly addUp: boolean;
}

/**
 * A privacy mechanism. It clips what it clips, and adds normal noise of a standard deviation that noiseStd gives.
 *
 * A client takes its local steps by localUpdates, where there are private ones, and then its update is ready; else it takes plain steps,
 * and sends what protect makes of their sum. One that poisons takes its steps without noise, poisons, and sends what protect makes of that.
 */
export interface Privacy {
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  /** Whose data its own guarantee is about. */
  readonly unit: PrivacyUnit;
  readonly source: string;
  /** What is clipped: a client's whole update, or each example's gradient. */
  readonly clips: "update" | "example";
  /** That it knows. */
  readonly clippings: readonly Required<PrivacyParameters>["clipping"][];
  /** That it knows. */
  readonly noiseScales: readonly Required<PrivacyParameters>["noiseScale"][];
  /** Name of a client's random stream in a round. */
  readonly stream: string;
  /** The clients' updates, clipped and noised as they come about; rngs is a stream per client. */
  localUpdates?(steps: LocalSteps, parameters: PrivacyParameters, rngs: readonly Rng[]): Float32Array[];
  /** A finite update without noise as it is sent: within the mechanism's bound, and with its noise. The update stays as it is. */
  protect(
    update: Float32Array,
    parameters: PrivacyParameters,
    steps: Pick<PrivateRun, "localSteps" | "batchSize">,
    rng: Rng,
  ): Float32Array;
  /** The standard deviation of the noise on one coordinate of the gradient of a local step. */
  stepNoise(parameters: PrivacyParameters, batchSize: number): number;
  /** What a run releases of one client. */
  released(parameters: PrivacyParameters, run: PrivateRun, unit: PrivacyUnit): Released;
}

/**
 * Refuses parameters that a mechanism cannot run with.
 *
 * @param fn name of the public function that was called
 * @param mechanism the mechanism
 * @param parameters its parameters
 * @throws InputError naming the parameter, what it needs and what it got
 * @example
 * checkParameters("train", dpSgd, { ...defaultPrivacy, clipNorm: 0 }); // throws "train: needs a finite clipNorm > 0, got 0"
 */
export function checkParameters(
  fn: string,
  { name, clippings, noiseScales }: Pick<Privacy, "name" | "clippings" | "noiseScales">,
  parameters: PrivacyParameters,
): void {
  const isRecord = typeof parameters === "object" && parameters !== null;
  ensure(isRecord, fn, `needs privacy parameters with ${privacyParameterNames.slice(0, 3).join(", ")}`, parameters);
  const { clipNorm, noiseMultiplier, delta, clipping = "norm", noiseScale = "clipNorm" } = parameters;
  const isAtLeastZero = Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0;
  ensure(Number.isFinite(clipNorm) && clipNorm > 0, fn, "needs a finite clipNorm > 0", clipNorm);
  ensure(isAtLeastZero, fn, "needs a finite noiseMultiplier >= 0", noiseMultiplier);
  ensure(typeof delta === "number" && delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
  ensure(clippings.includes(clipping), fn, `needs clipping of ${clippings.join(", ")} for ${name}`, clipping);
  ensure(noiseScales.includes(noiseScale), fn, `needs noiseScale of ${noiseScales.join(", ")} for ${name}`, noiseScale);
}

/**
 * The standard deviation of the noise on one coordinate: of what the mechanism adds it to: a client's update, or the sum of its
 * examples' gradients.
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
