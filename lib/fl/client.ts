/** @file What clients do in a round: local steps on their own batches, all clients in one stacked computation. */
import { dispose, type Tensor, tf, tidy } from "../core/backend";
import { refuse } from "../core/errors";
import type { Batch } from "../core/types";
import { asTensor } from "../model/layers/product";
import { differentiate, type Network } from "../model/network";
import { packWeights, stackBatches, stackVectors, unpackWeights, unstackVectors } from "../model/stack";

/**
 * The updates of M clients that start from the same weights: what each sends to the server.
 *
 * w_(m,0) = w,  w_(m,t+1) = w_(m,t) - eta grad L(w_(m,t); batch t of m),  update_m = (w - w_(m,tau)) / eta
 *
 * so update_m is the sum of the client's gradients, and its gradient when tau = 1.
 *
 * @param network the model that all clients train
 * @param weights w, [d], as broadcast
 * @param batches [M][tau], of equal size
 * @param learningRate eta > 0
 * @returns M vectors [d], owned by the caller
 * @throws InputError naming the client when an update is not finite
 * @example
 * const [update] = localUpdates(network, weights, [[batch]], 0.05);
 * update; // lossAndGradient(network, [weights], [batch]).gradients[0]
 * @source McMahan et al. 2017
 */
export function localUpdates(
  network: Network,
  weights: Float32Array,
  batches: readonly (readonly Batch[])[],
  learningRate: number,
): Float32Array[] {
  const localSteps = batches[0]!.length;
  let course = tidy((): Course => ({
    weights: unpackWeights(network.layer, stackVectors(batches.map(() => weights))),
    sum: null,
  }));
  for (let t = 0; t < localSteps; t++) {
    const batchesNow = batches.map((own) => own[t]!);
    const isLast = t + 1 === localSteps;
    const next = tidy(() => localStep(network, course, batchesNow, isLast ? null : learningRate));
    dispose([course.weights, course.sum ?? []]);
    course = next;
  }
  const total = tidy(() => packWeights(network.layer, course.sum!));
  dispose([course.weights, course.sum!]);
  const updates = unstackVectors(total);
  total.dispose();
  updates.forEach((update, client) => {
    const bad = update.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      refuse("train", "needs finite updates", `${update[bad]} from client ${client}`, "lower the learningRate");
  });
  return updates;
}

/** Where M clients are between two of their steps. */
interface Course {
  readonly weights: readonly Tensor[]; // w_(m,t), as unpackWeights gives them; none after the last step
  readonly sum: readonly Tensor[] | null; // of the gradients so far
}

/** One step of every client; the weights after the last one (no learning rate) are nobody's business. */
function localStep(
  network: Network,
  { weights, sum }: Course,
  batches: readonly Batch[],
  learningRate: number | null,
): Course {
  const g = differentiate(network, weights, ...stackBatches(network, batches)).gradients.weights.map(asTensor);
  return {
    weights: learningRate === null ? [] : weights.map((w, i) => tf.sub(w, tf.mul(g[i]!, learningRate))),
    sum: sum === null ? g : sum.map((total, i) => tf.add(total, g[i]!)),
  };
}
