/** @file Line (10) of the theory on real images: softmax regression, read off in closed form along a run. */
import type { Dataset } from "../core/types";
import type { FederationConfig } from "../fl/config";
import { setUp } from "../fl/federation";
import { train } from "../fl/train";
import { lossAndGradient } from "../model/network";
import { dispersionOf } from "../theory/bound";
import { softmaxLeak } from "../theory/softmax";
import { combination, squaredNorm } from "../theory/vectors";
import { byRound } from "./measure";

/** The analytic leak at one round, from the mean of some peers. */
export type AnalyticLeak = {
  /** Of the run. */
  readonly seed: number;
  /** k. */
  readonly round: number;
  /** M_eff: peers in the mean. */
  readonly effectiveParticipants: number;
  /** Δ^(k), nats; F* taken as config.optimum. */
  readonly objectiveGap: number;
  /** Of the readings against the images in their means, pixels in [0, 1]. */
  readonly rmse: number;
  /** Line (10), in the same unit. */
  readonly bound: number;
  /** V of line (3). */
  readonly dispersion: number;
  /** V / ||gbar||^2: what the inversion has to bear. */
  readonly relativeDispersion: number;
};

/** A setting of softmax regression with batches of one image, and where along its run to read. */
export interface AnalyticLeakPlan {
  /** The setting, softmax regression and B = 1; its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** One run per seed; integers, each once. */
  readonly seeds: readonly number[];
  /** At whose broadcasts to read, each in 0..K; K is the final one. */
  readonly rounds: readonly number[];
  /** How many peers' gradients are averaged, each of 1..M - 1. */
  readonly peers: readonly number[];
}

/**
 * Measures a plan's seed; see followAnalyticLeak.
 *
 * @param plan its federation carries the seed
 * @param dataset as loadDataset gives it
 * @returns one leak per round and number of peers
 * @example
 * const softmax = { ...config, architecture: "softmaxRegression" };
 * (await measureAnalyticLeak({ federation: softmax, seeds: [1], rounds: [0], peers: [1] }, dataset)).length; // 1
 */
export async function measureAnalyticLeak(plan: AnalyticLeakPlan, dataset: Dataset): Promise<AnalyticLeak[]> {
  const { federation: config, rounds, peers: counts } = plan;
  const leaks: AnalyticLeak[] = [];
  const recordOf = byRound(await train(config, dataset, { keep: (round) => round === 0 || rounds.includes(round) }));
  const { network } = setUp(config, dataset);
  const peers = recordOf(0)
    .batches.filter((_, m) => m !== config.maliciouslyCuriousClient)
    .map(([batch]) => batch!);
  const images = peers.map((batch) => Array.from(batch.images));
  for (const round of rounds) {
    const { weights, objectiveGap } = recordOf(round);
    const { gradients } = lossAndGradient(network, peers.map(() => weights), peers); // prettier-ignore
    const exact = gradients.map((gradient) => Array.from(gradient));
    for (const count of counts) {
      const windows = peers.map((_, first) => peers.map((__, j) => (first + j) % peers.length).slice(0, count));
      const readings = windows.map((chosen) => {
        const sent = chosen.map((i) => exact[i]!);
        const options = { numClasses: dataset.numClasses, gradientNorm: 1 }; // L_R is not asked for
        const dispersion = dispersionOf(sent);
        return { ...softmaxLeak(sent, chosen.map((i) => images[i]!), options), dispersion, relative: dispersion / squaredNorm(combination(sent)) }; // prettier-ignore
      });
      const mean = (of: "error" | "bound" | "dispersion" | "relative"): number => readings.reduce((sum, reading) => sum + reading[of] / readings.length, 0); // prettier-ignore
      const pixels = images[0]!.length;
      leaks.push({
        seed: config.seed,
        round,
        effectiveParticipants: count,
        objectiveGap,
        rmse: Math.sqrt(mean("error") / pixels),
        bound: Math.sqrt(mean("bound") / pixels),
        dispersion: mean("dispersion"),
        relativeDispersion: mean("relative"),
      });
    }
  }
  return leaks;
}
