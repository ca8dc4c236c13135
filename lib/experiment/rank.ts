/** @file Do two quantities rise together? Rank correlation, of which a seed gives one number. */
import { jStat } from "jstat";
import { ensure, ensureFinite } from "../core/errors";

/**
 * Spearman's rank correlation: the correlation of ranks, equal values sharing the mean of theirs.
 *
 * Over the rounds of a run it is one number a seed; the interval is over seeds (estimateMean), as rounds are not independent.
 *
 * @param x numbers, not all equal
 * @param y as many, not all equal
 * @returns -1 (one falls where the other rises) to 1
 * @throws InputError when lengths differ or are below 2, a number is not finite, or all of one side are equal
 * @example
 * rankCorrelation([1, 2, 3, 4], [1, 4, 9, 16]); // 1
 * rankCorrelation([1, 2, 3], [2, 2, 1]); // -0.866
 * @source Spearman 1904
 */
export function rankCorrelation(x: readonly number[], y: readonly number[]): number {
  const fn = "rankCorrelation";
  ensure(
    x.length >= 2 && x.length === y.length,
    fn,
    "needs as many x as y, at least two",
    `${x.length} and ${y.length}`,
  );
  for (const [name, values] of Object.entries({ x, y })) {
    ensureFinite(fn, name, values);
    ensure(values.some((value) => value !== values[0]), fn, `needs ${name} that differ`, `${values[0]} throughout`); // prettier-ignore
  }
  return jStat.spearmancoeff([...x], [...y]);
}
