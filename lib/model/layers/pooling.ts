/** @file Average and maximum pooling over square windows that do not overlap. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf, type Tensor } from "../../core/backend";
import { ensureOneOf } from "../../core/choice";
import { ensure } from "../../core/errors";
import { windowMaxima } from "../../core/ops";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/** The names of all pooling rules. */
export const poolings = ["average", "max"] as const;

/** A pooling rule. */
export type PoolingName = (typeof poolings)[number];

/**
 * Pooling with window = stride = size.
 *
 * Both rules are linear once the maxima are chosen, y = P x, so dL/dx = P' d, R{y} = P R{x}, R{dL/dx} = P' R{d}. Of equal
 * maxima the first in reading order is taken: images with a constant background have many.
 *
 * @param inputShape [C, H, W]; H and W must be multiples of size
 * @param name "average" | "max"
 * @param size window side, default 2
 * @returns the layer, without weights
 * @throws InputError for another name, when the input is no image, or the windows do not tile the image
 * @example
 * pooling([6, 28, 28], "max").outputShape; // [6, 14, 14]
 */
export function pooling(inputShape: Shape, name: PoolingName, size = 2): Layer {
  ensureOneOf("pooling", "name", name, poolings);
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
          backward: (_gradients, dR) => ({ input: spread(dR), weights: [] }),
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
  const project = (image: Tensor): Tensor => average(image, size);
  const attributes = { filterSize: size, strides: size, pad: "valid" as const };
  const spread = (d: Tensor): Tensor => tf.engine().runKernel(tf.AvgPoolGrad, { dy: d, input: x }, attributes);
  return { output: project(x), project, spread };
}

/** The maxima as sums over windows, after all other numbers are multiplied by 0. */
function maxima(x: Tensor, size: number): Projection {
  const { output, chosen } = windowMaxima(x, size);
  const [rows, , columns, , channels] = chosen.shape as [number, number, number, number, number];
  const mask = tf.reshape(chosen, x.shape);
  return {
    output,
    project: (image) => tf.mul(average(tf.mul(image, mask), size), size ** 2),
    spread: (d) => tf.reshape(tf.mul(chosen, tf.reshape(d, [rows, 1, columns, 1, channels])), x.shape),
  };
}

function average(x: Tensor, size: number): Tensor {
  return tf.avgPool(x as Tensor4D, size, size, "valid");
}
