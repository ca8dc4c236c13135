/** @file What a prior is: what the attacker takes images to look like, as a map from a code z to an image. */
import type { Tensor } from "../core/backend";
import type { Batch, Shape } from "../core/types";
import type { Autoencoder } from "../model/autoencoder";

/** A prior. Its codes are shaped like images, [C, H, W] of any size, so that a stack of them is laid out as images are. */
export interface PriorRule {
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  readonly source: string;
  readonly codes: CodeDomain;
  createDecoder(context: PriorContext): Decoder;
}

/** Where codes live: pixels in [0, 1], a standard normal, or anywhere. */
export type CodeDomain = "pixels" | "normal" | "free";

/** What a decoder is made of: S replicas, one for each start of a search, and what the attacker has. */
export interface PriorContext {
  /** [C, H, W]. */
  readonly inputShape: Shape;
  readonly numClasses: number;
  /** [S], the view of each replica, by its number among those that were given. */
  readonly views: readonly number[];
  /** [S][B], of the images that each replica looks for. */
  readonly labels: readonly Int32Array[];
  /** The attacker's own labelled images. */
  readonly own: Batch;
  /** One per view. */
  readonly autoencoders?: readonly Autoencoder[] | undefined;
}

/** The decoder of S replicas. */
export interface Decoder {
  readonly codeShape: Shape;
  /** Which the caller disposes. */
  readonly tensors: object;
  /** Codes [B, h, w, S·c] -> images [B, H, W, S·C], and the pull-back of a gradient with respect to these. */
  decode(codes: Tensor): Decoded;
}

/** Images, and how a gradient with respect to them is one with respect to their codes. */
export interface Decoded {
  readonly images: Tensor;
  readonly pull: (imagesGradient: Tensor) => Tensor;
}
