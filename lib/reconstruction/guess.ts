/** @file The attacker's guess: what it takes an image to be by its label alone. */
import type { Batch } from "../core/types";

const pseudoImages = 2;

/**
 * The mean of the attacker's own images by class, drawn towards the mean of all of them as if two images of it stood in every class.
 *
 * mu_c = (sum of the n_c own images of class c + 2 mu) / (n_c + 2),  mu the mean of all own images
 *
 * @param own labelled images of the attacker's
 * @param numClasses K
 * @returns [K][C H W], owned by the caller; mu for a class it has no image of
 * @example
 * classGuesses({ images: Float32Array.of(0, 0, 1), labels: Int32Array.of(0, 0, 1), size: 3 }, 2).map(([x]) => x); // [0.167, 0.556]
 * @source our choice: the guess of least squared error, of few images shrunk
 */
export function classGuesses({ images, labels, size }: Batch, numClasses: number): Float32Array[] {
  const pixels = images.length / size;
  const overall = new Float64Array(pixels);
  for (let i = 0; i < images.length; i++) overall[i % pixels]! += images[i]! / size;
  const counts = new Array<number>(numClasses).fill(pseudoImages);
  const sums = counts.map(() => overall.map((x) => pseudoImages * x));
  labels.forEach((label, image) => {
    counts[label]!++;
    const sum = sums[label]!;
    for (let p = 0; p < pixels; p++) sum[p]! += images[image * pixels + p]!;
  });
  return sums.map((sum, c) => Float32Array.from(sum, (x) => x / counts[c]!));
}
