/** @file Federated quadratics: objectives whose constants, optimum and client biases are known exactly. */
import type * as MathJs from "mathjs" with { "resolution-mode": "import" }; // its types are an ES module's
import { ensure, ensureCount, ensureFinite } from "../core/errors";
import type { Rng } from "../core/rng";
import { dispersionOf } from "./bound";
import {
  combination,
  dot,
  form,
  normalVector,
  orthogonalMatrix,
  plus,
  squaredNorm,
  times,
  type Matrix,
  type Vector,
} from "./vectors";

/** F = (1/M) sum_m F_m with F_m(w) = w^T A_m w / 2 - p_m^T w + q_m, and what follows from it. */
export interface Quadratic {
  /** d, the number of weights. */
  readonly dimension: number;
  /** M, clients. */
  readonly numClients: number;
  /** A_m [M][d][d], positive semidefinite. */
  readonly hessians: readonly Matrix[];
  /** p_m [M][d]. */
  readonly linear: readonly Vector[];
  /** q_m [M]. */
  readonly offsets: Vector;
  /** A = mean of A_m [d][d], positive definite. */
  readonly hessian: Matrix;
  /** μ, smallest eigenvalue of A. */
  readonly plConstant: number;
  /** L, largest eigenvalue of A. */
  readonly smoothness: number;
  /** Largest eigenvalue of any A_m. */
  readonly clientSmoothness: number;
  /** w* [d]. */
  readonly minimizer: Vector;
  /** F*, the least loss. */
  readonly optimum: number;
}

/**
 * A federated quadratic with its exact constants.
 *
 *     F_m(w) = w^T A_m w / 2 - p_m^T w + q_m        A = (1/M) sum_m A_m,  p and q likewise
 *     w* = A^-1 p     F* = q - p^T w* / 2     mu, L = smallest, largest eigenvalue of A
 *
 * @param hessians A_m [M][d][d], symmetric and positive semidefinite; their mean positive definite
 * @param linear p_m [M][d]
 * @param offsets q_m [M], default 0
 * @returns the quadratic
 * @throws InputError when shapes differ, a number is not finite, an A_m is not symmetric or has a negative eigenvalue,
 *   or the mean is not positive definite
 * @example
 * const f = federatedQuadratic([[[1]], [[3]]], [[2], [2]]); // F = w^2 - 2 w
 * [f.minimizer, f.optimum, f.plConstant, f.smoothness]; // [[1], -1, 2, 2]
 */
export function federatedQuadratic(
  hessians: readonly Matrix[],
  linear: readonly Vector[],
  offsets: Vector = hessians.map(() => 0),
): Quadratic {
  const fn = "federatedQuadratic";
  const [numClients, dimension] = [hessians.length, hessians[0]?.length ?? 0];
  ensure(numClients >= 1 && dimension >= 1, fn, "needs at least one client and one dimension", `${numClients}, ${dimension}`); // prettier-ignore
  const fits = linear.length === numClients && offsets.length === numClients;
  ensure(fits, fn, `needs ${numClients} linear terms and offsets`, `${linear.length} and ${offsets.length}`);
  ensureFinite(fn, "offsets", offsets);
  const { eigs, lusolve } = require("mathjs") as typeof MathJs; // takes half a second to load
  const spectrum = (matrix: Matrix): number[] => [...(eigs(matrix as number[][], { eigenvectors: false }).values as number[])]; // prettier-ignore
  const spectra = new Map<Matrix, number[]>(); // clients may share a Hessian
  let clientSmoothness = 0;
  for (const [m, matrix] of hessians.entries()) {
    const isSquare = matrix.length === dimension && matrix.every((row) => row.length === dimension);
    ensure(isSquare && linear[m]!.length === dimension, fn, `needs ${dimension} dimensions of client ${m}`, `a Hessian of ${matrix.length} rows, a linear term of ${linear[m]!.length}`); // prettier-ignore
    for (const row of [...matrix, linear[m]!]) ensureFinite(fn, `client ${m}`, row);
    const scale = Math.max(...matrix.flat().map(Math.abs));
    const isSymmetric = matrix.every((row, i) => row.every((x, j) => Math.abs(x - matrix[j]![i]!) <= 1e-9 * scale));
    ensure(isSymmetric, fn, "needs symmetric Hessians", `one of client ${m} that is not`);
    const eigenvalues = spectra.get(matrix) ?? spectrum(symmetric(matrix));
    spectra.set(matrix, eigenvalues);
    ensure(Math.min(...eigenvalues) >= -1e-9 * scale, fn, "needs positive semidefinite Hessians", `the eigenvalue ${Math.min(...eigenvalues)} of client ${m}`); // prettier-ignore
    clientSmoothness = Math.max(clientSmoothness, ...eigenvalues);
  }
  const hessian = symmetric(hessians[0]!.map((_, i) => combination(hessians.map((matrix) => matrix[i]!))));
  const eigenvalues = spectrum(hessian);
  const [plConstant, smoothness] = [Math.min(...eigenvalues), Math.max(...eigenvalues)];
  ensure(plConstant > 1e-10 * smoothness, fn, "needs a positive definite mean Hessian", `the eigenvalue ${plConstant}`, "add data or an l2 term"); // prettier-ignore
  const p = combination(linear);
  const minimizer = (lusolve(hessian, p) as number[][]).map(([value]) => value!);
  const minimum = offsets.reduce((sum, q) => sum + q / numClients, 0) - dot(p, minimizer) / 2;
  return { dimension, numClients, hessians, linear, offsets, hessian, plConstant, smoothness, clientSmoothness, minimizer, optimum: minimum }; // prettier-ignore
}

