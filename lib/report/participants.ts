/** @file Remark 4 on runs: the error of those in the aggregate against how many they are. */
import { ensure } from "../core/errors";
import type { LeakageStudy } from "../experiment/studies";
import { rankCorrelation } from "../experiment/rank";
import { estimateMean } from "../experiment/statistics";
import type { Leak } from "../metrics/leak";
import type { Row } from "./table";

/** Studies by any name. */
export type Studies = Readonly<Record<string, LeakageStudy>>;

/** What the error is held against: M_eff of the round's aggregate unless said otherwise. */
export type Participants = (leak: Leak) => number;

const effectiveParticipants: Participants = (leak) => leak.effectiveParticipants;

/**
 * Errors of contributors by setting and round: rows of a table.
 *
 * @param studies by any name
 * @param rounds probed ones
 * @returns one row per setting and round: setting, k, effectiveParticipants, rmse with its 95 % interval low and high, labelAccuracy; NaN where fewer than two seeds
 *   have a contributor besides the attacker
 * @throws InputError when a study has not probed a round
 * @example
 * participantRows({ mean: study }, [0])[0].setting; // "mean"
 */
export function participantRows(studies: Studies, rounds: readonly number[]): Row[] {
  return Object.keys(studies).flatMap((setting) =>
    rounds.map((round) => {
      const leaks = leaksAt(studies, setting, round);
      const errors = leaks.flatMap(({ contributorRmse }) => contributorRmse ?? []);
      const { mean, interval } =
        errors.length > 1 ? estimateMean(errors) : { mean: NaN, interval: [NaN, NaN] as const };
      const average = (of: "effectiveParticipants" | "labelAccuracy"): number => leaks.reduce((sum, leak) => sum + leak[of] / leaks.length, 0); // prettier-ignore
      return {
        ...{
          setting,
          k: round,
          effectiveParticipants: average("effectiveParticipants"),
          rmse: mean,
          low: interval[0],
          high: interval[1],
        },
        labelAccuracy: average("labelAccuracy"),
      };
    }),
  );
}

/**
 * Errors of contributors against how many participate: points for estimateSeries.
 *
 * @param studies by any name
 * @param round a probed one
 * @param participants of a leak, default M_eff
 * @returns a point a setting, x the mean over seeds; none where fewer than two seeds have a contributor besides the attacker
 * @throws InputError when a study has not probed the round
 * @example
 * participantPoints({ mean: study }, 0)[0].values.length; // plan.seeds.length
 */
export function participantPoints(
  studies: Studies,
  round: number,
  participants = effectiveParticipants,
): { x: number; values: number[] }[] {
  return Object.keys(studies).flatMap((setting) => {
    const leaks = leaksAt(studies, setting, round).filter(({ contributorRmse }) => contributorRmse !== null);
    if (leaks.length < 2) return [];
    const x = leaks.reduce((sum, leak) => sum + participants(leak) / leaks.length, 0);
    return [{ x, values: leaks.map(({ contributorRmse }) => contributorRmse!) }];
  });
}

/**
 * Seed by seed the rank correlation over settings of the contributors' error with how many participate.
 *
 * @param studies by any name, on the same seeds
 * @param round a probed one
 * @param participants of a leak, default M_eff
 * @returns one number per seed, of the settings in which it has a contributor besides the attacker; seeds with fewer than two
 *   such settings, or of one error or number, are left out
 * @throws InputError when a study has not probed the round
 * @example
 * participantRanks({ mean: study }, 0); // []
 */
export function participantRanks(studies: Studies, round: number, participants = effectiveParticipants): number[] {
  const bySetting = Object.keys(studies).map((setting) => leaksAt(studies, setting, round));
  return (bySetting[0] ?? []).flatMap((_, s) => {
    const leaks = bySetting.flatMap((all) => (all[s]!.contributorRmse === null ? [] : all[s]!));
    const [x, y] = [leaks.map(participants), leaks.map(({ contributorRmse }) => contributorRmse!)];
    const differ = [x, y].every((values) => new Set(values).size > 1);
    return differ ? [rankCorrelation(x, y)] : [];
  });
}

function leaksAt(studies: Studies, setting: string, round: number): Leak[] {
  return studies[setting]!.runs.map(({ probe }) => {
    const leak = probe.find((one) => one.round === round);
    if (leak === undefined) ensure(false, "participants", `needs round ${round} probed in "${setting}"`, probe.map((one) => one.round)); // prettier-ignore
    return leak!;
  });
}
