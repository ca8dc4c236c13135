/** @file Softmax regression. Its gradients can be inverted in closed form. */
import { sequence } from "../layers/compose";
import { dense } from "../layers/dense";
import { flatten } from "../layers/shape";
import type { Architecture } from "../options";

/** Softmax regression: one dense layer on the pixels, the convex model in which the theory can be checked exactly. */
export const softmaxRegression: Architecture = {
  name: "softmaxRegression",
  label: "softmax regression",
  source: "our choice",
  build: (inputShape, numClasses) => sequence(inputShape, [flatten, (shape) => dense(shape, numClasses)]),
};
