/** @file FedAvg's lines, (22) to (25), on random instances. */
import type { Rng } from "../../core/rng";
import { dispersionOf, driftBound, fedAvgBound, fedAvgYoungBound } from "../bound";
import { drawSamplingNoise, logUniform, type Instance } from "../instances";
import { fedAvgProgress } from "../progress";
import { objectiveGapAt } from "../quadratic";
import { combination, dot, plus, squaredDistance, squaredNorm, type Vector } from "../vectors";
import type { Checks } from "./line";

/** A round of FedAvg in one draw. */
export interface FedAvgRound {
  readonly sent: readonly Vector[]; // u_m/τ [M][d]: the mean of each client's gradients along its path
  readonly observed: Vector; // their mean
  readonly lone: readonly Vector[]; // the means of the same batches' gradients at w^(k) [M][d]
  readonly drift: number; // D of line (22)
  readonly localSteps: number; // τ
  readonly learningRate: number; // η, with η τ <= 1/L
}

/**
 * Plays a round of FedAvg. Noise is that of a batch: one for all steps, or a fresh one each.
 *
 * @param instance of a quadratic federation
 * @param rng of the number of steps and the noise
 * @returns see FedAvgRound
 * @example
 * fedAvg(drawInstance(createRng(1)), createRng(2)).localSteps >= 2; // true
 * @source our derivation, line (22)
 */
export function fedAvg(instance: Instance, rng: Rng): FedAvgRound {
  const { quadratic, weights, clientGradients, round } = instance;
  const localSteps = 2 + rng.integer(9); // at τ = 1 both sides of line (22) are 0
  const learningRate = round.learningRate / localSteps; // so that η τ <= 1/L
  const isFresh = rng.integer(2) === 0;
  let stepNorm = 0;
  const lone: number[][] = []; // mean over the τ batches of the gradient at w^(k)
  const sent = clientGradients.map((start, m) => {
    const noises: number[][] = [];
    let local = [...weights];
    for (let t = 0; t < localSteps; t++) {
      noises.push(isFresh || t === 0 ? drawSamplingNoise(instance, rng) : noises[0]!);
      const step = plus(plus(quadratic.hessians[m]!.map((row) => dot(row, local)), -1, quadratic.linear[m]!), 1, noises[t]!); // prettier-ignore
      stepNorm = Math.max(stepNorm, Math.sqrt(squaredNorm(step)));
      local = plus(local, -learningRate, step);
    }
    lone.push(plus(start, 1, combination(noises)));
    return plus(weights, -1, local).map((value) => value / (learningRate * localSteps));
  });
  const drift = driftBound({ localSteps, learningRate, smoothness: quadratic.clientSmoothness, stepNorm });
  return { sent, observed: combination(sent), lone, drift, localSteps, learningRate };
}

/** FedAvg's reconstruction error in one draw, by a linear inversion with its residual aligned at worst. */
function fedAvgLeak(instance: Instance, rng: Rng) {
  const { observed, lone, drift } = fedAvg(instance, rng);
  const scale = 1 / Math.sqrt(squaredNorm(instance.gradient));
  const lipschitz = logUniform(0.1, 10, rng);
  const distance = lone.reduce((sum, g) => sum + squaredDistance(observed, g) / lone.length, 0);
  const mixing = lipschitz * scale * Math.sqrt(distance);
  const inversionError = rng.integer(2) * mixing * logUniform(0.1, 10, rng);
  const terms = { ...instance.round, lipschitz, inversionError, dispersion: dispersionOf(lone), drift };
  return { terms, error: (mixing + inversionError) ** 2 };
}

const inEveryDraw = { group: "FedAvg", holds: "in every draw" } as const;

/** τ local steps: drift, reconstruction error and progress. */
export const fedAvgChecks: Checks = {
  drift: {
    ...inEveryDraw,
    line: "(22)",
    compare(instance, rng) {
      const { observed, lone, drift } = fedAvg(instance, rng);
      return { smaller: Math.sqrt(squaredDistance(observed, combination(lone))), larger: drift };
    },
  },
  "reconstruction error, τ steps": {
    ...inEveryDraw,
    line: "(23)",
    compare(instance, rng) {
      const { terms, error } = fedAvgLeak(instance, rng);
      return { smaller: error, larger: fedAvgBound(terms) };
    },
  },
  "its first form, τ steps": {
    ...inEveryDraw,
    line: "(24)",
    compare(instance, rng) {
      const { terms, error } = fedAvgLeak(instance, rng);
      return { smaller: error, larger: fedAvgYoungBound(terms) };
    },
  },
  "progress, τ steps": {
    ...inEveryDraw,
    line: "(25)",
    compare(instance, rng) {
      const { quadratic, weights, gradient, round } = instance;
      const { observed, lone, drift, localSteps, learningRate } = fedAvg(instance, rng);
      const meanVariance = squaredDistance(combination(lone), gradient); // of this draw
      return {
        smaller: objectiveGapAt(quadratic, plus(weights, -learningRate * localSteps, observed)),
        larger: fedAvgProgress({ ...round, learningRate, localSteps, drift, meanVariance }),
      };
    },
  },
};
