/** @file The theory against random instances: what is measured must lie below what is claimed, in every one. */
import { ensure, ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import {
  backfireRatio,
  dispersionOf,
  driftBound,
  effectiveClients,
  expectedDispersion,
  fedAvgBound,
  fedAvgYoungBound,
  reconstructionBound,
  reconstructionFloor,
  youngBound,
} from "./bound";
import { directionOf, drawGradients, drawInstance, drawSamplingNoise, logUniform, type Instance } from "./instances"; // prettier-ignore
import {
  addedNoiseLaw,
  backdoorLaw,
  chosenClientLaw,
  fedAvgProgress,
  gaussianMedianLaw,
  honestMeanLaw,
  krumSpread,
  localDpLaw,
  medianSpread,
  medianVariance,
  mixture,
  pathwiseBound,
  progressBound,
  progressFloor,
  ruleError,
  signFlipLaw,
  type Clients,
} from "./progress";
import { expectedGapAfter, expectedGaps, objectiveGapAt } from "./quadratic";
import { drawSoftmax, softmaxAt, softmaxLeak, solveSoftmax } from "./softmax";
import { combine, dot, normalVector, plus, squaredDistance, squaredNorm, unitVector, type Vector } from "./vectors";

/** One inequality on one instance. */
export interface Comparison {
  readonly smaller: number; // what the theory says is the smaller side, >= 0
  readonly larger: number;
  /** Where a side is a closed-form expectation: one draw of the random quantity it is the mean of. */
  readonly exact?: number;
  readonly sample?: (rng: Rng) => number;
}

/** A line of the derivation, as a comparison on a random instance. */
export interface Check {
  readonly line: string; // of the derivation
  readonly group: "theorem" | "lemma" | "any rule" | "FedAvg";
  readonly holds: "in expectation" | "in every draw";
  compare(instance: Instance, rng: Rng): Comparison | undefined; // undefined: the line says nothing here
}

/** Indices 0..n-1 in random order, the first `count`. */
const choose = (n: number, count: number, rng: Rng): number[] => [...rng.permutation(n)].slice(0, count);

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
  const mean = plus(combine(clientGradients, coefficients), 1, shift);
  const trace = quadratic.hessian.reduce((sum, row, i) => sum + row[i]!, 0);
  const curvatureTrace = squaredNorm(coefficients) * clients.samplingStd ** 2 * curvature + extraStd ** 2 * trace;
  const sample = (rng: Rng): number => {
    const sent = plus(combine(drawGradients(instance, rng), coefficients), 1, shift);
    const u = extraStd > 0 ? plus(sent, extraStd, normalVector(weights.length, rng)) : sent;
    return objectiveGapAt(quadratic, plus(weights, -learningRate, u));
  };
  return { exact: expectedGapAfter(quadratic, weights, { mean, curvatureTrace, learningRate }), sample };
}

/** Coefficients of the mean in which some clients count κ times, reversed. */
const flipped = (numClients: number, malicious: readonly number[], scale: number): number[] =>
  Array.from({ length: numClients }, (_, m) => (malicious.includes(m) ? -scale : 1) / numClients);