/** Symmetric to the last bit, as the eigenvalue routine wants it. */
function symmetric(matrix: Matrix): number[][] {
  return matrix.map((row, i) => row.map((value, j) => (value + matrix[j]![i]!) / 2));
}

/**
 * Least squares over clients: F_m(w) = (1/(2 n_m)) sum_n (x_n^T w - y_n)^2.
 *
 *     A_m = X_m^T X_m / n_m     p_m = X_m^T y_m / n_m     q_m = ||y_m||^2 / (2 n_m)
 *
 * @param inputs X_m [M][n_m][d]; a client may have fewer samples than dimensions
 * @param targets y_m [M][n_m]
 * @returns the quadratic
 * @throws InputError when a client has no sample, lengths differ, or all samples together do not span the space
 * @example
 * leastSquares([[[1]], [[1]]], [[0], [2]]).optimum; // 0.5; at w = 1
 */
export function leastSquares(inputs: readonly Matrix[], targets: readonly Vector[]): Quadratic {
  const fn = "leastSquares";
  ensure(inputs.length === targets.length, fn, "needs targets of every client", `${inputs.length} and ${targets.length} clients`); // prettier-ignore
  inputs.forEach((x, m) => ensure(x.length >= 1 && x.length === targets[m]!.length, fn, `needs as many targets as samples, at least one, of client ${m}`, `${x.length} and ${targets[m]!.length}`)); // prettier-ignore
  const hessians = inputs.map((x) =>
    x[0]!.map((_, i) => x[0]!.map((_, j) => x.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / x.length)),
  );
  const linear = inputs.map((x, m) => combination(x.map((row, n) => row.map((value) => value * targets[m]![n]!))));
  return federatedQuadratic(hessians, linear, targets.map((y) => squaredNorm(y) / (2 * y.length))); // prettier-ignore
}

/** What a random quadratic is to be like. */
export interface QuadraticOptions {
  /** d >= 1. */
  readonly dimension: number;
  /** M >= 1. */
  readonly numClients: number;
  /** L / μ >= 1. */
  readonly conditionNumber: number;
  /** L > 0, default 1. */
  readonly smoothness?: number;
  /** ζ at the minimizer, >= 0, default 0. */
  readonly heterogeneity?: number;
  /** How far the A_m are from one another, in [0, 1), default 0: all equal. */
  readonly curvatureSpread?: number;
}

/**
 * A random federated quadratic with prescribed constants.
 *
 *     A = Q diag(λ) Q^T, λ from L / conditionNumber to L     A_m = A^(1/2) (I + curvatureSpread S_m) A^(1/2), sum_m S_m = 0, ||S_m|| <= 1
 *     p_m = A_m w* - β_m, sum_m β_m = 0, (1/M) sum_m ||β_m||^2 = heterogeneity^2
 *
 * With curvatureSpread 0 the biases b_m = β_m are the same everywhere.
 *
 * @param options see QuadraticOptions
 * @param rng where it comes from; depends on its key alone
 * @returns the quadratic
 * @throws InputError when an option is out of range, or one client or dimension is to differ from itself
 * @example
 * const f = drawQuadratic({ dimension: 4, numClients: 3, conditionNumber: 2.5, heterogeneity: 1.5 }, createRng(1));
 * f.smoothness / f.plConstant; // 2.5
 * dispersionOf(biasesAt(f, f.minimizer)); // 2.25; ζ^2
 */
