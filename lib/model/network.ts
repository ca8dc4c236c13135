/** @file A network is a layer with a loss: its value, its gradient, and the derivative of its gradient, for S replicas at once. */
import { type Tensor, dispose, tf, tidy } from "../core/backend";
import { ensure, ensureCount, ensureFinite } from "../core/errors";
import { ensureKnown } from "../core/known";
import type { Rng } from "../core/rng";
import { ensureFloats, ensureLabels, ensureVector } from "../core/typed";
import type { Batch, Shape } from "../core/types";
import type { Gradients, GradientsR, Layer, Trace, Want } from "./layers/layer";
import type { Direction } from "./layers/product";
import { crossEntropy, type LossTrace } from "./loss";
import {
  packWeights,
  stackBatches,
  stackImages,
  stackTargets,
  stackVectors,
  unpackWeights,
  unstackVectors,
  volume,
} from "./stack";

/** A classifier. Its weights are one vector of length `size`: the parameters' row-major values, one after the other. */
export interface Network {
  /** Of the architecture. */
  readonly name: string;
  /** [C, H, W]. */
  readonly inputShape: Shape;
  /** Logits. */
  readonly numClasses: number;
  /** From images to logits. */
  readonly layer: Layer;
  /** d, the number of weights. */
  readonly size: number;
}

/**
 * Wraps a layer whose output is one logit a class.
 *
 * @param name of the architecture
 * @param layer from images [C, H, W] to logits [K]
 * @returns the network: the layer, its shapes and the number of its weights
 * @throws InputError when the layer does not end in a flat output
 * @example
 * createNetwork("tiny", sequence([1, 2, 2], [flatten, (shape) => dense(shape, 3)])).size; // 15; 3 (4 + 1)
 */
export function createNetwork(name: string, layer: Layer): Network {
  ensure(layer.outputShape.length === 1, "createNetwork", "needs a layer that ends in logits [K]", layer.outputShape);
  return { name, inputShape: layer.inputShape, numClasses: layer.outputShape[0]!, layer, size: countWeights(layer) };
}

/**
 * The number of trainable weights of a layer, d.
 *
 * d = sum over parameters of volume(shape)
 *
 * @param layer any
 * @returns d, the length of its weight vectors
 * @example
 * countWeights(dense([4], 3)); // 15
 */
export function countWeights(layer: Layer): number {
  return layer.parameters.reduce((sum, { shape }) => sum + volume(shape), 0);
}

/** How weights may start: see initialWeights. */
export const initializations = ["variancePreserving", "pytorch"] as const;

/** How weights start. */
export type Initialization = (typeof initializations)[number];

/**
 * Initial weights, drawn per parameter from a stream of its own.
 *
 * "variancePreserving": weights U(-a, a) with a = gain sqrt(3 / fanIn), so of variance gain^2 / fanIn; biases 0.
 * "pytorch": weights and biases U(-a, a) with a = 1 / sqrt(fanIn), that library's default for these layers.
 * Scales and offsets behind a normalisation start at 1 and 0 by either.
 *
 * @param layer whose weights to draw
 * @param rng split by the parameter's name and number
 * @param rule see Initialization
 * @param gain sqrt(2) before ReLU (He et al. 2015), 1 before tanh and sigmoid (LeCun et al. 1998); read by "variancePreserving"
 * @returns [d], owned by the caller
 * @throws InputError for another rule
 * @example
 * initialWeights(dense([4], 3), createRng(1), "variancePreserving", 1).subarray(12); // [0, 0, 0]; the biases
 * @source He et al. 2015 (variance); which rule the paper uses is not stated
 */
export function initialWeights(layer: Layer, rng: Rng, rule: Initialization, gain: number): Float32Array {
  ensureKnown("initialWeights", "a rule", rule, initializations);
  const weights = new Float32Array(countWeights(layer));
  let at = 0;
  for (const [i, { name, shape, fanIn, constant }] of layer.parameters.entries()) {
    const stream = rng.split(name, i);
    const scaled = name === "weight" ? gain * Math.sqrt(3 / fanIn) : 0;
    const bound = rule === "pytorch" ? 1 / Math.sqrt(fanIn) : scaled;
    for (const end = at + volume(shape); at < end; at++) weights[at] = constant ?? (2 * stream.uniform() - 1) * bound;
  }
  return weights;
}

/** A forward and a backward pass of S replicas. */
export interface Pass {
  readonly trace: Trace;
  readonly loss: LossTrace;
  readonly gradients: Gradients; // gradients.weights = dL/dw per parameter
}

/**
 * Forward and backward through a network with its loss.
 *
 * @param network whose layer and loss to pass through
 * @param weights as unpackWeights gives them, [S, ...]
 * @param images [B, H, W, S·C]
 * @param targets [S, B, K]
 * @returns loss [S] and gradients dL/dw, with what gradientAlong needs; the caller's tidy owns every tensor
 * @example
 * const { loss, gradients } = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * loss.value().shape; // [1]; one replica
 * packWeights(network.layer, gradients.weights).shape; // [1, network.size]
 */
