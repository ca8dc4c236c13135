/** @file One round of progress: the lemma, from above and from below. Lines are those of notebook 07_theorem_1. */
import { ensure, ensureCount } from "../core/errors";
import type { AggregateLaw } from "./laws";
import { squaredNorm } from "./vectors";

/** What the lemma needs of the round. */
export interface RoundTerms {
  /** Δ >= 0. */
  readonly objectiveGap: number;
  /** μ > 0. */
  readonly plConstant: number;
  /** L >= μ. */
  readonly smoothness: number;
  /** η > 0. */
  readonly learningRate: number;
}

/**
 * The lemma: the expected gap after a round, from above.
 *
 *     b = 0   E Δ+ <= (1 - 2 μ η ρ (1 - L η ρ / 2)) Δ + L η^2 v / 2              0 < ρ <= 2/(L η)
 *     else    E Δ+ <= (1 - μ η ρ) Δ + η ||b||^2 / (2 ρ) + L η^2 v / 2            0 < ρ <= 1/(L η)
 *
 * @param aggregate ρ, b, v
 * @param terms see RoundTerms
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a constant is out of range, ρ <= 0 (no progress: see progressFloor), or η is too large for ρ
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 };
 * progressBound({ rho: 1, bias: [0], variance: 4 }, terms); // 5; 8/2 + 1
 * progressBound({ rho: 0.5, bias: [1], variance: 4 }, terms); // 7.5; 6 + 0.5 + 1
 * @source our derivation, lines (16) and (17)
 */
export function progressBound(aggregate: AggregateLaw, terms: RoundTerms): number {
  const fn = "progressBound";
  ensureRound(fn, terms);
  const { rho, bias, variance } = aggregate;
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(rho > 0, fn, "needs ρ > 0", rho, "with ρ <= 0 there is no progress: see progressFloor");
  const noise = (smoothness * learningRate ** 2 * variance) / 2;
  const size = squaredNorm(bias);
  const most = (size === 0 ? 2 : 1) / smoothness;
  ensure(learningRate * rho <= most * (1 + 1e-12), fn, `needs η ρ <= ${size === 0 ? 2 : 1}/L`, `η ρ = ${learningRate * rho}, L = ${smoothness}`, "use a smaller learning rate"); // prettier-ignore
  if (size === 0) {
    const shrink = 2 * plConstant * learningRate * rho * (1 - (smoothness * learningRate * rho) / 2);
    return (1 - shrink) * objectiveGap + noise;
  }
  return (1 - plConstant * learningRate * rho) * objectiveGap + (learningRate * size) / (2 * rho) + noise;
}

/**
 * The lemma from below, for μ-strongly convex F and b = 0: without it a slow bound is no slow run.
 *
 *     0 <= ρ <= 2/(μ η)   E Δ+ >= max(0, 1 - 2 L η ρ (1 - μ η ρ / 2)) Δ + μ η^2 v / 2
 *     else                E Δ+ >= (1 - μ η ρ)^2 Δ + μ η^2 v / 2
 *
 * For ρ < 0, as under sign flipping with κ > M - 1, the second says ascent: the gap grows by (1 + μ η |ρ|)^2 at least.
 *
 * @param aggregate ρ of any sign, b = 0, and v exact, not an upper bound
 * @param terms see RoundTerms
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a constant is out of range, or b is not 0
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 };
 * progressFloor({ rho: -2, bias: [0], variance: 0 }, terms); // 32; (1 + 1)^2 8
 * @source our derivation, line (20)
 */
export function progressFloor({ rho, bias, variance }: AggregateLaw, terms: RoundTerms): number {
  const fn = "progressFloor";
  ensureRound(fn, terms);
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(squaredNorm(bias) === 0, fn, "needs b = 0", [...bias], "average over who is malicious: see mixture");
  const step = learningRate * rho;
  const isDescent = step >= 0 && step <= 2 / plConstant;
  const kept = isDescent
    ? Math.max(0, 1 - 2 * smoothness * step * (1 - (plConstant * step) / 2))
    : (1 - plConstant * step) ** 2;
  return kept * objectiveGap + (plConstant * learningRate ** 2 * variance) / 2;
}

/**
 * The lemma along one path: whatever the rule does, a step by u with that squared error.
 *
 *     Δ+ <= (1 - μ η) Δ + η ||u - grad F||^2 / 2        η <= 1/L
 *
 * Holds for every draw, so also for rules that look at the noise; E on both sides gives their row.
 *
 * @param squaredError ||u - grad F||^2, or its expectation
 * @param terms see RoundTerms
 * @returns the bound on Δ^(k+1), or on its expectation
 * @throws InputError when a constant is out of range, the error is negative, or η > 1/L
 * @example
 * pathwiseBound(4, { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 }); // 5
 * @source our derivation, line (19)
 */
export function pathwiseBound(squaredError: number, terms: RoundTerms): number {
  const fn = "pathwiseBound";
  ensureRound(fn, terms);
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(squaredError >= 0 && Number.isFinite(squaredError), fn, "needs a finite squared error >= 0", squaredError);
  ensure(learningRate * smoothness <= 1 + 1e-12, fn, "needs η <= 1/L", `η = ${learningRate}, L = ${smoothness}`);
  return (1 - plConstant * learningRate) * objectiveGap + (learningRate * squaredError) / 2;
}

/**
 * The lemma for a round of FedAvg with τ local steps and drift D (see driftBound).
 *
 *     E Δ+ <= (1 - μ η τ) Δ + η τ (σbar + D)^2 / 2        η τ <= 1/L
 *
 * σbar^2 is the variance of the mean of all gradients at w^(k): σ^2/(M τ) with fresh batches, σ^2/M with one.
 *
 * @param terms see RoundTerms; localSteps τ, drift D, meanVariance σbar^2
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a term is out of range, or η τ > 1/L
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.1 };
 * fedAvgProgress({ ...terms, localSteps: 5, drift: 1, meanVariance: 1 }); // 5; 8/2 + 4/4
 * @source our derivation, line (25)
 */
export function fedAvgProgress(
  terms: RoundTerms & { readonly localSteps: number; readonly drift: number; readonly meanVariance: number },
): number {
  const { localSteps, drift, meanVariance } = terms;
  ensureCount("fedAvgProgress", "localSteps", localSteps);
  ensure(drift >= 0 && meanVariance >= 0, "fedAvgProgress", "needs drift and meanVariance >= 0", `${drift}, ${meanVariance}`); // prettier-ignore
  const squaredError = (Math.sqrt(meanVariance) + drift) ** 2;
  return pathwiseBound(squaredError, { ...terms, learningRate: terms.learningRate * localSteps });
}

function ensureRound(fn: string, { objectiveGap, plConstant, smoothness, learningRate }: RoundTerms): void {
  ensure(objectiveGap >= 0 && Number.isFinite(objectiveGap), fn, "needs a finite objectiveGap >= 0", objectiveGap);
  ensure(plConstant > 0, fn, "needs plConstant (μ) > 0", plConstant);
  ensure(smoothness >= plConstant * (1 - 1e-9) && Number.isFinite(smoothness), fn, "needs smoothness (L) >= μ", smoothness); // prettier-ignore
  ensure(learningRate > 0 && Number.isFinite(learningRate), fn, "needs a finite learningRate > 0", learningRate);
}