/** A subset K with weights, its gradients' exact E V (line (4), term by term), and M_eff. */
function drawVictims(
  instance: Instance,
  rng: Rng,
): { exact: number; effective: number; heterogeneity: number; sample: (rng: Rng) => number } {
  // prettier-ignore
  const { biases, samplingStd } = instance.clients;
  const chosen = choose(biases.length, 1 + rng.integer(biases.length), rng);
  const isEqual = rng.integer(2) === 0;
  const raw = chosen.map(() => (isEqual ? 1 : 0.1 + rng.uniform()));
  const total = raw.reduce((sum, value) => sum + value, 0);
  const shares = raw.map((value) => value / total);
  const mean = combine(chosen.map((i) => biases[i]!), shares); // prettier-ignore
  const exact = shares.reduce((sum, share, v) => {
    const noise = shares.reduce((s, other, j) => s + (j === v ? (1 - other) ** 2 : other ** 2), 0);
    return sum + share * (noise * samplingStd ** 2 + squaredDistance(biases[chosen[v]!]!, mean));
  }, 0);
  const sample = (draw: Rng): number => {
    const sent = drawGradients(instance, draw);
    return dispersionOf(chosen.map((i) => sent[i]!), shares); // prettier-ignore
  };
  const heterogeneity = Math.sqrt(dispersionOf(chosen.map((i) => biases[i]!), shares)); // prettier-ignore
  return { exact, effective: effectiveClients(shares), heterogeneity, sample };
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
  const victims = drawVictims(instance, rng);
  const { exact, sample, effective, heterogeneity } = victims;
  const inversion = linearInversion(instance, exact, rng);
  const { samplingStd } = instance.clients;
  const dispersion = expectedDispersion({ samplingStd, heterogeneity, effectiveClients: effective });
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
  const terms = { samplingStd, heterogeneity, effectiveClients: numClients, dpStd, dimension };
  const exact = samplingStd ** 2 * ((1 - 1 / numClients) ** 2 + (numClients - 1) / numClients ** 2) + heterogeneity ** 2 + dimension * dpStd ** 2 / numClients; // prettier-ignore
  const sample = (draw: Rng): number => {
    const sent = drawGradients(instance, draw);
    const mean = combine(sent.map((g) => plus(g, dpStd, normalVector(dimension, draw))));
    return sent.reduce((sum, g) => sum + squaredDistance(mean, g) / numClients, 0);
  };
  const inversion = linearInversion(instance, exact, rng);
  return { terms: { ...instance.round, ...inversion, dispersion: expectedDispersion(terms) }, error: inversion.error, exact, sample }; // prettier-ignore
}

/** The mean over clients of an expected gap, each of them in the same role. */
const overClients = (instance: Instance, gap: (client: number) => number): number =>
  instance.clients.biases.reduce((sum, _, a) => sum + gap(a) / instance.clients.biases.length, 0);

/** Arbitrary updates of malicious clients: far away, or a little beyond the honest ones. */
function drawMalicious(count: number, gradient: Vector, rng: Rng): number[][] {
  const reach = logUniform(0.1, 1000, rng) * Math.sqrt(squaredNorm(gradient));
  return Array.from({ length: count }, () => plus(gradient, reach, unitVector(gradient.length, rng)));
}

/** Coordinate-wise median; of an even number the mean of the middle two. */
function medianOf(updates: readonly Vector[]): number[] {
  return updates[0]!.map((_, j) => {
    const column = updates.map((u) => u[j]!).sort((a, b) => a - b);
    const half = (column.length - 1) / 2;
    return (column[Math.floor(half)]! + column[Math.ceil(half)]!) / 2;
  });
}

/** Krum's choice: least sum of squared distances to its n - f - 2 nearest. */
function krumOf(updates: readonly Vector[], f: number): Vector {
  const scores = updates.map((u, i) => {
    const distances = updates.filter((_, j) => j !== i).map((other) => squaredDistance(u, other)); // prettier-ignore
    return distances.sort((a, b) => a - b).slice(0, updates.length - f - 2).reduce((sum, value) => sum + value, 0); // prettier-ignore
  });
  return updates[scores.indexOf(Math.min(...scores))]!;
}

/** A rule among malicious updates, in one draw: its distance from the honest mean, and where the step by it ends. */
function drawRule(instance: Instance, f: number, rng: Rng, rule: (updates: readonly Vector[]) => Vector) {
  const { quadratic, weights, gradient, round } = instance;
  const honest = drawGradients(instance, rng.split("noise")).slice(f);
  const u = rule([...drawMalicious(f, gradient, rng), ...honest]);
  const gap = objectiveGapAt(quadratic, plus(weights, -round.learningRate, u));
  return { distance: squaredDistance(u, combine(honest)), dispersion: dispersionOf(honest), gap, honest };
}

/** A rule of line (21): the most malicious updates it bears among n, how far they can lead it, and what it does. */
interface SpreadRule {
  most(this: void, n: number): number;
  spread(this: void, n: number, f: number): number;
  run(this: void, updates: readonly Vector[], f: number): Vector;
}

