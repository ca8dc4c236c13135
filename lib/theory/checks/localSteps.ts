/** @file The extension to clipped updates and to unrolling, lines (28) to (33) of notebook 08_fedavg_local_steps, on random instances. */
import type { Rng } from "../../core/rng";
import { dispersionOf, fedAvgBound } from "../bound";
import { clippedProgress, clippingOf, localDispersion, unrolledDispersion } from "../fedAvg";
import { logUniform, type Instance } from "../instances";
import { objectiveGapAt } from "../quadratic";
import { combination, plus, squaredDistance, squaredNorm, type Vector } from "../vectors";
import { fedAvg } from "./fedAvgLines";
import type { Checks } from "./line";

/** A clipped round of FedAvg in one draw: what every client sent, its factor, and the aggregate with its scale undone. */
function clippedRound(instance: Instance, rng: Rng) {
  const round = fedAvg(instance, rng);
  const norms = round.sent.map((u) => round.localSteps * Math.sqrt(squaredNorm(u)));
  const sorted = [...norms].sort((a, b) => a - b);
  const clipping = clippingOf(norms, sorted[rng.integer(sorted.length)]! * logUniform(0.1, 1.5, rng));
  return { ...round, ...clipping, rescaled: combination(round.sent, clipping.shares) };
}

const meanDistance = (from: Vector, to: readonly Vector[], shares: Vector): number =>
  to.reduce((sum, g, i) => sum + shares[i]! * squaredDistance(from, g), 0);

/** The lines of the extension, for checkTheory. Noise has mean 0 and a variance by definition; lines are checked without it. */
export const localStepChecks: Checks = {
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
      const { sent, lone, shares, drift, effectiveParticipants } = clippedRound(instance, rng);
      const terms = { dispersion: dispersionOf(lone, shares), drift, effectiveParticipants };
      return { smaller: dispersionOf(sent, shares), larger: unrolledDispersion(terms) };
    },
  },
  "clipping bias": {
    line: "(32)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { sent, factors, localSteps, biasBound } = clippedRound(instance, rng);
      const bias = combination(sent.map((u, m) => u.map((x) => (1 - factors[m]!) * x)));
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
      const meanVariance = squaredDistance(combination(lone), gradient); // of this draw
      const rest = { drift, meanVariance, clippingBias: biasBound / localSteps, noiseVariance: 0 };
      return {
        smaller: objectiveGapAt(quadratic, plus(weights, -learningRate * localSteps * shrink, rescaled)),
        larger: clippedProgress({ ...round, learningRate, localSteps, ...rest }),
      };
    },
  },
};
