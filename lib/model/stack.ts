/** @file Public arrays to stacked tensors and back: weight vectors, images, labels; one replica a row. */
import { tf, tidy, type Tensor } from "../core/backend";
import { ensure } from "../core/errors";
import { ensureLabels } from "../core/typed";
import type { Batch, Shape } from "../core/types";
import type { Layer } from "./layers/layer";
import { asTensor, type Gradient } from "./layers/product";

/**
 * The product of a shape's sides.
 *
 * @param shape any; [] is a number
 * @returns how many numbers a tensor of that shape holds
 */
export function volume(shape: Shape): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Parameters in their order: a layer, or some of a layer's. */
export type Parameters = Pick<Layer, "parameters">;

/**
 * Weight vectors to the tensors in which a layer computes.
 *
 * @param flat [S, d]
 * @returns one tensor a parameter, [S, ...]; the caller's tidy owns them
 */
export function unpackWeights(layer: Parameters, flat: Tensor): Tensor[] {
  const sizes = layer.parameters.map(({ shape }) => volume(shape));
  return tf.split(flat, sizes, 1).map((part, i) => layer.parameters[i]!.unpack(part));
}

/**
 * The inverse of unpackWeights: the layer's tensors, or gradients, to weight vectors.
 *
 * @param weights one tensor a parameter, [S, ...]
 * @returns [S, d]; the caller's tidy owns it
 */
export function packWeights(layer: Parameters, weights: readonly Gradient[]): Tensor {
  const parts = weights.map((value, i) => layer.parameters[i]!.pack(asTensor(value)));
  return tf.concat(parts, 1);
}

/**
 * Vectors of equal length as one tensor.
 *
 * @param vectors S vectors [d], at least one
 * @returns [S, d], a copy; the caller's tidy owns it
 */
export function stackVectors(vectors: readonly Float32Array[]): Tensor {
  const length = vectors[0]!.length;
  const all = new Float32Array(vectors.length * length);
  vectors.forEach((vector, s) => {
    const needs = `needs vectors of one length (the first has ${length})`;
    if (vector.length !== length) ensure(false, "stackVectors", needs, `${vector.length} in vector ${s}`);
    all.set(vector, s * length);
  });
  return tf.tensor2d(all, [vectors.length, length]);
}

/**
 * The inverse of stackVectors: the rows of a tensor.
 *
 * @param stacked [S, d]
 * @returns S vectors [d], copies owned by the caller
 * @example
 * unstackVectors(tf.tensor2d([[1, 2], [3, 4]])); // [[1, 2], [3, 4]]
 */
export function unstackVectors(stacked: Tensor): Float32Array[] {
  const length = stacked.shape[1]!;
  const values = stacked.dataSync<"float32">();
  return Array.from({ length: stacked.shape[0] }, (_, s) => values.slice(s * length, (s + 1) * length));
}

/**
 * Batches of equal size as the engine's images.
 *
 * @param images S arrays, each [B, C, H, W]
 * @param shape [C, H, W]
 * @returns [B, H, W, S·C]; the caller's tidy owns it
 */
export function stackImages(images: readonly Float32Array[], shape: Shape): Tensor {
  return toImages(stackVectors(images), shape);
}

/**
 * Rows of pixels as the engine's images.
 *
 * @param rows [S, B·C·H·W]
 * @param shape [C, H, W]
 * @returns [B, H, W, S·C]; the caller's tidy owns it
 */
export function toImages(rows: Tensor, [c, h, w]: Shape): Tensor {
  const replicas = rows.shape[0];
  // A transposed matrix is five times as fast as the same numbers with an axis of length one between them.
  const pixels =
    c === 1 ? tf.transpose(rows) : tf.transpose(tf.reshape(rows, [replicas, -1, c!, h! * w!]), [1, 3, 0, 2]);
  return tf.reshape(pixels, [-1, h!, w!, replicas * c!]);
}

/**
 * The inverse of stackImages.
 *
 * @param stacked [B, H, W, S·C]
 * @returns S arrays, each [B, C, H, W], copies owned by the caller
 */
export function unstackImages(stacked: Tensor, replicas: number): Float32Array[] {
  const rows = tidy(() => toRows(stacked, replicas));
  const images = unstackVectors(rows);
  rows.dispose();
  return images;
}

/**
 * The inverse of toImages.
 *
 * @param stacked [B, H, W, S·C]
 * @param replicas S
 * @returns [S, B·C·H·W]; the caller's tidy owns it
 */
export function toRows(stacked: Tensor, replicas: number): Tensor {
  const [batch, h, w, channels] = stacked.shape as [number, number, number, number];
  const pixels = tf.reshape(stacked, [batch, h * w, replicas, channels / replicas]);
  return tf.reshape(tf.transpose(pixels, [2, 0, 3, 1]), [replicas, -1]);
}

/**
 * Labels as one-hot targets.
 *
 * @param labels S arrays of B labels, each in 0..numClasses-1
 * @returns [S, B, K]; the caller's tidy owns it
 */
export function stackTargets(labels: readonly ArrayLike<number>[], numClasses: number): Tensor {
  const batch = labels[0]!.length;
  const values = new Float32Array(labels.length * numClasses * batch);
  labels.forEach((row, s) => {
    ensureLabels("stackTargets", "labels", row, batch, numClasses); // another would stand in the next replica's target, or in none
    for (let b = 0; b < batch; b++) values[(s * batch + b) * numClasses + row[b]!] = 1;
  });
  return tf.tensor3d(values, [labels.length, batch, numClasses]);
}

/**
 * Batches as a pass takes them.
 *
 * @param network of which inputShape [C, H, W] and numClasses K are read
 * @returns images [B, H, W, S·C] and targets [S, B, K]; the caller's tidy owns them
 * @example
 * stackBatches(network, [batch, batch])[1].shape; // [2, batch.size, network.numClasses]
 */
export function stackBatches(
  { inputShape, numClasses }: { readonly inputShape: Shape; readonly numClasses: number },
  batches: readonly Batch[],
): [images: Tensor, targets: Tensor] {
  const images = batches.map((batch) => batch.images);
  const labels = batches.map((batch) => batch.labels);
  return [stackImages(images, inputShape), stackTargets(labels, numClasses)];
}