const median: SpreadRule = { most: (n) => Math.ceil(n / 2) - 1, spread: medianSpread, run: medianOf };
const krum: SpreadRule = { most: (n) => Math.floor((n - 3) / 2), spread: krumSpread, run: krumOf };

/** Line (21) alone, and line (19) with the rule's error from it, V_H and the honest mean being those of the draw. */
function ruleChecks(rule: SpreadRule): [distance: Check, progress: Check] {
  const draw = (instance: Instance, rng: Rng) => {
    const n = instance.clients.biases.length;
    const f = rng.integer(rule.most(n) + 1);
    return { ...drawRule(instance, f, rng, (updates) => rule.run(updates, f)), spread: rule.spread(n, f) };
  };
  const shared = { group: "any rule", holds: "in every draw" } as const;
  return [
    {
      ...shared,
      line: "(21)",
      compare(instance, rng) {
        const { distance, dispersion, spread } = draw(instance, rng);
        return { smaller: distance, larger: spread * dispersion };
      },
    },
    {
      ...shared,
      line: "(19)",
      compare(instance, rng) {
        const { gap, honest, spread } = draw(instance, rng);
        const error = ruleError(spread, lawOfDraw(honest, instance.gradient));
        return { smaller: gap, larger: pathwiseBound(error, instance.round) };
      },
    },
  ];
}

const [medianDistance, medianProgress] = ruleChecks(median);
const [krumDistance, krumProgress] = ruleChecks(krum);

/** A draw taken as a population without noise: its own biases around grad F. */
const lawOfDraw = (gradients: readonly Vector[], gradient: Vector): Clients => ({
  biases: gradients.map((g) => plus(g, -1, gradient)),
  samplingStd: 0,
});

/**
 * A round of FedAvg in one draw. Noise is that of a batch: one for all steps, or a fresh one each.
 *
 * @param instance of a quadratic federation
 * @param rng of steps and noise
 * @returns sent: u_m/τ [M][d], the mean of each client's local gradients; observed: their mean; lone: the means of the same batches'
 *   gradients at w^(k) [M][d]; drift: D of line (22); localSteps τ, learningRate η with η τ <= 1/L
 * @example
 * fedAvg(drawInstance(createRng(1)), createRng(2)).localSteps >= 2; // true
 * @source our derivation, line (22)
 */
export function fedAvg(
  instance: Instance,
  rng: Rng,
): {
  readonly sent: readonly Vector[];
  readonly observed: Vector;
  readonly lone: readonly Vector[];
  readonly drift: number;
  readonly localSteps: number;
  readonly learningRate: number;
} {
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
    lone.push(plus(start, 1, combine(noises)));
    return plus(weights, -1, local).map((value) => value / (learningRate * localSteps));
  });
  const drift = driftBound({ localSteps, learningRate, smoothness: quadratic.clientSmoothness, stepNorm });
  return { sent, observed: combine(sent), lone, drift, localSteps, learningRate };
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

