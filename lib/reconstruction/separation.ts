/** @file Exact separation: what went into the first dense layer for each image behind a mean gradient, where ReLU leaves zeros. */
import { Matrix, SVD, pseudoInverse } from "ml-matrix";
import { createRng } from "../core/rng";
import { ensure, ensureCount, refuse } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Shape } from "../core/types";
import { chainOf } from "../model/layers/compose";
import type { Layer } from "../model/layers/layer";
import { volume } from "../model/stack";
import { rowSpace, scalarProduct, sparsestVectors } from "../numerics/sparseSpan";
import { checkView, type AttackerView } from "./view";

/** One private image's part in the first dense layer. */
export interface Separated {
  /** What went into the layer, [features]. */
  readonly input: Float32Array;
  /** dL/d of what came out of it, [units], of the mean over all images. */
  readonly slope: Float32Array;
}

/** What separateInputs may be told. */
export interface SeparationOptions {
  /** Choices of zeros that are tried at most, >= 1; default 200,000: seconds for nine images, minutes where they do not come apart. */
  readonly tries?: number;
  /** Integer, of the choices; default 0. */
  readonly seed?: number;
}

const enough = 1e-3; // of the gradient's length, what the separated images may leave of it

/**
 * The inputs of the first dense layer for every private image behind a view, without a search and without a label.
 *
 * Of two dense layers with ReLU between them the mean gradients over N images are sums of N products,
 *
 *     dL/dW_1 = sum_n d1_n a_n',  dL/dW_2 = sum_n d2_n h_n',  h_n = relu(W_1 a_n + b_1),  d1_n = 0 wherever h_n = 0
 *
 * and so of rank N: what they span is known, up to rounding, but not the vectors themselves. The h_n are those in the span of the rows of
 * dL/dW_2 that have many zeros and no negative number. Their zeros are zeros of d1_n, and leave one d1_n each in the span of the
 * columns of dL/dW_1; sum_n d1_n = dL/db_1 gives their lengths, and the a_n are what is left. Of a model that begins with a dense layer they
 * are the images themselves.
 *
 * @param view of a mean of honest gradients of one step, with the attacker's share out
 * @param options see SeparationOptions
 * @returns view.numImages inputs with their slopes d1_n / N, in no order, owned by the caller; null where the images could not be told apart: noise
 *   or clipping in the view, a poison, more images than the layers can hold, or zeros that were not found
 * @throws InputError when the view is none or of several local steps, its model has no two dense layers with ReLU between them, or an
 *   option is unknown or out of range
 * @example
 * const images = separateInputs(withoutOwnShare(view)); // themselves, as an MLP begins with a dense layer
 * images.map(({ input }) => input.length); // [784, 784]
 * @source after Dimitrov et al. 2024 (SPEAR), who separate a batch by the zeros of d1_n; that the next layer's inputs have the same zeros and
 *   one sign, which tells them from sums of two, is ours
 */
export function separateInputs(view: AttackerView, options: SeparationOptions = {}): Separated[] | null {
  const fn = "separateInputs";
  const network = checkView(fn, view);
  const { layer } = network;
  ensureNames(fn, "options", options, ["tries", "seed"]);
  const { tries = 200_000, seed = 0 } = options;
  ensureCount(fn, "tries", tries);
  ensure(Number.isInteger(seed), fn, "needs an integer seed", seed);
  const { architecture, activation, localSteps, numImages: n, observedGradient } = view;
  const first = firstDense(layer);
  const isRelu = typeof architecture !== "string" || activation === "relu"; // of a list the layers themselves are asked
  ensure(isRelu, fn, 'needs the activation "relu", which leaves zeros', activation, "use invert");
  ensure(localSteps === 1, fn, "needs a view of one local step", localSteps, "use invert");
  let at = 0;
  const parameters = layer.parameters.map(({ shape }) => {
    return { shape, values: observedGradient.subarray(at, (at += volume(shape))) };
  });
  if (first === undefined)
    return refuse(fn, "needs a model with two dense layers and ReLU between them", network.name, "use invert");
  const [weights, biases, next] = parameters.slice(first) as [Slice, Slice, Slice];
  const [front, behind] = [factored(weights, n), factored(next, n)];
  if (front === null || behind === null) return null;
  const rng = createRng(seed).split("separation", view.round);
  const hidden = (vector: readonly number[]): number[] => behind.right.map((row) => scalarProduct(row, vector));
  let apart: Separated[] | null = null;
  for (let attempt = 0; attempt < attempts && apart === null; attempt++) {
    const columns: (number[] | null)[] = []; // of the vectors that are found, in their order
    sparsestVectors(behind.right, {
      ...{ tolerance: behind.tolerance, rng: rng.split("attempt", attempt), tries: Math.ceil(tries / attempts) },
      accepts: (vector) => isOfOneSign(hidden(vector), 3 * behind.tolerance),
      isEnough: (found) => {
        columns.push(columnOf(hidden(found.at(-1)!), front, behind.tolerance));
        for (const chosen of withNewest(columns, n)) {
          const known = chosen.filter((column) => column !== null);
          apart = known.length === n ? solved(known, front, biases.values) : null;
          if (apart !== null) return true;
        }
        return found.length === n + spare;
      },
    });
  }
  return apart;
}

