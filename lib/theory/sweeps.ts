/** @file How measured error and bound scale in each quantity, on exactly solvable federations. */
import { ensure, ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import { driftBound, expectedDispersion, fedAvgBound, reconstructionBound, scaleFreeDispersion, type DispersionTerms } from "./bound"; // prettier-ignore
import { directionOf, drawGradients, instanceAt, type Instance } from "./instances";
import { clientGradientsAt, drawQuadratic, objectiveGapAt, type Quadratic } from "./quadratic";
import {
  combination,
  normalVector,
  plus,
  squaredDistance,
  squaredNorm,
  times,
  unitVector,
  type Vector,
} from "./vectors";

/** The quantities of which the theorem speaks. */
export type SweptQuantity =
  "objectiveGap" | "effectiveParticipants" | "samplingStd" | "heterogeneity" | "dpStd" | "scale" | "localSteps";

/** One quantity varied, all else fixed, in one federation. */
export interface Sweep {
  /** What is swept, by value. */
  readonly x: readonly number[];
  /** What the error should be a power of: Δ, 1 - 1/M_eff, σ, ζ, s, Δ^(k) under κ, τ - 1. */
  readonly driver: readonly number[];
  /** Mean over contributors and draws of ||xhat - x||^2, between unit vectors: at most 4. */
  readonly measured: readonly number[];
  /** Line (6), or (23) for τ, with L_R = 1: exact to first order for this inversion. */
  readonly bound: readonly number[];
  /** Line (9): no approximation; NaN where it does not speak of the setting. */
  readonly proven: readonly number[];
}

/** Slopes that the theorem predicts, of the error against the driver, both logarithmic. */
export const predictedSlopes: Readonly<Record<SweptQuantity, number>> = {
  objectiveGap: -1,
  effectiveParticipants: 1,
  samplingStd: 2,
  heterogeneity: 2,
  dpStd: 2,
  scale: -1,
  localSteps: 2,
};

/** The federation that is varied: none of it is the paper's. */
const base = { dimension: 8, numClients: 10, conditionNumber: 5, smoothness: 1 } as const;
const GAP = 1000; // Δ where it is not varied: relative gradient errors of a few percent
const ROUNDS_OF_FLIPPING = 30;

/** A federation at a model with that gap, in a direction of its own. */
function federationAt(
  gap: number,
  { samplingStd, heterogeneity }: { samplingStd: number; heterogeneity: number },
  rng: Rng,
): Instance {
  // prettier-ignore
  const quadratic = drawQuadratic({ ...base, heterogeneity }, rng.split("quadratic"));
  const away = unitVector(base.dimension, rng.split("away"));
  const reach = Math.sqrt(gap / objectiveGapAt(quadratic, plus(quadratic.minimizer, 1, away)));
  return instanceAt(quadratic, plus(quadratic.minimizer, reach, away), { samplingStd, learningRate: 0.1 });
}

/**
 * The squared error of a scale-free inversion of an average, over contributors and draws.
 *
 * The secret of client i is the direction of its own gradient, xhat the direction of the observed one: in least squares with one
 * sample of length 1 a client, that secret is the sample itself, but for a sign that the label tells.
 *
 * @param instance the round
 * @param options draws; contributors: how many clients are in K, the first ones; dpStd per coordinate, of every client
 * @param rng where the noise comes from
 * @returns mean of ||xhat - x_i||^2
 * @example
 * const alone = instanceAt(federatedQuadratic([[[2]]], [[2]]), [3], { samplingStd: 1, learningRate: 0.5 });
 * directionError(alone, { draws: 3, contributors: 1 }, createRng(1)); // 0
 */
export function directionError(
  instance: Instance,
  { draws, contributors, dpStd = 0 }: { draws: number; contributors: number; dpStd?: number },
  rng: Rng,
): number {
  let sum = 0;
  for (let r = 0; r < draws; r++) {
    const sent = drawGradients(instance, rng).slice(0, contributors);
    const noise = dpStd === 0 ? undefined : normalVector(instance.weights.length, rng); // of the mean: s / sqrt(|K|)
    const mean = combination(sent);
    const seen = directionOf(noise ? plus(mean, dpStd / Math.sqrt(contributors), noise) : mean);
    for (const g of sent) sum += squaredDistance(seen, directionOf(g)) / contributors;
  }
  return sum / draws;
}

/** Measured error, line (6) and line (9) at one setting. */
function point(
  instance: Instance,
  draws: number,
  rng: Rng,
  { contributors = base.numClients, dpStd = 0 }: { contributors?: number; dpStd?: number } = {},
) {
  const { clients, round } = instance;
  const inside = clients.biases.slice(0, contributors);
  const offset = Math.sqrt(squaredNorm(combination(inside)));
  const heterogeneity = Math.sqrt(
    inside.reduce((sum, b) => sum + squaredDistance(b, combination(inside)) / contributors, 0),
  );
  const shared = { samplingStd: clients.samplingStd, heterogeneity, effectiveParticipants: contributors };
  const terms: DispersionTerms = { ...shared, dpStd, dimension: base.dimension };
  const proven = scaleFreeDispersion({ ...shared, offset });
  return {
    measured: directionError(instance, { draws, contributors, dpStd }, rng),
    bound: reconstructionBound({ ...round, lipschitz: 1, dispersion: expectedDispersion(terms) }),
    proven: dpStd > 0 ? NaN : reconstructionBound({ ...round, lipschitz: 2, dispersion: proven }),
  };
}

/** Expected weights after rounds under sign flipping by client 0: noise does not move the mean of a quadratic's path. */
function flippedPath(quadratic: Quadratic, weights: Vector, scale: number, learningRate: number): number[] {
  let w = [...weights];
  for (let k = 0; k < ROUNDS_OF_FLIPPING; k++) {
    const gradients = clientGradientsAt(quadratic, w);
    const u = combination(gradients, gradients.map((_, m) => (m === 0 ? -scale : 1) / gradients.length)); // prettier-ignore
    w = plus(w, -learningRate, u);
  }
  return w;
}

/** A lone victim's FedAvg round without noise: only drift separates what is observed from its gradient at w^(k). */
function driftPoint(instance: Instance, localSteps: number) {
  const { quadratic, weights, round, clients } = instance;
  const learningRate = 0.02 / quadratic.smoothness;
  const start = plus(instance.gradient, 1, clients.biases[0]!);
  let local = [...weights];
  for (let t = 0; t < localSteps; t++) {
    local = plus(local, -learningRate, plus(times(quadratic.hessians[0]!, local), -1, quadratic.linear[0]!));
  }
  const observed = plus(weights, -1, local);
  // Gradient descent on a convex quadratic only shortens the gradient: B1 is the first one's norm.
  const drift = driftBound({ localSteps, learningRate, smoothness: quadratic.clientSmoothness, stepNorm: Math.sqrt(squaredNorm(start)) }); // prettier-ignore
  const measured = squaredDistance(directionOf(observed), directionOf(start));
  return { measured, bound: fedAvgBound({ ...round, lipschitz: 1, dispersion: 0, drift }), proven: NaN };
}

/**
 * Varies one quantity in one random federation (d = 8, M = 10, L/μ = 5).
 *
 * @param quantity what to vary
 * @param draws of the noise at every setting, at least 2
 * @param rng where federation and noise come from; depends on its key alone
 * @returns the sweep
 * @throws InputError when draws is no integer >= 2
 * @example
 * sweepBound("localSteps", 2, createRng(1)).x; // [2, 3, 5, 10, 20]
 * @source our derivation, lines (6), (9) and (23)
 */
export function sweepBound(quantity: SweptQuantity, draws: number, rng: Rng): Sweep {
  ensureCount("sweepBound", "draws", draws, 2);
  const federation = rng.split("federation"); // the same whatever is varied
  const noise = (i: number): Rng => rng.split("noise", i);
  const at = (gap: number, noises: { samplingStd: number; heterogeneity: number }): Instance =>
    federationAt(gap, noises, federation);
  const both = { samplingStd: 1, heterogeneity: 1 };
  const rows: { x: number; driver?: number; measured: number; bound: number; proven: number }[] = [];
  const decades = [0.1, 0.3, 1, 3, 10];
  switch (quantity) {
    case "objectiveGap":
      for (const x of [0.1, 1, 10, 100, 1000, 10000]) rows.push({ x, ...point(at(x, both), draws, noise(x)) });
      break;
    case "effectiveParticipants":
      for (const x of [2, 3, 4, 6, 8, 10]) {
        const measured = point(at(GAP, { samplingStd: 3, heterogeneity: 0 }), draws, noise(x), { contributors: x });
        rows.push({ x, driver: 1 - 1 / x, ...measured });
      }
      break;
    case "samplingStd":
      for (const x of decades)
        rows.push({ x, ...point(at(GAP, { samplingStd: x, heterogeneity: 0 }), draws, noise(x)) });
      break;
    case "heterogeneity":
      for (const x of decades) rows.push({ x, ...point(at(GAP, { samplingStd: 0, heterogeneity: x }), 2, noise(x)) });
      break;
    case "dpStd":
      for (const x of decades) {
        const quiet = at(GAP, { samplingStd: 0.01, heterogeneity: 0.01 });
        rows.push({ x, ...point(quiet, draws, noise(x), { dpStd: x }) });
      }
      break;
    case "scale":
      for (const x of [0, 1, 2, 4, 6, 8]) {
        const start = at(GAP, both);
        const weights = flippedPath(start.quadratic, start.weights, x, start.round.learningRate);
        const end = instanceAt(start.quadratic, weights, { samplingStd: 1, learningRate: 0.1 });
        rows.push({ x, driver: end.round.objectiveGap, ...point(end, draws, noise(x)) });
      }
      break;
    case "localSteps":
      for (const x of [2, 3, 5, 10, 20]) rows.push({ x, driver: x - 1, ...driftPoint(at(GAP, both), x) });
      break;
  }
  return {
    x: rows.map(({ x }) => x),
    driver: rows.map(({ x, driver = x }) => driver),
    measured: rows.map(({ measured }) => measured),
    bound: rows.map(({ bound }) => bound),
    proven: rows.map(({ proven }) => proven),
  };
}

/**
 * The slope of a power law, by least squares on logarithms: d log y / d log x.
 *
 * @param x positive numbers, not all equal
 * @param y positive numbers, as many
 * @param options below: points with a larger y are left out, as where an error has saturated; default none
 * @returns the slope
 * @throws InputError when a number is not positive and finite, or fewer than two points with different x are left
 * @example
 * powerSlope([1, 4, 16], [3, 24, 192]); // 1.5
 */
export function powerSlope(x: readonly number[], y: readonly number[], { below = Infinity } = {}): number {
  const fn = "powerSlope";
  ensure(x.length === y.length, fn, "needs as many x as y", `${x.length} and ${y.length}`);
  for (const value of [...x, ...y]) ensure(value > 0 && Number.isFinite(value), fn, "needs positive finite numbers", value); // prettier-ignore
  const points = x.map((value, i) => [Math.log(value), Math.log(y[i]!)] as const).filter(([, ly]) => ly <= Math.log(below)); // prettier-ignore
  const mean = combination(points.length > 0 ? points : [[0, 0]]);
  const spread = points.reduce((sum, [lx]) => sum + (lx - mean[0]!) ** 2, 0);
  ensure(spread > 0, fn, "needs two different x", `${points.length} points`);
  return points.reduce((sum, [lx, ly]) => sum + (lx - mean[0]!) * (ly - mean[1]!), 0) / spread;
}
