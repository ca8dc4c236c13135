/** @file LeNet-5 and a wider relative. */
import type { Shape } from "../core/types";
import type { ArchitectureOptions } from "./options";
import { activation } from "./layers/activation";
import { sequence, type LayerBuilder } from "./layers/compose";
import { bias } from "./layers/bias";
import { convolution, filters } from "./layers/convolution";
import { dense } from "./layers/dense";
import { pooling } from "./layers/pooling";
import { flatten } from "./layers/shape";
import { createNetwork, type Network } from "./network";

/**
 * LeNet-5 with the paper's 28×28 input: conv 6 (5×5, padding 2), pool, conv 16 (5×5), pool, dense 120, 84, K.
 *
 * The paper says "LeNet-5" and no more. These widths are LeCun's; ReLU and max pooling are our default, as in the first author's
 * public `LeNet`; batch normalisation is left out because batch statistics couple the images of a batch.
 *
 * @param inputShape [C, H, W]; 61,706 weights for [1, 28, 28] and 10 classes
 * @source LeCun et al. 1998, "Gradient-based learning applied to document recognition"
 */
export function lenet5(inputShape: Shape, numClasses: number, options: ArchitectureOptions = {}): Network {
  // Images other than 28×28 keep LeCun's unpadded first convolution (32×32 in the original).
  const padding = inputShape[1] === 28 ? 2 : 0;
  return lenet(
    "lenet5",
    inputShape,
    [
      { channels: 6, padding },
      { channels: 16, padding: 0 },
    ],
    [120, 84, numClasses],
    options,
  );
}

/**
 * The wide LeNet of the first author's experiments: conv 32 and conv 64 (5×5, padding 2), dense 512, K; without the batch
 * normalisation found there, for the reason given at lenet5.
 *
 * @param inputShape [C, H, W]; 1,663,370 weights for [1, 28, 28] and 10 classes
 * @example
 * lenet5Wide([1, 28, 28], 10).size; // 1663370
 * @source the first author's public `LeNet`, of which the widths are taken
 */
export function lenet5Wide(inputShape: Shape, numClasses: number, options: ArchitectureOptions = {}): Network {
  return lenet(
    "lenet5Wide",
    inputShape,
    [
      { channels: 32, padding: 2 },
      { channels: 64, padding: 2 },
    ],
    [512, numClasses],
    options,
  );
}

/** One convolution of a LeNet. */
interface Convolution {
  readonly channels: number;
  readonly padding: number;
}

/** Convolution, activation and pooling in blocks, then dense layers. */
function lenet(
  name: string,
  inputShape: Shape,
  convolutions: readonly Convolution[],
  units: readonly number[],
  { activation: activationName = "relu", pooling: poolingName = "max" }: ArchitectureOptions,
): Network {
  const act: LayerBuilder = (shape) => activation(shape, activationName);
  const pool: LayerBuilder = (shape) => pooling(shape, poolingName);
  const blocks = convolutions.map(({ channels, padding }): LayerBuilder => {
    const options = { channels, size: 5, padding };
    if (poolingName !== "max") return (shape) => sequence(shape, [(s) => convolution(s, options), act, pool]);
    // Maxima commute with adding a bias and with rising functions, and there are fewer of them.
    return (shape) => sequence(shape, [(s) => filters(s, options), pool, (s) => bias(s, 25 * shape[0]!), act]);
  });
  const heads = units.flatMap((count, i): LayerBuilder[] =>
    i === 0 ? [(shape) => dense(shape, count)] : [act, (shape) => dense(shape, count)],
  );
  return createNetwork(name, sequence(inputShape, [...blocks, flatten, ...heads]));
}
