/** @file Elementwise activations. */
import { tf, type Tensor } from "../../core/backend";
import { ensureOneOf } from "../../core/choice";
import { throughActivation } from "../../core/ops";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/**
 * The activations by name. Each gives a = f(z), and bend(R{z}) = f''(z) R{z} (null where f'' = 0 almost everywhere) from the
 * output a.
 */
const functions = {
  sigmoid: {
    apply: (z: Tensor): Tensor => tf.sigmoid(z),
    bend: (a: Tensor, aR: Tensor): Tensor => tf.mul(aR, tf.sub(1, tf.mul(a, 2))), // f'' R{z} = (1 - 2a) R{a}
  },
  tanh: {
    apply: (z: Tensor): Tensor => tf.tanh(z),
    bend: (a: Tensor, aR: Tensor): Tensor => tf.mul(tf.mul(a, -2), aR), // f'' R{z} = -2a R{a}
  },
  relu: {
    apply: (z: Tensor): Tensor => tf.relu(z),
    bend: null,
  },
} as const;

/**
 * The factor by which initial weights are larger to keep the variance of the signal through an activation.
 *
 * @param name "sigmoid" | "tanh" | "relu"
 * @returns sqrt(2) for ReLU, which halves the variance; else 1
 * @example
 * gainOf("relu"); // 1.414
 * @source He et al. 2015 (ReLU), LeCun et al. 1998 (the others)
 */
export function gainOf(name: ActivationName): number {
  return name === "relu" ? Math.SQRT2 : 1;
}

/** An activation function. */
export type ActivationName = keyof typeof functions;

/** The names of all activations. */
export const activations = Object.keys(functions) as readonly ActivationName[];

/**
 * Elementwise activation a = f(z).
 *
 * With d = dL/da:  dL/dz = f'(z) d.  Along the R-operator:  R{a} = f'(z) R{z},  R{dL/dz} = f'(z) R{d} + f''(z) R{z} d.
 *
 * @param inputShape any
 * @param name "sigmoid" | "tanh" | "relu"
 * @returns the layer, without weights
 * @throws InputError for another name
 * @example
 * activation([6, 28, 28], "relu").outputShape; // [6, 28, 28]
 */
export function activation(inputShape: Shape, name: ActivationName): Layer {
  ensureOneOf("activation", "name", name, activations);
  const { apply, bend } = functions[name];
  return {
    kind: name,
    inputShape,
    outputShape: inputShape,
    parameters: [],
    forward(z) {
      const a = apply(z);
      return {
        output: a,
        backward: (d) => ({ outputGradient: d, input: throughActivation(name, d, a), weights: [], inner: [] }),
        along(_direction, zR) {
          const aR = zR === null ? null : throughActivation(name, zR, a);
          return {
            outputR: aR,
            backward(gradients, dR) {
              const straight = throughActivation(name, dR, a);
              const isStraight = aR === null || bend === null;
              const input = isStraight ? straight : tf.add(straight, tf.mul(gradients.outputGradient, bend(a, aR)));
              return { input, weights: [] };
            },
          };
        },
      };
    },
  };
}
