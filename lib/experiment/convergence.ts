/** @file Remark 1 on runs: how fast a rule converges, beside the variance that the lemma's table gives it. */
import { ensure } from "../core/errors";
import { chosenMeanVariance } from "../theory/laws";
import { medianVariance } from "../theory/medianVariance";
import type { GradientStudy } from "./studies";

/** A seed of a rule. */
export interface Convergence {
  /** v of the lemma's table with the run's own σ^2, ζ^2 and number of kept updates; mean over rounds. */
  readonly predicted: number;
  /** ||u - grad F||^2, mean over rounds. */
  readonly measured: number;
  /** -d log F / d round, least squares over the rounds. */
  readonly decay: number;
  /** F, mean of the last two rounds, nats. */
  readonly late: number;
}

/**
 * How a rule converged with nobody poisoning, and what its row in the lemma's table says.
 *
 *     m updates kept    v = σ^2 / m + ζ^2 (M - m) / (m (M - 1))
 *     median            v = Var(median of M standard normals) (σ^2 + ζ^2)
 *
 * The first takes the m as chosen blindly, the second the clients' biases for one more normal noise: yardsticks, no bounds. The gap
 * is F itself, F* taken as 0 as in every notebook.
 *
 * @param study of the rule, measured in at least two rounds
 * @param options numClients M; isMedian: the coordinate-wise median
 * @returns one entry per seed
 * @throws InputError when a seed has fewer than two rounds
 * @example
 * convergenceOf({ runs: [], sources: [] }, { numClients: 10, isMedian: false }); // []
 * @source our derivation, lines (17) to (19); the paper's Remark 1
 */
export function convergenceOf(
  { runs }: GradientStudy,
  { numClients, isMedian }: { numClients: number; isMedian: boolean },
): Convergence[] {
  return runs.map(({ rounds }) => {
    ensure(rounds.length >= 2, "convergenceOf", "needs at least two rounds", rounds.length);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
    const predicted = rounds.map(({ noise, effectiveParticipants }) => {
      const { samplingVariance } = noise;
      const heterogeneity = Math.max(0, noise.heterogeneity);
      if (isMedian) return medianVariance(numClients) * (samplingVariance + heterogeneity);
      return chosenMeanVariance({ samplingVariance, heterogeneity, numClients }, Math.round(effectiveParticipants));
    });
    const k = rounds.map(({ round }) => round);
    const logs = rounds.map(({ loss }) => Math.log(loss));
    const spread = k.reduce((sum, x) => sum + (x - mean(k)) ** 2, 0);
    const slope = k.reduce((sum, x, i) => sum + ((x - mean(k)) * logs[i]!) / spread, 0);
    return {
      predicted: mean(predicted),
      measured: mean(rounds.map(({ aggregateError }) => aggregateError)),
      decay: -slope,
      late: mean(rounds.slice(-2).map(({ loss }) => loss)),
    };
  });
}
