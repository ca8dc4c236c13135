/** @file Which labels the private images have, read off the last layer's gradient. */
import { backendReady, tf, tidy } from "../core/backend";
import { buildNetwork } from "../model/architectures";
import { stackImages, stackVectors, unpackWeights } from "../model/network";
import type { AttackerView } from "./observe";

/**
 * Infers how many private images of each class are behind an observed gradient.
 *
 * The gradient of the last bias is db_k = mean_n q_nk - n_k / N, with q the model's output and n_k the count of class k. The attacker
 * does not know the private q and takes the model's mean output on its own images for it: n_k ~ N (q_own,k - db_k), rounded to
 * counts >= 0 that add up to N by largest remainder.
 *
 * @param view with observedGradient over view.numImages images; for tau > 1 the mean over the local steps is used
 * @returns view.numImages labels in ascending order
 * @source the counting idea of Geng et al. 2021 ("Towards General Deep Leakage in Federated Learning") and Wainakh et al. 2022 ("User-Level Label Leakage");
 *   using the attacker's own images for the mean output is ours
 */
export async function inferLabels(view: AttackerView): Promise<Int32Array> {
  await backendReady();
  const { numClasses, numImages, observedGradient, localSteps } = view;
  const biasGradient = observedGradient.subarray(observedGradient.length - numClasses);
  const output = meanOutput(view);
  return labelsFromCounts(
    output.map((q, k) => numImages * (q - biasGradient[k]! / localSteps)),
    numImages,
  );
}

/** The model's mean softmax output on the attacker's own images, [K]. */
function meanOutput(view: AttackerView): number[] {
  const { layer } = buildNetwork(view.architecture, view.inputShape, view.numClasses, view);
  const output = tidy(() => {
    const images = stackImages([view.ownBatch.images], view.inputShape);
    const logits = layer.forward(images, unpackWeights(layer, stackVectors([view.weights]))).output; // [1, K, B]
    return tf.mean(tf.softmax(tf.transpose(logits, [0, 2, 1])), [0, 1]);
  });
  const values = [...output.dataSync()];
  output.dispose();
  return values;
}

/** Counts >= 0 that add up to total, nearest to the estimates by largest remainder, spelled out as labels. */
function labelsFromCounts(estimates: readonly number[], total: number): Int32Array {
  const positive = estimates.map((x) => Math.max(0, x));
  const sum = positive.reduce((a, b) => a + b, 0);
  const scaled = positive.map((x) => (sum > 0 ? (x * total) / sum : total / positive.length));
  const counts = scaled.map(Math.floor);
  const byRemainder = scaled.map((x, k) => ({ k, remainder: x - Math.floor(x) })).sort((a, b) => b.remainder - a.remainder || a.k - b.k); // prettier-ignore
  const missing = total - counts.reduce((a, b) => a + b, 0);
  for (let i = 0; i < missing; i++) counts[byRemainder[i]!.k]!++;
  return Int32Array.from(counts.flatMap((count, k) => Array.from({ length: count }, () => k)));
}
