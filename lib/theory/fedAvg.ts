/** @file The theorem for FedAvg under local DP, and for an attacker that unrolls the local steps. Lines are those of notebook 08. */
import { ensure, ensureCount } from "../core/errors";
import { effectiveParticipants } from "./bound";
import { pathwiseBound, type RoundTerms } from "./progress";

/** What clipping makes of a mean. */
export interface Clipping {
  /** λ_m = min(1, C / ||u_m||) [M]. */
  readonly factors: readonly number[];
  /** λbar, their mean, in (0, 1]. */
  readonly shrink: number;
  /** w_m = λ_m / (M λbar) [M], summing to 1. */
  readonly shares: readonly number[];
  /** M_eff = 1 / sum_m w_m^2. */
  readonly effectiveParticipants: number;
  /** (1/M) sum_m max(0, ||u_m|| - C), of the sum over τ steps. */
  readonly biasBound: number;
}

/**
 * Clipping whole updates is a change of shares and of scale:
 *
 *     (1/M) sum_m λ_m u_m = λbar sum_m w_m u_m,   λ_m = min(1, C/||u_m||),  w_m = λ_m / (M λbar)
 *
 * An inversion that does not look at the scale sees the shares alone.
 *
 * @param norms ||u_m|| [M] >= 0, of the sums over τ local steps
 * @param clipNorm C > 0
 * @returns see Clipping; a client with ||u_m|| = 0 is not clipped
 * @throws InputError when there is no client, a norm is negative or not finite, or C is not > 0
 * @example
 * clippingOf([1, 4], 2); // { factors: [1, 0.5], shrink: 0.75, shares: [0.667, 0.333], effectiveParticipants: 1.8, biasBound: 1 }
 * @source our derivation, lines (27) and (32)
 */
export function clippingOf(norms: readonly number[], clipNorm: number): Clipping {
  const fn = "clippingOf";
  ensure(clipNorm > 0, fn, "needs clipNorm > 0", clipNorm);
  ensure(norms.length >= 1 && norms.every((x) => x >= 0 && Number.isFinite(x)), fn, "needs finite norms >= 0, at least one", [...norms]); // prettier-ignore
  const factors = norms.map((norm) => (norm > clipNorm ? clipNorm / norm : 1));
  const total = factors.reduce((sum, factor) => sum + factor, 0);
  return {
    factors,
    shrink: total / norms.length,
    shares: factors.map((factor) => factor / total),
    effectiveParticipants: effectiveParticipants(factors),
    biasBound: norms.reduce((sum, norm) => sum + Math.max(0, norm - clipNorm) / norms.length, 0),
  };
}

/** What parts the observed gradient of FedAvg from a victim's own. */
export interface LocalDispersionTerms {
  /** V_w, of the clients' mean gradients at w^(k), weighed by the shares w_m. */
  readonly dispersion: number;
  /** D, see driftBound. */
  readonly drift: number;
  /** s = σ C, noise per coordinate on the sum of τ steps; default 0. */
  readonly dpStd?: number;
  /** d, needed with dpStd. */
  readonly dimension?: number;
  /** M, clients. */
  readonly numClients: number;
  /** τ, local steps of a client in a round. */
  readonly localSteps: number;
  /** λbar, default 1: nobody is clipped. */
  readonly shrink?: number;
}

/**
 * Expected squared distance between the observed gradient, its scale undone, and a victim's own, drawn with its share.
 *
 *     V_w + D^2 + d s^2 / (M τ^2 λbar^2)
 *
 * @param terms see LocalDispersionTerms
 * @returns >= 0, to be inserted in reconstructionBound as its dispersion
 * @throws InputError when a term is out of range
 * @example
 * localDispersion({ dispersion: 3, drift: 2, dpStd: 1, dimension: 16, numClients: 4, localSteps: 2, shrink: 0.5 }); // 11; 3 + 4 + 4
 * @source our derivation, line (28)
 */
