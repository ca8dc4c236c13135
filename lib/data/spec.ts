/** @file What a dataset's description is. */
import type { Rng } from "../core/rng";
import type { ImageSet, Shape } from "../core/types";

/** A file of the official distribution. */
export interface OfficialFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Described {
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  /** [C, H, W]. */
  readonly inputShape: Shape;
  readonly numClasses: number;
  readonly classNames: readonly string[];
  readonly source: string;
  readonly licence: string;
}

/** A dataset kept as files in a folder. */
export interface FolderSpec extends Described {
  readonly format: "idx" | "cifar";
  /** Below CURIOUS_DATA and below data/. */
  readonly folder: string;
  /** Base addresses, tried in turn. */
  readonly mirrors: readonly string[];
  /** Idx: images, labels of train, then of test; cifar: the archive. */
  readonly files: readonly OfficialFile[];
  readonly official?: {
    readonly train: string; // fingerprint of the images and labels, see fingerprintOf
    readonly test: string;
  };
  /** Of training pixels in [0, 1], as published. */
  readonly brightness?: readonly [mean: number, std: number];
}

/** A dataset drawn by the library itself. */
export interface EmbeddedSpec extends Described {
  readonly format: "embedded";
  readonly trainCount: number;
  readonly testCount: number;
  /** So many images; training and test images have a stream each. */
  draw(count: number, rng: Rng): ImageSet;
}

/** What a dataset is, and where its images come from. */
export type DatasetSpec = FolderSpec | EmbeddedSpec;
