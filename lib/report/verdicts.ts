/** @file What the notebooks on poisoning and defenses decide and tabulate alike: paired differences, means by name, who is in the aggregate. */
import { ensure } from "../core/errors";
import { leakDifferences, type LeakComparison } from "../experiment/compare";
import { foundShare, seedMeans } from "../experiment/curves";
import type { LeakageStudy } from "../experiment/studies";
import type { Studied } from "../experiment/planned";
import { estimateMean, pairedDifference, seedsNeeded, type Estimate } from "../experiment/statistics";
import { decide, notTestable, type Claim, type DecidedClaim } from "./claims";
import type { LeakQuantity, RoundQuantity } from "./leakPanels";
import type { Row } from "./table";
import { linesInOrder, valueIn } from "./leakPanels";

/** A stretch of rounds, both ends included. */
type Window = readonly [first: number, last: number];

/** A quantity of a study: of its training rounds, or of what was reconstructed of the probe. */
export type Quantity = RoundQuantity | LeakQuantity | "floor";

const ofRounds: readonly string[] = ["loss", "objectiveGap", "accuracy", "attackSuccess", "effectiveParticipants"] satisfies RoundQuantity[]; // prettier-ignore

/**
 * One number per seed of a study: the mean of a quantity over a stretch of rounds.
 *
 * @param study of any number of seeds
 * @param quantity "accuracy", "objectiveGap", "rmse", "leakage" and so on
 * @param window first and last round, both included
 * @returns the seeds that have the quantity, in the study's order
 * @throws InputError as seedMeans
 * @example
 * perSeed(study, "accuracy", [0, 1]).length; // plan.seeds.length
 */
export function perSeed(study: LeakageStudy, quantity: Quantity, window: Window): number[] {
  const means = ofRounds.includes(quantity)
    ? seedMeans(study, "rounds", window, (round) => round[quantity as RoundQuantity])
    : seedMeans(study, "probe", window, valueIn(quantity as LeakQuantity | "floor"));
  return means.filter((value): value is number => value !== null);
}

/**
 * The mean of a quantity over seeds and a stretch of rounds, in words.
 *
 * @param study at least one seed has the quantity
 * @param quantity see perSeed
 * @param window first and last round, both included
 * @returns two decimals, or "–" where no seed has the quantity
 * @throws InputError as seedMeans
 * @example
 * meanText(study, "accuracy", [0, 1]); // perSeed(study, "accuracy", [0, 1]).reduce((sum, value, _, all) => sum + value / all.length, 0).toFixed(2)
 */
export function meanText(study: LeakageStudy, quantity: Quantity, window: Window): string {
  const values = perSeed(study, quantity, window);
  return values.length === 0 ? "–" : (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2);
}

/**
 * How much larger a training quantity is than in another run, paired by seed.
 *
 * @param study its seeds are the first ones of the baseline's
 * @param baseline run on the same seeds, perhaps on further ones
 * @param quantity see perSeed
 * @param window first and last round, both included
 * @returns the mean difference with its interval
 * @throws InputError when a seed of the study is not in its place in the baseline, and as seedMeans
 * @example
 * differenceOf(study, study, "objectiveGap", [0, 1]).mean; // 0
 */
export function differenceOf(
  study: LeakageStudy,
  baseline: LeakageStudy,
  quantity: Quantity,
  window: Window,
): Estimate {
  const [ours, theirs] = [study, baseline].map(({ runs }) => runs.map(({ seed }) => seed)) as [number[], number[]];
  const alike = ours.every((seed, s) => seed === theirs[s]);
  ensure(alike, "differenceOf", `needs a baseline that begins with seeds ${ours.join(", ")}`, theirs.join(", "));
  return pairedDifference(perSeed(study, quantity, window), perSeed(baseline, quantity, window).slice(0, ours.length));
}

/**
 * A window as claims and titles write it.
 *
 * @param window first and last round, both included
 * @returns "rounds 0–49"
 * @example
 * spanOf([0, 49]); // "rounds 0–49"
 */
export function spanOf(window: Window): string {
  return `rounds ${window.join("–")}`;
}

/** A claim about a difference of RMSE; what is left out is a difference in pixels that shall be below 0. */
export type DifferenceClaim = Pick<Claim, "id" | "statement"> & Partial<Claim>;

/**
 * Decides a claim about how much larger a study's RMSE is than a baseline's, paired by seed and private image, and only where the
 * search found nine tenths of both.
 *
 * @param claim id, statement and setting; threshold (0), direction ("below"), unit and note where they are others. A note is put in front of how many
 *   seeds would find a difference of 0.01
 * @param study at least two seeds
 * @param baseline run on the same seeds and rounds
 * @param comparison rounds, and perhaps series, over and relative
 * @returns the claim with its verdict; not testable where fewer than two seeds can be compared
 * @throws InputError as leakDifferences and decide
 * @example
 * const claim = { id: "C5", statement: "RMSE − passive" };
 * decideDifference(claim, study, study, { rounds: [0, 1] }).measured; // 0
 */
export function decideDifference(
  claim: DifferenceClaim,
  study: LeakageStudy,
  baseline: LeakageStudy,
  comparison: LeakComparison,
): DecidedClaim {
  const unit = comparison.relative ? "relative" : "pixels in [0, 1]";
  const found = foundShare([study, baseline], [comparison.rounds], comparison.series);
  const whole: Claim = { threshold: 0, direction: "below", unit, found, ...claim };
  const differences = leakDifferences(study, baseline, comparison);
  if (differences.length < 2) return notTestable({ ...whole, note: "fewer than two seeds have a contributor" });
  const power = comparison.relative ? [] : [`0.01 needs ${seedsNeeded(differences, 0.01)} seeds`];
  const note = [...(claim.note ? [claim.note] : []), ...power].join("; ");
  return decide({ ...whole, note, estimate: estimateMean(differences) });
}

/**
 * Who is in each setting's aggregate: M_eff, and how often the attacker is.
 *
 * @param studies settings with their plans
 * @param window first and last round, both included
 * @returns one row per setting, in the style table's order; NaN, shown as a dash, where a rule keeps nobody as a whole
 * @throws InputError as seedMeans
 * @example
 * aggregateRows([{ setting: setting({ poisoning: "none" }), plan, study }], [0, 0])[0].setting; // "passive"
 */
export function aggregateRows(studies: readonly Studied[], window: Window): Row[] {
  return linesInOrder(studies).map(({ setting, plan, study }) => {
    const attacker = plan.federation.maliciouslyCuriousClient;
    const isIn = (kept: readonly number[]): number | null =>
      kept.length === 0 ? null : Number(kept.includes(attacker));
    const effectiveParticipants = seedMeans(study, "rounds", window, (round) => round.effectiveParticipants);
    const there = seedMeans(study, "rounds", window, (round) => isIn(round.kept));
    return { setting: setting.label, effectiveParticipants: meanOf(effectiveParticipants), attacker: meanOf(there) };
  });
}

function meanOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? NaN) / values.length, 0);
}

/**
 * Whether a rule left honest clients out in an inverted round of some seed.
 *
 * @param study of any number of seeds
 * @returns true where contributors and all honest clients are not the same
 * @example
 * leavesOut(study); // false
 */
export function leavesOut(study: LeakageStudy): boolean {
  return study.runs.some(({ probe }) => probe.some(({ contributed }) => contributed.includes(false)));
}
