/** @file Lower bounds on the error of estimates from a linear view in Gaussian noise, by products with its matrix alone. */
import { tf, tidy, type Tensor } from "../core/backend";
import { createRng } from "../core/rng";
import { inverseForms, type LinearMap, type Patience } from "../numerics/inverseForms";
import type { PriorFactor } from "./gaussianPrior";

/** J x + N(0, s^2) per coordinate of what is seen. */
export interface Channel {
  /** Unknowns x. */
  readonly n: number;
  /** The noise s > 0. */
  readonly std: number;
  /** Rows that fit into memory together. */
  readonly atOnce: number;
  /** J for so many rows; asked inside a tidy that encloses its use. */
  readonly map: (rows: number) => LinearMap;
  /** L of the prior N(mean, L L'), likewise. */
  readonly factor?: () => PriorFactor;
}

/** How the traces are estimated. */
export interface Estimator extends Patience {
  /** At least 2. */
  readonly probes: number;
  /** Of the probes' signs: estimates of one seed err together. */
  readonly seed: number | string;
}

/** A lower bound on the root mean squared error per unknown. */
export interface Bound {
  /** In the unknowns' unit; Infinity where one is not seen at all. */
  readonly rmse: number;
  /** Of rmse, by the probes that were drawn. */
  readonly standardError: number;
}

/** One for which equations were solved. */
export interface SolvedBound extends Bound {
  /** What the worst solution left, relative; above the tolerance the bound is lower than it could be. */
  readonly residual: number;
}

/** The bounds that follow from the Fisher information I = J'J / s^2. */
export interface FisherBounds {
  /** Sqrt(n / tr I), for unbiased estimates. */
  readonly trace: Bound;
  /** Sqrt(tr I^-1 / n), for unbiased estimates. */
  readonly cramerRao: SolvedBound;
  /** Sqrt(tr (I + (L L')^-1)^-1 / n), for all estimates, on average over the prior. */
  readonly vanTrees: SolvedBound | null;
  /** Sqrt(tr L L' / n), the error of the prior's mean. */
  readonly guess: number | null;
}

/**
 * The bounds of a channel, their traces by Hutchinson's estimator.
 *
 *     tr A = E z' A z over z of random signs;   (I + (L L')^-1)^-1 = L (1 + L' I L)^-1 L'
 *
 * so that no covariance is inverted, and one without an inverse is fine. What inverseForms leaves unsolved lowers a bound.
 *
 * @param channel J, s and the prior
 * @param estimator how many probes, from which seed, and when to stop solving
 * @returns the bounds; NaN where a product with J is not finite
 * @example
 * const J = { forward: (y) => tf.mul(y, 2), adjoint: (v) => tf.mul(v, 2) };
 * const { cramerRao } = fisherBounds({ n: 3, std: 0.1, atOnce: 9, map: () => J }, { probes: 2, seed: 0, iterations: 5, tolerance: 1e-6 });
 * cramerRao.rmse; // 0.0500
 * @source Hutchinson 1990; van Trees 1968; the form with L is our choice (Woodbury's identity)
 */
export function fisherBounds({ n, std, atOnce, map, factor }: Channel, estimator: Estimator): FisherBounds {
  const { probes, seed } = estimator;
  const rng = createRng(seed);
  const found: Forms[] = [];
  for (let from = 0; from < probes; from += atOnce) {
    const rows = Math.min(atOnce, probes - from);
    const signs = new Float32Array(rows * n);
    for (let row = 0; row < rows; row++) {
      const stream = rng.split("probe", from + row); // a probe does not depend on how many fit at once
      for (let i = 0; i < n; i++) signs[row * n + i] = stream.uniform() < 0.5 ? -1 : 1;
    }
    found.push(tidy(() => formsOf(map(rows), tf.tensor2d(signs, [rows, n]), std, factor?.() ?? null, estimator)));
  }
  const all = (name: "information" | "inverse" | "posterior"): number[] => found.flatMap((one) => one[name].values);
  const residual = (name: "inverse" | "posterior"): number => Math.max(...found.map((one) => one[name].residual));
  const information = meanOf(all("information"));
  const { variance } = found[0]!;
  return {
    trace: rootOf({ mean: n / information.mean, error: (n * information.error) / information.mean ** 2 }),
    cramerRao: { ...rootOf(meanOf(all("inverse").map((x) => x / n))), residual: residual("inverse") },
    vanTrees:
      variance === null
        ? null
        : { ...rootOf(meanOf(all("posterior").map((x) => x / n))), residual: residual("posterior") },
    guess: variance === null ? null : Math.sqrt(variance / n),
  };
}

/** z' A z of each probe z, for A the information, its inverse, and the posterior's covariance. */
interface Forms {
  readonly information: { readonly values: readonly number[] };
  readonly inverse: { readonly values: readonly number[]; readonly residual: number };
  readonly posterior: { readonly values: readonly number[]; readonly residual: number };
  /** Of the prior, in all. */
  readonly variance: number | null;
}

/** The quadratic forms of the information and its inverses along random signs. */
function formsOf(J: LinearMap, z: Tensor, std: number, factor: PriorFactor | null, patience: Patience): Forms {
  const squares = tidy(() => tf.sum(tf.square(J.forward(z)), 1)).dataSync<"float32">();
  const inverse = inverseForms({ ...J, ridge: 0 }, z, patience);
  const seen = {
    information: { values: [...squares].map((x) => x / std ** 2) },
    inverse: { ...inverse, values: inverse.values.map((x) => x * std ** 2) },
  };
  if (factor === null) return { ...seen, posterior: { values: [], residual: 0 }, variance: null };
  const scaled: LinearMap = {
    forward: (y) => tf.div(J.forward(factor.forward(y)), std),
    adjoint: (v) => factor.adjoint(J.adjoint(tf.div(v, std))),
  };
  const posterior = inverseForms({ ...scaled, ridge: 1 }, factor.adjoint(z), patience);
  return { ...seen, posterior, variance: factor.variance };
}

interface Estimate {
  readonly mean: number;
  /** Standard error. */
  readonly error: number;
}

function meanOf(values: readonly number[]): Estimate {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  if (mean === Infinity) return { mean, error: 0 };
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

/** sqrt(mean), to first order. */
function rootOf({ mean, error }: Estimate): Bound {
  const rmse = Math.sqrt(mean);
  return { rmse, standardError: rmse === Infinity || rmse === 0 ? 0 : error / (2 * rmse) };
}
