/** @file What an inversion is asked for, and what comes out of it. */
import type { Batch } from "../core/types";
import type { ObjectiveName } from "./objective";
import type { Prior } from "./priors";
import type { AttackerView } from "./view";

/** How to invert. The paper states none of these numbers: our choices, swept in the sensitivity notebooks. */
export interface InvertOptions {
  /** What images look like: { kind: "pixel" }, or another name of `priors`; { kind: "autoencoder", autoencoders } with one per view. */
  readonly prior: Prior;
  /** Labelled images of the attacker's, for labels, guesses and the Gaussian prior; default: its batch in the first view. */
  readonly own?: Batch;
  /** The private labels of every view, [views][numImages]; default: inferred from its gradient. */
  readonly labels?: readonly Int32Array[];
  /** Of each view the further ones that show the same images, in which clients trained on them again; default: none. */
  readonly also?: readonly (readonly AttackerView[])[];
  /** Distance between gradients: "cosine" (default, no scale) or "squared"; the paper does not say which. */
  readonly objective?: ObjectiveName;
  /** For tau > 1: tau steps of each dummy client; default false: all images at the broadcast w. Through the protocol default true. */
  readonly unroll?: boolean;
  /** Hold the dummies' plain mean ("mean", default) against a view, or what view.protocol makes of them ("protocol"). */
  readonly through?: "mean" | "protocol";
  /** Where privacy noise of known size is in a view: nothing ("ignored", default), or the most likely images ("known"); see invert. */
  readonly noise?: "ignored" | "known";
  /** Adam steps, >= 1; default 250. */
  readonly steps?: number;
  /** Of Adam on the code, > 0, cosine decay to a tenth; default 0.1. */
  readonly learningRate?: number;
  /** Weight of the smoothness term, >= 0, or the two > 0 between which it falls geometrically; default 0. */
  readonly totalVariation?: number | readonly [from: number, to: number];
  /** Codes stay in [0, 1] at every step, with the pixel prior; default false: images are clipped at the end. */
  readonly box?: boolean;
  /** z ~ N(0, 0.1^2) ("normal", default), U[0, 1) ("uniform"), or the guess for each label and N(0, 0.05^2) ("guess", in pixels). */
  readonly initialCode?: "normal" | "uniform" | "guess";
  /** Starts per view, >= 1, of which the best match is returned; default 1. */
  readonly restarts?: number;
  /** Steps, >= 1, after which only the best of a view's starts that are made at a time goes on; default: all make all steps. */
  readonly restartSteps?: number;
  /** Matching loss >= 0: views whose first start ends worse get the other starts, others do not; default: all get all starts. */
  readonly retryAbove?: number;
  /** Matching loss >= 0 at which a start ends; default: after all its steps. */
  readonly goal?: number;
  /** Integer, of the initial codes; default 0. */
  readonly seed?: number;
  /** Hears of stacked steps over all views, `done` of `total`. */
  readonly onStep?: (done: number, total: number) => void;
}

/** What came out of one view. */
export interface Reconstruction {
  /** Of the view. */
  readonly round: number;
  /** [numImages, C, H, W], clipped to [0, 1]. */
  readonly images: Float32Array;
  /** [numImages]; images[i] was reconstructed as of class labels[i]. */
  readonly labels: Int32Array;
  /** The objective at the end, without the smoothness term. */
  readonly matchingLoss: number;
  /** The matching loss every ten steps. */
  readonly trace: readonly { readonly step: number; readonly matchingLoss: number }[];
}
