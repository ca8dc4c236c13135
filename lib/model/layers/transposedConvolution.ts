/** @file Transposed convolution: the adjoint of a convolution, used to go from small images to large ones. */
import { tf, type Tensor } from "../../core/backend";
import { convolvable, imageGradient, type Convolvable } from "../../core/groupedConvolution";
import { ensure } from "../../core/errors";
import type { SlidingWindow } from "../../core/ops";
import type { Shape } from "../../core/types";
import { bias } from "./bias";
import { sequence } from "./compose";
import { filterParameter, type ConvolutionOptions } from "./convolution";
import type { Layer } from "./layer";

/**
 * Transposed convolution with a bias a channel, y = W *' x + b: every input pixel adds a k×k patch to the output.
 *
 * The output side is (H - 1) stride - 2 padding + k.
 *
 * @param inputShape [C, H, W]
 * @param options channels (outputs, O), size (k), stride (default 1), padding (cut from every side, default 0)
 * @returns the layer
 * @throws InputError for an input that is no image
 * @example
 * transposedConvolution([32, 7, 7], { channels: 16, size: 4, stride: 2, padding: 1 }).outputShape; // [16, 14, 14]
 */
export function transposedConvolution(inputShape: Shape, options: ConvolutionOptions): Layer {
  const builders = [
    (shape: Shape) => stamps(shape, options),
    (shape: Shape) => bias(shape, fanInOf(inputShape, options)),
  ];
  return { ...sequence(inputShape, builders), kind: "transposed convolution" };
}

/** Input pixels that reach one output pixel. */
function fanInOf([c]: Shape, { size, stride = 1 }: ConvolutionOptions): number {
  return Math.ceil((size * size * c!) / stride ** 2);
}

/**
 * y = W *' x on images [B, H, W, S·C], *' being the adjoint of the convolution * in its images.
 *
 * With d = dL/dy:  dL/dx = W * d,  dL/dW = x *' d.  Along V:  R{y} = V *' x + W *' R{x},  R{dL/dx} = W * R{d} + V * d,
 * R{dL/dW} = x *' R{d} + R{x} *' d.
 *
 * Filters are [C, O, k, k] in public vectors, [k, k, O, S·C] while computing.
 */
function stamps(inputShape: Shape, options: ConvolutionOptions): Layer {
  ensure(inputShape.length === 3, "transposedConvolution", "needs an image input [C, H, W]", inputShape);
  const { channels, size, stride = 1, padding = 0 } = options;
  const [c, h, w] = inputShape as [number, number, number];
  const window: SlidingWindow = { size, stride, padding };
  const [oh, ow] = [h, w].map((side) => (side - 1) * stride - 2 * padding + size) as [number, number];
  return {
    kind: "stamps",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [filterParameter([c, channels, size, size], fanInOf(inputShape, options))],
    forward(x, [weight]) {
      const replicas = x.shape[3]! / c;
      const spread = (by: Tensor, from: Tensor): Tensor => imageGradient(from, by, replicas, [oh, ow], window);
      return {
        output: spread(weight!, x),
        backward(d, want) {
          const images = convolvable(d, replicas, window);
          return {
            outputGradient: d,
            input: want === "weights" ? null : images.convolve(weight!),
            weights: want === "input" ? [] : [images.filterGradient(x)],
            inner: [],
          };
        },
        along([direction], xR) {
          const v = direction as Tensor;
          const moved = spread(v, x);
          return {
            outputR: xR === null ? moved : tf.add(moved, spread(weight!, xR)),
            backward({ outputGradient: d }, dR, want) {
              const [images, imagesR] = [d, dR].map((from) => convolvable(from, replicas, window)) as [
                Convolvable,
                Convolvable,
              ];
              const turned = (): Tensor => {
                const straight = imagesR.filterGradient(x);
                return xR === null ? straight : tf.add(straight, images.filterGradient(xR));
              };
              return {
                input: want === "weights" ? null : tf.add(imagesR.convolve(weight!), images.convolve(v)),
                weights: want === "input" ? [] : [turned()],
              };
            },
          };
        },
      };
    },
  };
}