/**
 * Where the weights of the first of two dense layers with ReLU between them stand among a model's parameters, with its biases and the
 * second one's weights behind them.
 *
 * @param layer of the model
 * @returns undefined where the model has no two
 * @example
 * firstDense(buildNetwork("mlp", [1, 28, 28], 10).layer); // 0
 */
export function firstDense(layer: Layer): number | undefined {
  const chain = chainOf(layer).filter(({ kind }) => kind !== "identity");
  const first = chain.findIndex(({ kind }) => kind === "dense");
  const [dense, between, next] = chain.slice(Math.max(first, 0));
  const isPair = dense?.parameters.length === 2 && between?.kind === "relu" && next?.kind === "dense";
  return first >= 0 && isPair ? chain.slice(0, first).flatMap(({ parameters }) => parameters).length : undefined;
}

const attempts = 8; // what is found first decides what sums lead to, and some ways lead astray
const spare = 2; // vectors too many, of which some are sums of two that have one sign by chance

/** All choices of n of some vectors that the newest is among. */
function withNewest<T>(found: readonly T[], n: number): (readonly T[])[] {
  const [older, newest] = [found.slice(0, -1), found.at(-1)!];
  const without = (list: readonly T[], count: number): (readonly T[])[] => {
    if (count === 0) return [list];
    return list.flatMap((_, i) => without(list.slice(i + 1), count - 1).map((rest) => [...list.slice(0, i), ...rest]));
  };
  return found.length < n ? [] : without(older, found.length - n).map((rest) => [...rest, newest]);
}

/** Along d1_n, from the zeros of h_n; null where several or no vectors have them. */
function columnOf(hidden: readonly number[], front: Factors, tolerance: number): number[] | null {
  if (front.left[0]!.length === 1) return [1];
  const zeros = hidden.flatMap((h, i) => (Math.abs(h) < 2 * tolerance ? [front.left[i]!] : []));
  if (zeros.length === 0) return null;
  const { complement } = rowSpace(zeros, front.tolerance);
  return complement.length === 1 ? complement[0]! : null;
}

/** Inputs and slopes by the directions of the slopes; null where they leave something of the gradient. */
function solved(columns: readonly number[][], { matrix, left }: Factors, biases: Float32Array): Separated[] | null {
  const n = columns.length;
  const slopes = new Matrix(left).mmul(new Matrix([...columns]).transpose()); // columns along d1_n
  const sum = Matrix.columnVector(Array.from(biases));
  const lengths = pseudoInverse(slopes).mmul(sum);
  const scaled = slopes.mmul(Matrix.diag(lengths.to1DArray()));
  const inputs = pseudoInverse(scaled).mmul(matrix);
  const rest = Matrix.sub(matrix, scaled.mmul(inputs)).norm("frobenius") / matrix.norm("frobenius");
  const restOfSum = Matrix.sub(scaled.mmul(Matrix.ones(n, 1)), sum).norm("frobenius") / sum.norm("frobenius");
  if (rest > enough || restOfSum > enough) return null;
  return inputs.to2DArray().map((row, i) => ({
    input: Float32Array.from(row),
    slope: Float32Array.from(scaled.getColumn(i)),
  }));
}

/** A parameter's part of a gradient. */
interface Slice {
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** A gradient of rank n as rows that span it. */
interface Factors {
  readonly matrix: Matrix; // [out, in]
  readonly left: number[][]; // [out][n]
  readonly right: number[][]; // [in][n]
  readonly tolerance: number; // several times the rounding of a number of either
}

/** The n largest singular directions, each scaled by its value; null where there are not just n. */
function factored({ shape, values }: Slice, n: number): Factors | null {
  const [rows, columns] = shape as [number, number];
  if (n >= Math.min(rows, columns)) return null;
  const matrix = Matrix.from1DArray(rows, columns, Array.from(values));
  const { diagonal, leftSingularVectors: u, rightSingularVectors: v } = new SVD(matrix, { autoTranspose: true });
  const rounding = diagonal[n]!;
  if (!(diagonal[n - 1]! > 100 * rounding)) return null;
  const scaled = (vectors: Matrix, count: number): number[][] =>
    Array.from({ length: count }, (_, i) => Array.from({ length: n }, (__, k) => vectors.get(i, k) * diagonal[k]!));
  // The largest singular value of rounding of spread e in every number is e (sqrt(rows) + sqrt(columns)).
  const tolerance = (9 * rounding) / (Math.sqrt(rows) + Math.sqrt(columns));
  return { matrix, left: scaled(u, rows), right: scaled(v, columns), tolerance };
}

function isOfOneSign(values: readonly number[], tolerance: number): boolean {
  return !(values.some((x) => x > tolerance) && values.some((x) => x < -tolerance));
}
