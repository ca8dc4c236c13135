/** @file Two settings compared on the same seeds and the same private images. */
import { ensure, refuse } from "../core/errors";
import { ensureSeeds } from "../core/known";
import type { Leak } from "../metrics/leak";
import type { LeakageStudy } from "./studies";

/** What to compare. */
export interface LeakComparison {
  /** Default "probe": only there do both settings have the same private images. */
  readonly series?: "probe" | "trajectory";
  /** Both included. */
  readonly rounds: readonly [first: number, last: number];
  /** Images of all honest clients (default), or of those in the setting's aggregate. */
  readonly over?: "all" | "contributors";
  /** As a fraction of the baseline's error on the same images; default false. */
  readonly relative?: boolean;
}

/**
 * How much larger the error of a setting is than a baseline's, seed by seed.
 *
 *     all:           d_s = mean over rounds and images of (rmse - rmse_baseline)
 *     contributors:  the same over the images that are in the setting's aggregate; under the baseline the same images count
 *     relative:      d_s / mean over the same rounds and images of rmse_baseline
 *
 * @param study the setting
 * @param baseline run on the same rounds and on the study's seeds, perhaps on more, so the probe's images are the same
 * @param comparison see LeakComparison
 * @returns one number per seed, in the order of the study's; a seed in whose window nobody but the attacker was in the aggregate has
 *   none to compare and is left out
 * @throws InputError when the baseline lacks a seed, the rounds of the two do not agree, or no round lies in the window
 * @example
 * leakDifferences(study, study, { rounds: [0, 9] }).length; // plan.seeds.length
 * @source our choice (design: measuring honestly); the paper compares mean RMSE curves
 */
export function leakDifferences(
  study: LeakageStudy,
  baseline: LeakageStudy,
  { series = "probe", rounds: [first, last], over = "all", relative = false }: LeakComparison,
): number[] {
  ensureSeeds("leakDifferences", study.runs.map(({ seed }) => seed)); // prettier-ignore
  const counterparts = new Map(baseline.runs.map((run) => [run.seed, run]));
  const within = (leaks: readonly Leak[]): Leak[] => leaks.filter(({ round }) => round >= first && round <= last);
  return study.runs.flatMap((run) => {
    const counterpart = counterparts.get(run.seed);
    if (counterpart === undefined) {
      return refuse("leakDifferences", `needs a baseline with seed ${run.seed}`, [...counterparts.keys()].join(", "));
    }
    const [ours, theirs] = [within(run[series]), within(counterpart[series])];
    ensure(ours.length > 0, "leakDifferences", `needs a ${series} round in ${first}..${last}`, "none");
    let [difference, reference, count] = [0, 0, 0];
    for (const [r, leak] of ours.entries()) {
      const other = theirs[r];
      const alike = other?.round === leak.round && other.perImage.length === leak.perImage.length;
      if (!alike) ensure(false, "leakDifferences", "needs the same rounds and images of both", `round ${leak.round}`);
      for (const [i, rmse] of leak.perImage.entries()) {
        if (over === "contributors" && !leak.contributed[i]) continue;
        difference += rmse - other!.perImage[i]!;
        reference += other!.perImage[i]!;
        count++;
      }
    }
    if (count === 0) return [];
    return [relative ? difference / reference : difference / count];
  });
}
