/** @file The backfire condition on runs: what line (12) predicts from the gaps, and what the reconstructions say. */
import { ensure } from "../core/errors";
import { backfireRatio } from "../theory/bound";
import type { GradientStudy } from "./studies";
import type { LeakageStudy } from "./studies";

/** A seed and round of a setting under DP. */
export interface BackfireRound {
  /** Of the run. */
  readonly seed: number;
  /** k. */
  readonly round: number;
  /** Δ under DP over Δ without. */
  readonly ratio: number;
  /** 1 + d s^2 / (M_eff B), line (12). */
  readonly threshold: number;
  /** RMSE under DP minus without, on the same images. */
  readonly difference: number;
  /** The ratio is above the threshold where, and only where, the difference is below 0. */
  readonly agrees: boolean;
}

/**
 * Line (12) at every round that is known of all three studies.
 *
 * @param noisy under DP, probed
 * @param clean without, on the same seeds and rounds
 * @param gradients of the clean runs: σ and ζ
 * @param options dpStd s, per coordinate and client; dimension d; effectiveParticipants M_eff, the attacker left out
 * @returns one row per seed and round
 * @throws InputError when the seeds differ, or no round is known of all
 * @example
 * const none = { runs: [], sources: [] };
 * backfireRounds(none, none, none, { dpStd: 0.003, dimension: 61706, effectiveParticipants: 9 }); // []
 * @source our derivation, line (12)
 */
export function backfireRounds(
  noisy: LeakageStudy,
  clean: LeakageStudy,
  gradients: GradientStudy,
  options: { readonly dpStd: number; readonly dimension: number; readonly effectiveParticipants: number },
): BackfireRound[] {
  const fn = "backfireRounds";
  const seeds = (runs: readonly { readonly seed: number }[]): string => runs.map(({ seed }) => seed).join(", ");
  const alike = [clean, gradients].every(({ runs }) => seeds(runs) === seeds(noisy.runs));
  ensure(alike, fn, `needs seeds ${seeds(noisy.runs)} of all`, `${seeds(clean.runs)} and ${seeds(gradients.runs)}`);
  return gradients.runs.flatMap(({ seed, rounds }, s) => {
    const [under, without] = [noisy.runs[s]!, clean.runs[s]!];
    const found = rounds.flatMap(({ round, noise }) => {
      const [ours, theirs] = [under, without].map(({ probe }) => probe.find((leak) => leak.round === round));
      if (ours === undefined || theirs === undefined) return [];
      const ratio = under.rounds[round]!.objectiveGap / without.rounds[round]!.objectiveGap;
      const samplingStd = Math.sqrt(noise.samplingVariance);
      const heterogeneity = Math.sqrt(Math.max(0, noise.heterogeneity));
      const threshold = backfireRatio({ samplingStd, heterogeneity, ...options });
      const difference = ours.rmse - theirs.rmse;
      return [{ seed, round, ratio, threshold, difference, agrees: ratio > threshold === difference < 0 }];
    });
    ensure(found.length > 0, fn, `needs a round of seed ${seed} that all three know`, "none");
    return found;
  });
}
