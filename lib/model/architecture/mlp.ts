/** @file A multi-layer perceptron. It begins with a dense layer, so its gradients can be inverted in closed form. */
import { activation } from "../layers/activation";
import { sequence } from "../layers/compose";
import { dense } from "../layers/dense";
import { flatten } from "../layers/shape";
import type { Architecture } from "../options";

/**
 * Multi-layer perceptron: dense 128, activation, dense K.
 *
 * @example
 * buildNetwork("mlp", [1, 28, 28], 10).size; // 101770
 * @source 128 units are our choice; the paper has no such model
 */
export const mlp: Architecture = {
  name: "mlp",
  label: "MLP",
  source: "our choice",
  build: (inputShape, numClasses, { activation: name = "relu" }) =>
    sequence(inputShape, [
      flatten,
      (shape) => dense(shape, 128),
      (shape) => activation(shape, name),
      (shape) => dense(shape, numClasses),
    ]),
};