/** Every inequality of the derivation that an exactly solvable case can break. */
export const checks: Readonly<Record<string, Check>> = {
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
      const victims = choose(sent.length, 1 + rng.integer(sent.length), rng).map((i) => sent[i]!);
      const observed = combine(victims);
      const seen = directionOf(observed);
      const apart = victims.map((g) => squaredDistance(g, gradient)); // from grad F
      const rms = Math.sqrt(apart.reduce((sum, value) => sum + value / apart.length, 0));
      const dispersion = (Math.sqrt(squaredDistance(observed, gradient)) + rms) ** 2;
      const smaller = victims.reduce((sum, g) => sum + squaredDistance(seen, directionOf(g)) / victims.length, 0);
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
      const { minimizer, minimum, plConstant } = solveSoftmax(problem);
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
      const terms = { samplingStd, heterogeneity, effectiveClients: numClients };
      const clean = gapWith(0);
      if (gapWith(dpStd) / clean <= backfireRatio({ ...terms, dpStd, dimension })) return undefined; // no backfire to speak of
      const relative = expectedDispersion(terms) / (2 * smoothness * clean); // at most B / ||grad F||^2
      return { smaller: (2 - learningRate * smoothness) / (learningRate * smoothness), larger: relative };
    },
  },

  "honest mean": {
    line: "(17)",
    group: "lemma",
    holds: "in expectation",
    compare(instance) {
      const { clients, round } = instance;
      const step = linearStep(instance, flipped(clients.biases.length, [], 0));
      return { smaller: step.exact, larger: progressBound(honestMeanLaw(clients), round), ...step };
    },
  },
  "honest mean, from below": {
    line: "(20)",
    group: "lemma",
    holds: "in expectation",
    compare(instance) {
      const { clients, round } = instance;
      const step = linearStep(instance, flipped(clients.biases.length, [], 0));
      return { smaller: progressFloor(honestMeanLaw(clients), round), larger: step.exact };
    },
  },
  "sign flip": {
    line: "(16)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const [scale, malicious] = [0.99 * rng.uniform() * (numClients - 1), [rng.integer(numClients)]];
      const step = linearStep(instance, flipped(numClients, malicious, scale));
      return { smaller: step.exact, larger: progressBound(signFlipLaw(clients, { scale, malicious }), round), ...step };
    },
  },
  "colluding sign flippers": {
    line: "(16)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const malicious = choose(numClients, 1 + rng.integer(numClients - 1), rng);
      const scale = 0.99 * rng.uniform() * (numClients / malicious.length - 1);
      const step = linearStep(instance, flipped(numClients, malicious, scale));
      return { smaller: step.exact, larger: progressBound(signFlipLaw(clients, { scale, malicious }), round), ...step };
    },
  },
  "sign flip by any client": {
    line: "(18)",
    group: "lemma",
    holds: "in expectation",
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
    line: "(20)",
    group: "lemma",
    holds: "in expectation",
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
  "Gaussian noise": {
    line: "(17)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const noiseStd = logUniform(0.01, 100, rng);
      const step = linearStep(instance, flipped(numClients, [], 0), { extraStd: noiseStd / numClients });
      return { smaller: step.exact, larger: progressBound(addedNoiseLaw(clients, { noiseStd }), round), ...step };
    },
  },
  backdoor: {
    line: "(16)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const reach = logUniform(0.1, 100, rng);
      const shift = normalVector(instance.weights.length, rng).map((value) => reach * value);
      const step = linearStep(instance, flipped(numClients, [], 0), {
        extra: shift.map((value) => value / numClients),
      });
      return { smaller: step.exact, larger: progressBound(backdoorLaw(clients, { shift }), round), ...step };
    },
  },
  "one client chosen": {
    line: "(16)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const index = rng.integer(clients.biases.length);
      const step = linearStep(instance, clients.biases.map((_, m) => (m === index ? 1 : 0))); // prettier-ignore
      return { smaller: step.exact, larger: progressBound(chosenClientLaw(clients, index), round), ...step };
    },
  },
  "local DP, unclipped": {
    line: "(17)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { clients, round } = instance;
      const numClients = clients.biases.length;
      const dpStd = logUniform(0.01, 100, rng);
      const step = linearStep(instance, flipped(numClients, [], 0), { extraStd: dpStd / Math.sqrt(numClients) });
      return { smaller: step.exact, larger: progressBound(localDpLaw(clients, { dpStd }), round), ...step };
    },
  },
  "local DP, clipped": {
    line: "(16)",
    group: "lemma",
    holds: "in expectation",
    compare(instance, rng) {
      const { quadratic, weights, gradient, clientGradients, clients, round } = instance;
      // Noise of two points, ±σ e_m, so that the clipped law is exact.
      const clip = Math.sqrt(squaredNorm(gradient)) * logUniform(0.1, 10, rng);
      const clipped = (g: Vector): number[] => g.map((x) => x * Math.min(1, clip / Math.sqrt(squaredNorm(g))));
      const dpStd = (rng.integer(2) * clip) / 10;
      const numClients = clientGradients.length;
      const pairs = clientGradients.map((g) => {
        const away = unitVector(g.length, rng).map((value) => value * clients.samplingStd);
        return [clipped(plus(g, 1, away)), clipped(plus(g, -1, away))] as const;
      });
      const means = pairs.map((pair) => combine(pair));
      const law = localDpLaw(clients, { dpStd, clipped: { gradient, means } });
      // Clipping can turn the mean around, or shorten those who held it back so that ρ > 1.
      if (law.rho <= 0 || round.learningRate * law.rho * round.smoothness > 1) return undefined;
      const { hessian } = quadratic;
      const spread = pairs.reduce((sum, [a], m) => sum + 2 * objectiveGapAt(quadratic, plus(quadratic.minimizer, 1, plus(a, -1, means[m]!))), 0); // prettier-ignore
      const trace = hessian.reduce((sum, row, i) => sum + row[i]!, 0);
      const curvatureTrace = spread / numClients ** 2 + (dpStd ** 2 * trace) / numClients;
      const smaller = expectedGapAfter(quadratic, weights, { mean: combine(means), curvatureTrace, learningRate: round.learningRate }); // prettier-ignore
      const sample = (draw: Rng): number => {
        const sent = pairs.map((pair) => plus(pair[draw.integer(2)]!, dpStd, normalVector(weights.length, draw)));
        return objectiveGapAt(quadratic, plus(weights, -round.learningRate, combine(sent)));
      };
      return { smaller, larger: progressBound(law, round), exact: smaller, sample };
    },
  },
  "median, Gaussian noise": {
    line: "(17)",
    group: "lemma",
    holds: "in expectation",
    compare(instance) {
      const { quadratic, weights, gradient, clients, round } = instance;
      const numClients = clients.biases.length;
      const same = { ...clients, biases: clients.biases.map((b) => b.map(() => 0)) };
      const perCoordinate = clients.samplingStd ** 2 / weights.length;
      const trace = quadratic.hessian.reduce((sum, row, i) => sum + row[i]!, 0);
      const curvatureTrace = medianVariance(numClients) * perCoordinate * trace;
      const { learningRate } = round;
      const smaller = expectedGapAfter(quadratic, weights, { mean: gradient, curvatureTrace, learningRate });
      const sample = (draw: Rng): number => {
        const sent = clients.biases.map(() => plus(gradient, Math.sqrt(perCoordinate), normalVector(weights.length, draw))); // prettier-ignore
        return objectiveGapAt(quadratic, plus(weights, -learningRate, medianOf(sent)));
      };
      return { smaller, larger: progressBound(gaussianMedianLaw(same), round), exact: smaller, sample };
    },
  },

  "median's distance, f malicious": medianDistance,
  "median's progress, f malicious": medianProgress,
  "Krum's distance, f malicious": krumDistance,
  "Krum's progress, f malicious": krumProgress,

  drift: {
    line: "(22)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { observed, lone, drift } = fedAvg(instance, rng);
      return { smaller: Math.sqrt(squaredDistance(observed, combine(lone))), larger: drift };
    },
  },
  "reconstruction error, τ steps": {
    line: "(23)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { terms, error } = fedAvgLeak(instance, rng);
      return { smaller: error, larger: fedAvgBound(terms) };
    },
  },
  "its first form, τ steps": {
    line: "(24)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { terms, error } = fedAvgLeak(instance, rng);
      return { smaller: error, larger: fedAvgYoungBound(terms) };
    },
  },
  "progress, τ steps": {
    line: "(25)",
    group: "FedAvg",
    holds: "in every draw",
    compare(instance, rng) {
      const { quadratic, weights, gradient, round } = instance;
      const { observed, lone, drift, localSteps, learningRate } = fedAvg(instance, rng);
      const meanVariance = squaredDistance(combine(lone), gradient); // of this draw
      return {
        smaller: objectiveGapAt(quadratic, plus(weights, -learningRate * localSteps, observed)),
        larger: fedAvgProgress({ ...round, learningRate, localSteps, drift, meanVariance }),
      };
    },
  },
};

