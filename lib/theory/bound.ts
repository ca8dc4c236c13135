/** @file The reconstruction theorem: how far a reconstruction from an average can be off. Lines are those of notebook 07_theorem_1. */
import { ensure } from "../core/errors";
import { combination, squaredDistance, type Vector } from "./vectors";

/**
 * How far gradients lie from their (weighted) mean, V = sum_i w_i ||g_i - gbar||^2 with gbar = sum_i w_i g_i.
 *
 * Of one round's gradients it is line (3), of the biases b_i it is ζ_K^2.
 *
 * @param gradients g_i [n][d], n >= 1
 * @param weights w_i [n] >= 0, summing to 1; default 1/n
 * @returns V >= 0
 * @example
 * dispersionOf([[-2], [2]]); // 4
 * dispersionOf([[-2], [2]], [0.75, 0.25]); // 3; around -1
 * @source our derivation, line (3)
 */
export function dispersionOf(gradients: readonly Vector[], weights?: Vector): number {
  const mean = combination(gradients, weights);
  const share = 1 / gradients.length;
  return gradients.reduce((sum, g, i) => sum + (weights?.[i] ?? share) * squaredDistance(g, mean), 0);
}

/**
 * Effective number of participants of a weighted mean, M_eff = (sum_i w_i)^2 / sum_i w_i^2.
 *
 * @param weights w_i >= 0, not all 0
 * @returns M_eff in [1, n]
 * @throws InputError when a weight is negative or not finite, or all are 0
 * @example
 * effectiveParticipants([1, 1, 1, 0]); // 3
 * @source our derivation, line (2)
 */
export function effectiveParticipants(weights: Vector): number {
  const isFine = weights.every((w) => w >= 0 && Number.isFinite(w)) && weights.some((w) => w > 0);
  ensure(isFine, "effectiveParticipants", "needs finite weights >= 0, not all 0", [...weights]);
  return weights.reduce((sum, w) => sum + w, 0) ** 2 / weights.reduce((sum, w) => sum + w * w, 0);
}

/** What disperses the gradients of the clients in K. */
export interface DispersionTerms {
  /** σ, E||n_m||^2 <= σ^2, over the whole vector. */
  readonly samplingStd: number;
  /** ζ_K, spread of the contributors' mean gradients. */
  readonly heterogeneity: number;
  /** M_eff >= 1. */
  readonly effectiveParticipants: number;
  /** s, standard deviation of the clients' DP noise per coordinate, default 0. */
  readonly dpStd?: number;
  /** d, needed with dpStd. */
  readonly dimension?: number;
}

/**
 * Expected squared distance between the observed gradient and a victim's own.
 *
 *     B = σ^2 (1 - 1/M_eff) + ζ_K^2 + d s^2 / M_eff
 *
 * Holds when K does not depend on the noise. Without DP noise it is 0 at M_eff = 1: the observed gradient is the victim's.
 *
 * @param terms see DispersionTerms
 * @returns B >= 0
 * @throws InputError when M_eff < 1, a term is negative or not finite, or dpStd comes without a dimension
 * @example
 * expectedDispersion({ samplingStd: 3, heterogeneity: 1, effectiveParticipants: 9 }); // 9; 9 * 8/9 + 1
 * expectedDispersion({ samplingStd: 0, heterogeneity: 0, effectiveParticipants: 4, dpStd: 2, dimension: 10 }); // 10
 * @source our derivation, lines (4) and (11)
 */
export function expectedDispersion(terms: DispersionTerms): number {
  const fn = "expectedDispersion";
  const { samplingStd, heterogeneity, effectiveParticipants, dpStd = 0, dimension = 0 } = terms;
  ensureEffective(fn, effectiveParticipants);
  ensureNonnegative(fn, { samplingStd, heterogeneity, dpStd });
  ensureDimension(fn, dpStd, dimension);
  return (
    samplingStd ** 2 * (1 - 1 / effectiveParticipants) +
    heterogeneity ** 2 +
    (dimension * dpStd ** 2) / effectiveParticipants
  );
}

/**
 * The dispersion that counts for scale-free inversions R(g) = r(g/||g||), with r Λ-Lipschitz: used with L_R = 2Λ.
 *
 *     B0 = (sqrt(σ^2/M_eff + ||mean_K b||^2) + sqrt(σ^2 + ζ_K^2 + ||mean_K b||^2))^2
 *
 * Normalising changes distances by the norms of the two gradients, which noise can make small; comparing both with grad F
 * instead costs the sum in place of the difference. It does not vanish at M_eff = 1.
 *
 * @param terms see DispersionTerms, without DP noise; offset ||mean_K b||, default 0 (K is everybody)
 * @returns B0 >= 0
 * @throws InputError as expectedDispersion
 * @example
 * scaleFreeDispersion({ samplingStd: 3, heterogeneity: 4, effectiveParticipants: 9 }); // 36; (1 + 5)^2
 * @source our derivation, line (9)
 */
