/** @file An order that does not depend on chance where numbers are equal. */

/**
 * The positions of numbers from the smallest to the largest; of equal ones the first comes first.
 *
 * @param values finite
 * @returns a permutation of 0..values.length-1
 * @example
 * ascending([3, 1, 1]); // [1, 2, 0]
 */
export function ascending(values: readonly number[]): number[] {
  return [...values.keys()].sort((i, j) => values[i]! - values[j]! || i - j);
}
