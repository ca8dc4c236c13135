/** @file SignGuard: filters by length and by the share of signs. */
import { jStat } from "jstat";
import { kmeans } from "ml-kmeans";
import { ensureUpdates, refuseRound } from "../updates";
import { checkedAggregator } from "../checked";
import { pullThroughBound } from "../../numerics/clip";
import { combine, participationRatio } from "../../numerics/linear";
import { medianShares } from "../../numerics/order";

const [SHORTEST, LONGEST] = [0.1, 3]; // of the median length

/**
 * SignGuard: keeps updates of ordinary length whose shares of positive, negative and zero coordinates are like the majority's, and clips
 * the long ones.
 *
 * kept = {i: 0.1 median <= |updates[i]| <= 3 median} and {i in the larger of two clusters of sign shares};
 * update = mean over kept of updates[i] min(1, median / |updates[i]|)
 *
 * The median is of all lengths, of an even number the mean of the two in the middle. The shares are of all coordinates (the
 * paper draws some), their clusters those of 2-means begun at the two updates whose shares are farthest apart, so nothing
 * is drawn; of equally large clusters that of the first client stays. M_eff counts the clipping as weights.
 *
 * Its `aggregate` takes the updates [n][d], n >= 1. It does not read f. It refuses the round when an update is not finite, or none
 * passes both filters.
 *
 * @example
 * const updates = [[1, 2, 1], [2, 1, 1], [-1, -1, -2]].map((row) => Float32Array.from(row));
 * signGuard.aggregate(updates, { f: 1 }).kept; // [0, 1]
 * @source Xu et al. 2022; its parameters as in the first author's public code
 */
export const signGuard = checkedAggregator({
  name: "signGuard",
  label: "SignGuard",
  source: "Xu et al. 2022",
  reads: [],
  aggregate(updates) {
    const { norms, median, kept } = filter(updates);
    const factors = norms.map((norm, i) => (!kept.includes(i) ? 0 : norm > median ? median / norm : 1));
    return {
      update: combine(updates, factors, kept.length),
      kept,
      effectiveParticipants: participationRatio(factors),
      weights: factors.map((factor) => factor / kept.length),
    };
  },
  pullBack(updates, _, cotangent) {
    const { norms, median, kept } = filter(updates);
    const weights = updates.map((_, i) => (kept.includes(i) ? 1 / kept.length : 0));
    const bounded = { vectors: updates, norms, bound: median, weights, shares: medianShares(norms) };
    return pullThroughBound(
      bounded,
      updates.map(() => cotangent),
    );
  },
});

/** Who passes both filters, and the median of the lengths. */
function filter(updates: readonly Float32Array[]): { norms: number[]; median: number; kept: number[] } {
  const norms = ensureUpdates("signGuard", updates).map(Math.sqrt);
  const median = jStat.median(norms);
  const alike = new Set(largerCluster(updates.map(signShares)));
  const isOrdinary = (norm: number): boolean => norm >= SHORTEST * median && norm <= LONGEST * median;
  const kept = norms.flatMap((norm, i) => (alike.has(i) && isOrdinary(norm) ? [i] : []));
  if (kept.length === 0) refuseRound("signGuard", "needs an update that passes both filters", "none");
  return { norms, median, kept };
}

/** [positive, negative, zero], as shares of all coordinates. */
function signShares(update: Float32Array): [number, number, number] {
  let [positive, negative] = [0, 0];
  for (let k = 0; k < update.length; k++) {
    positive += update[k]! > 0 ? 1 : 0;
    negative += update[k]! < 0 ? 1 : 0;
  }
  const d = update.length;
  return [positive / d, negative / d, (d - positive - negative) / d];
}

/** The points of the larger cluster of two. */
function largerCluster(points: readonly number[][]): number[] {
  if (points.length === 1) return [0];
  const { clusters } = kmeans([...points], 2, { initialization: farthestPair(points) });
  const [first, second] = [0, 1].map((cluster) => [...clusters.keys()].filter((i) => clusters[i] === cluster));
  if (first!.length !== second!.length) return first!.length > second!.length ? first! : second!;
  return first!.includes(0) ? first! : second!;
}

/** The two points farthest apart; of equally far pairs one that does not depend on the points' order. */
function farthestPair(points: readonly number[][]): number[][] {
  const sorted = [...points].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!);
  let [far, pair] = [-1, [sorted[0]!, sorted[0]!]];
  for (const [i, a] of sorted.entries()) {
    for (const b of sorted.slice(i + 1)) {
      const distance = a.reduce((sum, x, k) => sum + (x - b[k]!) ** 2, 0);
      if (distance > far) [far, pair] = [distance, [a, b]];
    }
  }
  return pair;
}