export function differentiate(network: Network, weights: readonly Tensor[], images: Tensor, targets: Tensor): Pass {
  const trace = network.layer.forward(images, weights);
  const loss = crossEntropy(trace.output, targets);
  return { trace, loss, gradients: trace.backward(loss.logitsGradient, "weights") };
}

/**
 * The derivative, with respect to the images, of the loss gradient's component along a fixed direction.
 *
 * grad_x <grad_w L(x; w), v>, by the R-operator (see layers/layer.ts)
 *
 * @param pass of the images and weights in question
 * @param direction v, one per parameter: as unpackWeights gives them, or a Blend for a matrix
 * @returns [B, H, W, S·C]; the caller's tidy owns it
 * @example
 * const pass = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * gradientAlong(pass, pass.gradients.weights.map(asTensor)).shape; // stacked.images.shape; half the gradient of ||grad_w L||^2
 * @source Pearlmutter 1994
 */
export function gradientAlong(pass: Pass, direction: readonly Direction[]): Tensor {
  return gradientsAlong(pass, direction, "input").input!;
}

/**
 * The derivatives of the loss gradient's component along a fixed direction, with respect to images and weights.
 *
 * grad_x <grad_w L(x; w), v>  and  grad_w <grad_w L(x; w), v> = H v, with H the Hessian in the weights, by the R-operator
 *
 * @param pass of the images and weights in question
 * @param direction v, one per parameter: as unpackWeights gives them, or a Blend for a matrix
 * @param want which of the two
 * @returns input [B, H, W, S·C] and H v, one per parameter; what is not wanted is null, or empty; the caller's tidy owns the tensors
 * @example
 * const pass = differentiate(network, stacked.weights, stacked.images, stacked.targets);
 * const { weights } = gradientsAlong(pass, pass.gradients.weights.map(asTensor), "weights");
 * weights.length; // pass.gradients.weights.length; half the gradient of ||grad_w L||^2 in the weights
 * @source Pearlmutter 1994
 */
export function gradientsAlong(
  { trace, loss, gradients }: Pass,
  direction: readonly Direction[],
  want: Want,
): GradientsR {
  const moved = trace.along(direction, null);
  return moved.backward(gradients, loss.along(moved.outputR!), want);
}

/** What S models make of a batch each. */
export interface Evaluation {
  readonly losses: readonly number[]; // mean cross-entropy per replica
  readonly gradients: readonly Float32Array[]; // [d] per replica
}

/**
 * Losses and gradients of S models on a batch each, in one stacked computation.
 *
 * @param network the models' architecture
 * @param weights S vectors [d]
 * @param batches S batches of equal size
 * @returns per replica the mean loss and the gradient, owned by the caller
 * @throws InputError when counts, sizes or lengths disagree, or a label is out of range
 * @example
 * const { losses } = lossAndGradient(network, [new Float32Array(network.size)], [batch]);
 * losses; // [2.303]; log 10, as weights of 0 tell nothing
 */
export function lossAndGradient(
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
): Evaluation {
  checkStack("lossAndGradient", network, weights, batches);
  const { losses, gradients } = tidy(() => {
    const w = unpackWeights(network.layer, stackVectors(weights));
    const pass = differentiate(network, w, ...stackBatches(network, batches));
    return { losses: pass.loss.value(), gradients: packWeights(network.layer, pass.gradients.weights) };
  });
  const result = { losses: [...losses.dataSync()], gradients: unstackVectors(gradients) };
  dispose([losses, gradients]);
  return result;
}

/**
 * The Hessian of the loss in the weights times a vector each, of S models on a batch each, in one stacked computation.
 *
 * H v = d/dt grad_w L(w + t v) at t = 0, exactly: no differences are taken, and no d x d matrix is made
 *
 * @param network the models' architecture
 * @param weights S vectors w [d]
 * @param batches S batches of equal size
 * @param vectors S vectors v [d]
 * @returns S vectors H v [d], owned by the caller; where ReLU or a maximum has a kink, those of the piece that the pass is on
 * @throws InputError as lossAndGradient, or when a vector's number or length differs
 * @example
 * const w = new Float32Array(network.size);
 * const [product] = hessianVectorProduct(network, [w], [batch], [w.map((_, i) => i % 2)]);
 * product.length; // network.size
 * @source Pearlmutter 1994
 */
