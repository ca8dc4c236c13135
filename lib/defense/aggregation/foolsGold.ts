/** @file FoolsGold: clients that pull the same way, round after round, count less. */
import { ensure, ensureFinite, refuse } from "../../core/errors";
import { ensureUpdates, refuseRound } from "../updates";
import { checkedAggregator } from "../checked";
import { squaredDistances } from "../../numerics/distances";
import { combine, effectiveCount, squaredNorms } from "../../numerics/linear";

/**
 * FoolsGold: down to nothing weighs who resembles another client in all that it has sent so far. Meant against several who
 * want the same; one who acts alone differs from everybody and is trusted.
 *
 *     H_i = history[i] + updates[i],  c_ij = cosine of H_i and H_j,  v_i = max(0, max_{j != i} c_ij)
 *     c_ij <- c_ij v_i / v_j where v_j > v_i (an honest client that resembles two sybils is pardoned)
 *     a_i = 1 - max(0, max_{j != i} c_ij), divided by the largest a; w_i = ln(a_i / (1 - a_i)) + 0.5 in [0, 1]
 *     update = sum_i w_i updates[i] / sum_i w_i
 *
 * The sum is divided by the weights, where the paper leaves it a sum, which would grow with the number of clients. A client that has
 * sent only zeros so far has cosine 0 with everybody. All coordinates count alike. Nobody's largest cosine is below 0, as in the
 * authors' public code, where everybody has cosine 0 with itself: who opposes everybody resembles nobody, no more.
 *
 * Its `aggregate` takes the updates [n][d], n >= 2, reads options.history ([n][d], what every client sent in the rounds before,
 * summed; zeros in the first round) and does not read f. It keeps the clients of weight above 0. It throws an InputError when the history
 * is missing, of another shape or not finite; and refuses the round when an update is not finite, or all clients are alike, so that
 * nobody has a weight.
 *
 * @example
 * const updates = [[1, 0.2], [1, 0.2], [-1, 1]].map((row) => Float32Array.from(row));
 * const history = updates.map(() => new Float32Array(2));
 * foolsGold.aggregate(updates, { f: 1, history }).kept; // [2]; the first two are alike
 * @source Fung et al. 2020
 */
export const foolsGold = checkedAggregator({
  name: "foolsGold",
  source: "Fung et al. 2020",
  reads: [],
  needs: ["history"],
  aggregate(updates, { history }) {
    ensureUpdates("foolsGold", updates);
    const n = updates.length;
    ensure(n >= 2, "foolsGold", "needs n >= 2 updates", n);
    if (history === undefined)
      refuse("foolsGold", "needs what every client sent before", "none", "give it in options.history");
    ensure(history.length === n, "foolsGold", `needs a history of n = ${n} clients`, history.length);
    const d = updates[0]!.length;
    const short = history.find(({ length }) => length !== d);
    if (short) refuse("foolsGold", `needs histories of d = ${d} numbers`, short.length);
    history.forEach((sent, i) => ensureFinite("foolsGold", `history ${i}`, sent));
    const weights = weightsOf(cosines(updates.map((update, i) => update.map((x, k) => x + history[i]![k]!))));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) refuseRound("foolsGold", "needs clients that differ in direction", "none that has a weight");
    return {
      update: combine(updates, weights, total),
      kept: weights.flatMap((weight, i) => (weight > 0 ? [i] : [])),
      effective: effectiveCount(weights),
      weights: weights.map((weight) => weight / total),
    };
  },
});

/** Cosines of all pairs, by <a, b> = (|a|^2 + |b|^2 - |a - b|^2) / 2; 0 of a vector with itself, so that no maximum is below 0. */
function cosines(vectors: readonly Float32Array[]): number[][] {
  const n = vectors.length;
  const distances = squaredDistances(vectors);
  const squares = squaredNorms(vectors);
  return squares.map((a, i) =>
    squares.map((b, j) => {
      return i === j || a === 0 || b === 0 ? 0 : (a + b - distances[i * n + j]!) / (2 * Math.sqrt(a * b));
    }),
  );
}

function weightsOf(cosine: readonly (readonly number[])[]): number[] {
  const highest = cosine.map((row) => Math.max(...row));
  const distinct = cosine.map((row, i) => {
    const pardoned = row.map((c, j) => (highest[j]! > highest[i]! ? (c * highest[i]!) / highest[j]! : c));
    return 1 - Math.min(1, Math.max(...pardoned)); // rounding can take a cosine above 1
  });
  const most = Math.max(...distinct);
  return distinct.map((a) => (a === 0 ? 0 : clamp(Math.log(a / most / (1 - a / most)) + 0.5)));
}

function clamp(x: number): number {
  return Math.min(1, Math.max(0, x));
}
