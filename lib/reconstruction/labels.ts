/** @file Which labels the private images have, read off the last layer's gradient. */
import { backendReady, dispose, tf, tidy } from "../core/backend";
import type { Batch } from "../core/types";
import { checkBatch, type Network } from "../model/network";
import { stackImages, stackVectors, unpackWeights } from "../model/stack";
import { checkView, type AttackerView } from "./view";

/**
 * Infers how many private images of each class are behind an observed gradient.
 *
 * The gradient of the last bias is db_k = (1/N) sum_n (q_nk - y_nk), with q the model's output and y the one-hot labels. The
 * attacker does not know the private q; it takes C_ck, the model's mean output on its own images of class c (of all of them
 * for a class it has none of), and looks for the counts n_c >= 0 with sum N that minimise
 *
 *     sum_k (N db_k - sum_c n_c (C_ck - [c = k]))^2
 *
 * by adding one label at a time where it helps most, then exchanging single labels while that helps.
 *
 * @param view with observedGradient over view.numImages images; for tau > 1 the mean over the local steps is used
 * @param own labelled images of the attacker's; default its batch of the round. More images give a better C
 * @returns view.numImages labels in ascending order, owned by the caller
 * @throws InputError when the view is none, or own is no batch for its model
 * @example
 * const labels = await inferLabels(view); // Int32Array, e.g. [0, 3, 3, 7] for four images
 * labels.length; // view.numImages
 * @source the bias gradient as in iDLG (Zhao et al. 2020) and LLG (Wainakh et al. 2022); estimating the mean output by class
 *   from the attacker's own images is ours
 */
export async function inferLabels(view: AttackerView, own?: Batch): Promise<Int32Array> {
  const network = checkView("inferLabels", view);
  const known = own ?? view.ownBatch;
  checkBatch("inferLabels", "own", network, known);
  await backendReady();
  const { numClasses, numImages, observedGradient, localSteps } = view;
  const biasGradient = [...observedGradient.subarray(observedGradient.length - numClasses)];
  const goal = biasGradient.map((g) => (numImages * g) / localSteps);
  const outputs = meanOutputs(network, view, known);
  const effect = outputs.map((row, c) => row.map((q, k) => q - (c === k ? 1 : 0)));
  const counts = fitCounts(goal, effect, numImages);
  return Int32Array.from(counts.flatMap((count, k) => Array.from({ length: count }, () => k)));
}

/** C: the model's mean softmax output on the own images of each class, [K][K]. */
function meanOutputs({ layer }: Network, view: AttackerView, own: Batch): number[][] {
  const { numClasses } = view;
  const output = tidy(() => {
    const images = stackImages([own.images], view.inputShape);
    const logits = layer.forward(images, unpackWeights(layer, stackVectors([view.weights]))).output; // [1, B, K]
    return tf.softmax(tf.reshape(logits, [own.size, numClasses]));
  });
  const q = output.dataSync();
  dispose([output]);
  const meanOver = (chosen: readonly number[]): number[] =>
    Array.from(
      { length: numClasses },
      (_, k) => chosen.reduce((sum, i) => sum + q[i * numClasses + k]!, 0) / chosen.length,
    );
  const all = Array.from({ length: own.size }, (_, i) => i);
  return Array.from({ length: numClasses }, (_, c) => {
    const ofClass = all.filter((i) => own.labels[i] === c);
    return meanOver(ofClass.length > 0 ? ofClass : all);
  });
}

/** Counts n >= 0 with the given sum for which sum_c n_c effect[c] comes near the goal, in least squares. */
function fitCounts(goal: readonly number[], effect: readonly (readonly number[])[], total: number): number[] {
  const classes = effect.map((_, c) => c);
  const counts = classes.map(() => 0);
  let rest = [...goal]; // goal - sum_c n_c effect[c]
  const without = (from: readonly number[], c: number, times: number): number[] =>
    from.map((x, k) => x - times * effect[c]![k]!);
  const error = (x: readonly number[]): number => x.reduce((sum, value) => sum + value * value, 0);
  for (let i = 0; i < total; i++) {
    const best = classes.reduce((a, b) => (error(without(rest, b, 1)) < error(without(rest, a, 1)) ? b : a));
    counts[best]!++;
    rest = without(rest, best, 1);
  }
  for (let improved = true; improved;) {
    improved = false;
    for (const a of classes) {
      for (const b of classes) {
        if (a === b || counts[a] === 0) continue;
        const exchanged = without(without(rest, b, 1), a, -1);
        if (error(exchanged) < error(rest) - 1e-12) {
          counts[a]!--;
          counts[b]!++;
          rest = exchanged;
          improved = true;
        }
      }
    }
  }
  return counts;
}
