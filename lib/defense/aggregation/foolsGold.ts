/** @file FoolsGold: clients that pull the same way, round after round, count less. */
import { ensure, ensureFinite, refuse } from "../../core/errors";
import { ensureUpdates, refuseRound } from "../updates";
import { checkedAggregator } from "../checked";
import { squaredDistances } from "../../numerics/distances";
import { combine, participationRatio, innerProduct, squaredNorms } from "../../numerics/linear";

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
 * is missing, of another shape or not finite; and refuses the round when an update is not finite, or all clients are alike, so
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
  label: "FoolsGold",
  source: "Fung et al. 2020",
  reads: [],
  needs: ["history"],
  aggregate(updates, { history }) {
    const weights = weigh(cosines(sumsOf(updates, history))).map(({ weight }) => weight);
    const total = totalOf(weights);
    return {
      update: combine(updates, weights, total),
      kept: weights.flatMap((weight, i) => (weight > 0 ? [i] : [])),
      effectiveParticipants: participationRatio(weights),
      weights: weights.map((weight) => weight / total),
    };
  },
  /** Backwards through the weights: from w to a, to the cosines that made it, to H. */
  pullBack(updates, { history }, cotangent) {
    const sums = sumsOf(updates, history);
    const cosine = cosines(sums);
    const judged = weigh(cosine);
    const total = totalOf(judged.map(({ weight }) => weight));
    const along = updates.map((update) => innerProduct(update, cotangent));
    const whole = along.reduce((sum, x, i) => sum + (judged[i]!.weight * x) / total, 0); // <aggregate, cotangent>
    const ofCosines = pullThroughWeights(
      cosine,
      judged,
      along.map((x) => (x - whole) / total),
    );
    const lengths = squaredNorms(sums).map(Math.sqrt);
    return updates.map((_, i) => {
      const ofSums = sums.map(() => 0); // d c_ij / d H_i = (e_j - c_ij e_i) / |H_i|
      for (const [j, length] of lengths.entries()) {
        const g = ofCosines[i]![j]! + ofCosines[j]![i]!;
        if (g === 0) continue;
        ofSums[j]! += g / length / lengths[i]!;
        ofSums[i]! -= (g * cosine[i]![j]!) / lengths[i]! ** 2;
      }
      return combine([cotangent, ...sums], [judged[i]!.weight / total, ...ofSums]);
    });
  },
});

/** H, once history is there and fits. */
function sumsOf(updates: readonly Float32Array[], history: readonly Float32Array[] | undefined): Float32Array[] {
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
  return updates.map((update, i) => update.map((x, k) => x + history[i]![k]!));
}

function totalOf(weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) refuseRound("foolsGold", "needs clients that differ in direction", "none that has a weight");
  return total;
}

/** Cosines of all pairs, by <a, b> = (|a|^2 + |b|^2 - |a - b|^2) / 2; 0 of a vector with itself, so no maximum is below 0. */
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

/** A client's weight and what it is made of; `like` and `likest` are where the two maxima are. */
interface Weighed {
  readonly weight: number;
  readonly distinct: number; // a, before it is divided
  readonly most: number; // the largest a
  readonly highest: number; // v
  readonly like: number; // j of v
  readonly likest: number; // j of a
}

/** Weights from the cosines, with what the derivative needs to know of the choices. */
function weigh(cosine: readonly (readonly number[])[]): Weighed[] {
  const highest = cosine.map((row) => Math.max(...row));
  const judged = cosine.map((row, i) => {
    const pardoned = row.map((c, j) => (highest[j]! > highest[i]! ? (c * highest[i]!) / highest[j]! : c));
    const largest = Math.max(...pardoned);
    return {
      distinct: 1 - Math.min(1, largest), // rounding can take a cosine above 1
      highest: highest[i]!,
      like: row.indexOf(highest[i]!),
      likest: pardoned.indexOf(largest),
    };
  });
  const most = Math.max(...judged.map(({ distinct }) => distinct));
  return judged.map((one) => {
    const a = one.distinct;
    return { ...one, most, weight: a === 0 ? 0 : clamp(Math.log(a / most / (1 - a / most)) + 0.5) };
  });
}

/** d/dc_ij of sum_i ofWeights[i] w_i; a weight that is clamped does not move. */
function pullThroughWeights(
  cosine: readonly (readonly number[])[],
  judged: readonly Weighed[],
  ofWeights: readonly number[],
): number[][] {
  const ofCosines = cosine.map((row) => row.map(() => 0));
  const ofHighest = judged.map(() => 0);
  const ofDistinct = judged.map(() => 0);
  const first = judged.findIndex(({ distinct, most }) => distinct === most);
  judged.forEach(({ weight, distinct, most }, i) => {
    if (weight <= 0 || weight >= 1) return;
    const share = distinct / most;
    const ofShare = ofWeights[i]! / (share * (1 - share));
    ofDistinct[i]! += ofShare / most;
    ofDistinct[first]! -= (ofShare * share) / most;
  });
  judged.forEach(({ distinct, likest: j, highest }, i) => {
    const g = -ofDistinct[i]!;
    if (g === 0 || distinct === 0 || j === i) return;
    const other = judged[j]!.highest;
    if (other <= highest) return void (ofCosines[i]![j]! += g);
    ofCosines[i]![j]! += (g * highest) / other;
    ofHighest[i]! += (g * cosine[i]![j]!) / other;
    ofHighest[j]! -= (g * cosine[i]![j]! * highest) / other ** 2;
  });
  judged.forEach(({ like }, i) => {
    if (like !== i) ofCosines[i]![like]! += ofHighest[i]!;
  });
  return ofCosines;
}

function clamp(x: number): number {
  return Math.min(1, Math.max(0, x));
}
