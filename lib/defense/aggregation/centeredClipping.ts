/** @file Centered clipping (CClip). */
import { ensure, ensureFinite } from "../../core/errors";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { pullThroughBound } from "../../numerics/clip";
import { combine, participationRatio, squaredNorms } from "../../numerics/linear";

/**
 * From the last round's aggregate v, a step to the mean of the updates, each pulled to within tau of v:
 *
 * v <- v + (1/n) sum_i (updates[i] - v) min(1, tau / |updates[i] - v|)
 *
 * Keeps everybody, with the weight that v's way from the last round gives it. Reads clipNorm = tau (default 10), iterations
 * (default 1) and, of the round, previous (default 0). Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * centeredClipping.aggregate([1, 2, 90].map((x) => Float32Array.of(x)), { f: 1, clipNorm: 3 }).update; // [2]; (1 + 2 + 3) / 3
 * @source Karimireddy, He and Jaggi 2021; tau = 10 and one iteration are theirs
 */
export const centeredClipping = checkedAggregator({
  name: "centeredClipping",
  label: "centered clipping",
  source: "Karimireddy et al. 2021",
  reads: ["f", "clipNorm", "iterations"],
  readsPrevious: true,
  aggregate(updates, { f, clipNorm = 10, iterations = 1, previous }) {
    const lengths = ensureUpdates("centeredClipping", updates, f);
    let update = startOf(updates, previous);
    let weights = updates.map(() => 0); // of the updates in v; the rest, 1 - sum_i weights[i], is the last round's
    for (let iteration = 0; iteration < iterations; iteration++) {
      const distances = iteration === 0 && !previous ? lengths : squaredNorms(updates, update);
      const { steps, stay } = stepsFrom(distances, clipNorm);
      weights = weights.map((w, i) => stay * w + steps[i]!);
      update = combine([...updates, update], [...steps, stay]);
    }
    return { update, kept: [...updates.keys()], effectiveParticipants: participationRatio(weights), weights };
  },
  /** Backwards through the iterations, with l = (d update / d v)^T cotangent: an iteration pulls l through n clippings, by J_i. */
  pullBack(updates, { f, clipNorm = 10, iterations = 1, previous }, cotangent) {
    ensureUpdates("centeredClipping", updates, f);
    const n = updates.length;
    const centres: Float32Array[] = [startOf(updates, previous)];
    const distances: number[][] = [];
    for (const centre of centres) {
      const squared = squaredNorms(updates, centre);
      const { steps, stay } = stepsFrom(squared, clipNorm);
      distances.push(squared);
      if (centres.length < iterations) centres.push(combine([...updates, centre], [...steps, stay]));
    }
    let pulled: Float32Array[] = updates.map(({ length }) => new Float32Array(length));
    let l = cotangent;
    for (let iteration = iterations - 1; iteration >= 0; iteration--) {
      const centre = centres[iteration]!;
      const vectors = updates.map((update) => combine([update, centre], [1, -1]));
      const norms = distances[iteration]!.map(Math.sqrt);
      const weights = updates.map(() => 1 / n);
      const bounded = { vectors, norms, bound: clipNorm, weights };
      const through = pullThroughBound(
        bounded,
        updates.map(() => l),
      ); // (1/n) J_i l
      pulled = pulled.map((v, i) => combine([v, through[i]!], [1, 1]));
      l = combine([l, ...through], [1, ...updates.map(() => -1)]); // l - (1/n) sum_i J_i l
    }
    return pulled;
  },
});

/** v before the first iteration. */
function startOf(updates: readonly Float32Array[], previous: Float32Array | undefined): Float32Array {
  const d = updates[0]!.length;
  if (!previous) return new Float32Array(d);
  ensure(previous.length === d, "centeredClipping", `needs previous of the updates' length ${d}`, previous.length);
  ensureFinite("centeredClipping", "previous", previous);
  return previous;
}

/** With what weights an iteration takes the updates, and v, from their squared distances from v. */
function stepsFrom(distances: readonly number[], clipNorm: number): { steps: number[]; stay: number } {
  const steps = distances.map((squared) => Math.min(1, clipNorm / Math.sqrt(squared)) / distances.length);
  return { steps, stay: 1 - steps.reduce((sum, step) => sum + step, 0) };
}
