/** @file How well the right images could match, as weights are saved with so many digits. */

/** What broadcasts are rounded by. */
export interface Rounded {
  /** W as broadcast, [d]. */
  readonly weights: Float32Array;
  /** Relative, of both broadcasts; see Checkpoint. */
  readonly rounding: number;
}

const sums = 2; // roundings of a weight: as it is saved, and as the server adds and divides

/**
 * The length of what rounding leaves in a difference of broadcasts over eta, as expected.
 *
 * sqrt(2 sum_i (r w_i)^2 / 3) / eta, for errors even in +-r |w_i| of each of the two, and as much again by the server's sums
 *
 * @param broadcast see Rounded
 * @param learningRate eta
 * @returns in units of the gradient
 * @example
 * roundingLength({ weights: Float32Array.of(3, 4), rounding: 2 ** -24 }, 0.1) < 1e-5; // true
 * @source our choice
 */
export function roundingLength({ weights, rounding }: Rounded, learningRate: number): number {
  const square = weights.reduce((sum, w) => sum + w * w, 0);
  return (rounding * Math.sqrt((2 * sums * square) / 3)) / learningRate;
}

/**
 * The cosine distance below which a match says no more: what rounding moves the right images' to, and what the engine resolves.
 *
 * 1.1 |e|^2 / (2 |g|^2) + 1e-5,  e of roundingLength
 *
 * @param observed g of the view, [d]
 * @param broadcast see Rounded
 * @param learningRate eta
 * @returns the bound, which for images at hand is 1.1 times their own distance and 1e-5 too
 * @example
 * matchBound(Float32Array.of(1, 0), { weights: Float32Array.of(1, 1), rounding: 2 ** -24 }, 0.1); // 1e-5
 * @source our choice
 */
export function matchBound(observed: Float32Array, broadcast: Rounded, learningRate: number): number {
  const square = observed.reduce((sum, g) => sum + g * g, 0);
  return (1.1 * roundingLength(broadcast, learningRate) ** 2) / (2 * square) + 1e-5;
}
