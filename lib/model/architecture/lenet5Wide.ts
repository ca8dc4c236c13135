/** @file A wider relative of LeNet-5. */
import { lenet } from "../lenet";
import type { Architecture } from "../options";

/**
 * The wide LeNet of the first author's experiments: conv 32 and conv 64 (5×5, padding 2), dense 512, K; without the batch
 * normalisation found there, for the reason given at lenet5. It has 1,663,370 weights for [1, 28, 28] and 10 classes.
 *
 * @example
 * buildNetwork("lenet5Wide", [1, 28, 28], 10).size; // 1663370
 * @source the first author's public `LeNet`, of which the widths are taken
 */
export const lenet5Wide: Architecture = {
  name: "lenet5Wide",
  label: "wide LeNet",
  source: "the first author's public LeNet",
  build(inputShape, numClasses, options) {
    const convolutions = [
      { channels: 32, padding: 2 },
      { channels: 64, padding: 2 },
    ];
    return lenet(inputShape, convolutions, [512, numClasses], options);
  },
};
