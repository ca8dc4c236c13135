/** @file One seed of a gradient plan as a job: how it is made, computed and stored. */
import { ensure, ensureCount } from "../core/errors";
import { ensureDefined, ensureSeeds } from "../core/known";
import type { Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import { checkConfig } from "../fl/config";
import { readGradientPlan } from "./gradientPlan";
import { measureGradientsOf, type GradientPlan, type GradientRun } from "./gradients";
import { runOf, type Job } from "./job";
import { autoencoderOf } from "./leakageJob";
import type { Follow } from "./measure";
import { remember, type Remembered } from "./store";
import { checkValue } from "./values";

/** One seed of one plan. */
export interface GradientJob extends Job {
  readonly kind: "gradients";
  readonly plan: GradientPlan; // of a single seed
}

/**
 * The jobs of a plan, one a seed.
 *
 * @param plan see GradientPlan
 * @param common the dataset and the backend it is to be computed on, and force, see Job
 * @returns jobs in the order of the seeds
 * @throws InputError as checkPlan; for no seed or round, a round outside the run, fewer than two batches, no image, or local steps
 * @example
 * const looked = { federation: config, seeds: [3, 4], rounds: [0], objectiveImages: 5, batches: 2, attack: null };
 * gradientJobs(looked, { dataset, backend: "", force: false }).map(({ plan }) => plan.federation.seed); // [3, 4]
 */
export function gradientJobs(
  plan: GradientPlan,
  { dataset, backend, force }: { dataset: Dataset; backend: string; force: boolean | string },
): GradientJob[] {
  const fn = "measureGradients";
  ensureDefined(fn, "the plan", plan);
  const { federation, seeds, rounds, objectiveImages, batches } = readGradientPlan(plan, fn);
  checkConfig(federation);
  ensureSeeds(fn, seeds);
  ensure(rounds.length >= 1, fn, "needs at least one round", "none");
  const isWithin = (round: number): boolean => Number.isInteger(round) && round >= 0 && round < federation.rounds;
  ensure(rounds.every(isWithin), fn, `needs rounds in 0..${federation.rounds - 1}`, [...rounds]);
  ensureCount(fn, "objectiveImages", objectiveImages);
  ensureCount(fn, "batches", batches, 2);
  ensure(federation.localSteps === 1, fn, "needs FedSGD, localSteps = 1", federation.localSteps);
  const { name, hash } = dataset;
  return seeds.map((seed) => ({
    kind: "gradients",
    code: "experiment/gradients",
    plan: { ...plan, federation: { ...federation, seed }, seeds: [seed] },
    dataset: { name: name as DatasetName, hash },
    backend,
    force,
  }));
}

/**
 * Computes a seed, or reads it from the store.
 *
 * @param job one of gradientJobs
 * @param dataset the one the job names
 * @param follow hears of the share that is done, 0..1, and what is being done; not when it is stored
 * @returns the run and where it came from; read only
 * @throws whatever train and invert refuse
 * @example
 * const looked = { federation: config, seeds: [3], rounds: [0], objectiveImages: 5, batches: 2, attack: null };
 * const [job] = gradientJobs(looked, { dataset, backend: "", force: false });
 * (await computeGradients(job, dataset, () => undefined)).value.seed; // 3
 */
export function computeGradients(job: GradientJob, dataset: Dataset, follow: Follow): Promise<Remembered<GradientRun>> {
  const { plan, backend, force } = job;
  const { federation, attack } = plan;
  const compute = async (): Promise<GradientRun> => {
    if (attack?.prior !== "autoencoder") return measureGradientsOf(plan, dataset, null, follow);
    const owner = { plan: { federation, attack }, backend, force };
    const autoencoder = await autoencoderOf(owner, dataset, () => follow(0, "autoencoder"));
    return measureGradientsOf(plan, dataset, autoencoder, follow);
  };
  return remember(runOf(job), compute, { force, check: (value) => checkValue(job, value) });
}
