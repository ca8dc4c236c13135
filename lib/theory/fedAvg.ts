/** @file The theorem for FedAvg under local DP, and for an attacker that unrolls the local steps. Lines are those of notebook 08. */
import { ensure, ensureCount } from "../core/errors";
import { dispersionOf, effectiveClients, fedAvgBound } from "./bound";
import { fedAvg, type Check } from "./check";
import { logUniform, type Instance } from "./instances";
import { pathwiseBound, type RoundTerms } from "./progress";
import type { Rng } from "../core/rng";
import { combine, plus, squaredDistance, squaredNorm, type Vector } from "./vectors";
import { objectiveGapAt } from "./quadratic";

/** What clipping makes of a mean. */
export interface Clipping {
  readonly factors: readonly number[]; // λ_m = min(1, C / ||u_m||) [M]
  readonly shrink: number; // λbar, their mean, in (0, 1]
  readonly shares: readonly number[]; // w_m = λ_m / (M λbar) [M], summing to 1
  readonly effective: number; // M_eff = 1 / sum_m w_m^2
  readonly biasBound: number; // (1/M) sum_m max(0, ||u_m|| - C), of the sum over τ steps
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
 * clippingOf([1, 4], 2); // { factors: [1, 0.5], shrink: 0.75, shares: [0.667, 0.333], effective: 1.8, biasBound: 1 }
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
    effective: effectiveClients(factors),
    biasBound: norms.reduce((sum, norm) => sum + Math.max(0, norm - clipNorm) / norms.length, 0),
  };
}

/** What parts the observed gradient of FedAvg from a victim's own. */
export interface LocalDispersionTerms {
  readonly dispersion: number; // V_w, of the clients' mean gradients at w^(k), weighed by the shares w_m
  readonly drift: number; // D, see driftBound
  readonly dpStd?: number; // s = σ C, noise a coordinate on the sum of τ steps; default 0
  readonly dimension?: number; // d, needed with dpStd
  readonly numClients: number; // M
  readonly localSteps: number; // τ
  readonly shrink?: number; // λbar, default 1: nobody is clipped
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
 * @param terms V_w and D, see LocalDispersionTerms; effectiveClients M_eff >= 1
 * @returns the bound
 * @throws InputError when a term is out of range
 * @example
 * unrolledDispersion({ dispersion: 4, drift: 1, effectiveClients: 3 }); // 9
 * unrolledDispersion({ dispersion: 0, drift: 1, effectiveClients: 1 }); // 0
 * @source our derivation, line (31)
 */
export function unrolledDispersion(terms: {
  readonly dispersion: number;
  readonly drift: number;
  readonly effectiveClients: number;
}): number {
  const { dispersion, drift, effectiveClients: effective } = terms;
  const isFine = dispersion >= 0 && drift >= 0 && effective >= 1;
  ensure(isFine, "unrolledDispersion", "needs dispersion, drift >= 0 and M_eff >= 1", [dispersion, drift, effective]);
  return effective === 1 ? dispersion : (Math.sqrt(dispersion) + drift) ** 2;
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

/** A clipped round of FedAvg in one draw: what every client sent, its factor, and the aggregate with its scale undone. */
function clippedRound(instance: Instance, rng: Rng) {
  const round = fedAvg(instance, rng);
  const norms = round.sent.map((u) => round.localSteps * Math.sqrt(squaredNorm(u)));
  const sorted = [...norms].sort((a, b) => a - b);
  const clipping = clippingOf(norms, sorted[rng.integer(sorted.length)]! * logUniform(0.1, 1.5, rng));
  return { ...round, ...clipping, rescaled: combine(round.sent, clipping.shares) };
}

const meanDistance = (from: Vector, to: readonly Vector[], shares: Vector): number =>
  to.reduce((sum, g, i) => sum + shares[i]! * squaredDistance(from, g), 0);

/** The lines of the extension, for checkTheory. Noise has mean 0 and a variance by definition; lines are checked without it. */
export const localStepChecks: Readonly<Record<string, Check>> = {
  "clipped mean's distance": {
    line: "(28)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { rescaled, lone, shares, drift, localSteps, shrink } = clippedRound(instance, rng);
      const terms = { dispersion: dispersionOf(lone, shares), drift, numClients: lone.length, localSteps, shrink };
      return { smaller: meanDistance(rescaled, lone, shares), larger: localDispersion(terms) };
    },
  },
  "reconstruction error, clipped": {
    line: "(29)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { rescaled, lone, shares, drift } = clippedRound(instance, rng);
      const lipschitz = logUniform(0.1, 10, rng);
      const mixing = lipschitz * Math.sqrt(meanDistance(rescaled, lone, shares) / squaredNorm(instance.gradient));
      const inversionError = rng.integer(2) * mixing * logUniform(0.1, 10, rng); // its residual is aligned at worst
      const terms = { ...instance.round, lipschitz, inversionError, dispersion: dispersionOf(lone, shares), drift };
      return { smaller: (mixing + inversionError) ** 2, larger: fedAvgBound(terms) };
    },
  },
  "dispersion of what is sent": {
    line: "(31)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { sent, lone, shares, drift, effective } = clippedRound(instance, rng);
      const terms = { dispersion: dispersionOf(lone, shares), drift, effectiveClients: effective };
      return { smaller: dispersionOf(sent, shares), larger: unrolledDispersion(terms) };
    },
  },
  "clipping bias": {
    line: "(32)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { sent, factors, localSteps, biasBound } = clippedRound(instance, rng);
      const bias = combine(sent.map((u, m) => u.map((x) => (1 - factors[m]!) * x)));
      return { smaller: Math.sqrt(squaredNorm(bias)), larger: biasBound / localSteps };
    },
  },
  "progress, clipped": {
    line: "(33)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { quadratic, weights, gradient, round } = instance;
      const { rescaled, shrink, lone, drift, localSteps, learningRate, biasBound } = clippedRound(instance, rng);
      const meanVariance = squaredDistance(combine(lone), gradient); // of this draw
      const rest = { drift, meanVariance, clippingBias: biasBound / localSteps, noiseVariance: 0 };
      return {
        smaller: objectiveGapAt(quadratic, plus(weights, -learningRate * localSteps * shrink, rescaled)),
        larger: clippedProgress({ ...round, learningRate, localSteps, ...rest }),
      };
    },
  },
};
