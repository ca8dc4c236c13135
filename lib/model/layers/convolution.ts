/** @file Two-dimensional convolution with weights of their own per replica. */
import { tf, type Tensor } from "../../core/backend";
import { convolvable, imageGradient } from "../../core/groupedConvolution";
import { ensure } from "../../core/errors";
import { windowCount, type SlidingWindow } from "../../core/ops";
import type { Shape } from "../../core/types";
import { bias } from "./bias";
import { sequence } from "./compose";
import type { Layer, Parameter } from "./layer";

/** Of a convolution. */
export interface ConvolutionOptions {
  readonly channels: number; // outputs, O
  readonly size: number; // k, side of the filters
  readonly stride?: number; // default 1
  readonly padding?: number; // zeros on every side, default 0
  readonly groups?: number; // g, of channels that meet only each other; divides C and O; default 1
}

/**
 * Convolution (cross-correlation, as everywhere in deep learning) with a bias a channel, y = W * x + b.
 *
 * @param inputShape [C, H, W]
 * @param options see ConvolutionOptions
 * @returns filters and bias, one after the other
 * @throws InputError when the window does not fit into the padded image
 * @example
 * convolution([1, 28, 28], { channels: 6, size: 5, padding: 2 }).outputShape; // [6, 28, 28]
 */
export function convolution(inputShape: Shape, options: ConvolutionOptions): Layer {
  const fanIn = (options.size ** 2 * inputShape[0]!) / (options.groups ?? 1);
  return {
    ...sequence(inputShape, [(shape) => filters(shape, options), (shape) => bias(shape, fanIn)]),
    kind: "convolution",
  };
}

/**
 * Convolution without a bias, y = W * x on images [B, H, W, S·C].
 *
 * Linear in W and in x, so with d = dL/dy and the adjoints of * in either:  dL/dx = W *' d,  dL/dW = d *' x.
 * Along V:  R{y} = V * x + W * R{x},  R{dL/dx} = W *' R{d} + V *' d,  R{dL/dW} = R{d} *' x + d *' R{x}.
 *
 * @param inputShape [C, H, W]
 * @param options see ConvolutionOptions
 * @returns the layer; filters are [O, C/g, k, k] in public vectors, [k, k, C/g, S·O] while computing
 * @throws InputError when the window does not fit into the padded image, or the groups do not divide the channels
 * @example
 * filters([1, 28, 28], { channels: 6, size: 5, padding: 2 }).parameters.length; // 1
 */
export function filters(inputShape: Shape, options: ConvolutionOptions): Layer {
  const { channels, size, stride = 1, padding = 0, groups = 1 } = options;
  ensure(inputShape.length === 3, "convolution", "needs an image input [C, H, W]", inputShape);
  const [all, h, w] = inputShape as [number, number, number];
  const isDivided = all % groups === 0 && channels % groups === 0;
  ensure(isDivided, "convolution", `needs groups that divide ${all} input and ${channels} output channels`, groups);
  const c = all / groups; // a replica's groups stand side by side, as replicas do
  const window: SlidingWindow = { size, stride, padding };
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  ensure(
    oh >= 1 && ow >= 1,
    "convolution",
    `needs an image of at least ${size} pixels a side after padding`,
    inputShape,
  );
  return {
    kind: "filters",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [filterParameter([channels, c, size, size], size * size * c)],
    forward(x, [weight]) {
      const replicas = x.shape[3]! / c;
      const images = convolvable(x, replicas, window);
      const spread = (by: Tensor, d: Tensor): Tensor => imageGradient(d, by, replicas, [h, w], window);
      return {
        output: images.convolve(weight!),
        backward: (d, want) => ({
          outputGradient: d,
          input: want === "weights" ? null : spread(weight!, d),
          weights: want === "input" ? [] : [images.filterGradient(d)],
          inner: [],
        }),
        along([direction], xR) {
          const v = direction as Tensor;
          const moved = images.convolve(v);
          const imagesR = xR === null ? null : convolvable(xR, replicas, window);
          return {
            outputR: imagesR === null ? moved : tf.add(moved, imagesR.convolve(weight!)),
            backward({ outputGradient: d }, dR, want) {
              const turned = (): Tensor => {
                const straight = images.filterGradient(dR);
                return imagesR === null ? straight : tf.add(straight, imagesR.filterGradient(d));
              };
              return {
                input: want === "weights" ? null : tf.add(spread(weight!, dR), spread(v, d)),
                weights: want === "input" ? [] : [turned()],
              };
            },
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
