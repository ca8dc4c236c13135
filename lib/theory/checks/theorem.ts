/** @file The theorem's lines, (6) to (13), on random instances. */
import type { Rng } from "../../core/rng";
import {
  backfireRatio,
  dispersionOf,
  effectiveParticipants,
  expectedDispersion,
  reconstructionBound,
  reconstructionFloor,
  youngBound,
} from "../bound";
import { directionOf, drawGradients, logUniform, type Instance } from "../instances";
import { expectedGaps } from "../quadratic";
import { drawSoftmax, softmaxAt, softmaxLeak, solveSoftmax } from "../softmax";
import { combination, normalVector, plus, squaredDistance, squaredNorm, unitVector } from "../vectors";
import { choose, type Checks } from "./line";

/** A subset K with weights, its gradients' exact E V (line (4), term by term), and M_eff. */
function drawContributors(
  instance: Instance,
  rng: Rng,
): { exact: number; effectiveParticipants: number; heterogeneity: number; sample: (rng: Rng) => number } {
  // prettier-ignore
  const { biases, samplingStd } = instance.clients;
  const chosen = choose(biases.length, 1 + rng.integer(biases.length), rng);
  const isEqual = rng.integer(2) === 0;
  const raw = chosen.map(() => (isEqual ? 1 : 0.1 + rng.uniform()));
  const total = raw.reduce((sum, value) => sum + value, 0);
  const shares = raw.map((value) => value / total);
  const mean = combination(chosen.map((i) => biases[i]!), shares); // prettier-ignore
  const exact = shares.reduce((sum, share, v) => {
    const noise = shares.reduce((s, other, j) => s + (j === v ? (1 - other) ** 2 : other ** 2), 0);
    return sum + share * (noise * samplingStd ** 2 + squaredDistance(biases[chosen[v]!]!, mean));
  }, 0);
  const sample = (draw: Rng): number => {
    const sent = drawGradients(instance, draw);
    return dispersionOf(chosen.map((i) => sent[i]!), shares); // prettier-ignore
  };
  const heterogeneity = Math.sqrt(dispersionOf(chosen.map((i) => biases[i]!), shares)); // prettier-ignore
  return { exact, effectiveParticipants: effectiveParticipants(shares), heterogeneity, sample };
}

/** A linear inversion x̂ = (L_R / ||grad F||) g, and a residual of size ε0 that is aligned with the mixing error to a degree. */
function linearInversion(
  instance: Instance,
  exactDispersion: number,
  rng: Rng,
): { lipschitz: number; inversionError: number; error: number } {
  // prettier-ignore
  const lipschitz = logUniform(0.1, 10, rng);
  const mixing = lipschitz * Math.sqrt(exactDispersion / squaredNorm(instance.gradient));
  const inversionError = rng.integer(4) === 0 ? 0 : mixing * logUniform(0.1, 10, rng);
  const alignment = 2 * rng.uniform() - 1;
  return {
    lipschitz,
    inversionError,
    error: mixing ** 2 + 2 * alignment * mixing * inversionError + inversionError ** 2,
  };
}

function theoremTerms(instance: Instance, rng: Rng) {
  const contributors = drawContributors(instance, rng);
  const { exact, sample, effectiveParticipants, heterogeneity } = contributors;
  const inversion = linearInversion(instance, exact, rng);
  const { samplingStd } = instance.clients;
  const dispersion = expectedDispersion({ samplingStd, heterogeneity, effectiveParticipants });
  const terms = { ...instance.round, ...inversion, dispersion };
  return { terms, error: inversion.error, exact, sample };
}

/** Victims who send clean gradients while the server sees them with DP noise. */
function dpTerms(instance: Instance, rng: Rng) {
  const { numClients, dimension } = instance.quadratic;
  const { clients } = instance;
  const dpStd = logUniform(0.01, 10, rng);
  const heterogeneity = Math.sqrt(dispersionOf(clients.biases));
  const { samplingStd } = clients;
  const terms = { samplingStd, heterogeneity, effectiveParticipants: numClients, dpStd, dimension };
  const exact = samplingStd ** 2 * ((1 - 1 / numClients) ** 2 + (numClients - 1) / numClients ** 2) + heterogeneity ** 2 + dimension * dpStd ** 2 / numClients; // prettier-ignore
  const sample = (draw: Rng): number => {
    const sent = drawGradients(instance, draw);
    const mean = combination(sent.map((g) => plus(g, dpStd, normalVector(dimension, draw))));
    return sent.reduce((sum, g) => sum + squaredDistance(mean, g) / numClients, 0);
  };
  const inversion = linearInversion(instance, exact, rng);
  return { terms: { ...instance.round, ...inversion, dispersion: expectedDispersion(terms) }, error: inversion.error, exact, sample }; // prettier-ignore
}

