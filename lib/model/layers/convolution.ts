/** @file Two-dimensional convolution with weights of their own per replica: patches and one batched matrix product. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import { col2im, im2col, windowCount, type Window } from "../../core/ops";
import type { Shape } from "../../core/types";
import { biasParameter } from "./dense";
import type { Layer } from "./layer";

/**
 * Convolution (cross-correlation, as everywhere in deep learning) y = W * x + b on images [S, C, B, H, W].
 *
 * As a matrix product over patches P = im2col(x):  y = W P + b.  With d = dL/dy:  dL/dx = col2im(W' d),  dL/dW = d P',
 * dL/db = sum d.  Along (V, c):  R{y} = V P + c + W im2col(R{x}),  R{dL/dx} = col2im(W' R{d} + V' d).
 *
 * @param inputShape [C, H, W]
 * @param options channels (outputs, O), size (k), stride (default 1), padding (zeros on every side, default 0)
 * @returns the layer; filters are [O, C, k, k] in public vectors, [S, O, k·k·C] while computing
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
  const patchRows = size * size * c;
  const asMatrix = (y: Tensor): Tensor => tf.reshape(y, [y.shape[0], channels, -1]);
  const asImages = (y: Tensor, batch: number): Tensor => tf.reshape(y, [y.shape[0], channels, batch, oh, ow]);
  return {
    kind: "convolution",
    inputShape,
    outputShape: [channels, oh, ow],
    parameters: [
      {
        name: "weight",
        shape: [channels, c, size, size],
        fanIn: patchRows,
        unpack: (flat) => tf.reshape(swapInner(flat, channels, c, size * size), [flat.shape[0], channels, patchRows]),
        pack: (value) => swapInner(value, channels, size * size, c),
      },
      biasParameter(channels, patchRows),
    ],
    forward(x, [weight, b]) {
      const batch = x.shape[2]!;
      const p = im2col(x, window);
      return {
        output: asImages(tf.add(tf.matMul(weight!, p), b!), batch),
        backward(outputGradient, wantInput) {
          const d = asMatrix(outputGradient);
          return {
            outputGradient,
            input: wantInput ? col2im(tf.matMul(weight!, d, true), x.shape, window) : null,
            weights: [tf.matMul(d, p, false, true), tf.sum(d, 2, true)],
            inner: [],
          };
        },
        along([v, cBias], xR) {
          const moved = tf.add(tf.matMul(v!, p), cBias!);
          return {
            outputR: asImages(xR === null ? moved : tf.add(moved, tf.matMul(weight!, im2col(xR, window))), batch),
            backward: ({ outputGradient }, outputGradientR) =>
              col2im(
                tf.add(
                  tf.matMul(weight!, asMatrix(outputGradientR), true),
                  tf.matMul(v!, asMatrix(outputGradient), true),
                ),
                x.shape,
                window,
              ),
          };
        },
      };
    },
  };
}

/** [S, O·a·b] -> the same numbers with the last two axes swapped, [S, O·b·a]. */
function swapInner(x: Tensor, channels: number, a: number, b: number): Tensor {
  const s = x.shape[0];
  return tf.reshape(tf.transpose(tf.reshape(x, [s, channels, a, b]), [0, 1, 3, 2]), [s, channels * a * b]);
}
