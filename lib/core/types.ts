/** @file The records that cross public boundaries. Tensors never do: a vector is a Float32Array, its shape stands beside it. */

/** A tensor's shape without the batch axis, channels first: images are [C, H, W]. */
export type Shape = readonly number[];

/** Labelled images as read from disk: one byte a pixel, channels first. */
export interface ImageSet {
  /** [count, C, H, W], 0..255. */
  readonly pixels: Uint8Array;
  /** [count], 0..numClasses-1. */
  readonly labels: Uint8Array;
  /** How many. */
  readonly count: number;
}

/** Where a dataset came from; stamped on every figure. */
export type DatasetSource = "folder" | "download" | "embedded";

/** A dataset in memory. */
export interface Dataset {
  /** Its key in the registry. */
  readonly name: string;
  /** Where it was found. */
  readonly source: DatasetSource;
  /** SHA-256 (hex) over the pixels and labels of train and test. */
  readonly hash: string;
  /** Whether its images are the official ones, in any order; absent where that is not known. */
  readonly official?: boolean;
  /** [C, H, W]. */
  readonly inputShape: Shape;
  /** Labels are 0..numClasses-1. */
  readonly numClasses: number;
  /** [numClasses]. */
  readonly classNames: readonly string[];
  /** Training images. */
  readonly train: ImageSet;
  /** Test images. */
  readonly test: ImageSet;
}

/** A batch of images with labels, ready for a model. */
export interface Batch {
  /** [size, C, H, W], pixels in [0, 1]. */
  readonly images: Float32Array;
  /** [size]. */
  readonly labels: Int32Array;
  /** B, images in the batch. */
  readonly size: number;
}

/** What each client owns: indices into a dataset's training set. */
export interface Partition {
  /** "iid", "dirichlet(0.5)", "2 classes per client". */
  readonly name: string;
  /** [numClients][images of the client]. */
  readonly clients: readonly Int32Array[];
}
