/** @file The records that cross public boundaries. Tensors never do: a vector is a Float32Array, its shape stands beside it. */

/** A tensor's shape without the batch axis, channels first: images are [C, H, W]. */
export type Shape = readonly number[];

/** Labelled images as read from disk: one byte a pixel, channels first. */
export interface ImageSet {
  readonly pixels: Uint8Array; // [count, C, H, W], 0..255
  readonly labels: Uint8Array; // [count], 0..numClasses-1
  readonly count: number;
}

/** Where a dataset came from; stamped on every figure. */
export type DatasetSource = "folder" | "download" | "embedded";

/** A dataset in memory. */
export interface Dataset {
  readonly name: string; // "fashion-mnist", "mnist", "cifar-10", "strokes"
  readonly source: DatasetSource;
  readonly hash: string; // SHA-256 (hex) over the pixels and labels of train and test
  readonly official?: boolean; // whether its images are the official ones, in any order; absent where that is not known
  readonly inputShape: Shape; // [C, H, W]
  readonly numClasses: number;
  readonly classNames: readonly string[];
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** A batch of images with labels, ready for a model. */
export interface Batch {
  readonly images: Float32Array; // [size, C, H, W], pixels in [0, 1]
  readonly labels: Int32Array; // [size]
  readonly size: number; // B, images in the batch
}

/** What each client owns: indices into a dataset's training set. */
export interface Partition {
  readonly name: string; // "iid", "dirichlet(0.5)", "2 classes per client"
  readonly clients: readonly Int32Array[]; // [numClients][images of the client]
}
