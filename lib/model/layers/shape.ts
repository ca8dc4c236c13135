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
  const [c, h] = inputShape as [number, number];
  ensure(matrix.length === outputSide * h, "resample", `needs a matrix of ${outputSide} x ${h} numbers`, matrix.length);
  const both = (x: Tensor, transposed: boolean): Tensor => {
    const [batch, from, , channels] = x.shape as [number, number, number, number];
    const a = tf.tensor3d(matrix, [1, outputSide, h]);
    const to = transposed ? h : outputSide;
    const rows = tf.matMul(a, tf.reshape(x, [batch, from, from * channels]), transposed);
    const columns = tf.matMul(a, tf.reshape(rows, [batch * to, from, channels]), transposed);
    return tf.reshape(columns, [batch, to, to, channels]);
  };
  return linear(
    "resample",
    inputShape,
    [c, outputSide, outputSide],
    (x) => both(x, false),
    (d) => both(d, true),
  );
}