export function drawQuadratic(options: QuadraticOptions, rng: Rng): Quadratic {
  const fn = "drawQuadratic";
  const { dimension, numClients, conditionNumber, smoothness = 1, heterogeneity = 0, curvatureSpread = 0 } = options;
  ensureCount(fn, "dimension", dimension);
  ensureCount(fn, "numClients", numClients);
  const isRange = conditionNumber >= 1 && Number.isFinite(conditionNumber) && (dimension > 1 || conditionNumber === 1);
  ensure(isRange, fn, "needs a finite conditionNumber >= 1, and 1 in one dimension", conditionNumber);
  ensure(smoothness > 0 && Number.isFinite(smoothness), fn, "needs a finite smoothness > 0", smoothness);
  ensure(heterogeneity >= 0 && (heterogeneity === 0 || numClients > 1), fn, "needs heterogeneity >= 0, and 0 of one client", heterogeneity); // prettier-ignore
  ensure(curvatureSpread >= 0 && curvatureSpread < 1, fn, "needs 0 <= curvatureSpread < 1", curvatureSpread);

  const basis = orthogonalMatrix(dimension, rng.split("basis"));
  const between = rng.split("spectrum");
  const eigenvalues = basis.map((_, j) => {
    const place = j === 0 ? 0 : j === dimension - 1 ? 1 : between.uniform();
    return (smoothness / conditionNumber) * conditionNumber ** place;
  });
  const rebuild = (values: Vector): number[][] =>
    basis.map((_, i) => basis.map((_, j) => values.reduce((sum, value, k) => sum + value * basis[k]![i]! * basis[k]![j]!, 0))); // prettier-ignore
  const hessians = curvatures(rebuild(eigenvalues), rebuild(eigenvalues.map(Math.sqrt)), options, rng);
  const minimizer = normalVector(dimension, rng.split("minimizer"));
  const raw = centered(Array.from({ length: numClients }, (_, m) => normalVector(dimension, rng.split("bias", m))));
  const scale = heterogeneity === 0 ? 0 : heterogeneity / Math.sqrt(dispersionOf(raw));
  return federatedQuadratic(
    hessians,
    hessians.map((matrix, m) => plus(times(matrix, minimizer), -scale, raw[m]!)),
  );
}

/** The A_m: all A itself where they do not differ. */
function curvatures(hessian: Matrix, root: Matrix, options: QuadraticOptions, rng: Rng): Matrix[] {
  const { dimension, numClients, curvatureSpread = 0 } = options;
  if (curvatureSpread === 0) return Array.from({ length: numClients }, () => hessian);
  const spreads = centered(
    Array.from({ length: numClients }, (_, m) => {
      const stream = rng.split("curvature", m);
      const half = Array.from({ length: dimension }, () => normalVector(dimension, stream));
      return half.flatMap((row, i) => row.map((value, j) => value + half[j]![i]!));
    }),
  );
  const largest = Math.sqrt(Math.max(...spreads.map(squaredNorm))) || 1; // Frobenius norm: at least the spectral one
  return spreads.map((flat) => {
    const inner = root.map((_, i) => root.map((_, j) => (i === j ? 1 : 0) + (curvatureSpread / largest) * flat[i * dimension + j]!)); // prettier-ignore
    return symmetric(product(product(root, inner), root));
  });
}

function product(a: Matrix, b: Matrix): number[][] {
  return a.map((row) => combination(b, row));
}

/** Vectors minus their mean. */
function centered(vectors: readonly Vector[]): number[][] {
  const mean = combination(vectors);
  return vectors.map((vector) => plus(vector, -1, mean));
}

