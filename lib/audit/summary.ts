/** @file An audit in one JSON object. */
import type { Audit, AuditedRound } from "./audit";

/** What `--json` prints. Null is what is not known: of all but matchingLoss without truth, of floor and leakage without own images. */
export interface AuditSummary {
  /** Mean over all private images of all rounds. */
  readonly rmse: number | null;
  /** Of the attacker's best guess without a gradient. */
  readonly floor: number | null;
  /** 1 - rmse / floor. */
  readonly leakage: number | null;
  /** Mean over rounds. */
  readonly matchingLoss: number;
  /** Of the private images themselves, mean over rounds. */
  readonly trueMatchingLoss: number | null;
  /** Whether every round was matched as well as can be; see AuditedRound. */
  readonly found: boolean | null;
  /** Share of the labels that are right. */
  readonly labels: number | null;
  /** That share by chance. */
  readonly labelFloor: number | null;
  /** M, given or estimated. */
  readonly numClients: number;
  /** That it took. */
  readonly seconds: number;
  /** Path of reconstructions.npy, float32 [n, C, H, W], round by round; in the order of the truth, if there is any. */
  readonly images: string;
}

/**
 * An audit in one object.
 *
 * @param audit see audit
 * @param images where they are written
 * @returns plain JSON
 * @example
 * summaryOf(audited, "reconstructions.npy").numClients; // 5
 */
export function summaryOf({ rounds, numClients, hasOwn, seconds }: Audit, images: string): AuditSummary {
  const over = (value: (round: AuditedRound) => number | null | undefined): number | null => meanOf(rounds.map(value));
  const rmse = over(({ leak }) => leak?.rmse);
  const floor = hasOwn ? over(({ leak }) => leak?.floor) : null;
  const found = rounds.map((round) => round.found);
  return {
    rmse,
    floor,
    leakage: rmse === null || floor === null ? null : 1 - rmse / floor,
    matchingLoss: over(({ matchingLoss }) => matchingLoss)!,
    trueMatchingLoss: over(({ trueMatchingLoss }) => trueMatchingLoss),
    found: found.includes(false) ? false : found.includes(null) ? null : true,
    labels: over(({ leak }) => leak?.labelAccuracy),
    labelFloor: over((round) => round.labelFloor),
    numClients,
    seconds: Number(seconds.toFixed(2)),
    images,
  };
}

/** Null where a value is missing. */
function meanOf(values: readonly (number | null | undefined)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null || value === undefined) return null;
    sum += value;
  }
  return sum / values.length;
}
