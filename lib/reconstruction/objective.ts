/** @file What a dummy batch is judged by: the distance between its gradient and the observed one. */
import { type Tensor, backendReady, dispose, tf, tidy } from "../core/backend";
import { ensureKnown } from "../core/known";
import { ensure } from "../core/errors";
import { perReplica, scaleReplicas } from "../core/ops";
import { ensureVector } from "../core/typed";
import type { Batch } from "../core/types";
import { against, productNorms, type Gradient, type Product } from "../model/layers/product";
import { checkStack, differentiate, gradientAlong, type Network, type Pass } from "../model/network";
import {
  packWeights,
  stackBatches,
  stackVectors,
  unpackWeights,
  unstackImages,
  unstackVectors,
  type Parameters,
} from "../model/stack";

/**
 * A distance between gradients, D = weight ||unit g - t||^2, and its derivative v = dD/dg = scale (own g - t), where t comes from g*
 * alone. Its numbers, one per replica, follow from <g, g> and <g, t>: no objective looks at the gradients themselves.
 */
interface Objective {
  /** g* [S, d] -> t [S, d] */
  readonly prepare: (observed: Tensor) => Tensor;
  readonly weight: number;
  /** unit, own and scale, each [S] or a number, of <g, g> and <g, t>, both [S] */
  readonly at: (
    squares: Tensor,
    dots: Tensor,
  ) => { readonly unit: Tensor | number; readonly own: Tensor | number; readonly scale: Tensor | number };
}

/** Rows whose squares float32 would lose or not hold, at a scale where it does; others to the bit as they are. */
function inRange(rows: Tensor): Tensor {
  const largest = tf.max(tf.abs(rows), 1, true);
  const isOut = tf.logicalOr(tf.less(largest, 1e-10), tf.greater(largest, 1e15));
  const scale = tf.where(tf.logicalAnd(isOut, tf.greater(largest, 0)), largest, tf.onesLike(largest));
  return tf.div(rows, scale);
}

const inverseNorms = (squares: Tensor): Tensor => tf.rsqrt(tf.add(squares, 1e-30)); // a vanished gradient gives D = 1/2, not NaN

/** The objectives by name. */
export const objectives = {
  /** D = ||g - g*||^2,  v = 2 (g - g*). */
  squared: { prepare: (observed) => observed, weight: 1, at: () => ({ unit: 1, own: 1, scale: 2 }) },
  /**
   * D = 1 - <u, u*> with u = g / ||g||, u* = g* / ||g*|| = t;  v = (<u, u*> u - u*) / ||g||.
   * Written as ||u - u*||^2 / 2 it keeps its digits near a match, where 1 - <u, u*> loses them.
   */
  cosine: {
    prepare(observed) {
      const g = inRange(observed);
      return tf.mul(g, tf.reshape(inverseNorms(tf.sum(tf.square(g), 1)), [-1, 1]));
    },
    weight: 1 / 2,
    at(squares, dots) {
      const inverse = inverseNorms(squares);
      return { unit: inverse, own: tf.mul(dots, tf.square(inverse)), scale: inverse };
    },
  },
} as const satisfies Readonly<Record<string, Objective>>;

/** A matching objective. */
export type ObjectiveName = keyof typeof objectives;

/**
 * Refuses an objective that there is not, and observed gradients that it cannot be held against in float32.
 *
 * @param fn name of the public function that was called
 * @param objective "squared" | "cosine"
 * @param observed gradients g*, finite
 * @throws InputError for an unknown name, and by "squared" for a gradient whose square float32 does not hold
 * @example
 * checkObjective("invert", "cos", []); // throws "invert: needs an objective of squared, cosine, got cos; did you mean cosine?"
 */
