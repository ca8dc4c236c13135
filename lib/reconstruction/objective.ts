/** @file What a dummy batch is judged by: the distance between its gradient and the observed one. */
import { type Tensor, backendReady, dispose, tf, tidy } from "../core/backend";
import { ensure } from "../core/errors";
import { dotPerReplica, perReplica } from "../core/ops";
import type { Batch } from "../core/types";
import {
  checkStack,
  differentiate,
  gradientAlong,
  packWeights,
  stackImages,
  stackTargets,
  stackVectors,
  unpackWeights,
  unstackImages,
  unstackVectors,
  type Network,
} from "../model/network";

/** A distance between gradients and its derivative, over lists of tensors [S, ...]. */
interface Distance {
  readonly value: Tensor; // [S]
  readonly direction: readonly Tensor[]; // v = dD/dg, one tensor a parameter
}

/** The objectives by name. */
export const objectives = {
  /** D = ||g - g*||^2,  v = 2 (g - g*). */
  squared(g: readonly Tensor[], target: readonly Tensor[]): Distance {
    const difference = g.map((x, i) => tf.sub(x, target[i]!));
    return { value: dotPerReplica(difference, difference), direction: difference.map((x) => tf.mul(x, 2)) };
  },
  /**
   * D = 1 - <u, u*> with u = g / ||g||, u* = g* / ||g*||;  v = (u - u* - D u) / ||g||.
   * Computed as ||u - u*||^2 / 2, which keeps its digits near a match where 1 - <u, u*> loses them.
   */
  cosine(g: readonly Tensor[], target: readonly Tensor[]): Distance {
    const inverseNorm = tf.div(1, tf.sqrt(tf.add(dotPerReplica(g, g), 1e-30))); // a vanished gradient gives D = 1/2, not NaN
    const inverseTarget = tf.div(1, tf.sqrt(tf.add(dotPerReplica(target, target), 1e-30)));
    const scale = (x: Tensor, by: Tensor): Tensor => tf.mul(x, perReplica(by, x.rank));
    const u = g.map((x) => scale(x, inverseNorm));
    const difference = u.map((x, i) => tf.sub(x, scale(target[i]!, inverseTarget)));
    const value = tf.div(dotPerReplica(difference, difference), 2);
    const direction = difference.map((x, i) => scale(tf.sub(x, scale(u[i]!, value)), inverseNorm));
    return { value, direction };
  },
} as const;

/** A matching objective. */
export type ObjectiveName = keyof typeof objectives;

/** One step's worth of gradient matching. */
export interface Matching {
  readonly value: Tensor; // [S], D
  readonly imagesGradient: Tensor; // [S, C, B, H, W], dD/dx
}

/**
 * The matching distance of dummy images and its gradient with respect to them.
 *
 * dD/dx = grad_x <grad_w L(x), v>,  v = dD/dg at g = grad_w L(x)
 *
 * @param network the model both sides use
 * @param weights as unpackWeights gives them, [S, ...]
 * @param target g*, one tensor a parameter, [S, ...]
 * @param images x, [S, C, B, H, W]
 * @param targets [S, K, B]
 * @param objective "squared" | "cosine"
 * @returns the distances [S] and dD/dx [S, C, B, H, W]; the caller's tidy owns them
 * @example
 * const { gradients } = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * const itself = gradients.weights;
 * matchGradient(network, stacked.weights, itself, stacked.images, stacked.targets, "squared").value.dataSync(); // [0]
 * @source Zhu et al. 2019; Pearlmutter 1994
 */
export function matchGradient(
  network: Network,
  weights: readonly Tensor[],
  target: readonly Tensor[],
  images: Tensor,
  targets: Tensor,
  objective: ObjectiveName,
): Matching {
  const pass = differentiate(network, weights, images, targets);
  const { value, direction } = objectives[objective](pass.gradients.weights, target);
  return { value, imagesGradient: gradientAlong(pass, direction) };
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
    const target = unpackWeights(network.layer, stackVectors([observedGradient]));
    const images = stackImages([dummy.images], network.inputShape);
    const pass = differentiate(network, w, images, stackTargets([dummy.labels], network.numClasses));
    const distance = objectives[objective](pass.gradients.weights, target);
    const flat = packWeights(network.layer, pass.gradients.weights);
    const imagesGradient = gradientAlong(pass, distance.direction);
    return { loss: pass.loss.value, gradient: flat, value: distance.value, imagesGradient };
  });
  const result = {
    loss: loss.dataSync()[0]!,
    gradient: unstackVectors(gradient)[0]!,
    distance: value.dataSync()[0]!,
    imagesGradient: unstackImages(imagesGradient)[0]!,
  };
  dispose([loss, gradient, value, imagesGradient]);
  return result;
}
