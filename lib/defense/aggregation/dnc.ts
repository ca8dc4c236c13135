/** @file DnC, divide and conquer: spectral filtering of outliers. */
import { ensure, ensureCount, refuse } from "../../core/errors";
import type { Rng } from "../../core/rng";
import { ensureUpdates, refuseRound } from "../updates";
import { checkedAggregator } from "../checked";
import { squaredDistances } from "../../numerics/distances";
import { averageOf } from "../average";
import { ascending } from "../../numerics/order";
import { spreadOf } from "../../numerics/principalVariance";

/**
 * Divide and conquer: drops the updates that stand out along the direction in which the updates differ most, and does so several times
 * on coordinates drawn anew.
 *
 * score_i = ((x_i - mean(x)) . v)^2,  x the updates at subsampleSize coordinates, v the top right singular vector of x - mean(x);
 * an iteration drops the floor(filterFraction f) updates of highest score; update = mean of those that no iteration dropped
 *
 * The scores come from the pairwise distances alone (see spreadOf). Of equal scores the higher index is dropped.
 *
 * Its `aggregate` takes the updates [n][d], reads f (0 <= f < n/2), iterations (default 5), subsampleSize (b, default 10000),
 * filterFraction (c >= 0, default 1) and, when b < d, options.rng; with b >= d an iteration is like any other, so one is made. It
 * throws an InputError when a parameter is out of range, an iteration would drop everybody, or rng is missing; and refuses the round
 * when an update is not finite, or none is left by all iterations. Of public codes one returns zeros then and one NaN; aggregateRound makes no
 * step either, and says why.
 *
 * @example
 * const updates = [[1, 2, 3], [-1, 4, -1], [2, 2, 3], [3, 1, 3]].map((row) => Float32Array.from(row));
 * dnc.aggregate(updates, { f: 1 }).kept; // [0, 2, 3]
 * @source Shejwalkar and Houmansadr 2021; 5 iterations as in the first author's public code
 */
export const dnc = checkedAggregator({
  name: "dnc",
  label: "DnC",
  source: "Shejwalkar and Houmansadr 2021",
  reads: ["f", "iterations", "subsampleSize", "filterFraction"],
  keeps: (n, { f, iterations = 5, filterFraction = 1 }) => {
    const most = n - Math.floor(filterFraction * f); // an iteration drops as many, each perhaps others
    const least = Math.max(1, n - iterations * (n - most));
    return Array.from({ length: most - least + 1 }, (_, k) => least + k);
  },
  aggregate(updates, { f, rng, iterations = 5, subsampleSize = 10000, filterFraction = 1 }) {
    ensureUpdates("dnc", updates, f);
    ensureCount("dnc", "iterations", iterations);
    ensureCount("dnc", "subsampleSize", subsampleSize);
    ensure(filterFraction >= 0, "dnc", "needs a filterFraction >= 0", filterFraction);
    const n = updates.length;
    const count = n - Math.floor(filterFraction * f);
    ensure(count >= 1, "dnc", `needs a filterFraction that drops fewer than n = ${n} updates`, n - count);
    const d = updates[0]!.length;
    if (subsampleSize >= d) return averageOf(updates, leastOutlying(updates, count));
    if (rng === undefined)
      refuse("dnc", `needs a stream to draw ${subsampleSize} of ${d} coordinates`, "none", "give it in options.rng");
    let kept = updates.map((_, i) => i);
    const parts = updates.map(() => new Float32Array(subsampleSize));
    for (let iteration = 0; iteration < iterations; iteration++) {
      const coordinates = draw(d, subsampleSize, rng.split("dnc", iteration));
      updates.forEach((update, i) => gather(update, coordinates, parts[i]!));
      const stayed = leastOutlying(parts, count);
      kept = kept.filter((i) => stayed.includes(i));
    }
    if (kept.length === 0) refuseRound("dnc", "needs an update that every iteration keeps", "none; lower iterations");
    return averageOf(updates, kept);
  },
  pullBack: "weights",
});

/** The `count` vectors of lowest score. */
function leastOutlying(vectors: readonly Float32Array[], count: number): number[] {
  const { projections } = spreadOf(squaredDistances(vectors), new Array<number>(vectors.length).fill(1));
  return ascending(projections).slice(0, count);
}

/** `count` of 0..d-1, ascending, so memory is read in order: the first places of a shuffle that stops there. */
function draw(d: number, count: number, rng: Rng): Int32Array {
  const order = new Int32Array(d);
  for (let i = 0; i < d; i++) order[i] = i;
  const chosen = new Uint8Array(d);
  for (let i = 0; i < count; i++) {
    const j = i + rng.integer(d - i);
    chosen[order[j]!] = 1;
    order[j] = order[i]!;
  }
  const coordinates = new Int32Array(count);
  for (let k = 0, found = 0; k < d; k++) if (chosen[k] === 1) coordinates[found++] = k;
  return coordinates;
}

function gather(update: Float32Array, coordinates: Int32Array, part: Float32Array): void {
  for (let k = 0; k < part.length; k++) part[k] = update[coordinates[k]!]!;
}
