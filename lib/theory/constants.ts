/** @file Estimates of the theory's constants from what runs record: pure functions on gradients, losses and weights. */
import { ensure, ensureFinite } from "../core/errors";
import { combination } from "./vectors";

/** A vector as runs record it, or of double precision. */
type Numbers = ArrayLike<number>;

/**
 * F* as the least loss that any run has seen.
 *
 * It lies above the true minimum, so gaps are too small, and the more so late in a run: use a long clean run.
 *
 * @param losses of long runs [runs][rounds], nats
 * @returns the least of all
 * @throws InputError when there is none, or one is not finite
 * @example
 * leastLoss([[2, 0.5], [1, 0.7]]); // 0.5
 * @source ours; the paper's proof is about F* itself
 */
export function leastLoss(losses: readonly (readonly number[])[]): number {
  const all = losses.flat();
  ensure(all.length >= 1, "leastLoss", "needs at least one loss", 0);
  ensureFinite("leastLoss", "losses", all);
  return all.reduce((least, loss) => Math.min(least, loss), Infinity);
}

/**
 * The Polyak-Lojasiewicz constant that a run shows: min over rounds of ||grad F||^2 / (2 Δ).
 *
 * An upper bound on the true μ of A2: rounds not visited may have a smaller ratio.
 *
 * @param squaredNorms ||grad F(w^(k))||^2 [rounds], of full gradients
 * @param gaps Δ^(k) [rounds], > 0
 * @returns the least ratio
 * @throws InputError when lengths differ or are 0, or a gap is not > 0
 * @example
 * plConstantOf([8, 2], [2, 2]); // 0.5
 * @source assumption A2
 */
export function plConstantOf(squaredNorms: readonly number[], gaps: readonly number[]): number {
  const fn = "plConstantOf";
  ensure(gaps.length >= 1 && gaps.length === squaredNorms.length, fn, "needs as many norms as gaps, at least one", `${squaredNorms.length} and ${gaps.length}`); // prettier-ignore
  ensureFinite(fn, "squaredNorms", squaredNorms);
  gaps.forEach((gap, k) => ensure(gap > 0 && Number.isFinite(gap), fn, "needs gaps > 0", `${gap} at round ${k}`, "leave out the rounds of the least loss")); // prettier-ignore
  return Math.min(...gaps.map((gap, k) => squaredNorms[k]! / (2 * gap)));
}

/**
 * The smoothness that a run shows: max over pairs of neighbours of ||grad F(w) - grad F(w')|| / ||w - w'||.
 *
 * A lower bound on the true L of A1.
 *
 * @param weights w^(k) [rounds][d]
 * @param gradients grad F(w^(k)) [rounds][d]
 * @returns the largest ratio
 * @throws InputError when there are fewer than two rounds, or neighbours have equal weights throughout
 * @example
 * smoothnessOf([[0], [1], [3]], [[0], [2], [3]]); // 2
 * @source assumption A1
 */
export function smoothnessOf(weights: readonly Numbers[], gradients: readonly Numbers[]): number {
  const fn = "smoothnessOf";
  ensure(weights.length >= 2 && weights.length === gradients.length, fn, "needs as many weights as gradients, at least two", `${weights.length} and ${gradients.length}`); // prettier-ignore
  let largest = 0;
  for (let k = 1; k < weights.length; k++) {
    const moved = distance(fn, weights[k - 1]!, weights[k]!);
    if (moved > 0) largest = Math.max(largest, distance(fn, gradients[k - 1]!, gradients[k]!) / moved);
  }
  ensure(largest > 0, fn, "needs weights and gradients that differ", "the same throughout");
  return largest;
}

/** σ^2 and ζ^2 at one model, and what the theorem makes of them. */
export interface NoiseEstimate {
  /** σ^2: mean over clients of E||n_m||^2, unbiased. */
  readonly samplingVariance: number;
  /** The largest client's; A3 asks for this one. */
  readonly largestVariance: number;
  /** ζ^2, unbiased; may come out below 0 where ζ is small. */
  readonly heterogeneity: number;
}

