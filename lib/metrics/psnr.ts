/** @file Peak signal-to-noise ratio. */
import { ensureComparable } from "./pixels";
import { rmseAt } from "./rmse";

/**
 * Peak signal-to-noise ratio in decibels, for a data range of 1.
 *
 *     psnr = 10 log10(1 / mean_i (a[i] - b[i])^2) = 20 log10(1 / rmse)
 *
 * @param a pixels of an image, in [0, 1]
 * @param b as many pixels, in the same order
 * @returns decibels; Infinity for equal images
 * @throws InputError when the images are empty, differ in length, or hold NaN or an infinity
 * @example
 * psnr(Float32Array.of(0.5), Float32Array.of(0.75)); // 12.041199826559248; 10 log10(16), as the mean square is 1/16
 * @source scikit-image `peak_signal_noise_ratio` with data_range = 1.
 */
export function psnr(a: Float32Array, b: Float32Array): number {
  ensureComparable("psnr", a, b);
  return 20 * Math.log10(1 / rmseAt(a, 0, b, 0, a.length));
}
