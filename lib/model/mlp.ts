/** @file Networks that begin with a dense layer: their gradients can be inverted in closed form. */
import type { Shape } from "../core/types";
import { activation } from "./layers/activation";
import { sequence } from "./layers/compose";
import { dense } from "./layers/dense";
import { flatten } from "./layers/shape";
import { createNetwork, type Network } from "./network";
import type { ArchitectureOptions } from "./options";

/**
 * Multi-layer perceptron: dense 128, activation, dense K.
 *
 * @param inputShape [C, H, W]
 * @example
 * mlp([1, 28, 28], 10).size; // 101770
 * @source 128 units are our choice; the paper has no such model
 */
export function mlp(
  inputShape: Shape,
  numClasses: number,
  { activation: name = "relu" }: ArchitectureOptions = {},
): Network {
  return createNetwork(
    "mlp",
    sequence(inputShape, [
      flatten,
      (shape) => dense(shape, 128),
      (shape) => activation(shape, name),
      (shape) => dense(shape, numClasses),
    ]),
  );
}

/**
 * Softmax regression: one dense layer on the pixels, the convex model in which the theory can be checked exactly.
 *
 * @param inputShape [C, H, W]
 */
export function softmaxRegression(inputShape: Shape, numClasses: number): Network {
  return createNetwork("softmaxRegression", sequence(inputShape, [flatten, (shape) => dense(shape, numClasses)]));
}
