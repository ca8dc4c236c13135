/** @file Layers made of layers: one after the other, and a residual branch. */
import { tf, type Tensor } from "../../core/backend";
import { ensure } from "../../core/errors";
import type { Shape } from "../../core/types";
import type { Gradients, GradientsR, Layer, Trace, TraceR, Want } from "./layer";
import type { Gradient } from "./product";

/** Builds a layer on a given input shape, so a chain infers its shapes. */
export type LayerBuilder = (inputShape: Shape) => Layer;

/**
 * Layers one after the other.
 *
 * @param inputShape shape of the first layer's input
 * @param builders at least one
 * @returns a layer whose weights are those of its parts, in order
 * @throws InputError when a part does not fit the shape it is given
 * @example
 * sequence([1, 28, 28], [flatten, (shape) => dense(shape, 10)]).outputShape; // [10]
 */
export function sequence(inputShape: Shape, builders: readonly LayerBuilder[]): Layer {
  ensure(builders.length > 0, "sequence", "needs at least one layer", 0);
  const layers: Layer[] = [];
  for (const build of builders) layers.push(build(layers.at(-1)?.outputShape ?? inputShape));
  const offsets = layers.map((_, i) => layers.slice(0, i).reduce((sum, { parameters }) => sum + parameters.length, 0));
  const slots = <T>(all: readonly T[], i: number): readonly T[] =>
    all.slice(offsets[i], offsets[i]! + layers[i]!.parameters.length);
  const firstWeighted = layers.findIndex(({ parameters }) => parameters.length > 0);
  // Below the first layer with weights nobody needs a gradient unless the input's is wanted; nothing moves there either, so
  // R{backward} of those layers does not look at the gradients that are missing.
  const wantOf = (want: Want, i: number): Want => (want === "weights" && i > firstWeighted ? "both" : want);
  return {
    kind: "sequence",
    parts: layers,
    inputShape,
    outputShape: layers.at(-1)!.outputShape,
    parameters: layers.flatMap(({ parameters }) => parameters),
    forward(input, weights) {
      const traces: Trace[] = [];
      for (const [i, layer] of layers.entries()) {
        traces.push(layer.forward(traces.at(-1)?.output ?? input, slots(weights, i)));
      }
      return {
        output: traces.at(-1)!.output,
        backward(outputGradient, want) {
          const inner: Gradients[] = new Array<Gradients>(layers.length);
          let d: Tensor | null = outputGradient;
          for (let i = layers.length - 1; i >= 0 && d !== null; i--) {
            inner[i] = traces[i]!.backward(d, wantOf(want, i));
            d = inner[i]!.input;
          }
          return { outputGradient, input: d, weights: inner.flatMap(({ weights: w }) => w), inner };
        },
        along(direction, inputR) {
          const moved: TraceR[] = [];
          for (const [i, trace] of traces.entries()) {
            moved.push(trace.along(slots(direction, i), moved.length === 0 ? inputR : moved.at(-1)!.outputR));
          }
          return {
            outputR: moved.at(-1)!.outputR,
            backward({ inner }, outputGradientR, want) {
              const weights: (readonly Gradient[])[] = [];
              let dR: Tensor | null = outputGradientR;
              for (let i = layers.length - 1; i >= 0 && dR !== null; i--) {
                const found: GradientsR = moved[i]!.backward(inner[i]!, dR, wantOf(want, i));
                weights.unshift(found.weights);
                dR = found.input;
              }
              return { input: dR, weights: weights.flat() };
            },
          };
        },
      };
    },
  };
}

/**
 * The layers that a chain of chains is made of, one after the other.
 *
 * @param layer any
 * @returns itself where it has no parts
 * @example
 * chainOf(sequence([1, 2, 2], [flatten, (shape) => sequence(shape, [(s) => dense(s, 3)])])).map(({ kind }) => kind); // ["flatten", "dense"]
 */
export function chainOf(layer: Layer): readonly Layer[] {
  return layer.parts?.flatMap(chainOf) ?? [layer];
}

/**
 * A residual block: y = branch(x) + shortcut(x), the shortcut being x itself unless one is given.
 *
 * @param inputShape [C, H, W]
 * @param branch layers of the branch, at least one
 * @param shortcut layers that bring x to the branch's output shape, e.g. a 1×1 convolution; default none
 * @returns a layer whose weights are those of the branch, then those of the shortcut
 * @throws InputError when the two sides end in different shapes
 * @example
 * residual([1, 4, 4], [(shape) => activation(shape, "relu")]).outputShape; // [1, 4, 4]
 * @source He et al. 2016
 */
export function residual(
  inputShape: Shape,
  branch: readonly LayerBuilder[],
  shortcut: readonly LayerBuilder[] = [],
): Layer {
  const main = sequence(inputShape, branch);
  const side = shortcut.length > 0 ? sequence(inputShape, shortcut) : null;
  const sideShape = side?.outputShape ?? inputShape;
  ensure(
    String(main.outputShape) === String(sideShape),
    "residual",
    `needs a shortcut of shape [${main.outputShape.join(", ")}]`,
    sideShape,
    "give a shortcut that changes the shape",
  );
  const split = main.parameters.length;
  return {
    kind: "residual",
    inputShape,
    outputShape: main.outputShape,
    parameters: [...main.parameters, ...(side?.parameters ?? [])],
    forward(input, weights) {
      const a = main.forward(input, weights.slice(0, split));
      const b = side?.forward(input, weights.slice(split)) ?? null;
      return {
        output: tf.add(a.output, b?.output ?? input),
        backward(outputGradient, want) {
          const inA = a.backward(outputGradient, want);
          const inB = b?.backward(outputGradient, want) ?? null;
          const input = want === "weights" ? null : tf.add(inA.input!, inB === null ? outputGradient : inB.input!);
          return {
            outputGradient,
            input,
            weights: [...inA.weights, ...(inB?.weights ?? [])],
            inner: inB === null ? [inA] : [inA, inB],
          };
        },
        along(direction, inputR) {
          const aR = a.along(direction.slice(0, split), inputR);
          const bR = b?.along(direction.slice(split), inputR) ?? null;
          return {
            outputR: sum(aR.outputR, bR === null ? inputR : bR.outputR),
            backward({ inner }, dR, want) {
              const inA = aR.backward(inner[0]!, dR, want);
              const inB = bR?.backward(inner[1]!, dR, want) ?? null;
              return {
                input: want === "weights" ? null : tf.add(inA.input!, inB === null ? dR : inB.input!),
                weights: [...inA.weights, ...(inB?.weights ?? [])],
              };
            },
          };
        },
      };
    },
  };
}

/** a + b where an absent term is zero. */
function sum(a: Tensor | null, b: Tensor | null): Tensor | null {
  return a === null || b === null ? (a ?? b) : tf.add(a, b);
}
