/** @file The lemma's lines, (16) to (18) and (20), for every row of its table, on random instances. */
import type { Rng } from "../../core/rng";
import { logUniform, drawGradients, type Instance } from "../instances";
import type { Clients } from "../clients";
import {
  addedNoiseLaw,
  backdoorLaw,
  chosenClientLaw,
  gaussianMedianLaw,
  honestMeanLaw,
  localDpLaw,
  mixture,
  signFlipLaw,
  type AggregateLaw,
} from "../laws";
import { medianVariance } from "../medianVariance";
import { progressBound, progressFloor } from "../progress";
import { expectedGapAfter, objectiveGapAt } from "../quadratic";
import { combination, normalVector, plus, squaredNorm, unitVector, type Matrix, type Vector } from "../vectors";
import { choose, type Check, type Checks } from "./line";
import { medianOf } from "./rules";

const traceOf = (matrix: Matrix): number => matrix.reduce((sum, row, i) => sum + row[i]!, 0);

/** Steps by u = sum_m c_m g_m + extra, with extra isotropic noise: E Δ+ from the coefficients, and one draw of Δ+. */
function linearStep(
  instance: Instance,
  coefficients: Vector,
  { extra, extraStd = 0 }: { extra?: Vector; extraStd?: number } = {},
): { exact: number; sample: (rng: Rng) => number } {
  const { quadratic, weights, clientGradients, clients, curvature, round } = instance;
  const { learningRate } = round;
  const zero = weights.map(() => 0);
  const shift = extra ?? zero;
  const mean = plus(combination(clientGradients, coefficients), 1, shift);
  const curvatureTrace =
    squaredNorm(coefficients) * clients.samplingStd ** 2 * curvature + extraStd ** 2 * traceOf(quadratic.hessian);
  const sample = (rng: Rng): number => {
    const sent = plus(combination(drawGradients(instance, rng), coefficients), 1, shift);
    const u = extraStd > 0 ? plus(sent, extraStd, normalVector(weights.length, rng)) : sent;
    return objectiveGapAt(quadratic, plus(weights, -learningRate, u));
  };
  return { exact: expectedGapAfter(quadratic, weights, { mean, curvatureTrace, learningRate }), sample };
}

/** Coefficients of the mean in which some clients count κ times, reversed. */
const flipped = (numClients: number, malicious: readonly number[], scale: number): number[] =>
  Array.from({ length: numClients }, (_, m) => (malicious.includes(m) ? -scale : 1) / numClients);

/** The mean over clients of an expected gap, each of them in the same role. */
const overClients = (instance: Instance, gap: (client: number) => number): number =>
  instance.clients.biases.reduce((sum, _, a) => sum + gap(a) / instance.clients.biases.length, 0);

const inExpectation = { group: "lemma", holds: "in expectation" } as const;

/** How a rule that is linear in the updates steps, and the law that speaks of it. */
interface LinearRule {
  readonly law: AggregateLaw;
  readonly coefficients?: Vector; // of the clients' gradients; the mean's unless given
  readonly extra?: Vector;
  readonly extraStd?: number;
}

/** The expected gap after a step by a linear rule, against the progress that its law promises. */
function progressUnder(line: string, ruleOf: (clients: Clients, rng: Rng) => LinearRule): Check {
  return {
    ...inExpectation,
    line,
    compare(instance, rng) {
      const { clients, round } = instance;
      const { law, coefficients = meanOf(clients), ...noise } = ruleOf(clients, rng);
      const step = linearStep(instance, coefficients, noise);
      return { smaller: step.exact, larger: progressBound(law, round), ...step };
    },
  };
}

const meanOf = ({ biases }: Clients): number[] => flipped(biases.length, [], 0);

