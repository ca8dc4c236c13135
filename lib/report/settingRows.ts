/** @file From studies to a dataframe: one row per setting, means over seeds in a window of rounds. */
import { ensure } from "../core/errors";
import { foundShare, seedMeans } from "../experiment/curves";
import { estimateMean } from "../experiment/statistics";
import { linesInOrder, type LeakLine } from "./leakPanels";
import { styleOf } from "./style";
import type { Row } from "./table";

/**
 * What each setting did and leaked in a window of rounds, for table(): means over seeds, with the 95 % interval of the error.
 *
 *     columns  setting, rmse, low, high, leakage, contributorRmse, effectiveParticipants, matchingLoss, found, labelAccuracy, objectiveGap,
 *              accuracy
 *
 * @param studies with their settings, at least two seeds each
 * @param window first and last round, both included; at least one inverted round lies in it
 * @param series whose leaks: the fixed probe's (default) or the trajectory's
 * @returns one row per setting, in the style table's order; contributorRmse is over the seeds in which somebody but the attacker was
 *   in the aggregate, NaN where there is none
 * @throws InputError when there is no study, or none of its rounds lies in the window
 * @example
 * table(settingRows([{ setting: "passive", study }], [0, 1])).shape; // [1, 12]
 */
export function settingRows(
  studies: readonly LeakLine[],
  window: readonly [number, number],
  series: "probe" | "trajectory" = "probe",
): Row[] {
  ensure(studies.length > 0, "settingRows", "needs at least one study", "none");
  return linesInOrder(studies).map(({ setting, study }) => {
    const { mean, interval } = estimateMean(seedMeans(study, series, window, ({ rmse }) => rmse));
    const [low, high] = interval;
    return {
      setting: styleOf(setting).label,
      ...{ rmse: mean, low, high },
      leakage: average(seedMeans(study, series, window, ({ leakage }) => leakage)),
      contributorRmse: average(seedMeans(study, series, window, ({ contributorRmse }) => contributorRmse)),
      effectiveParticipants: average(
        seedMeans(study, series, window, ({ effectiveParticipants }) => effectiveParticipants),
      ),
      matchingLoss: average(seedMeans(study, series, window, ({ matchingLoss }) => matchingLoss)),
      found: foundShare([study], [window], series) ?? NaN,
      labelAccuracy: average(seedMeans(study, series, window, ({ labelAccuracy }) => labelAccuracy)),
      objectiveGap: average(seedMeans(study, "rounds", window, ({ objectiveGap }) => objectiveGap)),
      accuracy: average(seedMeans(study, "rounds", window, ({ accuracy }) => accuracy)),
    };
  });
}

/** NaN, shown as a dash, when no seed has a value. */
function average(values: readonly (number | null)[]): number {
  const known = values.flatMap((value) => value ?? []);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
