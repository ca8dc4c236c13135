/** @file Dense layer: y = W x + b. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Layer, Parameter } from "./layer";
import { isBlend, product, type Direction, type Gradient } from "./product";

/**
 * Fully connected layer y = W x + b on features [S, B, F].
 *
 * Images are rows, so as matrices  y = x W' + b.  With d = dL/dy:  dL/dx = d W,  dL/dW = d' x,  dL/db = sum_B d.
 * Along (V, c):  R{y} = x V' + c + R{x} W',  R{dL/dx} = R{d} W + d V,  R{dL/dW} = R{d}' x + d' R{x}, the product of both stacked,
 * R{dL/db} = sum_B R{d}.
 *
 * @param inputShape [F]
 * @param units outputs, >= 1
 * @param hasBias whether there is b; default true
 * @returns the layer; weights are W [S, units, F] and b [S, 1, units]
 * @throws InputError when the input is not flat
 * @example
 * dense([784], 10).outputShape; // [10]
 */
export function dense(inputShape: Shape, units: number, hasBias = true): Layer {
  ensure(inputShape.length === 1, "dense", "needs a flat input [F]", inputShape, "put flatten before it");
  const features = inputShape[0]!;
  const parameters: readonly Parameter[] = [
    {
      name: "weight",
      shape: [units, features],
      isMatrix: true,
      fanIn: features,
      unpack: (flat) => tf.reshape(flat, [flat.shape[0], units, features]),
      pack: (value) => tf.reshape(value, [value.shape[0], units * features]),
    },
    {
      name: "bias",
      shape: [units],
      fanIn: features,
      unpack: (flat) => tf.reshape(flat, [flat.shape[0], 1, units]),
      pack: (value) => tf.reshape(value, [value.shape[0], units]),
    },
  ];
  const own = (weight: Gradient, ofBias: () => Tensor): Gradient[] => (hasBias ? [weight, ofBias()] : [weight]);
  const plus = (y: Tensor, b: Direction | undefined): Tensor => (hasBias ? tf.add(y, b as Tensor) : y);
  return {
    kind: "dense",
    inputShape,
    outputShape: [units],
    parameters: hasBias ? parameters : parameters.slice(0, 1),
    forward(x, [w, b]) {
      return {
        output: plus(tf.matMul(x, w!, false, true), b),
        backward: (d, want) => ({
          outputGradient: d,
          input: want === "weights" ? null : tf.matMul(d, w!),
          weights: want === "input" ? [] : own(product(d, x), () => tf.sum(d, 1, true)),
          inner: [],
        }),
        along([v, c], xR) {
          const moved = plus(isBlend(v!) ? v.alongX() : tf.matMul(x, v!, false, true), c);
          return {
            outputR: xR === null ? moved : tf.add(moved, tf.matMul(xR, w!, false, true)),
            backward: ({ outputGradient: d }, dR, want) => ({
              input: want === "weights" ? null : tf.add(tf.matMul(dR, w!), isBlend(v!) ? v.alongD() : tf.matMul(d, v!)),
              weights:
                want === "input"
                  ? []
                  : own(xR === null ? product(dR, x) : product(tf.concat([dR, d], 1), tf.concat([x, xR], 1)), () =>
                      tf.sum(dR, 1, true),
                    ),
            }),
          };
        },
      };
    },
  };
}
