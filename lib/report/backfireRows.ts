/** @file The backfire condition on runs as a table: what the gaps predict beside what was seen. */
import type { BackfireRound } from "../experiment/backfireRounds";
import { estimateMean } from "../experiment/statistics";
import { linesInOrder } from "./leakPanels";
import { styleOf, type Drawn } from "./style";
import type { Row } from "./table";

/**
 * Line (12) round by round, means over seeds.
 *
 * @param settings with their rounds, of at least two seeds, see backfireRounds
 * @returns one row per setting and round: setting, k, ratio, threshold, predicted ("lower" where the ratio is above), difference with
 *   its 95 % interval low and high, agrees (share of seeds)
 * @throws InputError when a name is not in the style table, or a round has fewer than two seeds
 * @example
 * const one = { seed: 1, round: 0, ratio: 4, threshold: 3, difference: -0.1, agrees: true };
 * backfireRows([{ setting: "localDp", rounds: [one, { ...one, seed: 2 }] }])[0].predicted; // "lower"
 */
export function backfireRows(settings: readonly { setting: Drawn; rounds: readonly BackfireRound[] }[]): Row[] {
  return linesInOrder(settings).flatMap(({ setting, rounds: all }) => {
    return [...new Set(all.map(({ round }) => round))].map((k) => {
      const here = all.filter(({ round }) => round === k);
      const mean = (value: (one: BackfireRound) => number): number => here.reduce((sum, one) => sum + value(one) / here.length, 0); // prettier-ignore
      const [ratio, threshold] = [mean((one) => one.ratio), mean((one) => one.threshold)];
      const { mean: difference, interval } = estimateMean(here.map((one) => one.difference));
      return {
        ...{
          setting: styleOf(setting).label,
          k,
          ratio,
          threshold,
          predicted: ratio > threshold ? "lower" : "not lower",
        },
        ...{ difference, low: interval[0], high: interval[1], agrees: mean(({ agrees }) => Number(agrees)) },
      };
    });
  });
}
