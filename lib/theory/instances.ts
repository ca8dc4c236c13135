/** @file Random instances to check the theory on: a quadratic, a model, noise, and a learning rate. */
import type { Rng } from "../core/rng";
import type { Clients } from "./clients";
import type { RoundTerms } from "./progress";
import { biasesAt, clientGradientsAt, drawQuadratic, objectiveGapAt, type Quadratic } from "./quadratic";
import { combination, form, normalVector, plus, squaredNorm, unitVector, type Vector } from "./vectors";

/** A round of an exactly solvable federation. */
export interface Instance {
  readonly quadratic: Quadratic;
  readonly weights: Vector; // w^(k) [d]
  readonly clientGradients: readonly Vector[]; // grad F_m(w) [M][d]
  readonly gradient: Vector; // grad F(w) [d]
  readonly clients: Clients; // b_m and σ
  readonly round: RoundTerms; // Δ, μ, L, η <= 1/L
  readonly noiseAxis: Vector; // the noise is longer along this direction [d]
  readonly noiseShare: number; // of its variance along the axis, in [0, 1]; the rest is isotropic
  readonly curvature: number; // tr(A Cov n_m) / σ^2
}

/**
 * A number with a uniform logarithm.
 *
 * @param low smallest, > 0
 * @param high largest
 * @param rng where it comes from
 * @returns low..high
 * @example
 * logUniform(2, 2, createRng(1)); // 2
 */
export function logUniform(low: number, high: number, rng: Rng): number {
  return low * (high / low) ** rng.uniform();
}

/**
 * A random instance: d in 2..6, M in 3..12, L/μ in 1..100, L in 0.1..10, σ and ζ in 0.01..10, the clients' curvatures apart in
 * every third, w at a distance of 0.1..10 from w*, η in 0.05..1 times 1/L, noise anisotropic.
 *
 * @param rng where it comes from; depends on its key alone
 * @returns the instance
 * @example
 * const { round } = drawInstance(createRng(1));
 * round.learningRate <= 1 / round.smoothness; // true
 */
export function drawInstance(rng: Rng): Instance {
  const draw = rng.split("sizes");
  const dimension = 2 + draw.integer(5);
  const options = {
    dimension,
    numClients: 3 + draw.integer(10),
    conditionNumber: logUniform(1, 100, draw),
    smoothness: logUniform(0.1, 10, draw),
    heterogeneity: logUniform(0.01, 10, draw),
    curvatureSpread: draw.integer(3) === 0 ? 0.9 * draw.uniform() : 0,
  };
  const quadratic = drawQuadratic(options, rng.split("quadratic"));
  const weights = plus(quadratic.minimizer, logUniform(0.1, 10, draw), unitVector(dimension, rng.split("place")));
  const samplingStd = logUniform(0.01, 10, draw);
  const learningRate = (0.05 + 0.95 * draw.uniform()) / quadratic.smoothness;
  return instanceAt(quadratic, weights, {
    samplingStd,
    learningRate,
    noiseAxis: unitVector(dimension, rng.split("axis")),
    noiseShare: draw.uniform(),
  });
}

/**
 * The instance of a quadratic at a model.
 *
 * @param quadratic the objective
 * @param weights w [d]
 * @param options samplingStd σ, learningRate η; noiseAxis [d] of length 1 and noiseShare, default isotropic
 * @returns the instance
 * @example
 * instanceAt(federatedQuadratic([[[2]]], [[2]]), [3], { samplingStd: 1, learningRate: 0.5 }).gradient; // [4]
 */
export function instanceAt(
  quadratic: Quadratic,
  weights: Vector,
  options: { samplingStd: number; learningRate: number; noiseAxis?: Vector; noiseShare?: number },
): Instance {
  const { samplingStd, learningRate, noiseAxis = weights.map((_, i) => (i === 0 ? 1 : 0)), noiseShare = 0 } = options;
  const { hessian, plConstant, smoothness, dimension } = quadratic;
  const clientGradients = clientGradientsAt(quadratic, weights);
  const trace = hessian.reduce((sum, row, i) => sum + row[i]!, 0);
  return {
    quadratic,
    weights,
    clientGradients,
    gradient: combination(clientGradients),
    clients: { biases: biasesAt(quadratic, weights), samplingStd },
    round: { objectiveGap: objectiveGapAt(quadratic, weights), plConstant, smoothness, learningRate },
    noiseAxis,
    noiseShare,
    curvature: noiseShare * form(hessian, noiseAxis) + ((1 - noiseShare) * trace) / dimension,
  };
}

/**
 * One client's sampling noise, Gaussian of E||n||^2 = σ^2.
 *
 * @param instance its σ, axis and share
 * @param rng where it comes from
 * @returns n [d]
 * @example
 * const flat = federatedQuadratic([[[2]]], [[2]]);
 * drawSamplingNoise(instanceAt(flat, [3], { samplingStd: 0, learningRate: 0.5 }), createRng(1)); // [0]
 */
export function drawSamplingNoise({ clients, noiseAxis, noiseShare }: Instance, rng: Rng): number[] {
  const d = noiseAxis.length;
  const isotropic = normalVector(d, rng).map((z) => clients.samplingStd * Math.sqrt((1 - noiseShare) / d) * z);
  return plus(isotropic, clients.samplingStd * Math.sqrt(noiseShare) * rng.normal(), noiseAxis);
}

/**
 * What the clients send in one draw of the round, g_m = grad F_m + n_m.
 *
 * @param instance the round
 * @param rng where the noise comes from
 * @returns g_m [M][d]
 * @example
 * const flat = federatedQuadratic([[[2]]], [[2]]);
 * drawGradients(instanceAt(flat, [3], { samplingStd: 0, learningRate: 0.5 }), createRng(1)); // [[4]]
 */
export function drawGradients(instance: Instance, rng: Rng): number[][] {
  return instance.clientGradients.map((gradient) => plus(gradient, 1, drawSamplingNoise(instance, rng)));
}

/**
 * A vector on the unit sphere along another; what a scale-free inversion sees.
 *
 * @param vector not 0
 * @returns vector / ||vector||
 * @example
 * directionOf([3, 4]); // [0.6, 0.8]
 */
export function directionOf(vector: Vector): number[] {
  const length = Math.sqrt(squaredNorm(vector));
  return vector.map((value) => value / length);
}