/**
 * σ^2 and ζ^2 from several batches' gradients of every client at one model (analysis of variance).
 *
 *     σ_m^2 = (1/(n-1)) sum_t ||g_mt - gbar_m||^2
 *     ζ^2   = (1/M) sum_m ||gbar_m - gbar||^2 - (1 - 1/M) σ^2 / n
 *
 * @param gradients g_mt [M][n][d], n >= 2 batches of every client
 * @returns see NoiseEstimate
 * @throws InputError when a client has fewer than two batches, or counts or lengths differ
 * @example
 * noiseOf([[[1], [3]], [[5], [7]]]); // { samplingVariance: 2, largestVariance: 2, heterogeneity: 3.5 }
 * @source assumption A3; Searle, Casella and McCulloch 1992, Variance Components, chapter 3
 */
export function noiseOf(gradients: readonly (readonly Numbers[])[]): NoiseEstimate {
  const fn = "noiseOf";
  const [numClients, n] = [gradients.length, gradients[0]?.length ?? 0];
  ensure(numClients >= 1 && n >= 2, fn, "needs at least two batches of at least one client", `${n} of ${numClients}`);
  gradients.forEach((batches, m) => ensure(batches.length === n, fn, `needs ${n} batches of every client`, `${batches.length} of client ${m}`)); // prettier-ignore
  const means = gradients.map((batches) => combination(batches));
  const spread = (vectors: readonly Numbers[], mean: Numbers): number =>
    vectors.reduce((sum, vector) => sum + distance(fn, vector, mean) ** 2, 0);
  const variances = gradients.map((batches, m) => spread(batches, means[m]!) / (n - 1));
  const samplingVariance = variances.reduce((sum, value) => sum + value, 0) / numClients;
  const between = spread(means, combination(means)) / numClients;
  const heterogeneity = between - ((1 - 1 / numClients) * samplingVariance) / n;
  return { samplingVariance, largestVariance: Math.max(...variances), heterogeneity };
}

/** An inversion of the observed gradient beside that of the victim's own. */
export interface InversionPair {
  /** ||R(gbar) - R(g_i)||. */
  readonly errorNorm: number;
  /** ||gbar - g_i||. */
  readonly gradientDistance: number;
  /** ||grad F(w)||. */
  readonly gradientNorm: number;
}

/**
 * The relative Lipschitz constant L_R that pairs of inversions show: a quantile of ||R(g) - R(g')|| ||grad F|| / ||g - g'||.
 *
 * Fit it on some seeds and count on others how often A4 is violated with it.
 *
 * @param pairs at least one with different gradients
 * @param options quantile in [0, 1], default 1: the largest ratio
 * @returns L_R
 * @throws InputError when there is no such pair, a number is negative or not finite, or the quantile is out of range
 * @example
 * lipschitzOf([{ errorNorm: 1, gradientDistance: 2, gradientNorm: 3 }, { errorNorm: 4, gradientDistance: 2, gradientNorm: 3 }]); // 6
 * @source assumption A4
 */
export function lipschitzOf(pairs: readonly InversionPair[], { quantile = 1 }: { quantile?: number } = {}): number {
  const fn = "lipschitzOf";
  ensure(quantile >= 0 && quantile <= 1, fn, "needs a quantile in [0, 1]", quantile);
  const apart = pairs.filter((pair) => pair.gradientDistance > 0);
  ensure(apart.length >= 1, fn, "needs a pair of different gradients", `${pairs.length} pairs`);
  const ratios = apart.map(({ errorNorm, gradientDistance, gradientNorm }) => (errorNorm * gradientNorm) / gradientDistance); // prettier-ignore
  ratios.forEach((ratio, i) => ensure(ratio >= 0 && Number.isFinite(ratio), fn, "needs finite norms >= 0", `pair ${i}: ${ratio}`)); // prettier-ignore
  ratios.sort((a, b) => a - b);
  return ratios[Math.ceil(quantile * (ratios.length - 1))]!;
}

function distance(fn: string, a: Numbers, b: Numbers): number {
  ensure(a.length === b.length, fn, "needs vectors of one length", `${a.length} and ${b.length}`);
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2;
  ensure(Number.isFinite(sum), fn, "needs finite vectors", sum);
  return Math.sqrt(sum);
}
