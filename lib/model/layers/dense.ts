/** @file Dense layer: y = W x + b. */
import { tf } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer } from "./layer";

/**
 * Fully connected layer y = W x + b on features [S, F, B].
 *
 * With d = dL/dy:  dL/dx = W' d,  dL/dW = d x',  dL/db = sum_B d.  Along (V, c):  R{y} = V x + c + W R{x},
 * R{dL/dx} = W' R{d} + V' d.
 *
 * @param inputShape [F]
 * @param units outputs, >= 1
 * @returns the layer; weights are W [S, units, F] and b [S, units, 1]
 * @throws InputError when the input is not flat
 * @example
 * dense([784], 10).outputShape; // [10]
 */
export function dense(inputShape: Shape, units: number): Layer {
  ensure(inputShape.length === 1, "dense", "needs a flat input [F]", inputShape, "put flatten() before it");
  const features = inputShape[0]!;
  return {
    kind: "dense",
    inputShape,
    outputShape: [units],
    parameters: [
      {
        name: "weight",
        shape: [units, features],
        fanIn: features,
        unpack: (flat) => tf.reshape(flat, [flat.shape[0], units, features]),
        pack: (value) => tf.reshape(value, [value.shape[0], units * features]),
      },
      biasParameter(units, features),
    ],
    forward(x, [w, b]) {
      return {
        output: tf.add(tf.matMul(w!, x), b!),
        backward: (d, wantInput) => ({
          outputGradient: d,
          input: wantInput ? tf.matMul(w!, d, true) : null,
          weights: [tf.matMul(d, x, false, true), tf.sum(d, 2, true)],
          inner: [],
        }),
        along([v, c], xR) {
          const moved = tf.add(tf.matMul(v!, x), c!);
          return {
            outputR: xR === null ? moved : tf.add(moved, tf.matMul(w!, xR)),
            backward: ({ outputGradient: d }, dR) => tf.add(tf.matMul(w!, dR, true), tf.matMul(v!, d, true)),
          };
        },
      };
    },
  };
}

/**
 * A bias of one number per output channel, kept as [S, units, 1].
 *
 * @param units outputs
 * @param fanIn inputs of one output
 * @returns the parameter, as a layer lists it
 * @example
 * biasParameter(10, 784).shape; // [10]
 */
export function biasParameter(units: number, fanIn: number): Layer["parameters"][number] {
  return {
    name: "bias",
    shape: [units],
    fanIn,
    unpack: (flat) => tf.reshape(flat, [flat.shape[0], units, 1]),
    pack: (value) => tf.reshape(value, [value.shape[0], units]),
  };
}
