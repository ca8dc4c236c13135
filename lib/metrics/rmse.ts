/** @file Root mean squared error, the paper's measure of a reconstruction. */
import { ensureComparable } from "./pixels";

/**
 * Root mean squared error per pixel.
 *
 *     rmse = sqrt(mean_i (a[i] - b[i])^2)
 *
 * @param a pixels of an image or of a stack of images, nominally in [0, 1]
 * @param b as many pixels, in the same order
 * @returns the error in units of the pixel range: 0 for equal images, 1 for black against white
 * @throws InputError when the images are empty, differ in length, or hold NaN or an infinity
 * @example
 * rmse(Float32Array.of(0, 1), Float32Array.of(0, 0)); // 0.7071067811865476; sqrt(1 / 2)
 * @source The paper's Section 5 reports RMSE; that it is per pixel in [0, 1] is not stated there: our choice.
 */
export function rmse(a: Float32Array, b: Float32Array): number {
  ensureComparable("rmse", a, b);
  return rmseAt(a, 0, b, 0, a.length);
}

/**
 * rmse of two images inside stacks, without its checks: what matching calls n^2 times.
 *
 * @returns sqrt(mean (a - b)^2), summed in float64
 * @example
 * rmseAt(Float32Array.of(9, 0, 1), 1, Float32Array.of(0, 0), 0, 2); // 0.7071067811865476
 */
export function rmseAt(a: Float32Array, fromA: number, b: Float32Array, fromB: number, pixels: number): number {
  let sum = 0;
  for (let i = 0; i < pixels; i++) {
    const difference = a[fromA + i]! - b[fromB + i]!;
    sum += difference * difference;
  }
  return Math.sqrt(sum / pixels);
}
