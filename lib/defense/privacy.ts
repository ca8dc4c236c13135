/** @file The privacy mechanisms by name, their parameters, and the budget that a run spends with them. */
import { ensure, ensureCount } from "../core/errors";
import { epsilonOf } from "./accountant";

/**
 * The privacy mechanisms by name; what each adds noise to, and whose data its own guarantee is about:
 * "update": two clients' whole messages, whatever their data; "example": one image of a client's shard, replaced by another.
 */
export const privacies = {
  localDp: { name: "localDp", unit: "update", source: "Duchi, Jordan and Wainwright 2013 (local privacy)" },
  dpSgd: { name: "dpSgd", unit: "example", source: "Abadi et al. 2016" },
} as const;

/** A privacy mechanism's name; a config's `privacy` is one of them, or "none". */
export type PrivacyName = keyof typeof privacies;

/** Whose data a guarantee is about; see privacies. */
export type PrivacyUnit = "update" | "example";

/** What clients set: plain JSON. */
export interface PrivacyParameters {
  readonly clipNorm: number; // C > 0, of an update (localDp) or of one example's gradient (dpSgd)
  readonly noiseMultiplier: number; // sigma >= 0; what it multiplies, noiseScale says
  readonly delta: number; // in (0, 1), at which epsilon is given
  readonly clipping?: "norm" | "elementwise"; // default "norm"; "elementwise" for localDp alone
  readonly noiseScale?: "clipNorm" | "sensitivityOverBatch"; // default "clipNorm": C; or 2 C / B, for localDp alone
}

/** The defaults, each with its source. */
export const defaultPrivacy: PrivacyParameters = {
  clipNorm: 1, // not stated in the paper: our choice, as in the first author's public code
  noiseMultiplier: 3, // paper: local DP with sigma = 3
  delta: 1e-5, // not stated: our choice, the field's usual value, below one over the images of a shard
  clipping: "norm", // not stated: our choice; without it there is no guarantee worth the name, see spent
  noiseScale: "clipNorm", // not stated: our choice, the field's usual meaning of sigma
};

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
  const { clipNorm, noiseMultiplier, delta, clipping = "norm", noiseScale = "clipNorm" } = parameters;
  ensure(
    Object.hasOwn(privacies, privacy),
    fn,
    `needs a privacy mechanism of ${Object.keys(privacies).join(", ")}`,
    privacy,
  );
  const isAtLeastZero = Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0;
  ensure(Number.isFinite(clipNorm) && clipNorm > 0, fn, "needs a finite clipNorm > 0", clipNorm);
  ensure(isAtLeastZero, fn, "needs a finite noiseMultiplier >= 0", noiseMultiplier);
  ensure(delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
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

/** What decides how often a client's data is touched. */
export interface PrivateRun {
  readonly rounds: number; // K
  readonly localSteps: number; // tau
  readonly batchSize: number; // B
  readonly shardSizes: readonly number[]; // images of each client, each at least B
  readonly dimension: number; // d, the number of weights
}

/** The budget of a run and what it was computed from. */
export interface PrivacySpent {
  readonly epsilon: number; // for the client with the fewest images; Infinity without noise
  readonly delta: number;
  readonly unit: PrivacyUnit;
  readonly noiseMultiplier: number; // the noise's standard deviation / how far a neighbour moves what it is added to
  readonly samplingRate: number; // how likely a step or message uses a given example; 1 for the unit "update"
  readonly steps: number; // releases with noise
}

/**
 * The privacy budget that a client spends in a run, against everybody who sees its messages: the server, and through the
 * broadcasts the other clients. Neighbours are data replaced by other data, as our batches have a fixed size and no repeats:
 *
 *     mechanism, unit       noise              moved by       steps    q
 *     localDp, "update"     noiseStd           2 C or 2 C d'  K        1
 *     localDp, "example"    noiseStd           2 C or 2 C d'  K        1 - (1 - B/n)^tau, n the smallest shard
 *     dpSgd, "example"      sigma C, on a sum  2 C            K tau    B/n
 *     dpSgd, "update"       sigma C, on a sum  2 C B          K tau    1
 *
 * d' = sqrt(d) for elementwise clipping, whose box [-C, C]^d is that wide; 1 for norm clipping. One unclipped example can turn an
 * update right round, hence the same width for both units of localDp.
 *
 * The unit "example" is helped by nobody knowing whether an image is in a batch at all; how well the image that is in it stays
 * hidden, which is what a reconstruction asks, is a question to the unit "update". At B = tau = 1 both mechanisms are one.
 *
 * Replacing moves a sum by 2 C, so that the multiplier is half of sigma. What other tools print for DP-SGD counts one example more
 * or less (C) and Poisson sampling, which is not how our batches are drawn: epsilonOf({ noiseMultiplier: sigma, samplingRate:
 * B / n, steps: K tau, delta }) gives that number, for comparison.
 *
 * @param privacy the mechanism
 * @param parameters its parameters
 * @param run what decides how often data is touched
 * @param unit whose data, default the mechanism's own
 * @returns epsilon at delta with what it was computed from
 * @throws InputError for parameters or a run out of range, or a shard smaller than a batch
 * @example
 * const run = { rounds: 50, localSteps: 1, batchSize: 1, shardSizes: [6000, 5000], dimension: 61_706 };
 * spent("dpSgd", { ...defaultPrivacy, noiseMultiplier: 2 }, run).epsilon; // 0.483
 * spent("localDp", { ...defaultPrivacy, noiseMultiplier: 2 }, run).epsilon; // 57.302
 * @source Wang, Balle and Kasiviswanathan 2019 (theorem 9; that it holds for localDp at tau > 1 is our reading of its proof, which
 * needs the example to be left out with probability 1 - q, and any two messages to be within reach); Mironov 2017 (composition)
 */
export function spent(
  privacy: PrivacyName,
  parameters: PrivacyParameters,
  run: PrivateRun,
  unit?: PrivacyUnit,
): PrivacySpent {
  const { rounds, localSteps, batchSize, shardSizes, dimension } = run;
  checkPrivacy("spent", privacy, parameters);
  const about = unit ?? privacies[privacy].unit;
  ensure(["update", "example"].includes(about), "spent", "needs a unit of update, example", about);
  for (const name of ["rounds", "localSteps", "batchSize", "dimension"] as const) ensureCount("spent", name, run[name]);
  ensure(shardSizes.length >= 1, "spent", "needs the shard sizes of at least one client", "none");
  const smallest = Math.min(...shardSizes);
  ensure(smallest >= batchSize, "spent", `needs shards of at least batchSize = ${batchSize} images`, smallest);

  const { clipNorm, delta, clipping = "norm" } = parameters;
  const isLocal = privacy === "localDp";
  const reach = isLocal ? (clipping === "norm" ? 1 : Math.sqrt(dimension)) : about === "example" ? 1 : batchSize;
  const inBatch = batchSize / smallest;
  const inMessage = isLocal ? 1 - (1 - inBatch) ** localSteps : inBatch;
  const steps = {
    noiseMultiplier: noiseStd(parameters, batchSize) / (2 * clipNorm * reach),
    samplingRate: about === "example" ? inMessage : 1,
    steps: isLocal ? rounds : rounds * localSteps,
    delta,
  };
  return { ...steps, unit: about, epsilon: epsilonOf({ ...steps, sampling: "withoutReplacement" }) };
}
