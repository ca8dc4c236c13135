/** @file The derivative of what clients send in their images: forwards and backwards, never as a matrix. */
import { tf, type Tensor } from "../core/backend";
import type { Batch } from "../core/types";
import { differentiate, gradientsAlong, type Network } from "../model/network";
import { packWeights, stackTargets, stackVectors, toImages, toRows, unpackWeights, volume } from "../model/stack";
import type { LinearMap } from "../numerics/inverseForms";
import type { Clip } from "./forward";

/** Who computes a gradient of its own, of the images of a batch in their order. */
export interface Parts {
  /** U, which divides the batch's size. */
  readonly count: number;
  /** Of each part's gradient. */
  readonly clip: Clip;
}

/**
 * The derivative J of the sum of clipped gradients in the images, at given images.
 *
 *     F(x) = sum_u clip(grad_w L(w; x_u)),   J = sum_u D_u J_u,   J_u = d grad_w L(w; x_u) / d x_u,  D_u the clip's derivative
 *
 * J_u y is the R-operator along the input, which turns the gradient of the weights; J_u' v is grad_x <grad_w L, v>, the one along the
 * weights, which turns that of the images; D_u is symmetric. Where ReLU, a maximum or a clip has a kink, J is that of the piece that
 * the pass is on.
 *
 * @param network the model that clients train
 * @param weights w, [d]
 * @param batch x and its labels; part u has the images from u B on, B = size / U
 * @param parts U and the clip
 * @param rows R, of the tensors it maps: as many copies of the pass are stacked
 * @returns J as a map of rows [R, n] to [R, d], n = batch.images.length in the batch's order, and J' back; the caller's tidy owns its
 *   tensors and must enclose its use
 * @example
 * const mapped = tidy(() => {
 *   const { forward } = jacobianOf(network, weights, batch, { count: batch.size, clip: (value) => ({ value, pull: (y) => y }) }, 2);
 *   return forward(tf.ones([2, batch.images.length])).shape;
 * });
 * mapped; // [2, network.size]
 * @source Pearlmutter 1994
 */
export function jacobianOf(
  network: Network,
  weights: Float32Array,
  { images, labels, size }: Batch,
  { count, clip }: Parts,
  rows: number,
): LinearMap {
  const { layer, inputShape, numClasses } = network;
  const [perPart, d] = [size / count, network.size];
  const copied = (x: Tensor, width: number): Tensor =>
    tf.reshape(tf.tile(tf.reshape(x, [1, -1, width]), [rows, 1, 1]), [rows * count, width]);
  const toInput = (pixels: Tensor): Tensor => toImages(tf.reshape(pixels, [rows * count, -1]), inputShape);
  const x = copied(stackVectors([images]), perPart * volume(inputShape));
  const targets = copied(stackTargets([labels], numClasses), perPart * numClasses);
  const pass = differentiate(
    network,
    unpackWeights(layer, tf.tile(stackVectors([weights]), [rows * count, 1])),
    toInput(x),
    tf.reshape(targets, [rows * count, perPart, numClasses]),
  );
  const whole = pass.trace.backward(pass.loss.logitsGradient, "both"); // what moves along the input needs both
  const { pull } = clip(packWeights(layer, pass.gradients.weights));
  const still = unpackWeights(layer, tf.zeros([rows * count, d]));
  return {
    forward(y) {
      const moved = pass.trace.along(still, toInput(y));
      const turned = moved.backward(whole, pass.loss.along(moved.outputR!), "weights").weights;
      return tf.sum(tf.reshape(pull(packWeights(layer, turned)), [rows, count, d]), 1);
    },
    adjoint(v) {
      const each = pull(tf.reshape(tf.tile(tf.expandDims(v, 1), [1, count, 1]), [rows * count, d]));
      const { input } = gradientsAlong(pass, unpackWeights(layer, each), "input");
      return tf.reshape(toRows(input!, rows * count), [rows, -1]);
    },
  };
}
