/** @file Layers that only move numbers: flatten, and a fixed linear map of rows and columns. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/** A layer y = A x without weights, from A and its adjoint. */
function linear(
  kind: string,
  inputShape: Shape,
  outputShape: Shape,
  apply: (x: Tensor) => Tensor,
  adjoint: (d: Tensor) => Tensor,
): Layer {
  return {
    kind,
    inputShape,
    outputShape,
    parameters: [],
    forward: (x) => ({
      output: apply(x),
      backward: (d) => ({ outputGradient: d, input: adjoint(d), weights: [], inner: [] }),
      along: (_direction, xR) => ({
        outputR: xR === null ? null : apply(xR),
        backward: (_gradients, dR) => adjoint(dR),
      }),
    }),
  };
}

/**
 * Images to features, in the order channel, row, column: [S, C, B, H, W] -> [S, C·H·W, B].
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
    (x) => tf.reshape(tf.transpose(x, [0, 1, 3, 4, 2]), [x.shape[0], c * h * w, x.shape[2]!]),
    (d) => tf.transpose(tf.reshape(d, [d.shape[0], c, h, w, d.shape[2]!]), [0, 1, 4, 2, 3]),
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
  const [c, h] = inputShape as [number, number];
  ensure(matrix.length === outputSide * h, "resample", `needs a matrix of ${outputSide} x ${h} numbers`, matrix.length);
  const both = (x: Tensor, from: number, to: number, transposed: boolean): Tensor => {
    const [s, , b] = x.shape as [number, number, number];
    const a = tf.tensor2d(matrix, [outputSide, h]);
    const columns = tf.matMul(tf.reshape(x, [s * c * b * from, from]), a, false, !transposed);
    const standing = tf.transpose(tf.reshape(columns, [s * c * b, from, to]), [0, 2, 1]);
    const flipped = tf.reshape(standing, [s * c * b * to, from]);
    const rows = tf.reshape(tf.matMul(flipped, a, false, !transposed), [s * c * b, to, to]);
    return tf.reshape(tf.transpose(rows, [0, 2, 1]), [s, c, b, to, to]);
  };
  return linear(
    "resample",
    inputShape,
    [c, outputSide, outputSide],
    (x) => both(x, h, outputSide, false),
    (d) => both(d, outputSide, h, true),
  );
}
