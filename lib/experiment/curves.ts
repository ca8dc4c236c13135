/** @file From the runs of a study to what a figure or a claim needs: curves with bands, and one number a seed. */
import { ensure } from "../core/errors";
import type { LeakageStudy } from "./leakage";
import type { LeakageRun } from "./measure";
import { bands } from "./stats";

/** The series of a run: the training rounds, the fixed probe's rounds, or the trajectory's. */
export type SeriesName = "rounds" | "probe" | "trajectory";

/** A mean over seeds with its 95 % band, round by round. */
export interface Curve {
  readonly x: readonly number[]; // rounds
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * A quantity along the rounds: mean over the seeds with a pointwise 95 % band.
 *
 * @param study at least two seeds
 * @param series "rounds", "probe" or "trajectory"
 * @param quantity what to take from an entry of the series
 * @returns the curve, to be spread into a series of a figure
 * @throws InputError when the study has no such rounds, or fewer than two seeds
 * @example
 * curveOf(study, "probe", (leak) => leak.rmse).x; // plan.probeRounds
 */
export function curveOf<Name extends SeriesName>(
  study: LeakageStudy,
  series: Name,
  quantity: (entry: LeakageRun[Name][number]) => number,
): Curve {
  const perSeed = study.runs.map((run) => (run[series] as readonly LeakageRun[Name][number][]).map(quantity));
  const x = (study.runs[0]?.[series] ?? []).map(({ round }) => round);
  ensure(x.length > 0, "curveOf", `needs a study with ${series} rounds`, "none");
  return { x, ...bands(perSeed) };
}

/**
 * One number a seed: the mean of a quantity over the rounds of a window.
 *
 * @param study its runs
 * @param series "rounds", "probe" or "trajectory"
 * @param window first and last round, both included
 * @param quantity what to take from an entry of the series
 * @returns [seeds], in the order of the study's seeds
 * @throws InputError when no round of the series lies in the window
 * @example
 * seedMeans(study, "probe", [0, 9], (leak) => leak.rmse).length; // plan.seeds.length
 */
export function seedMeans<Name extends SeriesName>(
  study: LeakageStudy,
  series: Name,
  [first, last]: readonly [number, number],
  quantity: (entry: LeakageRun[Name][number]) => number,
): number[] {
  return study.runs.map((run) => {
    const entries = (run[series] as readonly LeakageRun[Name][number][]).filter(
      ({ round }) => round >= first && round <= last,
    );
    ensure(entries.length > 0, "seedMeans", `needs a ${series} round in ${first}..${last}`, "none");
    return entries.reduce((sum, entry) => sum + quantity(entry), 0) / entries.length;
  });
}
