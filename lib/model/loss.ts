/** @file Softmax cross-entropy over stacked replicas. */
import { tf, type Tensor } from "../core/backend";
import { exp } from "../core/exp";

/** The loss of a pass and its derivatives. */
export interface LossTrace {
  readonly value: Tensor; // [S], mean cross-entropy over the batch of each replica
  readonly logitsGradient: Tensor; // [S, K, B], dL/d logits = (q - y) / B
  /** R{dL/d logits} = q (R{z} - sum_K q R{z}) / B. */
  along(logitsR: Tensor): Tensor;
}

/**
 * Mean cross-entropy of softmax(logits) against targets, one loss per replica.
 *
 * L = -(1/B) sum_b sum_k y_kb log q_kb,  q = softmax(z)
 *
 * @param logits z, [S, K, B]
 * @param targets y, [S, K, B], each column a distribution over the K classes
 * @returns the losses and their derivatives; the caller's tidy owns the tensors
 * @example
 * crossEntropy(tf.zeros([1, 4, 2]), stackTargets([[0, 3]], 4)).value.dataSync(); // [1.386]; log 4
 */
export function crossEntropy(logits: Tensor, targets: Tensor): LossTrace {
  const batch = logits.shape[2]!;
  const shifted = tf.sub(logits, tf.max(logits, 1, true)); // exp stays finite
  const powers = exp(shifted);
  const total = tf.sum(powers, 1, true);
  const q = tf.div(powers, total);
  const logLikelihood = tf.sum(tf.mul(targets, tf.sub(shifted, tf.log(total))), [1, 2]);
  return {
    value: tf.div(logLikelihood, -batch),
    logitsGradient: tf.div(tf.sub(q, targets), batch),
    along: (logitsR) => tf.div(tf.mul(q, tf.sub(logitsR, tf.sum(tf.mul(q, logitsR), 1, true))), batch),
  };
}
