/** @file Federated softmax regression: strongly convex with an l2 term, and its gradients give away the inputs in closed form. */
import type * as MathJs from "mathjs" with { "resolution-mode": "import" }; // its types are an ES module's
import { ensure, ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import { dispersionOf } from "./bound";
import {
  combination,
  dot,
  normalVector,
  plus,
  squaredDistance,
  squaredNorm,
  type Matrix,
  type Vector,
} from "./vectors";

/** Samples of M clients and the l2 term; weights are a vector [K p + K]: K rows of p, then K biases. */
export interface Softmax {
  readonly inputs: readonly Matrix[]; // x [M][n_m][p]
  readonly labels: readonly (readonly number[])[]; // [M][n_m], 0..numClasses-1
  readonly numClasses: number; // K
  readonly l2: number; // >= 0; of F = mean over clients of their mean cross entropy + l2 ||w||^2 / 2
}

/** A softmax regression with its constants. */
export interface SoftmaxSolution {
  readonly minimizer: readonly number[]; // w* [K p + K]
  readonly optimum: number; // F*, nats
  readonly plConstant: number; // μ = l2
  readonly smoothness: number; // L, an upper bound
}

/**
 * The loss F(w), the clients' gradients of their cross entropy, and the gradient of F.
 *
 *     d = softmax(W x + c) - onehot(y)     dW_k = mean over samples of d_k x     dc_k = mean of d_k
 *
 * @param problem samples and l2
 * @param weights w [K p + K]
 * @returns loss in nats; clients [M][K p + K], without the l2 term, which everybody knows; gradient of F, with it
 * @throws InputError when the weights' length does not fit
 * @example
 * const problem = { inputs: [[[2]], [[4]]], labels: [[0], [1]], numClasses: 2, l2: 0 };
 * softmaxAt(problem, [0, 0, 0, 0]).clients; // [[-1, 1, -0.5, 0.5], [2, -2, 0.5, -0.5]]
 */
export function softmaxAt(
  problem: Softmax,
  weights: Vector,
): { loss: number; clients: number[][]; gradient: number[] } {
  const { inputs, labels, l2 } = problem;
  ensureLength("softmaxAt", problem, weights);
  let loss = (l2 * squaredNorm(weights)) / 2;
  const clients = inputs.map((samples, m) => {
    const sum = new Array<number>(weights.length).fill(0);
    samples.forEach((x, n) => {
      const p = probabilities(problem, weights, x);
      loss -= Math.log(p[labels[m]![n]!]!) / (samples.length * inputs.length);
      p.forEach((value, k) => {
        const slope = (value - (k === labels[m]![n] ? 1 : 0)) / samples.length;
        x.forEach((pixel, j) => (sum[k * x.length + j]! += slope * pixel));
        sum[p.length * x.length + k]! += slope;
      });
    });
    return sum;
  });
  return { loss, clients, gradient: plus(combination(clients), l2, weights) };
}

function probabilities({ numClasses }: Softmax, weights: Vector, x: Vector): number[] {
  const biases = numClasses * x.length;
  const logits = Array.from({ length: numClasses }, (_, k) => dot(weights.slice(k * x.length, (k + 1) * x.length), x) + weights[biases + k]!); // prettier-ignore
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

/**
 * The minimum by Newton's method, and the constants of F.
 *
 *     mu = l2     L = l2 + (1/2) mean over clients of the mean of (||x||^2 + 1)
 *
 * The Hessian of one sample is (diag p - p p^T) times (x,1)(x,1)^T, and the first factor's eigenvalues are at most 1/2.
 *
 * @param problem samples and l2 > 0: without it there may be no minimum
 * @returns minimizer, minimum and constants
 * @throws InputError when l2 is not > 0 and finite
 * @example
 * const problem = { inputs: [[[1]], [[1]]], labels: [[0], [1]], numClasses: 2, l2: 1 };
 * solveSoftmax(problem).minimizer; // [0, 0, 0, 0]
 * @source Böhning 1992 (the bound on the Hessian)
 */
export function solveSoftmax(problem: Softmax): SoftmaxSolution {
  const { inputs, numClasses, l2 } = problem;
  ensure(l2 > 0 && Number.isFinite(l2), "solveSoftmax", "needs a finite l2 > 0", l2);
  const { lusolve } = require("mathjs") as typeof MathJs; // takes half a second to load
  const size = numClasses * (inputs[0]![0]!.length + 1);
  let weights: number[] = new Array<number>(size).fill(0);
  let { loss, gradient } = softmaxAt(problem, weights);
  for (let i = 0; i < 100 && squaredNorm(gradient) > 1e-24; i++) {
    const direction = (lusolve(hessianAt(problem, weights), gradient) as number[][]).map(([value]) => value!);
    let step = 1;
    let next = softmaxAt(problem, plus(weights, -step, direction));
    for (; next.loss > loss && step > 1e-8; step /= 2) next = softmaxAt(problem, plus(weights, -step / 2, direction));
    weights = plus(weights, -step, direction);
    ({ loss, gradient } = next);
  }
  const lengths = inputs.map((samples) => samples.reduce((sum, x) => sum + (squaredNorm(x) + 1) / samples.length, 0));
  const smoothness = l2 + lengths.reduce((sum, value) => sum + value, 0) / (2 * inputs.length);
  return { minimizer: weights, optimum: loss, plConstant: l2, smoothness };
}

/** The Hessian of F. */
function hessianAt(problem: Softmax, weights: Vector): number[][] {
  const { inputs, numClasses, l2 } = problem;
  const hessian = weights.map((_, i) => weights.map((_, j) => (i === j ? l2 : 0)));
  for (const samples of inputs) {
    for (const x of samples) {
      const p = probabilities(problem, weights, x);
      const share = 1 / (samples.length * inputs.length);
      const places = p.map((_, k) => [...x.map((value, j) => [k * x.length + j, value] as const), [numClasses * x.length + k, 1] as const]); // prettier-ignore
      places.forEach((rows, k) =>
        places.forEach((columns, l) => {
          const curvature = share * ((k === l ? p[k]! : 0) - p[k]! * p[l]!);
          for (const [i, a] of rows) for (const [j, b] of columns) hessian[i]![j]! += curvature * a * b;
        }),
      );
    }
  }
  return hessian;
}

/**
 * The analytic leak R(g) = dW_k / dc_k: of one sample the input itself, of several a weighted mean of the inputs.
 *
 * @param gradient of the cross entropy [K p + K]
 * @param options numClasses K; row k, default the one with the largest |dc_k|
 * @returns input [p] and the row it was read from
 * @throws InputError when the length does not fit, or dc_k = 0
 * @example
 * readInput([-1, 1, -0.5, 0.5], { numClasses: 2 }); // { input: [2], row: 0 }
 * @source Phong et al. 2018; our derivation, line (10)
 */
export function readInput(
  gradient: Vector,
  { numClasses, row }: { numClasses: number; row?: number },
): { input: number[]; row: number } {
  const dimension = gradient.length / numClasses - 1;
  ensure(Number.isInteger(dimension) && dimension >= 1, "readInput", "needs a gradient of K (p + 1) numbers", gradient.length); // prettier-ignore
  const slopes = gradient.slice(numClasses * dimension);
  const k = row ?? slopes.reduce((best, slope, i) => (Math.abs(slope) > Math.abs(slopes[best]!) ? i : best), 0);
  ensure(slopes[k] !== undefined && slopes[k] !== 0, "readInput", "needs a row with a bias gradient other than 0", `row ${k}: ${slopes[k]}`); // prettier-ignore
  return { input: gradient.slice(k * dimension, (k + 1) * dimension).map((value) => value / slopes[k]!), row: k };
}

/** The leak from the average of some clients, one sample each, against its bound. */
export interface SoftmaxLeak {
  readonly error: number; // mean over the contributors of ||R(gbar) - x||^2
  readonly bound: number; // (1 + X^2) V_k / dc_k^2
  readonly lipschitz: number; // L_R of line (5): sqrt(1 + X^2) ||grad F|| / |dc_k|
}

/**
 * The analytic leak from an average: error and bound of one round, exactly.
 *
 *     R(gbar) - x_i = ((gbar - g_i)_W,k - (gbar - g_i)_c,k x_i) / gbar_c,k
 *     mean_i ||R(gbar) - x_i||^2 <= (1 + X^2) V_k / gbar_c,k^2        X = max ||x_i||, V_k: dispersion of the rows (W,c)_k
 *
 * So the relative Lipschitz constant of the leak is sqrt(1 + X^2) ||grad F|| / |gbar_c,k|: computed here, not assumed. With a
 * lone client error and bound are 0.
 *
 * @param gradients of the contributors' cross entropy [n][K p + K], of one sample each
 * @param inputs the contributors' samples [n][p]
 * @param options numClasses; gradientNorm ||grad F||
 * @returns see SoftmaxLeak
 * @throws InputError as readInput
 * @example
 * const { clients } = softmaxAt({ inputs: [[[2]], [[4]]], labels: [[0], [0]], numClasses: 2, l2: 0 }, [0, 0, 0, 0]);
 * softmaxLeak(clients, [[2], [4]], { numClasses: 2, gradientNorm: 1 }); // { error: 1, bound: 17, lipschitz: 8.246 }; it reads 3 for 2 and 4
 * @source our derivation, line (10)
 */
export function softmaxLeak(
  gradients: readonly Vector[],
  inputs: readonly Vector[],
  { numClasses, gradientNorm }: { numClasses: number; gradientNorm: number },
): SoftmaxLeak {
  const observed = combination(gradients);
  const { input, row } = readInput(observed, { numClasses });
  const error = inputs.reduce((sum, x) => sum + squaredDistance(input, x) / inputs.length, 0);
  const stretch = 1 + Math.max(...inputs.map(squaredNorm));
  const dimension = input.length;
  const rowOf = (g: Vector): number[] => [...g.slice(row * dimension, (row + 1) * dimension), g[numClasses * dimension + row]!]; // prettier-ignore
  const slope = observed[numClasses * dimension + row]!;
  const bound = (stretch * dispersionOf(gradients.map(rowOf))) / slope ** 2;
  return { error, bound, lipschitz: (Math.sqrt(stretch) * gradientNorm) / Math.abs(slope) };
}

/**
 * A random problem: one sample a client, inputs standard normal, labels uniform.
 *
 * @param options numClients M, dimension p, numClasses K, all >= 1; l2
 * @param rng where it comes from; depends on its key alone
 * @returns the problem
 * @throws InputError when a count is no integer >= 1
 * @example
 * drawSoftmax({ numClients: 3, dimension: 2, numClasses: 4, l2: 0.1 }, createRng(1)).inputs.length; // 3
 */
export function drawSoftmax(
  options: { numClients: number; dimension: number; numClasses: number; l2: number },
  rng: Rng,
): Softmax {
  const { numClients, dimension, numClasses, l2 } = options;
  for (const [name, value] of Object.entries({ numClients, dimension, numClasses })) ensureCount("drawSoftmax", name, value); // prettier-ignore
  const streams = Array.from({ length: numClients }, (_, m) => rng.split("client", m));
  return {
    inputs: streams.map((stream) => [normalVector(dimension, stream)]),
    labels: streams.map((stream) => [stream.integer(numClasses)]),
    numClasses,
    l2,
  };
}

function ensureLength(fn: string, { inputs, numClasses }: Softmax, weights: Vector): void {
  const length = numClasses * (inputs[0]![0]!.length + 1);
  ensure(weights.length === length, fn, `needs ${length} weights`, weights.length);
}
