/** @file Adam on lists of tensors, as a record of functions over an explicit state. */
import { tf, type Tensor } from "../core/backend";

/** The running moments of every parameter. */
export type AdamState = {
  readonly step: number;
  readonly first: readonly Tensor[];
  readonly second: readonly Tensor[];
};

/**
 * The state of Adam before its first step: all moments 0.
 *
 * @param parameters tensors of any shapes
 * @returns the state; its tensors are the caller's to dispose when a step has replaced it
 */
export function adamStart(parameters: readonly Tensor[]): AdamState {
  const zeros = (): Tensor[] => parameters.map((value) => tf.zerosLike(value));
  return { step: 0, first: zeros(), second: zeros() };
}

/**
 * One step of Adam.
 *
 * m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  p <- p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 * @param gradients g, of the same shapes
 * @param state m, v and the number of steps done, t - 1
 * @param rate > 0
 * @returns new parameters and the new state; the old ones stay the caller's to dispose
 * @source Kingma and Ba 2015; b1 = 0.9, b2 = 0.999, eps = 1e-8
 */
export function adamStep(
  parameters: readonly Tensor[],
  gradients: readonly Tensor[],
  { step, first, second }: AdamState,
  rate: number,
): { parameters: Tensor[]; state: AdamState } {
  const [b1, b2, epsilon] = [0.9, 0.999, 1e-8];
  const t = step + 1;
  const m = first.map((old, i) => tf.add(tf.mul(old, b1), tf.mul(gradients[i]!, 1 - b1)));
  const v = second.map((old, i) => tf.add(tf.mul(old, b2), tf.mul(tf.square(gradients[i]!), 1 - b2)));
  const scale = rate / (1 - b1 ** t);
  const moved = parameters.map((value, i) => {
    const deviation = tf.add(tf.mul(tf.sqrt(v[i]!), 1 / Math.sqrt(1 - b2 ** t)), epsilon);
    return tf.sub(value, tf.div(tf.mul(m[i]!, scale), deviation));
  });
  return { parameters: moved, state: { step: t, first: m, second: v } };
}

/**
 * The learning rate after a share of the steps: from `rate` down to a tenth of it along half a cosine.
 *
 * rate_done = rate (0.1 + 0.9 (1 + cos(pi done / total)) / 2)
 *
 * @param done steps done, 0..total
 * @param total steps there are, at least 1
 * @source Loshchilov and Hutter 2017 without restarts; the tenth is our choice
 */
export function cosineDecay(rate: number, done: number, total: number): number {
  const floor = 0.1 * rate;
  return floor + ((rate - floor) * (1 + Math.cos((Math.PI * done) / total))) / 2;
}
