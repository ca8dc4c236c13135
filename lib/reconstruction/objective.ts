/** @file What a dummy batch is judged by: the distance between its gradient and the observed one. */
import { type Tensor, backendReady, dispose, tf, tidy } from "../core/backend";
import { ensure } from "../core/errors";
import type { Batch } from "../core/types";
import { checkStack, differentiate, gradientAlong, type Network } from "../model/network";
import {
  packWeights,
  stackImages,
  stackTargets,
  stackVectors,
  unpackWeights,
  unstackImages,
  unstackVectors,
} from "../model/stack";

/** A distance between gradients and its derivative. */
interface Distance {
  readonly value: Tensor; // [S]
  readonly direction: Tensor; // v = dD/dg, [S, d]
}

/** The objectives by name, of gradients g and g* [S, d]. */
export const objectives = {
  /** D = ||g - g*||^2,  v = 2 (g - g*). */
  squared(g: Tensor, target: Tensor): Distance {
    const difference = tf.sub(g, target);
    return { value: squaredNorms(difference), direction: tf.mul(difference, 2) };
  },
  /**
   * D = 1 - <u, u*> with u = g / ||g||, u* = g* / ||g*||;  v = (u - u* - D u) / ||g||.
   * Computed as ||u - u*||^2 / 2, which keeps its digits near a match where 1 - <u, u*> loses them.
   */
  cosine(g: Tensor, target: Tensor): Distance {
    const inverseNorm = inverseNorms(g);
    const u = tf.mul(g, inverseNorm);
    const difference = tf.sub(u, tf.mul(target, inverseNorms(target)));
    const value = tf.div(squaredNorms(difference), 2);
    return { value, direction: tf.mul(tf.sub(difference, tf.mul(u, tf.reshape(value, [-1, 1]))), inverseNorm) };
  },
} as const;

function squaredNorms(x: Tensor): Tensor {
  return tf.sum(tf.square(x), 1);
}

/** [S, 1]; a vanished gradient gives a large number, so that D = 1/2 and not NaN. */
function inverseNorms(x: Tensor): Tensor {
  return tf.reshape(tf.rsqrt(tf.add(squaredNorms(x), 1e-30)), [-1, 1]);
}

/** A matching objective. */
export type ObjectiveName = keyof typeof objectives;

/** One step's worth of gradient matching. */
export interface Matching {
  readonly value: Tensor; // [S], D
  readonly imagesGradient: Tensor; // [B, H, W, S·C], dD/dx
}

/**
 * The matching distance of dummy images and its gradient with respect to them.
 *
 * dD/dx = grad_x <grad_w L(x), v>,  v = dD/dg at g = grad_w L(x)
 *
 * @param network the model both sides use
 * @param weights as unpackWeights gives them, [S, ...]
 * @param target g*, [S, d]
 * @param images x, [B, H, W, S·C]
 * @param targets [S, B, K]
 * @param objective "squared" | "cosine"
 * @returns the distances [S] and dD/dx [B, H, W, S·C]; the caller's tidy owns them
 * @example
 * const { gradients } = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * const itself = packWeights(network.layer, gradients.weights);
 * matchGradient(network, stacked.weights, itself, stacked.images, stacked.targets, "squared").value.dataSync(); // [0]
 * @source Zhu et al. 2019; Pearlmutter 1994
 */
export function matchGradient(
  network: Network,
  weights: readonly Tensor[],
  target: Tensor,
  images: Tensor,
  targets: Tensor,
  objective: ObjectiveName,
): Matching {
  const pass = differentiate(network, weights, images, targets);
  const { value, direction } = objectives[objective](packWeights(network.layer, pass.gradients.weights), target);
  return { value, imagesGradient: gradientAlong(pass, unpackWeights(network.layer, direction)) };
}

/** What gradientMatching finds for one dummy batch. */
export interface GradientMatch {
  readonly loss: number; // mean cross-entropy of the dummy batch
  readonly gradient: Float32Array; // [d], grad_w L(dummy)
  readonly distance: number; // D
  readonly imagesGradient: Float32Array; // [B, C, H, W], dD/d dummy
}

/**
 * The gradient of a dummy batch, its distance from an observed gradient, and the derivative of that distance.
 *
 * squared: D = ||g - g*||^2;  cosine: D = 1 - <g, g*> / (||g|| ||g*||), over all weights at once
 *
 * @param network the model both sides use
 * @param weights w, [d]
 * @param dummy images and labels
 * @param observedGradient g*, [d]
 * @param objective "squared" | "cosine"
 * @returns plain arrays, owned by the caller
 * @throws InputError when lengths disagree, or a label is none of the network's classes
 * @example
 * const { distance } = await gradientMatching(network, weights, batch, new Float32Array(network.size).fill(1), "cosine");
 * distance > 0 && distance <= 2; // true
 * @source Zhu et al. 2019 (squared distance); Geiping et al. 2020 (cosine)
 */
export async function gradientMatching(
  network: Network,
  weights: Float32Array,
  dummy: Batch,
  observedGradient: Float32Array,
  objective: ObjectiveName,
): Promise<GradientMatch> {
  checkStack("gradientMatching", network, [weights], [dummy]);
  ensure(
    observedGradient.length === network.size,
    "gradientMatching",
    `needs observedGradient of length d = ${network.size}`,
    observedGradient.length,
  );
  await backendReady();
  const { loss, gradient, value, imagesGradient } = tidy(() => {
    const w = unpackWeights(network.layer, stackVectors([weights]));
    const target = stackVectors([observedGradient]);
    const images = stackImages([dummy.images], network.inputShape);
    const pass = differentiate(network, w, images, stackTargets([dummy.labels], network.numClasses));
    const gradient = packWeights(network.layer, pass.gradients.weights);
    const { value, direction } = objectives[objective](gradient, target);
    const imagesGradient = gradientAlong(pass, unpackWeights(network.layer, direction));
    return { loss: pass.loss.value(), gradient, value, imagesGradient };
  });
  const result = {
    loss: loss.dataSync()[0]!,
    gradient: unstackVectors(gradient)[0]!,
    distance: value.dataSync()[0]!,
    imagesGradient: unstackImages(imagesGradient, 1)[0]!,
  };
  dispose([loss, gradient, value, imagesGradient]);
  return result;
}
