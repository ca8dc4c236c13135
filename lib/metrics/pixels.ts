/** @file What every image metric asks of its two images. */
import { ensure, ensureFinite } from "../core/errors";
import { ensureFloats } from "../core/typed";

/**
 * Refuses two images (or stacks of images) that cannot be compared pixel by pixel.
 *
 * @param a pixels, nominally in [0, 1]
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
