/** @file From the runs of a study to what a figure or a claim needs: curves with bands, and one number per seed. */
import { ensure } from "../core/errors";
import { ensureSeeds } from "../core/known";
import type { LeakageStudy } from "./studies";
import type { LeakageRun } from "./measure";
import { estimateMean } from "./statistics";

/** The series of a run: the training rounds, the fixed probe's rounds, or the trajectory's. */
export type SeriesName = "rounds" | "probe" | "trajectory";

/** A mean over seeds with its 95 % band, round by round; NaN where fewer than two seeds have a value. */
export interface Curve {
  readonly x: readonly number[]; // rounds
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * A quantity along the rounds: mean over the seeds with a pointwise 95 % band.
 *
 * A quantity may be null, as the error of contributors is where only the attacker's own update was kept. A seed without a value in
 * a round is left out of that round, and a round in which fewer than two seeds have one is NaN: a gap in a figure.
 *
 * @param study at least two seeds
 * @param series "rounds", "probe" or "trajectory"
 * @param quantity what to take from an entry of the series; null where it has none
 * @returns the curve, to be spread into a series of a figure
 * @throws InputError when the study has no such rounds or fewer than two seeds, or a value is not finite
 * @example
 * curveOf(study, "probe", (leak) => leak.rmse).x; // plan.probeRounds
 */
export function curveOf<Name extends SeriesName>(
  study: LeakageStudy,
  series: Name,
  quantity: (entry: LeakageRun[Name][number]) => number | null,
): Curve {
  if (study.runs.length > 0) ensureSeeds("curveOf", study.runs.map(({ seed }) => seed)); // prettier-ignore
  const perSeed = study.runs.map((run) => (run[series] as readonly LeakageRun[Name][number][]).map(quantity));
  const x = (study.runs[0]?.[series] ?? []).map(({ round }) => round);
  ensure(x.length > 0, "curveOf", `needs a study with ${series} rounds`, "none");
  ensure(perSeed.length > 1, "curveOf", "needs at least two seeds for a band", perSeed.length);
  const points = x.map((_, at) => {
    const values = perSeed.flatMap((curve) => curve[at] ?? []);
    return values.length < 2 ? { mean: NaN, interval: [NaN, NaN] as const } : estimateMean(values);
  });
  return {
    x,
    mean: points.map(({ mean }) => mean),
    low: points.map(({ interval }) => interval[0]),
    high: points.map(({ interval }) => interval[1]),
  };
}

/**
 * One number per seed: the mean of a quantity over those rounds of a window that have a value.
 *
 * @param study its runs
 * @param series "rounds", "probe" or "trajectory"
 * @param window first and last round, both included
 * @param quantity what to take from an entry of the series; null where it has none
 * @returns [seeds], in the order of the study's seeds; null for a seed without any value in the window
 * @throws InputError when no round of the series lies in the window
 * @example
 * seedMeans(study, "probe", [0, 9], (leak) => leak.rmse).length; // plan.seeds.length
 */
export function seedMeans<Name extends SeriesName, Value extends number | null>(
  study: LeakageStudy,
  series: Name,
  [first, last]: readonly [number, number],
  quantity: (entry: LeakageRun[Name][number]) => Value,
): (number | Extract<Value, null>)[] {
  if (study.runs.length > 0) ensureSeeds("seedMeans", study.runs.map(({ seed }) => seed)); // prettier-ignore
  return study.runs.map((run) => {
    const entries = (run[series] as readonly LeakageRun[Name][number][]).filter(
      ({ round }) => round >= first && round <= last,
    );
    ensure(entries.length > 0, "seedMeans", `needs a ${series} round in ${first}..${last}`, "none");
    const values = entries.map(quantity).filter((value): value is Value & number => value !== null);
    if (values.length === 0) return null as Extract<Value, null>;
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

/**
 * Of the leaks that a comparison speaks of, the share in which the search found images that match as well as the private ones: that of
 * the study and window with the smallest, since each of them has to be trusted.
 *
 * @param studies at least one
 * @param windows of rounds, both ends included; at least one
 * @param series "probe" (default) or "trajectory"
 * @returns 0..1; null where no leak says whether it was found
 * @throws InputError as seedMeans
 * @example
 * foundShare([study], [[0, 1]]) <= 1; // true
 */
export function foundShare(
  studies: readonly LeakageStudy[],
  windows: readonly (readonly [number, number])[],
  series: "probe" | "trajectory" = "probe",
): number | null {
  const shares = studies.flatMap((study) =>
    windows.flatMap((window) => {
      const perSeed = seedMeans(study, series, window, ({ found }) =>
        typeof found === "boolean" ? Number(found) : null,
      );
      const known = perSeed.filter((share) => share !== null);
      return known.length === 0 ? [] : [known.reduce((sum, share) => sum + share, 0) / known.length];
    }),
  );
  return shares.length === 0 ? null : Math.min(...shares);
}
