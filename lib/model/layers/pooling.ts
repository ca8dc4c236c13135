/** @file Average and maximum pooling over square windows that do not overlap. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/** A pooling rule. */
export type PoolingName = "average" | "max";

/**
 * Pooling with window = stride = size.
 *
 * Both rules are linear once the maxima are chosen, y = P x, so dL/dx = P' d, R{y} = P R{x}, R{dL/dx} = P' R{d}. Of equal
 * maxima the first column, and in it the first row, is taken: images with a constant background have many.
 *
 * @param inputShape [C, H, W]; H and W must be multiples of size
 * @param name "average" | "max"
 * @param size window side, default 2
 * @returns the layer, without weights
 * @throws InputError when the input is no image, or the windows do not tile the image
 * @example
 * pooling([6, 28, 28], "max").outputShape; // [6, 14, 14]
 */
export function pooling(inputShape: Shape, name: PoolingName, size = 2): Layer {
  ensure(inputShape.length === 3, "pooling", "needs an image input [C, H, W]", inputShape);
  const [c, h, w] = inputShape as [number, number, number];
  ensure(h % size === 0 && w % size === 0, "pooling", `needs sides that are multiples of ${size}`, inputShape);
  return {
    kind: `${name} pooling`,
    inputShape,
    outputShape: [c, h / size, w / size],
    parameters: [],
    forward(x) {
      const { output, project, spread } = name === "max" ? maxima(x, size) : averages(x, size);
      return {
        output,
        backward: (d) => ({ outputGradient: d, input: spread(d), weights: [], inner: [] }),
        along: (_direction, xR) => ({
          outputR: xR === null ? null : project(xR),
          backward: (_gradients, dR) => spread(dR),
        }),
      };
    },
  };
}

/** A linear map y = P x and its adjoint. */
interface Projection {
  readonly output: Tensor; // P x
  readonly project: (x: Tensor) => Tensor; // P
  readonly spread: (d: Tensor) => Tensor; // P'
}

function averages(x: Tensor, size: number): Projection {
  const [s, c, b, h, w] = x.shape as [number, number, number, number, number];
  const [rows, outWidth] = [(s * c * b * h) / size, w / size];
  // Column j of the image belongs to column floor(j / size) of the output, with weight 1 / size^2.
  const columnOf = Int32Array.from({ length: w }, (_, j) => Math.floor(j / size));
  const columns = tf.mul(tf.oneHot(tf.tensor1d(columnOf, "int32"), outWidth), 1 / size ** 2);
  const project = (image: Tensor): Tensor =>
    tf.reshape(tf.matMul(tf.sum(tf.reshape(image, [rows, size, w]), 1), columns), [s, c, b, h / size, outWidth]);
  const spread = (d: Tensor): Tensor => {
    const row = tf.reshape(tf.matMul(tf.reshape(d, [rows, outWidth]), columns, false, true), [rows, 1, w]);
    return tf.reshape(tf.concat(new Array<Tensor>(size).fill(row), 1), [s, c, b, h, w]);
  };
  return { output: project(x), project, spread };
}

function maxima(x: Tensor, size: number): Projection {
  const [s, c, b, h, w] = x.shape as [number, number, number, number, number];
  const rows = (s * c * b * h) / size;
  const [outHeight, outWidth] = [h / size, w / size];
  // First over the rows of a window, axis 1 of [rows, size, w], then over its columns, axis 1 of [rows·w/size, size].
  const overRows = firstMaximum(tf.split(tf.reshape(x, [rows, size, w]), size, 1));
  const overColumns = firstMaximum(tf.split(tf.reshape(overRows.maximum, [rows * outWidth, size]), size, 1));
  const select = (parts: Tensor[], masks: readonly Tensor[]): Tensor =>
    tf.addN(parts.map((part, i) => tf.mul(part, masks[i]!)));
  const project = (image: Tensor): Tensor => {
    const row = select(tf.split(tf.reshape(image, [rows, size, w]), size, 1), overRows.masks);
    const cell = select(tf.split(tf.reshape(row, [rows * outWidth, size]), size, 1), overColumns.masks);
    return tf.reshape(cell, [s, c, b, outHeight, outWidth]);
  };
  const spread = (d: Tensor): Tensor => {
    const cell = tf.reshape(d, [rows * outWidth, 1]);
    const cells = overColumns.masks.map((mask) => tf.mul(cell, mask));
    const row = tf.reshape(tf.concat(cells, 1), [rows, 1, w]);
    const lines = overRows.masks.map((mask) => tf.mul(row, mask));
    return tf.reshape(tf.concat(lines, 1), [s, c, b, h, w]);
  };
  return { output: tf.reshape(overColumns.maximum, [s, c, b, outHeight, outWidth]), project, spread };
}

/** The elementwise maximum of the parts, and for each part a 0/1 mask of where it is the first that attains it. */
function firstMaximum(parts: readonly Tensor[]): { maximum: Tensor; masks: readonly Tensor[] } {
  let maximum = parts[0]!;
  let masks: Tensor[] = [];
  for (const [i, part] of parts.entries()) {
    if (i === 0) continue;
    const wins = tf.cast(tf.greater(part, maximum), "float32"); // strictly greater: the earlier part keeps a tie
    const loses = tf.sub(1, wins);
    masks = i === 1 ? [loses, wins] : [...masks.map((mask) => tf.mul(mask, loses)), wins];
    maximum = tf.maximum(maximum, part);
  }
  return { maximum, masks: parts.length === 1 ? [tf.onesLike(maximum)] : masks };
}