export function checkObjective(fn: string, objective: string, observed: readonly Float32Array[]): void {
  ensureKnown(fn, "an objective", objective, Object.keys(objectives));
  if (objective !== "squared") return; // cosine has no scale
  const limit = 1e18; // its square, and that of a dummy gradient of its size, are below float32's 3.4e38
  for (const gradient of observed) {
    const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    ensure(norm < limit, fn, "needs gradients of norm below 1e18 for the squared objective", norm.toPrecision(3), 'use objective "cosine"'); // prettier-ignore
  }
}

/** An observed gradient, ready to be held against others. */
export interface Target {
  readonly whole: Tensor; // t [S, d]
  readonly matrices: readonly Tensor[]; // the part of matrix parameters, [S, O, F] each
  readonly rest: Tensor; // that of all other parameters, [S, n]
}

/** One step's worth of gradient matching. */
export interface Matching {
  readonly value: () => Tensor; // [S], D; costs as much as a quarter of all the rest
  readonly imagesGradient: Tensor; // [B, H, W, S·C], dD/dx
}

/**
 * An observed gradient laid out for matchGradient, once for all steps.
 *
 * @param network the model both sides use
 * @param observed g*, [S, d]
 * @param objective "squared" | "cosine"
 * @returns what matchGradient takes; the caller's tidy owns its tensors
 * @example
 * const target = createTarget(network, tf.zeros([1, network.size]), "squared");
 * target.matrices.map(({ shape }) => shape); // [[1, 128, 784], [1, 10, 128]]; the dense layers of mlp
 */
export function createTarget({ layer }: Network, observed: Tensor, objective: ObjectiveName): Target {
  const whole = objectives[objective].prepare(observed);
  const { matrices, rest } = part(layer.parameters, unpackWeights(layer, whole));
  return { whole, matrices, rest: packOthers(layer, rest, whole.shape[0]) };
}

/**
 * The matching distance of dummy images and its gradient with respect to them.
 *
 * dD/dx = grad_x <grad_w L(x), v>,  v = dD/dg at g = grad_w L(x)
 *
 * @param network the model both sides use
 * @param weights as unpackWeights gives them, [S, ...]
 * @param target of createTarget, for the same objective
 * @param images x, [B, H, W, S·C]
 * @param targets [S, B, K]
 * @param objective "squared" | "cosine"
 * @returns the distances [S], computed when asked for, and dD/dx [B, H, W, S·C]; the caller's tidy owns them
 * @example
 * const { gradients } = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * const itself = createTarget(network, packWeights(network.layer, gradients.weights), "squared");
 * const { value } = matchGradient(network, stacked.weights, itself, stacked.images, stacked.targets, "squared");
 * value().dataSync(); // [0]
 * @source Zhu et al. 2019; Pearlmutter 1994
 */
export function matchGradient(
  network: Network,
  weights: readonly Tensor[],
  target: Target,
  images: Tensor,
  targets: Tensor,
  objective: ObjectiveName,
): Matching {
  return matchPass(network, differentiate(network, weights, images, targets), target, objective);
}

/** Distance and derivative of a pass: from <g, g> and <g, t>, one per replica. */
function matchPass({ layer }: Network, pass: Pass, target: Target, objective: ObjectiveName): Matching {
  const g = pass.gradients.weights;
  const { matrices, rest } = part(layer.parameters, g);
  const products = matrices as Product[];
  const others = packOthers(layer, rest, target.whole.shape[0]);
  const held = products.map((one, i) => against(one, target.matrices[i]!));
  const squares = tf.addN([tf.sum(tf.square(others), 1), ...products.map(productNorms)]);
  const dots = tf.addN([tf.sum(tf.mul(others, target.rest), 1), ...held.map((one) => one.dots)]);
  const { weight, at } = objectives[objective] as Objective;
  const { unit, own, scale } = at(squares, dots);
  const moving = (): Tensor => tf.sub(tf.mul(others, perReplica(own, 2)), target.rest);
  const moved = rest.length === 0 ? [] : unpackWeights(othersOf(layer), moving());
  const blends = held.map(({ blend }) => blend(perReplica(own, 3)));
  const unscaled = gradientAlong(pass, join(layer.parameters, blends, moved));
  return {
    value() {
      const difference = tf.sub(tf.mul(packWeights(layer, g), perReplica(unit, 2)), target.whole);
      return tf.mul(tf.sum(tf.square(difference), 1), weight);
    },
    imagesGradient: scaleReplicas(unscaled, scale),
  };
}

