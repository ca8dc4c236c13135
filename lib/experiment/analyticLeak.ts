/** @file Line (10) of the theory on real images: softmax regression, read off in closed form along a run. */
import { backendReady } from "../core/backend";
import { ensureNames } from "../core/known";
import { ensure } from "../core/errors";
import { ensureSeeds } from "../core/known";
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
  readonly seed: number;
  readonly round: number;
  readonly effectiveClients: number; // M_eff: peers in the mean
  readonly objectiveGap: number; // Δ^(k), nats; F* taken as config.optimum
  readonly rmse: number; // of the readings against the images in their means, pixels in [0, 1]
  readonly bound: number; // line (10), in the same unit
  readonly dispersion: number; // V of line (3)
  readonly relativeDispersion: number; // V / ||gbar||^2: what the inversion has to bear
};

/**
 * Trains softmax regression, and at each of the rounds reads images off mean gradients of some peers.
 *
 * The private images are those of the first round at every round, and all sets of `victims` neighbours in the ring of peers are
 * read and averaged (squares), so that every image counts equally often whatever is varied. The reading needs no optimisation:
 * its error is the mixing of images, nothing else.
 *
 * @param config architecture "softmaxRegression", batchSize 1; its seed is replaced by each of the seeds
 * @param dataset as loadDataset gives it
 * @param plan seeds; rounds, up to config.rounds; victims: how many peers are in the mean, each 1..M-1
 * @returns one leak a seed, round and number of victims
 * @throws InputError when the architecture or batch size is another, a list is empty, a seed is no integer or given twice, or a round
 *   or number is out of range
 * @example
 * const softmax = { ...config, architecture: "softmaxRegression" };
 * const [alone, mixed] = await followAnalyticLeak(softmax, dataset, { seeds: [1], rounds: [0], victims: [1, 2] });
 * [alone.rmse < 1e-4, mixed.rmse > 0.01, mixed.rmse < mixed.bound]; // [true, true, true]
 * @source our derivation, line (10)
 */
export async function followAnalyticLeak(
  config: FederationConfig,
  dataset: Dataset,
  plan: { readonly seeds: readonly number[]; readonly rounds: readonly number[]; readonly victims: readonly number[] },
): Promise<AnalyticLeak[]> {
  const fn = "followAnalyticLeak";
  ensureNames(fn, "plan", plan, ["seeds", "rounds", "victims"]);
  const { seeds, rounds, victims } = plan;
  for (const [name, list] of Object.entries({ seeds, rounds, victims }))
    ensure(Array.isArray(list) && list.length > 0, fn, `needs an array of ${name}, not empty`, list);
  const isSeeds = seeds.every(Number.isInteger) && new Set(seeds).size === seeds.length;
  ensure(isSeeds, fn, "needs integer seeds, each once", [...seeds]);
  const { architecture, batchSize, numClients } = config;
  ensure(architecture === "softmaxRegression" && batchSize === 1, fn, "needs softmaxRegression with batches of 1", `${architecture}, ${batchSize}`); // prettier-ignore
  ensureSeeds(fn, seeds);
  const within = (values: readonly number[], low: number, high: number): boolean => values.every((v) => Number.isInteger(v) && v >= low && v <= high); // prettier-ignore
  ensure(within(rounds, 0, config.rounds), fn, `needs rounds of 0..${config.rounds}`, [...rounds]);
  ensure(within(victims, 1, numClients - 1), fn, `needs victims of 1..${numClients - 1}`, [...victims]);
  await backendReady();
  const leaks: AnalyticLeak[] = [];
  for (const seed of seeds) {
    const seeded = { ...config, seed };
    const recordOf = byRound(await train(seeded, dataset, { keep: (round) => round === 0 || rounds.includes(round) }));
    const { network } = setUp(seeded, dataset);
    const peers = recordOf(0)
      .batches.filter((_, m) => m !== config.maliciouslyCuriousClient)
      .map(([batch]) => batch!);
    const images = peers.map((batch) => Array.from(batch.images));
    for (const round of rounds) {
      const { weights, objectiveGap } = recordOf(round);
      const { gradients } = lossAndGradient(network, peers.map(() => weights), peers); // prettier-ignore
      const exact = gradients.map((gradient) => Array.from(gradient));
      for (const count of victims) {
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
          seed,
          round,
          effectiveClients: count,
          objectiveGap,
          rmse: Math.sqrt(mean("error") / pixels),
          bound: Math.sqrt(mean("bound") / pixels),
          dispersion: mean("dispersion"),
          relativeDispersion: mean("relative"),
        });
      }
    }
  }
  return leaks;
}
