/** @file What a set of images looks like in numbers. */
import type { ImageSet } from "../core/types";

/** Pixels in [0, 1]. */
export interface ImageStats {
  /** Over all pixels of all images, in [0, 1]. */
  readonly mean: number;
  /** Over all pixels of all images, population form. */
  readonly std: number;
  /** Images per class, index = label. */
  readonly classCounts: readonly number[];
}

/**
 * Mean and standard deviation over all pixels, and the number of images per class.
 *
 *     mean = sum(x) / n;  std = sqrt(sum(x^2) / n - mean^2);  x = byte / 255
 *
 * @param images the set
 * @param numClasses length of classCounts
 * @returns the statistics, exact up to float64 (the bytes are counted, not summed one by one)
 * @example
 * const images = { pixels: Uint8Array.of(0, 255), labels: Uint8Array.of(1, 1), count: 2 };
 * imageStats(images, 2); // { mean: 0.5, std: 0.5, classCounts: [0, 2] }
 */
export function imageStats(images: ImageSet, numClasses: number): ImageStats {
  const histogram = new Float64Array(256);
  for (const byte of images.pixels) histogram[byte]!++;
  const n = images.pixels.length;
  const moment = (power: number) => histogram.reduce((sum, times, byte) => sum + times * (byte / 255) ** power, 0) / n;
  const classCounts = new Array<number>(numClasses).fill(0);
  for (const label of images.labels) classCounts[label]!++;
  const mean = moment(1);
  return { mean, std: Math.sqrt(Math.max(0, moment(2) - mean * mean)), classCounts };
}
