/** @file Label flip (LF): data poisoning. */
import { refuse } from "../core/errors";
import { checkedPoisoning } from "./poisoning";

/**
 * Trains on wrong labels, and sends honestly what that gives.
 *
 * y -> numClasses - 1 - y, for every image of the batch
 *
 * Reads no parameter. It throws an InputError when a label is none of 0..numClasses-1.
 *
 * @example
 * const context = { parameters: {}, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 1, 2], numClasses: 10 };
 * labelFlip.poisonBatch({ images: Float32Array.of(0, 1), labels: Int32Array.of(3), size: 1 }, context).labels; // [6]
 * @source Tolpegin et al. 2020; this flip as in byzfl
 */
export const labelFlip = checkedPoisoning({
  name: "labelFlip",
  label: "label flip",
  source: "Tolpegin et al. 2020",
  knows: "own",
  reads: [],
  poisonBatch({ images, labels, size }, { numClasses }) {
    const bad = labels.findIndex((label) => !(label >= 0 && label < numClasses));
    if (bad >= 0) refuse("labelFlip", `needs labels in 0..${numClasses - 1}`, `${labels[bad]} at image ${bad}`);
    return { images, labels: labels.map((label) => numClasses - 1 - label), size };
  },
});
