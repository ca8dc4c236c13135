/** @file Transposed convolution: the adjoint of a convolution, used to go from small images to large ones. */
import { tf, type Tensor } from "../../core/backend";
import { convolvable, imageGradient } from "../../core/convolution";
import { ensure } from "../../core/errors";
import type { Window } from "../../core/ops";
import type { Shape } from "../../core/types";
import { channelParameter, filterParameter, sumPixels } from "./convolution";
import type { Layer } from "./layer";

/**
 * Transposed convolution y = W *' x + b on images [B, H, W, S·C]: every input pixel adds a k×k patch to the output.
 *
 * The output side is (H - 1) stride - 2 padding + k. *' is the adjoint of the convolution * in its images, so with d = dL/dy:
 * dL/dx = W * d,  dL/dW = x *' d,  dL/db = sum d.  Along (V, c):  R{y} = V *' x + c + W *' R{x},  R{dL/dx} = W * R{d} + V * d.
 *
 * @param inputShape [C, H, W]
 * @param options channels (outputs, O), size (k), stride (default 1), padding (cut from every side, default 0)
 * @returns the layer; filters are [C, O, k, k] in public vectors, [k, k, O, S·C] while computing
 * @throws InputError for an input that is no image
 * @example
 * transposedConvolution([32, 7, 7], { channels: 16, size: 4, stride: 2, padding: 1 }).outputShape; // [16, 14, 14]
 */
export function transposedConvolution(
  inputShape: Shape,
  { channels, size, stride = 1, padding = 0 }: { channels: number; size: number; stride?: number; padding?: number },
): Layer {
  ensure(inputShape.length === 3, "transposedConvolution", "needs an image input [C, H, W]", inputShape);
  const [c, h, w] = inputShape as [number, number, number];
  const window: Window = { size, stride, padding };
  const [oh, ow] = [h, w].map((side) => (side - 1) * stride - 2 * padding + size) as [number, number];
  const fanIn = Math.ceil((size * size * c) / stride ** 2); // input pixels that reach one output pixel
  return {
    kind: "transposed convolution",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [filterParameter([c, channels, size, size], fanIn), channelParameter(channels, fanIn)],
    forward(x, [weight, b]) {
      const replicas = x.shape[3]! / c;
      const spread = (filters: Tensor, from: Tensor): Tensor =>
        imageGradient(from, filters, replicas, [oh, ow], window);
      return {
        output: tf.add(spread(weight!, x), b!),
        backward(d, wantInput) {
          const images = convolvable(d, replicas, window);
          return {
            outputGradient: d,
            input: wantInput ? images.convolve(weight!) : null,
            weights: [images.filterGradient(x), sumPixels(d)],
            inner: [],
          };
        },
        along(direction, xR) {
          const [v, bR] = direction as readonly Tensor[];
          const moved = tf.add(spread(v!, x), bR!);
          return {
            outputR: xR === null ? moved : tf.add(moved, spread(weight!, xR)),
            backward: ({ outputGradient: d }, dR) =>
              tf.add(
                convolvable(dR, replicas, window).convolve(weight!),
                convolvable(d, replicas, window).convolve(v!),
              ),
          };
        },
      };
    },
  };
}
