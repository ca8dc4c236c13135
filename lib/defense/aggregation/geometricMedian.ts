/** @file The geometric median, by smoothed Weiszfeld iterations: RFA, robust federated averaging. */
import { ensureUpdates } from "../updates";
import type { AggregationParameters } from "../aggregator";
import { checkedAggregator } from "../checked";
import { combine, participationRatio, innerProduct, squaredNorms } from "../../numerics/linear";

const settled = 1e-9; // largest change of a weight at which iterating stops
const negligible = 1e-8; // of the cotangent's length, at which going back stops

/**
 * The point z with the smallest sum of distances to the updates, by smoothed Weiszfeld iterations from z = 0:
 *
 * w_i = 1 / max(|updates[i] - z|, nu), z = sum_i w_i updates[i] / sum_i w_i
 *
 * Keeps everybody, with the last iteration's weights. Reads smoothing = nu, a length in the updates' unit (default 1e-6 of the median
 * length of the updates, or of the shortest that is not 0 where that is 0: the rule then scales with its updates) and iterations, at
 * most (default 100; it stops earlier where the weights have settled). Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * const updates = [Float32Array.of(0, 1), Float32Array.of(0, -1), Float32Array.of(1, 0), Float32Array.of(-1, 0), Float32Array.of(90, 0)];
 * geometricMedian.aggregate(updates, { f: 1 }).update[0]; // 0.57735
 * @source Pillutla, Kakade and Harchaoui 2022, "Robust aggregation for federated learning" (RFA); they stop after 3 iterations, we where it has settled; their nu, as
 *   byzfl's, is 1e-6 whatever the updates' size, which makes a mean of updates that are as small
 */
export const geometricMedian = checkedAggregator({
  name: "geometricMedian",
  label: "geometric median",
  source: "Pillutla et al. 2022",
  reads: ["f", "smoothing", "iterations"],
  aggregate(updates, options) {
    let last: Iteration | null = null;
    for (last of weiszfeld(updates, options));
    const { to: update, weights } = last!;
    return { update, kept: [...updates.keys()], effectiveParticipants: participationRatio(weights), weights };
  },
  /**
   * Backwards through the iterations, with l = (d update / d z)^T cotangent behind each. r_i moves w_i, and that z:
   *
   *     b_i = -<l, updates[i] - z'> weight_i / r_i,  e_i = (updates[i] - z) / r_i,  v_i += weight_i l + b_i e_i,  l <- -sum_i b_i e_i
   *
   * until l is less than float32 tells from 0: as fast as the iterations settled. Where r_i < nu, w_i does not move.
   */
  pullBack(updates, options, cotangent) {
    const iterations = [...weiszfeld(updates, options)];
    const parts: Float32Array[] = [...updates]; // what the result is a sum of, and with which weights for every update
    const shares = updates.map(() => updates.map(() => 0));
    const add = (vector: Float32Array, weights: readonly number[]): void => {
      parts.push(vector);
      weights.forEach((weight, i) => shares[i]!.push(weight));
    };
    const enough = negligible * Math.sqrt(innerProduct(cotangent, cotangent));
    let l = cotangent;
    for (const { from, to, weights, inverse, isSmooth } of iterations.reverse()) {
      add(l, weights);
      const ofCentre = innerProduct(l, to);
      const b = updates.map((u, i) =>
        isSmooth[i] ? 0 : -(innerProduct(l, u) - ofCentre) * weights[i]! * inverse[i]! * inverse[i]!,
      ); // over r_i
      b.forEach((x, i) => (shares[i]![i]! += x));
      add(
        from,
        b.map((x) => -x),
      );
      const sum = b.reduce((total, x) => total + x, 0);
      l = combine([...updates, from], [...b.map((x) => -x), sum]);
      if (Math.sqrt(innerProduct(l, l)) <= enough) break;
    }
    return shares.map((weights) => combine(parts, weights));
  },
});

/** One of the rule's iterations, from one z to the next. */
interface Iteration {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly weights: readonly number[]; // of the updates in `to`
  readonly inverse: readonly number[]; // 1 / max(r_i, nu), r_i the distances from `from`
  readonly isSmooth: readonly boolean[]; // r_i < nu
}

/** The iterations one by one, until the weights have settled. */
function* weiszfeld(
  updates: readonly Float32Array[],
  { f, smoothing, iterations = 100 }: Pick<AggregationParameters, "f" | "smoothing" | "iterations">,
): Generator<Iteration> {
  let distances = ensureUpdates("geometricMedian", updates, f); // squared, from z = 0 at first
  const nu = smoothing ?? 1e-6 * ordinary(distances.map(Math.sqrt));
  let from: Float32Array = new Float32Array(updates[0]!.length);
  let before = updates.map(() => 0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (iteration > 0) distances = squaredNorms(updates, from);
    const inverse = distances.map((squared) => 1 / Math.max(Math.sqrt(squared), nu));
    const sum = inverse.reduce((total, w) => total + w, 0);
    const weights = inverse.map((w) => w / sum);
    const change = Math.max(...weights.map((w, i) => Math.abs(w - before[i]!)));
    const to = combine(updates, weights);
    yield { from, to, weights, inverse, isSmooth: distances.map((squared) => Math.sqrt(squared) < nu) };
    if (change <= settled) break;
    [from, before] = [to, weights];
  }
}

/** The median length, of an even number the lower; where it is 0 the shortest that is not, or 1. */
function ordinary(lengths: readonly number[]): number {
  const sorted = [...lengths].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]! || (sorted.find((length) => length > 0) ?? 1);
}
