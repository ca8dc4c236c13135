/** @file Layers that are fixed: flatten, a linear map of rows and columns, a shift and scale per channel, nothing at all. */
import { tf, type Tensor } from "../../core/backend";
import { ensure, ensureFinite } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/** A layer y = A x + b without weights, from A, its adjoint, and the whole where b is not 0. */
function linear(
  kind: string,
  inputShape: Shape,
  outputShape: Shape,
  apply: (x: Tensor) => Tensor,
  adjoint: (d: Tensor) => Tensor,
  whole = apply,
): Layer {
  return {
    kind,
    inputShape,
    outputShape,
    parameters: [],
    forward: (x) => ({
      output: whole(x),
      backward: (d) => ({ outputGradient: d, input: adjoint(d), weights: [], inner: [] }),
      along: (_direction, xR) => ({
        outputR: xR === null ? null : apply(xR),
        backward: (_gradients, dR) => ({ input: adjoint(dR), weights: [] }),
      }),
    }),
  };
}

/**
 * Images to features, in the order channel, row, column: [B, H, W, S·C] -> [S, B, C·H·W].
 *
 * @param inputShape [C, H, W]
 * @returns the layer, without weights
 * @throws InputError when the input is no image
 * @example
 * flatten([16, 5, 5]).outputShape; // [400]
 */
export function flatten(inputShape: Shape): Layer {
  ensure(inputShape.length === 3, "flatten", "needs an image input [C, H, W]", inputShape);
  const [c, h, w] = inputShape as [number, number, number];
  return linear(
    "flatten",
    inputShape,
    [c * h * w],
    (x) =>
      tf.reshape(tf.transpose(tf.reshape(x, [x.shape[0], h * w, -1, c]), [2, 0, 3, 1]), [-1, x.shape[0], c * h * w]),
    (d) => {
      const [replicas, batch] = d.shape as [number, number];
      const pixels = tf.transpose(tf.reshape(d, [replicas, batch, c, h * w]), [1, 3, 0, 2]);
      return tf.reshape(pixels, [batch, h, w, replicas * c]);
    },
  );
}

/**
 * A fixed linear map of rows and columns: every channel X becomes A X A', e.g. interpolation.
 *
 * @param inputShape [C, h, h]
 * @param matrix A, row-major [H, h]
 * @param outputSide H
 * @returns the layer, without weights
 * @throws InputError when the input is no square image, or the matrix has another size
 * @example
 * resample([1, 7, 7], cubicMatrix(7, 28), 28).outputShape; // [1, 28, 28]
 */
export function resample(inputShape: Shape, matrix: Float32Array, outputSide: number): Layer {
  ensure(
    inputShape.length === 3 && inputShape[1] === inputShape[2],
    "resample",
    "needs a square image [C, h, h]",
    inputShape,
  );
  const h = inputShape[1]!;
  ensure(matrix.length === outputSide * h, "resample", `needs a matrix of ${outputSide} x ${h} numbers`, matrix.length);
  return separable("resample", inputShape, matrix, matrix);
}

/**
 * Y = A X B' + M for every channel X.
 *
 * @param kind of the layer
 * @param inputShape [C, H, W]
 * @param rows A, row-major [OH, H]
 * @param columns B, row-major [OW, W]
 * @param offset M, row-major [OH, OW]; default 0
 * @returns the layer, without weights
 * @example
 * separable("mean", [3, 2, 2], Float32Array.of(0.5, 0.5), Float32Array.of(0.5, 0.5)).outputShape; // [3, 1, 1]
 */
export function separable(
  kind: string,
  inputShape: Shape,
  rows: Float32Array,
  columns: Float32Array,
  offset?: Float32Array,
): Layer {
  const [c, h, w] = inputShape as [number, number, number];
  const [oh, ow] = [rows.length / h, columns.length / w];
  const both = (x: Tensor, transposed: boolean): Tensor => {
    const [batch, fromRows, fromColumns, channels] = x.shape as [number, number, number, number];
    const [a, b] = [tf.tensor3d(rows, [1, oh, h]), tf.tensor3d(columns, [1, ow, w])];
    const [toRows, toColumns] = transposed ? [h, w] : [oh, ow];
    const left = tf.matMul(a, tf.reshape(x, [batch, fromRows, fromColumns * channels]), transposed);
    const whole = tf.matMul(b, tf.reshape(left, [batch * toRows, fromColumns, channels]), transposed);
    return tf.reshape(whole, [batch, toRows, toColumns, channels]);
  };
  const apply = (x: Tensor): Tensor => both(x, false);
  const adjoint = (d: Tensor): Tensor => both(d, true);
  const whole = (x: Tensor): Tensor => tf.add(apply(x), tf.tensor4d(offset!, [1, oh, ow, 1]));
  return linear(kind, inputShape, [c, oh, ow], apply, adjoint, offset === undefined ? apply : whole);
}

/** What inputs are measured by: (x - mean) / std, a number of each per channel. */
export interface Normalization {
  /** [C], what is subtracted first. */
  readonly mean: readonly number[];
  /** [C], what is divided by then, > 0. */
  readonly std: readonly number[];
}

/**
 * (x - mean) / std, a channel of images or a feature at a time.
 *
 * @param inputShape [C, H, W] or [F]
 * @param by mean and std > 0, one number per channel or feature
 * @returns the layer, without weights
 * @throws InputError for numbers of another count or not finite, and a std that is not above 0
 * @example
 * normalize([1, 28, 28], { mean: [0.286], std: [0.353] }).parameters; // []
 */
export function normalize(inputShape: Shape, { mean, std }: Normalization): Layer {
  const channels = inputShape[0]!;
  for (const [name, values] of Object.entries({ mean, std })) {
    const isList = Array.isArray(values) && values.length === channels;
    ensure(isList, "normalize", `needs ${name} to be ${channels} numbers, one per channel`, values);
    ensureFinite("normalize", name, values);
  }
  const isPositive = std.every((one) => Math.fround(one) > 0 && Number.isFinite(Math.fround(1 / one)));
  ensure(isPositive, "normalize", "needs std > 0", std);
  // [F] against features [S, B, F]; per replica once more against images [B, H, W, S·C]
  const asTensor = (values: readonly number[], x: Tensor): Tensor =>
    tf.tile(tf.tensor1d(values as number[]), [x.shape.at(-1)! / channels]);
  const apply = (x: Tensor): Tensor => tf.div(x, asTensor(std, x));
  const whole = (x: Tensor): Tensor => apply(tf.sub(x, asTensor(mean, x)));
  return linear("normalize", inputShape, inputShape, apply, apply, whole);
}

/**
 * The identity, as dropout is in evaluation mode.
 *
 * @param inputShape any
 * @returns the layer, without weights
 * @example
 * identity([120]).outputShape; // [120]
 */
export function identity(inputShape: Shape): Layer {
  const same = (x: Tensor): Tensor => x;
  return linear("identity", inputShape, inputShape, same, same);
}
