/** @file A reconstruction against the truth: the one place where the two meet. */
import type { Batch } from "../core/types";
import type { Reconstruction } from "../reconstruction/invert";
import { floorRmse, leakage } from "./baseline";
import { labelAccuracy } from "./labels";
import { matchImages } from "./matching";

/** One inverted view, scored. */
export interface Leak {
  readonly round: number;
  readonly rmse: number; // mean over the private images, pixels in [0, 1]
  readonly perImage: readonly number[]; // RMSE of each private image
  readonly floor: number; // mean RMSE of the best guess without a gradient
  readonly leakage: number; // 1 - rmse / floor
  readonly matchingLoss: number;
  readonly labelAccuracy: number; // share of the inferred labels that are right, as a multiset
  readonly labels: readonly number[]; // true labels of the private images
  readonly privateImages: Float32Array; // [n, C, H, W]
  readonly reconstructions: Float32Array; // [n, C, H, W], in the order of the private images they were matched to
}

/**
 * Scores a reconstruction: matched to the private images at least total RMSE within a class, and set against the floor.
 *
 *     leakage = 1 - rmse / floor
 *
 * @param reconstruction as invert gives it
 * @param truth the private images behind the view, with labels
 * @param own the attacker's own images with labels, from which it could guess without a gradient
 * @param options decoderMean: the mean output of the attacker's decoder, another such guess
 * @returns the leak, owned by the caller
 * @throws InputError when the numbers of images do not fit
 * @example
 * const [reconstruction] = await invert([view], { prior: { kind: "pixel" }, steps: 2 });
 * const leak = scoreLeak(reconstruction, joinBatches(records[0].batches.flat()), own);
 * leak.leakage; // 1 - leak.rmse / leak.floor
 * @source Our choice (design: measuring honestly); the paper reports the RMSE alone
 */
export function scoreLeak(
  { round, images, labels, matchingLoss }: Reconstruction,
  truth: Batch,
  own: Batch,
  { decoderMean }: { decoderMean?: Float32Array | undefined } = {},
): Leak {
  const pixels = truth.images.length / truth.size;
  const scored = { privateImages: truth.images, privateLabels: truth.labels, pixels };
  const { pairs, mean } = matchImages(truth.images, images, { ...scored, reconstructionLabels: labels });
  const { floor } = floorRmse({ ...scored, ownImages: own.images, ownLabels: own.labels, decoderMean });
  const reconstructions = new Float32Array(truth.images.length);
  for (const [i, { reconstruction: from }] of pairs.entries()) {
    reconstructions.set(images.subarray(from * pixels, (from + 1) * pixels), i * pixels);
  }
  return {
    round,
    rmse: mean,
    perImage: pairs.map((pair) => pair.rmse),
    floor,
    leakage: leakage(mean, floor),
    matchingLoss,
    labelAccuracy: labelAccuracy(truth.labels, labels),
    labels: [...truth.labels],
    privateImages: truth.images,
    reconstructions,
  };
}
