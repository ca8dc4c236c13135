/** @file How Krum and the rules built on it judge an update. */
import type { AggregationParameters, KrumNeighbours } from "./aggregator";
import { ensureRound } from "./updates";

const further: Readonly<Record<KrumNeighbours, number>> = { "n-f-2": 2, "n-f-1": 1 };

/**
 * Refuses a round that Krum cannot judge: it needs n >= 2f + 3 with n - f - 2 neighbours, n >= 2f + 1 with n - f - 1.
 *
 * @param fn name of the rule
 * @param updates [n][d]
 * @param parameters f, and which convention; default "n-f-2"
 * @param least [a, b], for rules that need n >= a f + b under either convention
 * @returns how many updates are neither among an update's neighbours nor malicious: 2 or 1, itself included
 * @throws InputError for what ensureRound refuses
 * @example
 * ensureKrum("krum", [1, 2, 3].map((x) => Float32Array.of(x)), { f: 0 }); // 2
 */
export function ensureKrum(
  fn: string,
  updates: readonly Float32Array[],
  { f, neighbours = "n-f-2" }: Pick<AggregationParameters, "f" | "neighbours">,
  least?: readonly [a: number, b: number],
): number {
  ensureRound(fn, updates, f, least ?? (neighbours === "n-f-2" ? [2, 3] : [2, 1]));
  return further[neighbours];
}

/**
 * Krum's scores: how far each update's nearest others are.
 *
 * score_i = sum of the `neighbours` smallest |updates[i] - updates[j]|^2 over j != i
 *
 * @param squared distances as squaredDistances gives them, [n * n]
 * @param among indices of the updates that are judged, and by which
 * @param neighbours how many others count
 * @returns the scores, in the order of `among`; lower is better
 * @example
 * const squared = squaredDistances([0, 1, 3].map((x) => Float32Array.of(x)));
 * krumScores(squared, [0, 1, 2], 1); // [1, 1, 4]
 * @source Blanchard et al. 2017
 */
export function krumScores(squared: Float64Array, among: readonly number[], neighbours: number): number[] {
  const n = Math.sqrt(squared.length);
  const row = new Float64Array(among.length);
  return among.map((i) => {
    for (let at = 0; at < row.length; at++) row[at] = squared[i * n + among[at]!]!;
    row.sort(); // 0 comes first, the distance from itself
    let score = 0;
    for (let at = 1; at < row.length && at <= neighbours; at++) score += row[at]!;
    return score;
  });
}
