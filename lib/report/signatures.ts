/** @file The four failure signatures: four ways in which a defended or poisoned run looks unlike what one would hope. */
import { isDeepStrictEqual } from "node:util";
import { leakDifferences } from "../experiment/compare";
import { foundShare, seedMeans } from "../experiment/curves";
import type { LeakageStudy } from "../experiment/studies";
import type { Studied } from "../experiment/planned";
import { essenceOf, type Setting } from "../experiment/settings";
import { estimateMean, pairedDifference, type Estimate } from "../experiment/statistics";
import type { FederationConfig } from "../fl/config";
import { linesInOrder } from "./leakPanels";

/** First and last round of each comparison, both included. */
export interface SignatureWindows {
  /** F1: rounds, both included, that the late ones are held against. */
  readonly early: readonly [number, number];
  /** F1: rounds, both included. */
  readonly late: readonly [number, number];
  /** F2: rounds that count as early under noise. */
  readonly noised: readonly [number, number];
  /** F3: rounds over which rules are compared. */
  readonly robust: readonly [number, number];
  /** F4: rounds over which rule and noise together are compared. */
  readonly combined: readonly [number, number];
}

/** A signature of a setting: present where the interval lies below zero, absent where it lies above. */
export interface Sign {
  /** Difference of RMSE, pixels in [0, 1]. */
  readonly estimate: Estimate;
  /** What was subtracted. */
  readonly against: string;
  /** See foundShare, of both. */
  readonly found: number | null;
}

/** The signatures of a setting; null where one has no meaning for it, or its counterpart was not run. */
export interface Signatures {
  /** Whose signs they are. */
  readonly setting: Setting;
  /** The error falls over time; null where it cannot be said. */
  readonly F1: Sign | null;
  /** Noise lowers the early error. */
  readonly F2: Sign | null;
  /** A robust rule is below no defense. */
  readonly F3: Sign | null;
  /** Rule and noise together are below either. */
  readonly F4: Sign | null;
}

/**
 * The four failure signatures of every setting, as paired differences of RMSE on the fixed probe.
 *
 *     F1  RMSE falls over time                late rounds - early rounds of the setting itself
 *     F2  DP noise lowers early RMSE          setting - the same without privacy                  (settings with noise)
 *     F3  robust aggregation below no defense setting - the same under the mean                   (rules without privacy)
 *     F4  DP + robust below either            setting - the same without privacy, and - the same under the mean (rules with privacy)
 *
 * Counterparts are found among the studies by their federations. F4 needs both differences below zero, so it is decided by the one
 * that says no most clearly: the highest lower end if one lies above zero, else the highest upper end.
 *
 * @param studies settings with their plans, as measureSettings gives them
 * @param windows see SignatureWindows
 * @returns one entry per setting, in the style table's order
 * @throws InputError as leakDifferences
 * @example
 * const windows = { early: [0, 0], late: [1, 1], noised: [0, 1], robust: [0, 1], combined: [0, 1] } as const;
 * signatures([{ setting: setting({ poisoning: "none" }), plan, study }], windows)[0].F3; // null; the mean is no robust rule
 * @source the paper's failure signatures; how each is decided: our choice
 */
export function signatures(studies: readonly Studied[], windows: SignatureWindows): Signatures[] {
  const partnerOf = ({ plan }: Studied, change: Partial<FederationConfig>): Studied | undefined => {
    const wanted = essenceOf({ ...plan.federation, ...change });
    return studies.find((other) => isDeepStrictEqual(essenceOf(other.plan.federation), wanted));
  };
  return linesInOrder(studies).map((one) => {
    const { privacy, privacyParameters, aggregator, preAggregations } = one.plan.federation;
    const isRobust = aggregator !== "mean" || preAggregations.length > 0;
    const [open, plain] = [partnerOf(one, { privacy: "none" }), partnerOf(one, undefended)];
    const isNoised = privacy !== "none" && privacyParameters.noiseMultiplier > 0;
    const below = (rounds: readonly [number, number], ...others: (Studied | undefined)[]): Sign | null => {
      const there = others.flatMap((other) => other ?? []);
      if (there.length < others.length) return null;
      const signs = there.map(({ study, setting }) => ({
        estimate: compare(one.study, study, rounds),
        against: setting.label,
        found: foundShare([one.study, study], [rounds]),
      }));
      return leastBelow(signs);
    };
    return {
      setting: one.setting,
      F1: {
        estimate: overTime(one.study, windows),
        against: "its early rounds",
        found: foundShare([one.study], [windows.early, windows.late]),
      },
      F2: isNoised ? below(windows.noised, open) : null,
      F3: isRobust && privacy === "none" ? below(windows.robust, plain) : null,
      F4: isRobust && isNoised ? below(windows.combined, open, plain) : null,
    };
  });
}

/** No defense at the server. */
const undefended = { aggregator: "mean", aggregatorParameters: {}, preAggregations: [], assumedMalicious: 0 } as const;

function compare(study: LeakageStudy, other: LeakageStudy, rounds: readonly [number, number]): Estimate {
  return estimateMean(leakDifferences(study, other, { rounds }));
}

function overTime(study: LeakageStudy, { early, late }: SignatureWindows): Estimate {
  const rmseIn = (window: readonly [number, number]): number[] => seedMeans(study, "probe", window, ({ rmse }) => rmse);
  return pairedDifference(rmseIn(late), rmseIn(early));
}

function leastBelow(signs: readonly Sign[]): Sign {
  const above = signs.filter(({ estimate }) => estimate.interval[0] > 0);
  const end = above.length > 0 ? 0 : 1;
  const others = above.length > 0 ? above : signs;
  return others.reduce((a, b) => (b.estimate.interval[end] > a.estimate.interval[end] ? b : a));
}
