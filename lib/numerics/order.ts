/** @file An order that does not depend on chance where numbers are equal. */

/**
 * The positions of numbers from the smallest to the largest; of equal ones the first comes first.
 *
 * @returns a permutation of 0..values.length-1
 * @example
 * ascending([3, 1, 1]); // [1, 2, 0]
 */
export function ascending(values: readonly number[]): number[] {
  return [...values.keys()].sort((i, j) => values[i]! - values[j]! || i - j);
}

/**
 * How much of each number is in their median: 1 of the one in the middle, or half of each of the two.
 *
 * median = sum_i shares[i] values[i]
 *
 * @param values finite, at least one
 * @returns the shares, in the values' order; of equal values the first counts as the smaller
 * @example
 * medianShares([9, 1, 5]); // [0, 0, 1]
 * medianShares([9, 1, 5, 7]); // [0, 0, 0.5, 0.5]
 */
export function medianShares(values: readonly number[]): number[] {
  const order = ascending(values);
  const shares = values.map(() => 0);
  for (const rank of [Math.floor((values.length - 1) / 2), Math.floor(values.length / 2)]) shares[order[rank]!]! += 0.5;
  return shares;
}