/** How a line fared on all instances. */
export interface CheckSummary {
  readonly check: string;
  readonly line: string;
  readonly group: Check["group"];
  readonly holds: Check["holds"];
  readonly ratios: readonly number[]; // smaller / larger, one an instance that the line speaks of; a violation is > 1
  readonly violations: number; // beyond rounding: ratio > 1 + 1e-9
  readonly worst: number; // largest ratio
  readonly median: number;
}

/**
 * Checks every line on random instances.
 *
 * @param count instances of each line
 * @param rng where they come from; depends on its key alone. All lines of one index share an instance
 * @param options lines: which ones, default all; onProgress: told how many instances of how many are done
 * @returns one summary a line, in the derivation's order
 * @throws InputError when count is no integer >= 1
 * @example
 * checkTheory(2, createRng(1)).every(({ violations }) => violations === 0); // true
 */
export function checkTheory(
  count: number,
  rng: Rng,
  {
    lines = checks,
    onProgress,
  }: { lines?: Readonly<Record<string, Check>>; onProgress?: (done: number, total: number) => void } = {},
): CheckSummary[] {
  ensureCount("checkTheory", "count", count);
  const names = Object.keys(lines);
  const ratios = names.map((): number[] => []);
  for (let i = 0; i < count; i++) {
    const instance = drawInstance(rng.split("instance", i));
    names.forEach((name, c) => {
      const comparison = lines[name]!.compare(instance, rng.split(name, i));
      if (comparison === undefined) return;
      const { smaller, larger } = comparison;
      const ratio = smaller === 0 ? 0 : smaller / larger;
      ensure(ratio >= 0, "checkTheory", `needs two sides >= 0 in "${name}"`, `${smaller} and ${larger}`);
      ratios[c]!.push(ratio);
    });
    onProgress?.(i + 1, count);
  }
  return names.map((check, c) => {
    const { line, group, holds } = lines[check]!;
    const sorted = [...ratios[c]!].sort((a, b) => a - b);
    const violations = sorted.filter((ratio) => ratio > 1 + 1e-9).length;
    return { check, line, group, holds, ratios: ratios[c]!, violations, worst: sorted.at(-1)!, median: sorted[Math.floor((sorted.length - 1) / 2)]! }; // prettier-ignore
  });
}