export function hessianVectorProduct(
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
  vectors: readonly Float32Array[],
): Float32Array[] {
  const fn = "hessianVectorProduct";
  checkStack(fn, network, weights, batches);
  ensure(vectors.length === weights.length, fn, `needs ${weights.length} vectors v`, vectors.length);
  for (const vector of vectors) ensureVector(fn, "a vector v", vector, network.size);
  const products = tidy(() => {
    const unpacked = [weights, vectors].map((flat) => unpackWeights(network.layer, stackVectors(flat)));
    const [w, v] = unpacked as [Tensor[], Tensor[]];
    const pass = differentiate(network, w, ...stackBatches(network, batches));
    return packWeights(network.layer, gradientsAlong(pass, v, "weights").weights);
  });
  const result = unstackVectors(products);
  products.dispose();
  return result;
}

/**
 * Loss and accuracy of one model on many images.
 *
 * @param network the model's architecture
 * @param weights [d]
 * @param batch any number of images; computed in slices
 * @returns mean cross-entropy, and the share of images whose largest logit is the label's
 * @throws InputError when lengths disagree, or a label is out of range
 * @example
 * evaluate(network, new Float32Array(network.size), batch).loss; // 2.303
 */
export function evaluate(network: Network, weights: Float32Array, batch: Batch): { loss: number; accuracy: number } {
  checkStack("evaluate", network, [weights], [batch]);
  const pixels = volume(network.inputShape);
  const slice = 500; // images at once: a few tens of megabytes of patches
  let [loss, correct] = [0, 0];
  for (let from = 0; from < batch.size; from += slice) {
    const to = Math.min(from + slice, batch.size);
    const sums = tidy(() => {
      const images = stackImages([batch.images.subarray(from * pixels, to * pixels)], network.inputShape);
      const targets = stackTargets([batch.labels.subarray(from, to)], network.numClasses);
      const { output } = network.layer.forward(images, unpackWeights(network.layer, stackVectors([weights])));
      const right = tf.equal(tf.argMax(output, 2), tf.argMax(targets, 2));
      return {
        loss: tf.mul(crossEntropy(output, targets).value(), to - from),
        correct: tf.sum(tf.cast(right, "float32")),
      };
    });
    loss += sums.loss.dataSync()[0]!;
    correct += sums.correct.dataSync()[0]!;
    dispose(sums);
  }
  return { loss: loss / batch.size, accuracy: correct / batch.size };
}

/**
 * Refuses weights and batches that a network cannot compute on; the check of every public entry that takes both.
 *
 * @param fn name of the public function that was called
 * @param network the models' architecture
 * @param weights S vectors [d]
 * @param batches S batches of equal size
 * @throws InputError when counts, sizes or lengths disagree, or a label is out of range
 * @example
 * checkStack("evaluate", network, [new Float32Array(3)], [batch]); // throws "evaluate: needs weights of length d = …"
 */
export function checkStack(
  fn: string,
  network: Network,
  weights: readonly Float32Array[],
  batches: readonly Batch[],
): void {
  ensure(
    (network as Network | undefined)?.layer !== undefined,
    fn,
    "needs a network as buildNetwork gives it",
    network,
  );
  ensure(
    Array.isArray(weights) && Array.isArray(batches) && weights.length >= 1 && weights.length === batches.length,
    fn,
    "needs one batch per weight vector, and at least one",
    `${weights.length} vectors, ${batches.length} batches`,
  );
  for (const vector of weights) {
    ensureFloats(fn, "weights", vector);
    ensure(
      vector.length === network.size,
      fn,
      `needs weights of length d = ${network.size} for ${network.name}`,
      vector.length,
    );
    ensureFinite(fn, "weights", vector);
  }
  for (const batch of batches) {
    checkBatch(fn, "a batch", network, batch);
    ensure(batch.size === batches[0]!.size, fn, "needs batches of one size", `${batches[0]!.size} and ${batch.size}`);
  }
}

/**
 * Refuses a batch that a network cannot read.
 *
 * @param fn name of the public function that was called
 * @param name of the batch
 * @param network of which inputShape and numClasses are read
 * @param batch anything that is taken for a batch
 * @throws InputError for no image, another number of pixels or labels, a pixel that is not finite, or a label that is no class
 * @example
 * checkBatch("evaluate", "a batch", network, { ...batch, labels: [10] }); // throws "evaluate: needs labels of a batch in 0..9, got 10 at index 0"
 */
export function checkBatch(
  fn: string,
  name: string,
  { inputShape, numClasses }: Pick<Network, "inputShape" | "numClasses">,
  batch: Batch,
): void {
  const given: unknown = batch; // from JavaScript, anything
  ensure(typeof given === "object" && given !== null, fn, `needs images with labels in ${name}`, given);
  const { images, labels, size } = batch;
  ensureCount(fn, `size of ${name}`, size);
  ensureFloats(fn, `images of ${name}`, images);
  ensure(
    images.length === size * volume(inputShape),
    fn,
    `needs ${size} images of [${inputShape.join(", ")}] in ${name}`,
    `${images.length} pixels`,
  );
  ensureFinite(fn, `images of ${name}`, images);
  ensureLabels(fn, `labels of ${name}`, labels, size, numClasses);
}
