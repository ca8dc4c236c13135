/** @file The Gaussian prior: images as a normal distribution around the attacker's guess, with the spread of its own images. */
import { dispose, tf, tidy, type Tensor } from "../../core/backend";
import type { Batch } from "../../core/types";
import { toImages, toRows } from "../../model/stack";
import { classGuesses } from "../guess";
import type { PriorRule } from "../prior";

/**
 * x = mu_label + Sigma^(1/2) z,  z ~ N(0, I)
 *
 * with mu of classGuesses and Sigma the covariance of the attacker's own images within their classes, shrunk towards a multiple of the
 * identity by as much as their number asks for (Ledoit and Wolf). At z = 0 an image is the guess: so it stays where nothing is seen.
 */
export const gaussian = {
  name: "gaussian",
  label: "Gaussian",
  source: "a normal prior on images; Ledoit and Wolf 2004 for its covariance",
  codes: "normal",
  createDecoder({ inputShape, numClasses, labels, own }) {
    const tensors = tidy(() => ({
      root: symmetricRoot(shrunkCovariance(own)),
      means: toImages(meansOf(own, numClasses, labels), inputShape),
    }));
    const spread = (stack: Tensor): Tensor => {
      const rows = tf.reshape(toRows(stack, labels.length), [-1, tensors.root.shape[0]]); // one per image
      return toImages(tf.reshape(tf.matMul(rows, tensors.root), [labels.length, -1]), inputShape);
    };
    return {
      codeShape: inputShape,
      tensors,
      decode: (codes) => ({ images: tf.add(spread(codes), tensors.means), pull: spread }),
    };
  },
} as const satisfies PriorRule;

/** [S, B·C·H·W], the guess for each label. */
function meansOf(own: Batch, numClasses: number, labels: readonly Int32Array[]): Tensor {
  const guesses = classGuesses(own, numClasses);
  const rows = tf.stack(guesses.map((guess) => tf.tensor1d(guess)));
  const each = tf.gather(rows, tf.tensor1d(labels.flatMap((all) => [...all]), "int32")); // prettier-ignore
  return tf.reshape(each, [labels.length, -1]);
}

/**
 * The covariance of images within their classes, shrunk.
 *
 * Sigma = (1 - g) S + g v I,  S = (1/n) sum_i r_i r_i^T,  v = tr(S) / p
 * g = min(1, (1/n^2) sum_i |r_i r_i^T - S|^2 / |S - v I|^2),  norms of Frobenius, r_i an image less its class's mean
 *
 * v counts one more image, of the variance 1/12 of an even grey, without which a single image would leave none.
 */
function shrunkCovariance({ images, labels, size }: Batch): Tensor {
  const pixels = images.length / size;
  const classes = new Map<number, number[]>();
  labels.forEach((label, i) => classes.set(label, [...(classes.get(label) ?? []), i]));
  const all = tf.tensor2d(images, [size, pixels]);
  const residuals = tf.concat([...classes.values()].map((chosen) => {
    const rows = tf.gather(all, tf.tensor1d(chosen, "int32"));
    return tf.sub(rows, tf.mean(rows, 0, true));
  }), 0); // prettier-ignore
  const sample = tf.div(tf.matMul(residuals, residuals, true), size);
  const squares = tf.sum(tf.square(residuals), 1);
  const identity = tf.eye(pixels);
  const variance = tf.mean(squares).dataSync()[0]! / pixels;
  const apart = tf.sum(tf.square(tf.sub(sample, tf.mul(identity, variance)))).dataSync()[0]!;
  const error = tf.sub(tf.mean(tf.square(squares)), tf.sum(tf.square(sample))).dataSync()[0]! / size;
  const share = apart > 0 ? Math.min(1, Math.max(0, error / apart)) : 1;
  const least = (size * variance + 1 / 12) / (size + 1);
  return tf.add(tf.mul(sample, 1 - share), tf.mul(identity, share * least + 1e-6));
}

/**
 * The symmetric square root of a positive definite matrix, by Newton and Schulz:
 *
 * Y <- Y T, Z <- T Z, T = (3 I - Z Y) / 2, from Y = A / |A|, Z = I: Y -> (A / |A|)^(1/2), the smallest eigenvalues last
 */
function symmetricRoot(matrix: Tensor): Tensor {
  const n = matrix.shape[0];
  const norm = tf.norm(matrix).dataSync()[0]!;
  let y = tf.div(matrix, norm);
  let z: Tensor = tf.eye(n);
  for (let i = 0; i < rootSteps; i++) {
    const [from, inverse]: [Tensor, Tensor] = [y, z];
    const step = tidy(() => {
      const turn = tf.div(tf.sub(tf.mul(tf.eye(n), 3), tf.matMul(inverse, from)), 2);
      return [tf.matMul(from, turn), tf.matMul(turn, inverse)] as [Tensor, Tensor];
    });
    dispose([from, inverse]);
    [y, z] = step;
  }
  return tf.mul(y, Math.sqrt(norm));
}

const rootSteps = 25; // each brings an eigenvalue l of the root towards 1 by a factor of 1.5 at most: down to 4e-5 of the largest