/**
 * The objective gap Δ = F(w) - F* = (w - w*)^T A (w - w*) / 2.
 *
 * @param quadratic the objective
 * @param weights w [d]
 * @returns Δ >= 0, without cancellation
 * @example
 * objectiveGapAt(federatedQuadratic([[[2]]], [[2]]), [3]); // 4; F = w^2 - 2 w from its minimum -1
 */
export function objectiveGapAt({ hessian, minimizer }: Quadratic, weights: Vector): number {
  return form(hessian, plus(weights, -1, minimizer)) / 2;
}

/**
 * The gradients of the clients' objectives, grad F_m(w) = A_m w - p_m.
 *
 * @param quadratic the objective
 * @param weights w [d]
 * @returns [M][d]; their mean is grad F
 * @example
 * clientGradientsAt(federatedQuadratic([[[1]], [[3]]], [[2], [2]]), [1]); // [[-1], [1]]
 */
export function clientGradientsAt({ hessians, linear }: Quadratic, weights: Vector): number[][] {
  return hessians.map((matrix, m) => plus(times(matrix, weights), -1, linear[m]!));
}

/**
 * The biases b_m = grad F_m(w) - grad F(w) of derivation line (1).
 *
 * @param quadratic the objective
 * @param weights w [d]
 * @returns [M][d]; their sum is 0
 * @example
 * biasesAt(federatedQuadratic([[[1]], [[3]]], [[2], [2]]), [2]); // [[-2], [2]]; gradients 0 and 4
 */
export function biasesAt(quadratic: Quadratic, weights: Vector): number[][] {
  return centered(clientGradientsAt(quadratic, weights));
}

/**
 * The exact expected gap after one step w - η u of a random u.
 *
 *     E Δ(w - η u) = Δ - η <grad F, E u> + η^2 ((E u)^T A (E u) + tr(A Cov u)) / 2
 *
 * @param quadratic the objective
 * @param weights w [d]
 * @param step mean E u [d]; curvatureTrace tr(A Cov u); learningRate η
 * @returns the expectation, exact for every law of u with that mean and covariance
 * @example
 * const f = federatedQuadratic([[[2]]], [[0]]); // F = w^2
 * expectedGapAfter(f, [1], { mean: [2], curvatureTrace: 2, learningRate: 0.5 }); // 0.25; the mean step ends in 0
 */
export function expectedGapAfter(
  quadratic: Quadratic,
  weights: Vector,
  { mean, curvatureTrace, learningRate }: { mean: Vector; curvatureTrace: number; learningRate: number },
): number {
  return objectiveGapAt(quadratic, plus(weights, -learningRate, mean)) + (learningRate ** 2 * curvatureTrace) / 2;
}

/**
 * The exact expected gaps along a run of unbiased steps, E Δ^(0) .. E Δ^(rounds-1).
 *
 *     mean:        m_(k+1) = (I - η A) m_k                       m_0 = w^(0) - w*
 *     covariance:  S_(k+1) = (I - η A) S_k (I - η A) + η^2 N     S_0 = 0
 *     E Δ^(k) = m_k^T A m_k / 2 + tr(A S_k) / 2
 *
 * @param quadratic the objective
 * @param start w^(0) [d]
 * @param run learningRate η; noise N, the covariance of u [d][d]; rounds
 * @returns [rounds]
 * @throws InputError when rounds is no integer >= 1
 * @example
 * expectedGaps(federatedQuadratic([[[2]]], [[0]]), [4], { learningRate: 0.25, noise: [[16]], rounds: 2 }); // [16, 5]; w: 4, then 2 ± 1
 */
export function expectedGaps(
  { hessian, minimizer }: Quadratic,
  start: Vector,
  { learningRate, noise, rounds }: { learningRate: number; noise: Matrix; rounds: number },
): number[] {
  ensureCount("expectedGaps", "rounds", rounds);
  const shrink = hessian.map((row, i) => row.map((value, j) => (i === j ? 1 : 0) - learningRate * value));
  let mean = plus(start, -1, minimizer);
  let covariance = hessian.map((row) => row.map(() => 0));
  return Array.from({ length: rounds }, () => {
    const gap = (form(hessian, mean) + hessian.reduce((sum, row, i) => sum + dot(row, covariance[i]!), 0)) / 2;
    mean = times(shrink, mean);
    covariance = product(product(shrink, covariance), shrink).map((row, i) => plus(row, learningRate ** 2, noise[i]!));
    return gap;
  });
}
