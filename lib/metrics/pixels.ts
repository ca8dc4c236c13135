/** @file What every image metric asks of its two images. */
import { ensure, ensureFinite } from "../core/errors";
import { ensureFloats } from "../core/typed";

/**
 * Refuses two images (or stacks of images) that cannot be compared pixel by pixel.
 *
 * @param fn name of the public function that was called
 * @param a pixels, nominally in [0, 1]
 * @param b as many pixels
 * @throws InputError when one is no Float32Array, they are empty, differ in length, or hold NaN or an infinity
 * @example
 * ensureComparable("rmse", new Float32Array(4), new Float32Array(3)); // throws "rmse: needs two images of equal length > 0, got 4 and 3"
 */
export function ensureComparable(fn: string, a: Float32Array, b: Float32Array): void {
  ensureFloats(fn, "a", a);
  ensureFloats(fn, "b", b);
  ensure(
    a.length > 0 && a.length === b.length,
    fn,
    "needs two images of equal length > 0",
    `${a.length} and ${b.length}`,
  );
  ensureFinite(fn, "a", a);
  ensureFinite(fn, "b", b);
}
