/** @file The four failure signatures: four ways in which a defended or poisoned run looks unlike what one would hope. */
import { isDeepStrictEqual } from "node:util";
import { ensure } from "../core/errors";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { leakDifferences } from "../experiment/compare";
import { seedMeans } from "../experiment/curves";
import type { LeakageStudy } from "../experiment/studies";
import type { LeakagePlan } from "../experiment/measure";
import { estimateMean, pairedDifference, type Estimate } from "../experiment/statistics";
import type { FederationConfig } from "../fl/config";
import { settingsOf, type Studies } from "./leakPanels";
import type { SettingName } from "./style";

/** First and last round of each comparison, both included. */
export interface SignatureWindows {
  readonly early: readonly [number, number]; // F1: late against early
  readonly late: readonly [number, number];
  readonly noised: readonly [number, number]; // F2
  readonly robust: readonly [number, number]; // F3
  readonly combined: readonly [number, number]; // F4
}

/** A signature of a setting: present where the interval lies below zero, absent where it lies above. */
export interface Sign {
  readonly estimate: Estimate; // difference of RMSE, pixels in [0, 1]
  readonly against: string; // what was subtracted
}

/** The signatures of a setting; null where one has no meaning for it, or its counterpart was not run. */
export interface Signatures {
  readonly setting: SettingName;
  readonly F1: Sign | null;
  readonly F2: Sign | null;
  readonly F3: Sign | null;
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
 * Counterparts are found among the plans by their federations. F4 needs both differences below zero, so it is decided by the one
 * that says no most clearly: the highest lower end if one lies above zero, else the highest upper end.
 *
 * @param plans by setting
 * @param studies of the plans, under the same names
 * @param windows see SignatureWindows
 * @returns one entry a setting, in the style table's order
 * @throws InputError when a study has no plan, and as leakDifferences
 * @example
 * const windows = { early: [0, 0], late: [1, 1], noised: [0, 1], robust: [0, 1], combined: [0, 1] } as const;
 * signatures({ passive: plan }, { passive: study }, windows)[0].F3; // null; the mean is no robust rule
 * @source the paper's failure signatures; how each is decided: our choice
 */
export function signatures(
  plans: Readonly<Record<string, LeakagePlan>>,
  studies: Studies,
  windows: SignatureWindows,
): Signatures[] {
  const partnerOf = (name: string, change: Partial<FederationConfig>): string | undefined => {
    const wanted = essence({ ...plans[name]!.federation, ...change });
    return Object.keys(studies).find((other) => isDeepStrictEqual(essence(plans[other]!.federation), wanted));
  };
  const names = settingsOf(studies);
  for (const name of names) ensure(Object.hasOwn(plans, name), "signatures", "needs a plan of every study", name);
  return names.map((setting) => {
    const study = studies[setting]!;
    const { privacy, privacyParameters, aggregator, preAggregations } = plans[setting]!.federation;
    const isRobust = aggregator !== "mean" || preAggregations.length > 0;
    const [open, plain] = [partnerOf(setting, { privacy: "none" }), partnerOf(setting, undefended)];
    const isNoised = privacy !== "none" && privacyParameters.noiseMultiplier > 0;
    const below = (rounds: readonly [number, number], ...others: (string | undefined)[]): Sign | null => {
      if (others.includes(undefined)) return null;
      const signs = others.map((other) => ({ estimate: compare(study, studies[other!]!, rounds), against: other! }));
      return leastBelow(signs);
    };
    return {
      setting,
      F1: { estimate: overTime(study, windows), against: "its early rounds" },
      F2: isNoised ? below(windows.noised, open) : null,
      F3: isRobust && privacy === "none" ? below(windows.robust, plain) : null,
      F4: isRobust && isNoised ? below(windows.combined, open, plain) : null,
    };
  });
}

/** What the plain mean does not read stands at its default, so that settings which differ in it alone are one. */
const undefended = { aggregator: "mean", aggregatorParameters: {}, preAggregations: [], assumedMalicious: 0 } as const;

function essence(config: FederationConfig): FederationConfig {
  const isMean = config.aggregator === "mean" && config.preAggregations.length === 0;
  const privacyParameters =
    config.privacy === "none" ? defaultPrivacy : { ...defaultPrivacy, ...config.privacyParameters };
  return { ...config, ...(isMean && undefended), privacyParameters };
}

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
