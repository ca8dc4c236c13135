/** @file One number a channel, added to every pixel of it. */
import { tf, type Tensor } from "../../core/backend";
import { sumPixels } from "../../core/ops";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/**
 * y = x + b on images [B, H, W, S·C], b the same for all pixels of a channel.
 *
 * With d = dL/dy:  dL/dx = d,  dL/db = sum of d over pixels.  Along c:  R{y} = R{x} + c,  R{dL/dx} = R{d},  R{dL/db} = sum of
 * R{d} over pixels.
 *
 * @param inputShape [C, H, W]
 * @param fanIn inputs of one output of the layer whose bias it is
 * @returns the layer; b is [S·C] while computing
 * @example
 * bias([6, 14, 14], 25).parameters[0].shape; // [6]
 */
export function bias(inputShape: Shape, fanIn: number): Layer {
  const channels = inputShape[0]!;
  return {
    kind: "bias",
    inputShape,
    outputShape: inputShape,
    parameters: [
      {
        name: "bias",
        shape: [channels],
        fanIn,
        unpack: (flat) => tf.reshape(flat, [-1]),
        pack: (value) => tf.reshape(value, [-1, channels]),
      },
    ],
    forward: (x, [b]) => ({
      output: tf.add(x, b!),
      backward: (d, want) => ({
        outputGradient: d,
        input: want === "weights" ? null : d,
        weights: want === "input" ? [] : [sumPixels(d)],
        inner: [],
      }),
      along: ([c], xR) => ({
        outputR: xR === null ? tf.add(tf.zerosLike(x), c as Tensor) : tf.add(xR, c as Tensor),
        backward: (_gradients, dR, want) => ({
          input: want === "weights" ? null : dR,
          weights: want === "input" ? [] : [sumPixels(dR)],
        }),
      }),
    }),
  };
}