/** Lines (6) to (13): reconstruction error, and what differential privacy does to it. */
export const theoremChecks: Checks = {
  "reconstruction error": {
    line: "(6)",
    group: "theorem",
    holds: "in expectation",
    compare(instance, rng) {
      const { terms, error, exact, sample } = theoremTerms(instance, rng);
      return { smaller: error, larger: reconstructionBound(terms), exact, sample };
    },
  },
  "its first form": {
    line: "(7)",
    group: "theorem",
    holds: "in expectation",
    compare(instance, rng) {
      const { terms, error } = theoremTerms(instance, rng);
      return { smaller: error, larger: youngBound(terms) };
    },
  },
  "from below": {
    line: "(8)",
    group: "theorem",
    holds: "in expectation",
    compare(instance, rng) {
      const { terms, error } = theoremTerms(instance, rng);
      return { smaller: reconstructionFloor({ ...terms, smoothness: instance.round.smoothness }), larger: error };
    },
  },
  "scale-free inversion": {
    line: "(9)",
    group: "theorem",
    holds: "in every draw",
    compare(instance, rng) {
      const { gradient, round } = instance;
      const sent = drawGradients(instance, rng.split("noise"));
      const contributors = choose(sent.length, 1 + rng.integer(sent.length), rng).map((i) => sent[i]!);
      const observed = combination(contributors);
      const seen = directionOf(observed);
      const apart = contributors.map((g) => squaredDistance(g, gradient)); // from grad F
      const rms = Math.sqrt(apart.reduce((sum, value) => sum + value / apart.length, 0));
      const dispersion = (Math.sqrt(squaredDistance(observed, gradient)) + rms) ** 2;
      const smaller = contributors.reduce(
        (sum, g) => sum + squaredDistance(seen, directionOf(g)) / contributors.length,
        0,
      );
      return { smaller, larger: reconstructionBound({ ...round, lipschitz: 2, dispersion }) };
    },
  },
  "softmax, analytic leak": {
    line: "(10)",
    group: "theorem",
    holds: "in every draw",
    compare(_, rng) {
      const options = { numClients: 2 + rng.integer(6), dimension: 1 + rng.integer(3), numClasses: 2 + rng.integer(2), l2: logUniform(0.01, 1, rng) }; // prettier-ignore
      const problem = drawSoftmax(options, rng.split("problem"));
      const { minimizer, optimum: minimum, plConstant } = solveSoftmax(problem);
      const weights = plus(minimizer, logUniform(0.1, 10, rng), unitVector(minimizer.length, rng));
      const { clients, loss, gradient } = softmaxAt(problem, weights);
      const inputs = problem.inputs.map(([x]) => x!);
      const { error, lipschitz } = softmaxLeak(clients, inputs, { numClasses: options.numClasses, gradientNorm: Math.sqrt(squaredNorm(gradient)) }); // prettier-ignore
      const terms = { objectiveGap: loss - minimum, plConstant, lipschitz, dispersion: dispersionOf(clients) };
      return { smaller: error, larger: reconstructionBound(terms) };
    },
  },
  "local DP": {
    line: "(11)",
    group: "theorem",
    holds: "in expectation",
    compare(instance, rng) {
      const { terms, error, exact, sample } = dpTerms(instance, rng);
      return { smaller: error, larger: reconstructionBound(terms), exact, sample };
    },
  },

  "DP noise that backfires": {
    line: "(13)",
    group: "theorem",
    holds: "in expectation",
    compare(instance, rng) {
      const { quadratic, weights, clients, round, noiseAxis, noiseShare } = instance;
      const { numClients, dimension } = quadratic;
      const { learningRate, smoothness } = round;
      const { samplingStd } = clients;
      const [dpStd, k] = [samplingStd * logUniform(0.1, 10, rng), 1 + rng.integer(60)];
      const gapWith = (s: number): number => {
        const flat = ((1 - noiseShare) * samplingStd ** 2) / dimension + s ** 2;
        const noise = noiseAxis.map((a, i) => noiseAxis.map((b, j) => (samplingStd ** 2 * noiseShare * a * b + (i === j ? flat : 0)) / numClients)); // prettier-ignore
        return expectedGaps(quadratic, weights, { learningRate, noise, rounds: k + 1 })[k]!;
      };
      const heterogeneity = Math.sqrt(dispersionOf(clients.biases));
      const terms = { samplingStd, heterogeneity, effectiveParticipants: numClients };
      const clean = gapWith(0);
      if (gapWith(dpStd) / clean <= backfireRatio({ ...terms, dpStd, dimension })) return undefined; // no backfire to speak of
      const relative = expectedDispersion(terms) / (2 * smoothness * clean); // at most B / ||grad F||^2
      return { smaller: (2 - learningRate * smoothness) / (learningRate * smoothness), larger: relative };
    },
  },
};
