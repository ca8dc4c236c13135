/** @file How much the median of normal numbers varies. */
import { ensure, ensureCount } from "../core/errors";
import { trimmedVariance } from "../numerics/normalOrder";

/**
 * The variance of the median of n independent standard normals: trimmedVariance where the most is left out.
 *
 * @param n how many, an integer of 1..1000; for even n the median is the mean of the middle two
 * @returns the variance, to nine digits; at most π/(2 n), and that for large n
 * @throws InputError when n is no integer of 1..1000
 * @example
 * medianVariance(3); // 0.44867; 1 - sqrt(3)/π; the mean has a third
 * @source density of order statistics, e.g. David and Nagaraja 2003, Order Statistics, chapter 2
 */
export function medianVariance(n: number): number {
  ensureCount("medianVariance", "n", n);
  ensure(n <= 1000, "medianVariance", "needs n <= 1000", n, "use π/(2 n)");
  return trimmedVariance(n, Math.floor((n - 1) / 2));
}
