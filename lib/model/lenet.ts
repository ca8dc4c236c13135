/** @file What the LeNets have in common. */
import type { Shape } from "../core/types";
import { activation } from "./layers/activation";
import { sequence, type LayerBuilder } from "./layers/compose";
import { convolution } from "./layers/convolution";
import { dense } from "./layers/dense";
import { earlyMaxima } from "./layers/earlyMaxima";
import type { Layer } from "./layers/layer";
import { pooling } from "./layers/pooling";
import { flatten } from "./layers/shape";
import type { ArchitectureOptions } from "./options";

/** One convolution of a LeNet. */
interface Convolution {
  readonly channels: number;
  readonly padding: number;
}

/** The layers of a LeNet: convolutions of 5×5, each with an activation and pooling, then dense layers, of which the last gives logits. */
export function lenet(
  inputShape: Shape,
  convolutions: readonly Convolution[],
  units: readonly number[],
  { activation: activationName = "relu", pooling: poolingName = "max" }: ArchitectureOptions,
): Layer {
  const act: LayerBuilder = (shape) => activation(shape, activationName);
  const pool: LayerBuilder = (shape) => pooling(shape, poolingName);
  const blocks = convolutions.map(({ channels, padding }): LayerBuilder => {
    const options = { channels, size: 5, padding };
    return (shape) => {
      const layers = sequence(shape, [(s) => convolution(s, options), act, pool]).parts!;
      return sequence(shape, earlyMaxima(layers).map((layer) => () => layer)); // prettier-ignore
    };
  });
  const heads = units.flatMap((count, i): LayerBuilder[] =>
    i === 0 ? [(shape) => dense(shape, count)] : [act, (shape) => dense(shape, count)],
  );
  return sequence(inputShape, [...blocks, flatten, ...heads]);
}
