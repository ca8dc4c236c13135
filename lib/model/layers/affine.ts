/** @file Affine layers: a scale and an offset for every number of the input, or for every channel. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import { sumPixels } from "../../core/ops";
import type { Shape } from "../../core/types";
import type { Layer, Parameter } from "./layer";

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
  const parameter = (name: string): Parameter => ({
    name,
    shape: inputShape,
    fanIn: 1,
    unpack: (flat: Tensor) => tf.reshape(tf.transpose(tf.reshape(flat, [-1, c, h * w]), [2, 0, 1]), [h, w, -1]),
    pack: (value: Tensor) => tf.reshape(tf.transpose(tf.reshape(value, [h * w, -1, c]), [1, 2, 0]), [-1, c * h * w]),
  });
  return scaled("affine", inputShape, [parameter("scale"), parameter("offset")], (x) => tf.sum(x, 0));
}

/**
 * y = scale x + offset, with one scale and offset per channel of images or per feature: affine with sums over pixels too.
 *
 * @param inputShape [C, H, W] or [F]; scale and offset are [C] or [F]
 * @returns the layer
 * @example
 * channelAffine([4, 7, 7]).parameters[0].shape; // [4]
 */
export function channelAffine(inputShape: Shape): Layer {
  const [channels] = inputShape as [number];
  const isImage = inputShape.length === 3;
  const parameter = (name: string): Parameter => ({
    name,
    shape: [channels],
    fanIn: 1,
    unpack: (flat) => tf.reshape(flat, isImage ? [-1] : [-1, 1, channels]),
    pack: (value) => tf.reshape(value, [-1, channels]),
  });
  const parameters = [parameter("scale"), parameter("offset")];
  return scaled("channel affine", inputShape, parameters, isImage ? sumPixels : (x) => tf.sum(x, 1, true));
}

/** y = scale x + offset, both broadcast over what `total` sums. */
function scaled(
  kind: string,
  inputShape: Shape,
  parameters: readonly Parameter[],
  total: (x: Tensor) => Tensor,
): Layer {
  return {
    kind,
    inputShape,
    outputShape: inputShape,
    parameters,
    forward: (x, [scale, offset]) => ({
      output: tf.add(tf.mul(scale!, x), offset!),
      backward: (d, want) => ({
        outputGradient: d,
        input: want === "weights" ? null : tf.mul(scale!, d),
        weights: want === "input" ? [] : [total(tf.mul(d, x)), total(d)],
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
              weights: want === "input" ? [] : [total(product()), total(dR)],
            };
          },
        };
      },
    }),
  };
}
