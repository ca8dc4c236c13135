/** @file Instances on which the bounds are attained: better constants are not to be had from the same assumptions. */
import type { Rng } from "../core/rng";
import { driftBound, expectedDispersion, reconstructionBound, youngBound } from "./bound";
import { instanceAt } from "./instances";
import { honestMeanLaw } from "./laws";
import { progressBound, progressFloor } from "./progress";
import { drawQuadratic, expectedGapAfter, federatedQuadratic } from "./quadratic";
import { plus, squaredNorm, unitVector } from "./vectors";

/** How much of a bound an instance fills. */
export interface Tightness {
  /** ε0 over the mixing error L_R sqrt(B / (2 μ Δ)). */
  readonly inversionError: readonly number[];
  /** Error / line (6). */
  readonly sharp: readonly number[];
  /** Error / line (7). */
  readonly young: readonly number[];
}

/**
 * The theorem on a round quadratic (L = μ), inverted linearly, with a residual along the mixing error.
 *
 *     R(g) = L_R g / ||grad F||     x_i = R(g_i) - r (R(gbar) - R(g_i))     ||grad F||^2 = 2 μ Δ
 *
 * Then xhat - x_i = (1 + r)(R(gbar) - R(g_i)) and ε0 = r L_R sqrt(B / (2 μ Δ)): line (6) holds with equality.
 *
 * @param ratios r >= 0
 * @param rng where the instance comes from
 * @returns error over bound, for every r
 * @example
 * tightness([0, 1], createRng(1)).young; // [0.5, 1]; all but rounding
 * @source our derivation, lines (6) and (7)
 */
export function tightness(ratios: readonly number[], rng: Rng): Tightness {
  const instance = roundInstance(rng);
  const { samplingStd, biases } = instance.clients;
  const numClients = biases.length;
  const heterogeneity = Math.sqrt(biases.reduce((sum, b) => sum + squaredNorm(b) / numClients, 0));
  const dispersion = expectedDispersion({ samplingStd, heterogeneity, effectiveParticipants: numClients });
  const lipschitz = 3; // any
  const mixing = lipschitz * Math.sqrt(dispersion / squaredNorm(instance.gradient));
  const filled = ratios.map((r) => {
    const error = ((1 + r) * mixing) ** 2;
    const terms = { ...instance.round, lipschitz, dispersion, inversionError: r * mixing };
    return { sharp: error / reconstructionBound(terms), young: error / youngBound(terms) };
  });
  const digits = (value: number): number => Number(value.toPrecision(12)); // rounding aside
  return {
    inversionError: ratios,
    sharp: filled.map(({ sharp }) => digits(sharp)),
    young: filled.map(({ young }) => digits(young)),
  };
}

/** A quadratic whose curvature is the same in every direction, at a random model. */
function roundInstance(rng: Rng) {
  const options = { dimension: 4, numClients: 5, conditionNumber: 1, heterogeneity: 2 };
  const quadratic = drawQuadratic(options, rng.split("quadratic"));
  const weights = plus(quadratic.minimizer, 3, unitVector(4, rng.split("place")));
  return instanceAt(quadratic, weights, { samplingStd: 1.5, learningRate: 0.3 });
}

/**
 * The other lines where they are attained.
 *
 * Lemma: the honest mean on a round quadratic, from above and from below. Drift: one client in one dimension, whose drift over τ
 * steps is the mean of 1 - (1 - η L)^t, so a small η fills the bound.
 *
 * @param rng where the instance comes from
 * @returns line and the fraction of the bound that the instance fills (for bounds from below: bound over value)
 * @example
 * attained(createRng(1)).map(({ line }) => line); // ["(17)", "(20)", "(22)"]
 * @source our derivation, lines (17), (20) and (22)
 */
export function attained(rng: Rng): { line: string; what: string; filled: number }[] {
  const { quadratic, weights, clients, gradient, round } = roundInstance(rng);
  const law = honestMeanLaw(clients);
  const { learningRate } = round;
  const step = { mean: gradient, curvatureTrace: law.variance * quadratic.smoothness, learningRate };
  const after = expectedGapAfter(quadratic, weights, step);

  const [eta, localSteps] = [1e-4, 10];
  const lone = federatedQuadratic([[[1]]], [[0]]); // F = w^2/2 at w = 1: gradients 1, 1 - η, (1 - η)^2 ...
  const observed = Array.from({ length: localSteps }, (_, t) => (1 - eta) ** t / localSteps).reduce((a, b) => a + b, 0);
  const drift = driftBound({ localSteps, learningRate: eta, smoothness: lone.smoothness, stepNorm: 1 });
  return [
    { line: "(17)", what: "progress of the honest mean", filled: after / progressBound(law, round) },
    { line: "(20)", what: "the same from below", filled: progressFloor(law, round) / after },
    { line: "(22)", what: "drift, 10 steps, η L = 0.0001", filled: (1 - observed) / drift },
  ];
}
