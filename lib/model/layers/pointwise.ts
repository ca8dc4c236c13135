/** @file Elementwise functions that are given by their input: LeakyReLU, SiLU, GELU. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/** f(z), f'(z), and f''(z) where it is not 0 almost everywhere. */
interface Derivatives {
  readonly value: Tensor;
  readonly slope: Tensor;
  readonly curvature: (() => Tensor) | null;
}

/**
 * a = z where z > 0, else negativeSlope z.
 *
 * @param inputShape any
 * @param negativeSlope f' below 0 and at 0, finite; default 0.01
 * @returns the layer, without weights
 * @throws InputError for a negativeSlope that is not finite
 * @example
 * leakyRelu([6, 28, 28]).outputShape; // [6, 28, 28]
 * @source Maas et al. 2013; the slope at 0 is PyTorch's
 */
export function leakyRelu(inputShape: Shape, negativeSlope = 0.01): Layer {
  ensure(Number.isFinite(negativeSlope), "leakyRelu", "needs a finite negativeSlope", negativeSlope);
  return pointwise("leakyRelu", inputShape, (z) => {
    const slope = tf.where(tf.greater(z, 0), tf.onesLike(z), tf.fill(z.shape, negativeSlope));
    return { value: tf.mul(slope, z), slope, curvature: null };
  });
}

/**
 * a = z s(z), with the logistic function s = 1 / (1 + exp(-z)):  f' = s (1 + z (1 - s)),  f'' = s (1 - s) (2 + z (1 - 2s)).
 *
 * @param inputShape any
 * @returns the layer, without weights
 * @example
 * silu([84]).outputShape; // [84]
 * @source Elfwing et al. 2018
 */
export function silu(inputShape: Shape): Layer {
  return pointwise("silu", inputShape, (z) => {
    const s = tf.sigmoid(z);
    const rest = tf.sub(1, s);
    const bend = (): Tensor => tf.add(2, tf.mul(z, tf.sub(rest, s)));
    return {
      value: tf.mul(z, s),
      slope: tf.mul(s, tf.add(1, tf.mul(z, rest))),
      curvature: () => tf.mul(tf.mul(s, rest), bend()),
    };
  });
}

/**
 * a = z P(z), with P the normal distribution function:  f' = P + z p,  f'' = p (2 - z^2),  p(z) = exp(-z^2 / 2) / sqrt(2 pi).
 *
 * P(z) = (1 + erf(z / sqrt(2))) / 2, PyTorch's default, not its approximation by tanh.
 *
 * @param inputShape any
 * @returns the layer, without weights
 * @example
 * gelu([84]).outputShape; // [84]
 * @source Hendrycks and Gimpel 2016
 */
export function gelu(inputShape: Shape): Layer {
  return pointwise("gelu", inputShape, (z) => {
    const below = tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5);
    const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return {
      value: tf.mul(z, below),
      slope: tf.add(below, tf.mul(z, density)),
      curvature: () => tf.mul(density, tf.sub(2, tf.square(z))),
    };
  });
}

/** With d = dL/da:  dL/dz = f' d.  Along the R-operator:  R{a} = f' R{z},  R{dL/dz} = f' R{d} + f'' R{z} d. */
function pointwise(kind: string, inputShape: Shape, at: (z: Tensor) => Derivatives): Layer {
  return {
    kind,
    inputShape,
    outputShape: inputShape,
    parameters: [],
    forward(z) {
      const { value, slope, curvature } = at(z);
      return {
        output: value,
        backward: (d) => ({ outputGradient: d, input: tf.mul(slope, d), weights: [], inner: [] }),
        along: (_direction, zR) => ({
          outputR: zR === null ? null : tf.mul(slope, zR),
          backward({ outputGradient: d }, dR) {
            const straight = tf.mul(slope, dR);
            const isStraight = zR === null || curvature === null;
            return { input: isStraight ? straight : tf.add(straight, tf.mul(tf.mul(curvature(), zR), d)), weights: [] };
          },
        }),
      };
    },
  };
}