/** A closed-form expectation against the mean of draws. */
export interface SamplingSummary {
  readonly check: string;
  readonly instances: number;
  readonly draws: number; // an instance
  readonly rms: number; // of z = (mean of draws - exact) / standard error; 1 if the closed form is right
  readonly largest: number; // |z|
  readonly outside: number; // instances with |z| > 1.96; 5 % are to be expected
  readonly relative: number; // median half-width of the 95 % interval, relative to the expectation
}

/**
 * Samples every expectation that has a closed form: the independent check of the exact ones.
 *
 * @param count instances of each
 * @param draws of each instance, at least 2
 * @param rng where they come from
 * @returns one summary a line that holds in expectation and has a sampler
 * @throws InputError when a count is too small
 * @example
 * sampleTheory(1, 50, createRng(1))[0].check; // "reconstruction error"
 */
export function sampleTheory(count: number, draws: number, rng: Rng): SamplingSummary[] {
  ensureCount("sampleTheory", "count", count);
  ensureCount("sampleTheory", "draws", draws, 2);
  const found = new Map<string, { z: number; width: number }[]>();
  for (let i = 0; i < count; i++) {
    const instance = drawInstance(rng.split("instance", i));
    for (const [name, check] of Object.entries(checks)) {
      const { exact, sample } = check.compare(instance, rng.split(name, i)) ?? {};
      if (exact === undefined || sample === undefined) continue;
      const stream = rng.split("draws", i).split(name);
      const values = Array.from({ length: draws }, () => sample(stream));
      const mean = values.reduce((sum, value) => sum + value / draws, 0);
      const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (draws - 1) / draws);
      const z = error > 1e-12 * mean ? (mean - exact) / error : 0;
      found.set(name, [...(found.get(name) ?? []), { z, width: (1.96 * error) / Math.max(exact, Number.MIN_VALUE) }]);
    }
  }
  return [...found].map(([check, entries]) => ({
    check,
    instances: entries.length,
    draws,
    rms: Math.sqrt(entries.reduce((sum, { z }) => sum + (z * z) / entries.length, 0)),
    largest: Math.max(...entries.map(({ z }) => Math.abs(z))),
    outside: entries.filter(({ z }) => Math.abs(z) > 1.96).length,
    relative: entries.map(({ width }) => width).sort((a, b) => a - b)[Math.floor(entries.length / 2)]!,
  }));
}