/**
 * The distance between gradients at hand and observed ones, and its derivative.
 *
 * D and v = dD/dg, as the objective says
 *
 * @param g [S, d]
 * @param whole t of createTarget for the same objective, [S, d]
 * @param objective "squared" | "cosine"
 * @returns D [S], computed when asked for, and v [S, d]; the caller's tidy owns them
 * @example
 * gradientDistance(tf.tensor2d([[1, 2]]), tf.tensor2d([[1, 0]]), "squared").derivative.dataSync(); // [0, 4]
 * @source as matchGradient
 */
export function gradientDistance(
  g: Tensor,
  whole: Tensor,
  objective: ObjectiveName,
): { readonly value: () => Tensor; readonly derivative: Tensor } {
  const { weight, at } = objectives[objective] as Objective;
  const { unit, own, scale } = at(tf.sum(tf.square(g), 1), tf.sum(tf.mul(g, whole), 1));
  const less = (share: Tensor | number): Tensor => tf.sub(tf.mul(g, perReplica(share, 2)), whole);
  return {
    value: () => tf.mul(tf.sum(tf.square(less(unit)), 1), weight),
    derivative: tf.mul(less(own), perReplica(scale, 2)),
  };
}

/** The parameters that are no matrices. */
function othersOf({ parameters }: Parameters): Parameters {
  return { parameters: parameters.filter(({ isMatrix }) => isMatrix !== true) };
}

/** Those of S replicas, [S, n]; a zero each where there are none, as in a model of dense layers without biases. */
function packOthers(layer: Parameters, rest: readonly Gradient[], replicas: number): Tensor {
  return rest.length === 0 ? tf.zeros([replicas, 1]) : packWeights(othersOf(layer), rest);
}

/** What belongs to matrices, and to the other parameters, each in order. */
function part<T>(parameters: Parameters["parameters"], all: readonly T[]): { matrices: T[]; rest: T[] } {
  const isMatrix = (i: number): boolean => parameters[i]!.isMatrix === true;
  return { matrices: all.filter((_, i) => isMatrix(i)), rest: all.filter((_, i) => !isMatrix(i)) };
}

/** The inverse of part. */
function join<A, B>(parameters: Parameters["parameters"], matrices: readonly A[], rest: readonly B[]): (A | B)[] {
  const [ofMatrices, ofRest] = [matrices.values(), rest.values()];
  return parameters.map(({ isMatrix }) => (isMatrix === true ? ofMatrices : ofRest).next().value as A | B);
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
 * @param observedGradient g*, [d]; of any scale for "cosine", which is 1/2 with a derivative of 0 where g* is 0 everywhere
 * @param objective "squared" | "cosine"
 * @returns plain arrays, owned by the caller
 * @throws InputError when lengths disagree, a number is not finite, a label is none of the network's classes, or as checkObjective
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
  ensureVector("gradientMatching", "observedGradient", observedGradient, network.size);
  checkObjective("gradientMatching", objective, [observedGradient]);
  await backendReady();
  const { loss, gradient, value, imagesGradient } = tidy(() => {
    const w = unpackWeights(network.layer, stackVectors([weights]));
    const target = createTarget(network, stackVectors([observedGradient]), objective);
    const pass = differentiate(network, w, ...stackBatches(network, [dummy]));
    const gradient = packWeights(network.layer, pass.gradients.weights);
    const { value, imagesGradient } = matchPass(network, pass, target, objective);
    return { loss: pass.loss.value(), gradient, value: value(), imagesGradient };
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