export function localDispersion(terms: LocalDispersionTerms): number {
  const fn = "localDispersion";
  const { dispersion, drift, dpStd = 0, dimension = 0, numClients, localSteps, shrink = 1 } = terms;
  ensureCount(fn, "numClients", numClients);
  ensureCount(fn, "localSteps", localSteps);
  ensure(shrink > 0 && shrink <= 1, fn, "needs shrink in (0, 1]", shrink);
  const isFine = [dispersion, drift, dpStd].every((x) => x >= 0 && Number.isFinite(x));
  ensure(isFine, fn, "needs finite dispersion, drift and dpStd >= 0", [dispersion, drift, dpStd]);
  ensure(dpStd === 0 || dimension >= 1, fn, "needs a dimension >= 1 with dpStd > 0", dimension);
  return dispersion + drift ** 2 + (dimension * dpStd ** 2) / (numClients * (localSteps * shrink) ** 2);
}

/**
 * What an attacker that unrolls the local steps is left with: the dispersion of what clients really send.
 *
 *     sum_i w_i ||u_i/τ - sum_j w_j u_j/τ||^2 <= (sqrt(V_w) + D)^2
 *
 * The drift of the mean is gone; what the clients' drifts differ by may remain. 0 for a lone client, whose drift is known.
 *
 * @param terms V_w and D, see LocalDispersionTerms; effectiveParticipants M_eff >= 1
 * @returns the bound
 * @throws InputError when a term is out of range
 * @example
 * unrolledDispersion({ dispersion: 4, drift: 1, effectiveParticipants: 3 }); // 9
 * unrolledDispersion({ dispersion: 0, drift: 1, effectiveParticipants: 1 }); // 0
 * @source our derivation, line (31)
 */
export function unrolledDispersion(terms: {
  readonly dispersion: number;
  readonly drift: number;
  readonly effectiveParticipants: number;
}): number {
  const { dispersion, drift, effectiveParticipants } = terms;
  const isFine = dispersion >= 0 && drift >= 0 && effectiveParticipants >= 1;
  ensure(isFine, "unrolledDispersion", "needs dispersion, drift >= 0 and M_eff >= 1", [
    dispersion,
    drift,
    effectiveParticipants,
  ]);
  return effectiveParticipants === 1 ? dispersion : (Math.sqrt(dispersion) + drift) ** 2;
}

/**
 * The lemma for a round of FedAvg under local DP.
 *
 *     E Δ+ <= (1 - μ η τ) Δ + (η τ / 2) [(σbar + D + β)^2 + d s^2 / (M τ^2)]        η τ <= 1/L
 *
 * β is the length of the clipping bias of g/τ, at most biasBound / τ of clippingOf; with s = β = 0 it is fedAvgProgress.
 *
 * @param terms see RoundTerms; localSteps τ, drift D, meanVariance σbar^2, clippingBias β, noiseVariance d s^2 / (M τ^2)
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a term is out of range, or η τ > 1/L
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.1, localSteps: 5 };
 * clippedProgress({ ...terms, drift: 1, meanVariance: 1, clippingBias: 1, noiseVariance: 3 }); // 7; 8/2 + (9 + 3)/4
 * @source our derivation, line (33)
 */
export function clippedProgress(
  terms: RoundTerms & {
    readonly localSteps: number;
    readonly drift: number;
    readonly meanVariance: number;
    readonly clippingBias: number;
    readonly noiseVariance: number;
  },
): number {
  const { localSteps, drift, meanVariance, clippingBias, noiseVariance, learningRate } = terms;
  ensureCount("clippedProgress", "localSteps", localSteps);
  const isFine = [drift, meanVariance, clippingBias, noiseVariance].every((x) => x >= 0 && Number.isFinite(x));
  ensure(isFine, "clippedProgress", "needs finite terms >= 0", [drift, meanVariance, clippingBias, noiseVariance]);
  const squaredError = (Math.sqrt(meanVariance) + drift + clippingBias) ** 2 + noiseVariance;
  return pathwiseBound(squaredError, { ...terms, learningRate: learningRate * localSteps });
}
