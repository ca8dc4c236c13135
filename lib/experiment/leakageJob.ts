/** @file One seed of a leakage plan as a job: how it is made, computed and stored. */
import type { Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import type { Autoencoder } from "../model/autoencoder";
import type { Job } from "./job";
import { runOf } from "./job";
import { checkPlan } from "./leakagePlan";
import { measureSeed, type Follow, type LeakagePlan, type LeakageRun } from "./measure";
import { shardOf, trainOwnAutoencoder } from "./ownAutoencoder";
import { remember, type Remembered, type Run } from "./store";
import { checkValue } from "./values";

/** One seed of one plan. */
export interface SeedJob extends Job {
  readonly kind: "leakage";
  readonly plan: LeakagePlan; // of a single seed
}

/**
 * The jobs of a plan, one a seed.
 *
 * @param plan see LeakagePlan
 * @param common the dataset and the backend it is to be computed on, and force: a moment, so that what several jobs share is
 *   computed once
 * @returns jobs in the order of the seeds
 * @throws InputError as checkPlan
 * @example
 * seedJobs(plan, { dataset, backend: "", force: false }).map(({ plan }) => plan.federation.seed); // plan.seeds
 */
export function seedJobs(
  plan: LeakagePlan,
  { dataset, backend, force }: { dataset: Dataset; backend: string; force: boolean | string },
): SeedJob[] {
  checkPlan(plan);
  const { name, hash } = dataset;
  return plan.seeds.map((seed) => ({
    kind: "leakage",
    code: "experiment/measure",
    plan: { ...plan, federation: { ...plan.federation, seed }, seeds: [seed] },
    dataset: { name: name as DatasetName, hash },
    backend,
    force,
  }));
}

/**
 * Computes a seed, or reads it from the store.
 *
 * @param job one of seedJobs
 * @param dataset the one the job names
 * @param follow hears of the share that is done, 0..1, and what is being done; not when it is stored
 * @returns the run and where it came from; read only
 * @throws whatever train and invert refuse
 * @example
 * const [first] = seedJobs(plan, { dataset, backend: "", force: false });
 * (await computeSeed(first, dataset, () => undefined)).value.seed; // plan.seeds[0]
 */
export function computeSeed(job: SeedJob, dataset: Dataset, follow: Follow): Promise<Remembered<LeakageRun>> {
  const { plan, force } = job;
  const compute = async (): Promise<LeakageRun> => {
    if (plan.attack.prior !== "autoencoder") return measureSeed(plan, dataset, null, follow);
    const autoencoder = await autoencoderOf(job, dataset, (share) => follow(autoencoderShare * share, "autoencoder"));
    return measureSeed(plan, dataset, autoencoder, (share, note) =>
      follow(autoencoderShare + (1 - autoencoderShare) * share, note),
    );
  };
  return remember(runOf(job), compute, { force, check: (value) => checkValue(job, value) });
}

const autoencoderShare = 0.15; // of the time, as measured for 15 views

/**
 * The attacker's autoencoder. It depends on its shard alone, so settings that share seed and partition share it.
 *
 * @param job whose it is: the federation, the attack's steps of training, the backend, and force
 * @param dataset the one the job names
 * @param follow hears of the share that is done, 0..1; not when it is stored
 * @returns the autoencoder; read only
 * @throws whatever trainAutoencoders refuses
 * @example
 * const [first] = seedJobs(plan, { dataset, backend: "", force: false });
 * (await autoencoderOf(first, dataset, () => undefined)).codeShape; // [4, 7, 7]
 */
export async function autoencoderOf(
  {
    plan,
    backend,
    force,
  }: Pick<SeedJob, "backend" | "force"> & { readonly plan: Pick<LeakagePlan, "federation" | "attack"> },
  dataset: Dataset,
  follow: (share: number) => void,
): Promise<Autoencoder> {
  const { federation } = plan;
  const steps = plan.attack.autoencoderSteps;
  const run: Run = {
    kind: "autoencoder",
    code: "experiment/ownAutoencoder",
    config: { backend, shard: shardOf(federation), steps },
    datasetHash: dataset.hash,
  };
  return (await remember(run, () => trainOwnAutoencoder(federation, dataset, steps, follow), { force })).value;
}