export function scaleFreeDispersion(terms: {
  readonly samplingStd: number;
  readonly heterogeneity: number;
  readonly effectiveParticipants: number;
  readonly offset?: number;
}): number {
  const fn = "scaleFreeDispersion";
  const { samplingStd, heterogeneity, effectiveParticipants, offset = 0 } = terms;
  ensureEffective(fn, effectiveParticipants);
  ensureNonnegative(fn, { samplingStd, heterogeneity, offset });
  const observed = Math.sqrt(samplingStd ** 2 / effectiveParticipants + offset ** 2);
  return (observed + Math.sqrt(samplingStd ** 2 + heterogeneity ** 2 + offset ** 2)) ** 2;
}

/** What the theorem needs of the round. */
export interface LeakTerms {
  /** Δ > 0. */
  readonly objectiveGap: number;
  /** μ > 0, ||grad F||^2 >= 2 μ Δ. */
  readonly plConstant: number;
  /** L_R > 0, of the inversion in relative gradient error. */
  readonly lipschitz: number;
  /** ε0, of inverting a lone gradient; default 0. */
  readonly inversionError?: number;
  /** B, see expectedDispersion. */
  readonly dispersion: number;
}

/**
 * The theorem: expected squared reconstruction error of a victim in K.
 *
 *     E ||xhat - x||^2 <= (ε0 + L_R sqrt(B / (2 μ Δ)))^2
 *
 * @param terms see LeakTerms
 * @returns the bound, in squared units of x summed over its coordinates
 * @throws InputError when Δ <= 0 (at the minimum there is no bound), or a constant is out of range
 * @example
 * reconstructionBound({ objectiveGap: 2, plConstant: 1, lipschitz: 3, inversionError: 0.5, dispersion: 4 }); // 12.25; (0.5 + 3)^2
 * @source our derivation, line (6); the paper's Theorem 1 has constants of its own
 */
export function reconstructionBound(terms: LeakTerms): number {
  const { inversionError = 0 } = terms;
  return (inversionError + mixingError("reconstructionBound", terms)) ** 2;
}

/**
 * The theorem in its first, looser form: 2 ε0^2 + L_R^2 B / (μ Δ), from ||a + b||^2 <= 2 ||a||^2 + 2 ||b||^2.
 *
 * Up to twice line (6); equal to it where both errors have the same size.
 *
 * @param terms see LeakTerms
 * @returns the bound
 * @throws InputError as reconstructionBound
 * @example
 * youngBound({ objectiveGap: 2, plConstant: 1, lipschitz: 3, inversionError: 0.5, dispersion: 4 }); // 18.5; 0.5 + 18
 * @source our derivation, line (7)
 */
export function youngBound(terms: LeakTerms): number {
  const { inversionError = 0 } = terms;
  return 2 * inversionError ** 2 + 2 * mixingError("youngBound", terms) ** 2;
}

/**
 * The theorem from below, for inversions that also keep gradients apart: ||R(g) - R(g')|| >= l_R ||g - g'|| / ||grad F||.
 *
 *     E ||xhat - x||^2 >= max(0, l_R sqrt(B / (2 L Δ)) - ε0)^2
 *
 * Without it, "a larger gap lets the error fall" does not follow: line (6) is an upper bound, and may be idle.
 *
 * @param terms see LeakTerms, with lipschitz l_R and smoothness L > 0 in place of μ; B exact, not an upper bound
 * @returns the bound
 * @throws InputError as reconstructionBound
 * @example
 * reconstructionFloor({ objectiveGap: 2, smoothness: 1, lipschitz: 3, inversionError: 0.5, dispersion: 4 }); // 6.25; (3 - 0.5)^2
 * @source our derivation, line (8)
 */
export function reconstructionFloor(terms: Omit<LeakTerms, "plConstant"> & { readonly smoothness: number }): number {
  const { inversionError = 0, smoothness } = terms;
  return Math.max(0, mixingError("reconstructionFloor", { ...terms, plConstant: smoothness }) - inversionError) ** 2;
}

/** L_R sqrt(B / (2 μ Δ)), the error that averaging brings. */
function mixingError(
  fn: string,
  { objectiveGap, plConstant, lipschitz, inversionError = 0, dispersion }: LeakTerms,
): number {
  // prettier-ignore
  ensure(objectiveGap > 0 && Number.isFinite(objectiveGap), fn, "needs a finite objectiveGap > 0", objectiveGap, "at the minimum there is no bound"); // prettier-ignore
  ensure(plConstant > 0 && Number.isFinite(plConstant), fn, "needs finite curvature > 0", plConstant);
  ensure(lipschitz > 0 && Number.isFinite(lipschitz), fn, "needs a finite lipschitz > 0", lipschitz);
  ensureNonnegative(fn, { inversionError, dispersion });
  return lipschitz * Math.sqrt(dispersion / (2 * plConstant * objectiveGap));
}

