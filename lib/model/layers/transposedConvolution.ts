/** @file Transposed convolution: the adjoint of a convolution, used to go from small images to large ones. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import { col2im, im2col, type Window } from "../../core/ops";
import type { Shape } from "../../core/types";
import { biasParameter } from "./dense";
import type { Layer } from "./layer";

/**
 * Transposed convolution y = col2im(W x) + b on images [S, C, B, H, W]: every input pixel adds a k×k patch to the output.
 *
 * The output side is (H - 1) stride - 2 padding + k. With d = dL/dy and D = im2col(d):  dL/dx = W' D,  dL/dW = D x',
 * dL/db = sum d.  Along (V, c):  R{y} = col2im(V x + W R{x}) + c,  R{dL/dx} = W' R{D} + V' D.
 *
 * @param inputShape [C, H, W]
 * @param options channels (outputs, O), size (k), stride (default 1), padding (cut from every side, default 0)
 * @returns the layer; filters are [C, O, k, k] in public vectors, [S, k·k·O, C] while computing
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
  const taps = size * size;
  const fanIn = Math.ceil((taps * c) / stride ** 2); // input pixels that reach one output pixel
  const asMatrix = (x: Tensor): Tensor => tf.reshape(x, [x.shape[0], c, -1]);
  const outputSizes = (x: Tensor): number[] => [x.shape[0], channels, x.shape[2]!, oh, ow];
  const perChannel = (bias: Tensor): Tensor => tf.reshape(bias, [bias.shape[0], channels, 1, 1, 1]);
  return {
    kind: "transposed convolution",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [
      {
        name: "weight",
        shape: [c, channels, size, size],
        fanIn,
        unpack: (flat) =>
          tf.reshape(tf.transpose(tf.reshape(flat, [-1, c, channels, taps]), [0, 3, 2, 1]), [-1, taps * channels, c]),
        pack: (value) =>
          tf.reshape(tf.transpose(tf.reshape(value, [-1, taps, channels, c]), [0, 3, 2, 1]), [-1, c * channels * taps]),
      },
      biasParameter(channels, fanIn),
    ],
    forward(x, [weight, b]) {
      const flat = asMatrix(x);
      const spread = (patches: Tensor): Tensor => col2im(patches, outputSizes(x), window);
      const inputShaped = (y: Tensor): Tensor => tf.reshape(y, x.shape);
      return {
        output: tf.add(spread(tf.matMul(weight!, flat)), perChannel(b!)),
        backward(outputGradient, wantInput) {
          const d = im2col(outputGradient, window);
          return {
            outputGradient,
            input: wantInput ? inputShaped(tf.matMul(weight!, d, true)) : null,
            weights: [
              tf.matMul(d, flat, false, true),
              tf.reshape(tf.sum(outputGradient, [2, 3, 4]), [-1, channels, 1]),
            ],
            inner: [],
          };
        },
        along([v, biasDirection], xR) {
          const moved = tf.matMul(v!, flat);
          const patches = xR === null ? moved : tf.add(moved, tf.matMul(weight!, asMatrix(xR)));
          return {
            outputR: tf.add(spread(patches), perChannel(biasDirection!)),
            backward: ({ outputGradient }, outputGradientR) =>
              inputShaped(
                tf.add(
                  tf.matMul(weight!, im2col(outputGradientR, window), true),
                  tf.matMul(v!, im2col(outputGradient, window), true),
                ),
              ),
          };
        },
      };
    },
  };
}
