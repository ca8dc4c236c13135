/** @file LeNet-5. */
import { lenet } from "../lenet";
import type { Architecture } from "../options";

/**
 * LeNet-5 with the paper's 28×28 input: conv 6 (5×5, padding 2), pool, conv 16 (5×5), pool, dense 120, 84, K.
 *
 * The paper says "LeNet-5" and no more. These widths are LeCun's; ReLU and max pooling are our default, as in the first author's
 * public `LeNet`; batch normalisation is left out because batch statistics couple the images of a batch. It has 61,706 weights for
 * [1, 28, 28] and 10 classes.
 *
 * @example
 * buildNetwork("lenet5", [1, 28, 28], 10).size; // 61706
 * @source LeCun et al. 1998, "Gradient-based learning applied to document recognition"
 */
export const lenet5: Architecture = {
  name: "lenet5",
  label: "LeNet-5",
  source: "LeCun et al. 1998, Gradient-based learning applied to document recognition",
  build(inputShape, numClasses, options) {
    // Images other than 28×28 keep LeCun's unpadded first convolution (32×32 in the original).
    const padding = inputShape[1] === 28 ? 2 : 0;
    const convolutions = [
      { channels: 6, padding },
      { channels: 16, padding: 0 },
    ];
    return lenet(inputShape, convolutions, [120, 84, numClasses], options);
  },
};
