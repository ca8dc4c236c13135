/** @file How often something happened, with an interval that is right for "never" too. */
import { jStat } from "jstat";
import { ensure, ensureCount } from "../core/errors";
import type { Estimate } from "./statistics";

/**
 * A fraction of independent cases and its exact interval (Clopper and Pearson).
 *
 *     low: the p at which P(at least count | p) = a      high: the p at which P(at most count | p) = a      a = (1 - confidence) / 2
 *
 * Of no case in n the interval is [0, 1 - a^(1/n)]: about 3.7/n at 95 %.
 *
 * @param count in how many cases it happened, 0..n
 * @param n cases, an integer >= 2
 * @param options confidence in (0, 1), default 0.95
 * @returns fraction, interval and n (cases, not seeds)
 * @throws InputError when a count is out of range
 * @example
 * estimateProportion(0, 1000); // { mean: 0, interval: [0, 0.0037], n: 1000 }
 * @source Clopper and Pearson 1934
 */
export function estimateProportion(count: number, n: number, { confidence = 0.95 } = {}): Estimate {
  const fn = "estimateProportion";
  ensureCount(fn, "n", n, 2);
  ensureCount(fn, "count", count, 0);
  ensure(count <= n, fn, "needs count <= n", `${count} of ${n}`);
  ensure(confidence > 0 && confidence < 1, fn, "needs 0 < confidence < 1", confidence);
  const tail = (1 - confidence) / 2;
  const low = count === 0 ? 0 : jStat.beta.inv(tail, count, n - count + 1);
  const high = count === n ? 1 : jStat.beta.inv(1 - tail, count + 1, n - count);
  return { mean: count / n, interval: [low, high], n };
}
