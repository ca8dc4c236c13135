/** @file Elementwise affine layer: a scale and an offset for every number of the input. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/**
 * y = scale x + offset, elementwise on images [B, H, W, S·C], the same for the whole batch.
 *
 * With d = dL/dy:  dL/dx = scale d,  dL/dscale = sum_B d x,  dL/doffset = sum_B d.  Along (V, c):
 * R{y} = V x + c + scale R{x},  R{dL/dx} = scale R{d} + V d,  R{dL/dscale} = sum_B (R{d} x + d R{x}),  R{dL/doffset} = sum_B R{d}.
 *
 * @param inputShape [C, H, W]; scale and offset have the same shape
 * @returns the layer
 * @throws InputError when the input is no image
 * @example
 * affine([4, 7, 7]).parameters.length; // 2
 */
export function affine(inputShape: Shape): Layer {
  ensure(inputShape.length === 3, "affine", "needs an image input [C, H, W]", inputShape);
  const [c, h, w] = inputShape as [number, number, number];
  const parameter = (name: string): Layer["parameters"][number] => ({
    name,
    shape: inputShape,
    fanIn: 1,
    unpack: (flat: Tensor) => tf.reshape(tf.transpose(tf.reshape(flat, [-1, c, h * w]), [2, 0, 1]), [h, w, -1]),
    pack: (value: Tensor) => tf.reshape(tf.transpose(tf.reshape(value, [h * w, -1, c]), [1, 2, 0]), [-1, c * h * w]),
  });
  return {
    kind: "affine",
    inputShape,
    outputShape: inputShape,
    parameters: [parameter("scale"), parameter("offset")],
    forward: (x, [scale, offset]) => ({
      output: tf.add(tf.mul(scale!, x), offset!),
      backward: (d, want) => ({
        outputGradient: d,
        input: want === "weights" ? null : tf.mul(scale!, d),
        weights: want === "input" ? [] : [tf.sum(tf.mul(d, x), 0), tf.sum(d, 0)],
        inner: [],
      }),
      along(direction, xR) {
        const [v, moved] = direction as readonly Tensor[];
        const direct = tf.add(tf.mul(v!, x), moved!);
        return {
          outputR: xR === null ? direct : tf.add(direct, tf.mul(scale!, xR)),
          backward({ outputGradient: d }, dR, want) {
            const product = (): Tensor => (xR === null ? tf.mul(dR, x) : tf.add(tf.mul(dR, x), tf.mul(d, xR)));
            return {
              input: want === "weights" ? null : tf.add(tf.mul(scale!, dR), tf.mul(v!, d)),
              weights: want === "input" ? [] : [tf.sum(product(), 0), tf.sum(dR, 0)],
            };
          },
        };
      },
    }),
  };
}
