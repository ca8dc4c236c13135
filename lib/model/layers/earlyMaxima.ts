/** @file Maxima first: a convolution's bias and activation behind its pooling, where there are fewer numbers. */
import { activation, activationNames, type ActivationName } from "./activation";
import { bias } from "./bias";
import type { Layer } from "./layer";

/**
 * The same layers, with maxima before biases and rising activations: max f(y + b) = f(max y + b).
 *
 * The weights keep their order.
 *
 * @param layers one after the other
 * @returns filters, max pooling, bias, activation wherever there was a convolution, the activation or none, and max pooling
 * @example
 * const layers = [convolution([1, 4, 4], { channels: 2, size: 3 }), activation([2, 2, 2], "relu"), pooling([2, 2, 2], "max")];
 * earlyMaxima(layers).map(({ kind }) => kind); // ["filters", "max pooling", "bias", "relu"]
 */
export function earlyMaxima(layers: readonly Layer[]): Layer[] {
  const [first, ...rest] = layers;
  if (first === undefined) return [];
  const rises = activationNames.includes(rest[0]?.kind as ActivationName);
  const pool = rest[rises ? 1 : 0];
  if (first.kind !== "convolution" || pool?.kind !== "max pooling") return [first, ...earlyMaxima(rest)];
  const [filters, added] = first.parts as [Layer, Layer];
  const shape = pool.outputShape;
  const act = rises ? [activation(shape, rest[0]!.kind as ActivationName)] : [];
  return [filters, pool, bias(shape, added.parameters[0]!.fanIn), ...act, ...earlyMaxima(rest.slice(act.length + 1))];
}
