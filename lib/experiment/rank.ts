/** @file Do two quantities rise together? Rank correlation, of which a seed gives one number. */
import { jStat } from "jstat";
import { ensure, ensureFinite } from "../core/errors";
import { estimateMean, type Estimate } from "./statistics";

/**
 * Spearman's rank correlation: the correlation of ranks, equal values sharing the mean of theirs.
 *
 * Over the rounds of a run it is one number per seed; the interval is over seeds (estimateMean), as rounds are not independent.
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
  return Math.round(jStat.spearmancoeff([...x], [...y]) * 1e12) / 1e12; // rounding can lead beyond 1
}

/**
 * The mean of rank correlations over seeds, with its interval inside [-1, 1]: beyond, no correlation lies.
 *
 * @param values one correlation per seed
 * @returns as estimateMean
 * @throws InputError as estimateMean, or when a value is not in [-1, 1]
 * @example
 * estimateCorrelation([0.5, 1, 0.9]).interval; // [0.143, 1]
 */
export function estimateCorrelation(values: readonly number[]): Estimate {
  for (const value of values) ensure(Math.abs(value) <= 1 + 1e-9, "estimateCorrelation", "needs values in [-1, 1]", value); // prettier-ignore
  const { mean, interval, n } = estimateMean(values);
  return { mean, interval: [Math.max(-1, interval[0]), Math.min(1, interval[1])], n };
}
