/** @file What an inversion is asked for, and what comes out of it. */
import type { Batch } from "../core/types";
import type { ObjectiveName } from "./objective";
import type { Prior } from "./priors";

/** How to invert. The paper states none of these numbers: our choices, swept in the sensitivity notebooks. */
export interface InvertOptions {
  readonly prior: Prior;
  readonly own?: Batch; // labelled images of the attacker's, for labels, guesses and the Gaussian prior; default: those of its batch in the first view
  readonly labels?: readonly Int32Array[]; // the private labels of every view; default: inferred from its gradient
  readonly objective?: ObjectiveName; // default "cosine"
  readonly unroll?: boolean; // for tau > 1: tau steps of each dummy client; default false: all images at the broadcast w
  readonly noise?: "ignored" | "known"; // where privacy noise of known size is in a view: nothing (default), or the most likely images, see invert
  readonly through?: "mean" | "protocol"; // hold the dummies' plain mean (default), or what view.protocol makes of them, against a view
  readonly steps?: number; // Adam steps, default 250
  readonly learningRate?: number; // of Adam on the code, cosine decay to a tenth; default 0.1
  readonly totalVariation?: number | readonly [from: number, to: number]; // weight of the smoothness term, >= 0, or the two > 0 between which it falls geometrically; default 0
  readonly box?: boolean; // codes stay in [0, 1] at every step, with the pixel prior; default false: images are clipped at the end
  readonly initialCode?: "normal" | "uniform" | "guess"; // z ~ N(0, 0.1^2) (default), U[0, 1), or the guess for each label and N(0, 0.05^2)
  readonly restarts?: number; // starts per view, of which the best match is returned; default 1
  readonly retryAbove?: number; // views whose best match is worse get the next start, others do not; default: all get all starts
  readonly goal?: number; // a start ends at this matching loss; default: after all its steps
  readonly seed?: number; // of the initial codes; default 0
  readonly onStep?: (done: number, total: number) => void; // stacked steps over all views
}

/** What came out of one view. */
export interface Reconstruction {
  readonly round: number; // of the view
  readonly images: Float32Array; // [numImages, C, H, W], clipped to [0, 1]
  readonly labels: Int32Array; // [numImages]; images[i] was reconstructed as of class labels[i]
  readonly matchingLoss: number; // the objective at the end, without the smoothness term
  readonly trace: readonly { readonly step: number; readonly matchingLoss: number }[];
}
