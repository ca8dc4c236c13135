/** @file What the benchmarks make of repeated times. */

/** The p-quantile of numbers, 0 <= p <= 1, linear between order statistics. */
export function quantile(values, p) {
  if (values.length === 0) throw new Error("quantile: needs at least one value, got 0");
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export const median = (values) => quantile(values, 0.5);

/** Median and spread: { median, min, q1, q3, max, n }. */
export const summarize = (values) => ({
  median: median(values),
  min: quantile(values, 0),
  q1: quantile(values, 0.25),
  q3: quantile(values, 0.75),
  max: quantile(values, 1),
  n: values.length,
});

/**
 * How many times as long theirs takes as ours, pair by pair: repeat i of one against repeat i of the other, which ran right after
 * it, so what slows the whole machine for a while cancels. Above 1: ours is faster.
 * @returns summarize of theirs[i] / ours[i]
 */
export function speedup(ours, theirs) {
  if (ours.length !== theirs.length)
    throw new Error(`speedup: needs as many times of both sides, got ${ours.length} and ${theirs.length}`);
  return summarize(theirs.map((time, i) => time / ours[i]));
}

/** The key of the entry whose times have the smallest median. */
export const fastest = (times) =>
  Object.keys(times).reduce((best, name) => (median(times[name]) < median(times[best]) ? name : best));

/** log(y1 / y0) / log(x1 / x0): the exponent of growth between two points, 1 where y is proportional to x. */
export const growth = ([x0, y0], [x1, y1]) => Math.log(y1 / y0) / Math.log(x1 / x0);

/**
 * Runs all sides in turn, A B C A B C …, so each repeat of one has its neighbours of the others.
 * @param sides name -> async function that resolves to a measurement
 * @param options warmUp rounds that are thrown away; repeats; onRound(done, total)
 * @returns name -> measurements, in the order of the rounds
 */
export async function interleave(sides, { warmUp, repeats, onRound = () => {} }) {
  const measured = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = -warmUp; round < repeats; round++) {
    for (const [name, measure] of Object.entries(sides)) {
      const value = await measure();
      if (round >= 0) measured[name].push(value);
    }
    onRound(round + 1 + warmUp, repeats + warmUp);
  }
  return measured;
}
