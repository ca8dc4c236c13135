/** @file From stored bytes to what a model reads. */
import { types } from "node:util";
import { ensure, refuse } from "../core/errors";
import { joined } from "../core/joined";
import type { Batch, ImageSet } from "../core/types";

const unit = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Takes images out of a set as a batch.
 *
 *     batch.images[b] = images.pixels[indices[b]] / 255;  batch.labels[b] = images.labels[indices[b]]
 *
 * @param images the set, pixels 0..255
 * @param indices which images, each in 0..count-1, at least one; repeats are allowed
 * @returns a batch with pixels in [0, 1] in the order of indices, owned by the caller
 * @throws InputError when there is no index, one is no image of the set, or the pixels are no bytes
 * @example
 * const images = { pixels: Uint8Array.of(0, 255), labels: Uint8Array.of(4, 7), count: 2 };
 * batchOf(images, [1]); // { images: [1], labels: [7], size: 1 }
 */
export function batchOf(images: ImageSet, indices: ArrayLike<number>): Batch {
  const size = indices.length;
  ensure(size > 0, "batchOf", "needs at least one index", "none");
  ensure(types.isUint8Array(images.pixels), "batchOf", "needs pixels 0..255 as a Uint8Array", "another kind");
  const length = images.pixels.length / images.count;
  const batch = { images: new Float32Array(size * length), labels: new Int32Array(size), size };
  for (let b = 0; b < size; b++) {
    const index = indices[b]!;
    if (!(Number.isInteger(index) && index >= 0 && index < images.count))
      refuse("batchOf", `needs indices in 0..${images.count - 1}`, `${index} at position ${b}`);
    batch.labels[b] = images.labels[index]!;
    for (let p = 0; p < length; p++) batch.images[b * length + p] = unit[images.pixels[index * length + p]!]!;
  }
  return batch;
}

/**
 * Batches one after the other as one.
 *
 * @param batches at least one, images of one shape
 * @returns a batch of all their images, owned by the caller
 * @throws InputError when there is no batch
 * @example
 * joinBatches([batchOf(dataset.train, [0, 1]), batchOf(dataset.train, [2])]).size; // 3
 */
export function joinBatches(batches: readonly Batch[]): Batch {
  ensure(batches.length > 0, "joinBatches", "needs at least one batch", "none");
  const images = joined(Float32Array, batches.map((batch) => batch.images)); // prettier-ignore
  const labels = joined(Int32Array, batches.map((batch) => batch.labels)); // prettier-ignore
  return { images, labels, size: labels.length };
}

/**
 * Neighbouring images of a batch, as a batch that shares its memory.
 *
 * @param batch any
 * @param from the first of them
 * @param count how many, all within the batch
 * @returns the slice
 * @example
 * sliceOf(batchOf(dataset.train, [3, 4, 5]), 1, 2).size; // 2
 */
export function sliceOf({ images, labels, size }: Batch, from: number, count: number): Batch {
  const pixels = images.length / size;
  const to = from + count;
  return { images: images.subarray(from * pixels, to * pixels), labels: labels.subarray(from, to), size: count };
}
