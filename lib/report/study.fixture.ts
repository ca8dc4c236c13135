/** @file Studies made up by hand, of which tests read a few fields. */
import type { LeakageStudy } from "../experiment/studies";
import type { LeakageRun, RoundSummary } from "../experiment/measure";
import type { Leak } from "../metrics/leak";

/** A leak of one private image a number. */
export const leakOf = (round: number, perImage: readonly number[], more: Partial<Leak> = {}): Leak => {
  const rmse = perImage.reduce((sum, value) => sum + value / perImage.length, 0);
  const contributed = perImage.map(() => true);
  const scores = { rmse, floor: 0.5, leakage: 1 - rmse / 0.5, contributorRmse: rmse, matchingLoss: 0.1 };
  return { round, perImage, contributed, ...scores, labelAccuracy: 1, effectiveParticipants: 3, ...more } as Leak;
};

/** A round's summary. */
export const roundOf = (round: number, objectiveGap: number, more: Partial<RoundSummary> = {}): RoundSummary =>
  ({ round, objectiveGap, loss: objectiveGap, accuracy: 0.5, attackSuccess: null, effectiveParticipants: 3, ...more }) as RoundSummary; // prettier-ignore

/** A study of one run per seed. */
export const studyOf = (...runs: readonly Pick<LeakageRun, "rounds" | "probe">[]): LeakageStudy => ({
  runs: runs.map((run, s) => ({ seed: s + 1, trajectory: run.probe, ...run })),
  sources: [],
});