/**
 * How much larger the noisy run's gap must be for DP noise to lower the bound: it backfires when
 *
 *     Δ_noise / Δ_clean > 1 + d s^2 / (M_eff B)
 *
 * B is that of the clean run, supposed equal in both. The condition compares bounds, not errors.
 *
 * @param terms see DispersionTerms; dpStd and dimension those of the noisy run
 * @returns the ratio, >= 1; Infinity where B = 0, as at M_eff = 1: the clean bound is ε0^2 already, and noise only protects
 * @throws InputError as expectedDispersion
 * @example
 * backfireRatio({ samplingStd: 3, heterogeneity: 1, effectiveParticipants: 9, dpStd: 3, dimension: 18 }); // 3; 1 + 162 / 81
 * @source our derivation, line (12)
 */
export function backfireRatio(terms: DispersionTerms): number {
  const noisy = expectedDispersion(terms);
  const clean = expectedDispersion({ ...terms, dpStd: 0 });
  if (noisy === clean) return 1;
  return clean === 0 ? Infinity : noisy / clean;
}

/** What a round of FedAvg needs besides. */
export interface DriftTerms {
  /** τ >= 1. */
  readonly localSteps: number;
  /** η > 0. */
  readonly learningRate: number;
  /** L of every batch's loss, at every client in K. */
  readonly smoothness: number;
  /** B1, the largest norm of a local step's gradient. */
  readonly stepNorm: number;
}

/**
 * How far the mean of τ local gradients is from the mean of the same batches' gradients at the broadcast model.
 *
 *     || g^(k)/τ - (1/(τ M)) sum_m sum_t g_m(w^(k); batch t) || <= D = η L B1 (τ - 1) / 2
 *
 * For convex batch losses and η <= 2/L, gradient descent on one batch never lengthens its gradient: B1 is the first one's norm.
 *
 * @param terms see DriftTerms
 * @returns D >= 0; 0 at τ = 1
 * @throws InputError when τ is no integer >= 1, or a term is negative or not finite
 * @example
 * driftBound({ localSteps: 5, learningRate: 0.5, smoothness: 1, stepNorm: 3 }); // 3
 * @source our derivation, line (22)
 */
export function driftBound({ localSteps, learningRate, smoothness, stepNorm }: DriftTerms): number {
  ensure(Number.isInteger(localSteps) && localSteps >= 1, "driftBound", "needs an integer localSteps >= 1", localSteps);
  ensureNonnegative("driftBound", { learningRate, smoothness, stepNorm });
  return (learningRate * smoothness * stepNorm * (localSteps - 1)) / 2;
}

/**
 * The theorem for FedAvg: the drift D joins the distance between the observed gradient and the contributors'.
 *
 *     E ||xhat - x||^2 <= (ε0 + L_R sqrt((B + D^2) / (2 μ Δ)))^2
 *
 * Squares add up, without a mixed term: the drift is the same for every victim, and the contributors' deviations from their mean sum to
 * 0. x are the images of the τ batches together, R inverts the mean of their gradients at w^(k). With one batch used τ times B is
 * that of FedSGD; with τ fresh ones σ^2 becomes σ^2/τ.
 *
 * @param terms see LeakTerms; drift D, see driftBound
 * @returns the bound; at D = 0 that of FedSGD
 * @throws InputError as reconstructionBound, or when drift is negative
 * @example
 * fedAvgBound({ objectiveGap: 2, plConstant: 1, lipschitz: 3, inversionError: 0.5, dispersion: 12, drift: 2 }); // 42.25; (0.5 + 6)^2
 * @source our derivation, line (23)
 */
export function fedAvgBound(terms: LeakTerms & { readonly drift: number }): number {
  ensureNonnegative("fedAvgBound", { drift: terms.drift });
  return reconstructionBound({ ...terms, dispersion: terms.dispersion + terms.drift ** 2 });
}

/**
 * The theorem for FedAvg in its first, looser form: 2 ε0^2 + 2 L_R^2 (B + D^2) / (μ Δ).
 *
 * @param terms as fedAvgBound
 * @returns the bound; up to four times line (23)
 * @throws InputError as fedAvgBound
 * @example
 * fedAvgYoungBound({ objectiveGap: 2, plConstant: 1, lipschitz: 3, dispersion: 4, drift: 2 }); // 72
 * @source our derivation, line (24)
 */
export function fedAvgYoungBound(terms: LeakTerms & { readonly drift: number }): number {
  ensureNonnegative("fedAvgYoungBound", { drift: terms.drift });
  return youngBound({ ...terms, dispersion: 2 * (terms.dispersion + terms.drift ** 2) });
}

function ensureEffective(fn: string, value: number): void {
  ensure(value >= 1 && Number.isFinite(value), fn, "needs a finite effectiveParticipants (M_eff) >= 1", value);
}

function ensureDimension(fn: string, dpStd: number, dimension: number): void {
  const isFine = dpStd === 0 || (Number.isInteger(dimension) && dimension >= 1);
  ensure(isFine, fn, "needs an integer dimension >= 1 with dpStd > 0", dimension);
}

function ensureNonnegative(fn: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    ensure(value >= 0 && Number.isFinite(value), fn, `needs a finite ${name} >= 0`, value);
  }
}
