/** @file Softmax cross-entropy over stacked replicas. */
import { tf, type Tensor } from "../core/backend";

/** The loss of a pass and its derivatives. */
export interface LossTrace {
  /** [S], mean cross-entropy over the batch of each replica. */
  value(): Tensor;
  readonly logitsGradient: Tensor; // [S, B, K], dL/d logits = (q - y) / B
  /** R{dL/d logits} = q (R{z} - sum_K q R{z}) / B. */
  along(logitsR: Tensor): Tensor;
}

/**
 * Mean cross-entropy of softmax(logits) against targets, one loss per replica.
 *
 * L = -(1/B) sum_b sum_k y_kb log q_kb,  q = softmax(z)
 *
 * @param logits z, [S, B, K]
 * @param targets y, [S, B, K], each row a distribution over the K classes
 * @returns the losses and their derivatives; the caller's tidy owns the tensors
 */
export function crossEntropy(logits: Tensor, targets: Tensor): LossTrace {
  const batch = logits.shape[1]!;
  const q = tf.softmax(logits);
  return {
    value() {
      const shifted = tf.sub(logits, tf.max(logits, 2, true)); // exp stays finite
      const logTotal = tf.log(tf.sum(tf.exp(shifted), 2, true));
      return tf.div(tf.sum(tf.mul(targets, tf.sub(shifted, logTotal)), [1, 2]), -batch);
    },
    logitsGradient: tf.div(tf.sub(q, targets), batch),
    along: (logitsR) => tf.div(tf.mul(q, tf.sub(logitsR, tf.sum(tf.mul(q, logitsR), 2, true))), batch),
  };
}
