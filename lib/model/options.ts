/** @file What an architecture is, and what it may be told. */
import type { Shape } from "../core/types";
import type { ActivationName } from "./layers/activation";
import type { Layer } from "./layers/layer";
import type { PoolingName } from "./layers/pooling";

/** Options of an architecture; one without the part in question ignores it. */
export interface ArchitectureOptions {
  /** Default "relu". */
  readonly activation?: ActivationName;
  /** Default "max". */
  readonly pooling?: PoolingName;
}

/** An architecture: what a network is made of, for any size of images and any number of classes. */
export interface Architecture {
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  readonly source: string;
  /** The layer from images [C, H, W] to logits [K]. */
  build(inputShape: Shape, numClasses: number, options: ArchitectureOptions): Layer;
}