/** One round of progress under a linear rule, or under the median of equal clients. */
export const lemmaChecks: Checks = {
  "honest mean": progressUnder("(17)", (clients) => ({ law: honestMeanLaw(clients) })),
  "honest mean, from below": {
    ...inExpectation,
    line: "(20)",
    compare(instance) {
      const { clients, round } = instance;
      const step = linearStep(instance, meanOf(clients));
      return { smaller: progressFloor(honestMeanLaw(clients), round), larger: step.exact };
    },
  },
  "sign flip": progressUnder("(16)", (clients, rng) => {
    const numClients = clients.biases.length;
    const [scale, malicious] = [0.99 * rng.uniform() * (numClients - 1), [rng.integer(numClients)]];
    const law = signFlipLaw(clients, { scale, malicious });
    return { law, coefficients: flipped(numClients, malicious, scale) };
  }),
  "colluding sign flippers": progressUnder("(16)", (clients, rng) => {
    const numClients = clients.biases.length;
    const malicious = choose(numClients, 1 + rng.integer(numClients - 1), rng);
    const scale = 0.99 * rng.uniform() * (numClients / malicious.length - 1);
    const law = signFlipLaw(clients, { scale, malicious });
    return { law, coefficients: flipped(numClients, malicious, scale) };
  }),
  "sign flip by any client": {
    ...inExpectation,
    line: "(18)",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const scale = 0.99 * rng.uniform() * (numClients - 1);
      const laws = clients.biases.map((_, a) => signFlipLaw(clients, { scale, malicious: [a] }));
      const smaller = overClients(instance, (a) => linearStep(instance, flipped(numClients, [a], scale)).exact);
      return { smaller, larger: progressBound(mixture(laws), round) };
    },
  },
  "ascent, κ > M − 1": {
    ...inExpectation,
    line: "(20)",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const scale = (numClients - 1) * logUniform(1.01, 100, rng);
      const laws = clients.biases.map((_, a) => signFlipLaw(clients, { scale, malicious: [a] }));
      const law = { ...mixture(laws), bias: clients.biases[0]!.map(() => 0) }; // its b is 0 but for rounding
      const larger = overClients(instance, (a) => linearStep(instance, flipped(numClients, [a], scale)).exact);
      return { smaller: progressFloor(law, round), larger };
    },
  },
  "Gaussian noise": progressUnder("(17)", (clients, rng) => {
    const noiseStd = logUniform(0.01, 100, rng);
    return { law: addedNoiseLaw(clients, { noiseStd }), extraStd: noiseStd / clients.biases.length };
  }),
  backdoor: progressUnder("(16)", (clients, rng) => {
    const { length: numClients, 0: bias } = clients.biases;
    const reach = logUniform(0.1, 100, rng);
    const shift = normalVector(bias!.length, rng).map((value) => reach * value);
    return { law: backdoorLaw(clients, { shift }), extra: shift.map((value) => value / numClients) };
  }),
  "one client chosen": progressUnder("(16)", (clients, rng) => {
    const index = rng.integer(clients.biases.length);
    return { law: chosenClientLaw(clients, index), coefficients: clients.biases.map((_, m) => (m === index ? 1 : 0)) };
  }),
  "local DP, unclipped": progressUnder("(17)", (clients, rng) => {
    const dpStd = logUniform(0.01, 100, rng);
    return { law: localDpLaw(clients, { dpStd }), extraStd: dpStd / Math.sqrt(clients.biases.length) };
  }),
  "local DP, clipped": {
    ...inExpectation,
    line: "(16)",
    compare(instance, rng) {
      const { quadratic, weights, gradient, clientGradients, clients, round } = instance;
      // Noise of two points, ±σ e_m, so the clipped law is exact.
      const clip = Math.sqrt(squaredNorm(gradient)) * logUniform(0.1, 10, rng);
      const clipped = (g: Vector): number[] => g.map((x) => x * Math.min(1, clip / Math.sqrt(squaredNorm(g))));
      const dpStd = (rng.integer(2) * clip) / 10;
      const numClients = clientGradients.length;
      const pairs = clientGradients.map((g) => {
        const away = unitVector(g.length, rng).map((value) => value * clients.samplingStd);
        return [clipped(plus(g, 1, away)), clipped(plus(g, -1, away))] as const;
      });
      const means = pairs.map((pair) => combination(pair));
      const law = localDpLaw(clients, { dpStd, clipped: { gradient, means } });
      // Clipping can turn the mean around, or shorten those who held it back so that ρ > 1.
      if (law.rho <= 0 || round.learningRate * law.rho * round.smoothness > 1) return undefined;
      const { hessian } = quadratic;
      const spread = pairs.reduce((sum, [a], m) => sum + 2 * objectiveGapAt(quadratic, plus(quadratic.minimizer, 1, plus(a, -1, means[m]!))), 0); // prettier-ignore
      const curvatureTrace = spread / numClients ** 2 + (dpStd ** 2 * traceOf(hessian)) / numClients;
      const smaller = expectedGapAfter(quadratic, weights, { mean: combination(means), curvatureTrace, learningRate: round.learningRate }); // prettier-ignore
      const sample = (draw: Rng): number => {
        const sent = pairs.map((pair) => plus(pair[draw.integer(2)]!, dpStd, normalVector(weights.length, draw)));
        return objectiveGapAt(quadratic, plus(weights, -round.learningRate, combination(sent)));
      };
      return { smaller, larger: progressBound(law, round), exact: smaller, sample };
    },
  },
  "median, Gaussian noise": {
    ...inExpectation,
    line: "(17)",
    compare(instance) {
      const { quadratic, weights, gradient, clients, round } = instance;
      const numClients = clients.biases.length;
      const same = { ...clients, biases: clients.biases.map((b) => b.map(() => 0)) };
      const perCoordinate = clients.samplingStd ** 2 / weights.length;
      const curvatureTrace = medianVariance(numClients) * perCoordinate * traceOf(quadratic.hessian);
      const { learningRate } = round;
      const smaller = expectedGapAfter(quadratic, weights, { mean: gradient, curvatureTrace, learningRate });
      const sample = (draw: Rng): number => {
        const sent = clients.biases.map(() => plus(gradient, Math.sqrt(perCoordinate), normalVector(weights.length, draw))); // prettier-ignore
        return objectiveGapAt(quadratic, plus(weights, -learningRate, medianOf(sent)));
      };
      return { smaller, larger: progressBound(gaussianMedianLaw(same), round), exact: smaller, sample };
    },
  },
};
