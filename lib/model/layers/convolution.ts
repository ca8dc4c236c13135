/** @file Two-dimensional convolution with weights of their own per replica. */
import { tf, type Tensor } from "../../core/backend";
import { convolvable, imageGradient } from "../../core/convolution";
import { ensure } from "../../core/errors";
import { windowCount, type Window } from "../../core/ops";
import type { Shape } from "../../core/types";
import type { Layer, Parameter } from "./layer";

/**
 * Convolution (cross-correlation, as everywhere in deep learning) y = W * x + b on images [B, H, W, S·C].
 *
 * Linear in W and in x, so with d = dL/dy and the adjoints of * in either:  dL/dx = W *' d,  dL/dW = d *' x,  dL/db = sum d.
 * Along (V, c):  R{y} = V * x + c + W * R{x},  R{dL/dx} = W *' R{d} + V *' d.
 *
 * @param inputShape [C, H, W]
 * @param options channels (outputs, O), size (k), stride (default 1), padding (zeros on every side, default 0)
 * @returns the layer; filters are [O, C, k, k] in public vectors, [k, k, C, S·O] while computing
 * @throws InputError when the window does not fit into the padded image
 * @example
 * convolution([1, 28, 28], { channels: 6, size: 5, padding: 2 }).outputShape; // [6, 28, 28]
 */
export function convolution(
  inputShape: Shape,
  { channels, size, stride = 1, padding = 0 }: { channels: number; size: number; stride?: number; padding?: number },
): Layer {
  ensure(inputShape.length === 3, "convolution", "needs an image input [C, H, W]", inputShape);
  const [c, h, w] = inputShape as [number, number, number];
  const window: Window = { size, stride, padding };
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  ensure(
    oh >= 1 && ow >= 1,
    "convolution",
    `needs an image of at least ${size} pixels a side after padding`,
    inputShape,
  );
  const fanIn = size * size * c;
  return {
    kind: "convolution",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [filterParameter([channels, c, size, size], fanIn), channelParameter(channels, fanIn)],
    forward(x, [weight, b]) {
      const replicas = x.shape[3]! / c;
      const images = convolvable(x, replicas, window);
      const spread = (filters: Tensor, d: Tensor): Tensor => imageGradient(d, filters, replicas, [h, w], window);
      return {
        output: tf.add(images.convolve(weight!), b!),
        backward: (d, wantInput) => ({
          outputGradient: d,
          input: wantInput ? spread(weight!, d) : null,
          weights: [images.filterGradient(d), sumPixels(d)],
          inner: [],
        }),
        along(direction, xR) {
          const [v, bR] = direction as readonly Tensor[];
          const moved = tf.add(images.convolve(v!), bR!);
          return {
            outputR: xR === null ? moved : tf.add(moved, convolvable(xR, replicas, window).convolve(weight!)),
            backward: ({ outputGradient: d }, dR) => tf.add(spread(weight!, dR), spread(v!, d)),
          };
        },
      };
    },
  };
}

/**
 * Filters, public as [O, C, k, k] and kept as [k, k, C, S·O].
 *
 * @param shape [O, C, k, k]
 * @param fanIn inputs of one output
 * @returns the parameter, as a layer lists it
 * @example
 * filterParameter([6, 1, 5, 5], 25).unpack(tf.zeros([2, 150])).shape; // [5, 5, 1, 12]
 */
export function filterParameter(shape: readonly [number, number, number, number], fanIn: number): Parameter {
  const [o, c, k] = shape;
  return {
    name: "weight",
    shape,
    fanIn,
    unpack: (flat) => tf.reshape(tf.transpose(tf.reshape(flat, [-1, o, c, k * k]), [3, 2, 0, 1]), [k, k, c, -1]),
    pack: (value) => tf.reshape(tf.transpose(tf.reshape(value, [k * k, c, -1, o]), [2, 3, 1, 0]), [-1, o * c * k * k]),
  };
}

/**
 * One number a channel of an image, kept as [S·O].
 *
 * @param channels O
 * @param fanIn inputs of one output
 * @returns the parameter, as a layer lists it
 * @example
 * channelParameter(10, 784).unpack(tf.zeros([2, 10])).shape; // [20]
 */
export function channelParameter(channels: number, fanIn: number): Parameter {
  return {
    name: "bias",
    shape: [channels],
    fanIn,
    unpack: (flat) => tf.reshape(flat, [-1]),
    pack: (value) => tf.reshape(value, [-1, channels]),
  };
}

/**
 * The adjoint of adding one number a channel.
 *
 * @param d [B, H, W, S·O]
 * @returns [S·O]; the caller's tidy owns it
 * @example
 * sumPixels(tf.ones([2, 3, 3, 4])).dataSync(); // [18, 18, 18, 18]
 */
export function sumPixels(d: Tensor): Tensor {
  return tf.sum(d, [0, 1, 2]);
}
