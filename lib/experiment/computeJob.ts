/** @file The kinds of jobs there are, and computing one. */
import { backendReady } from "../core/backend";
import { ensureKnown } from "../core/known";
import type { Dataset } from "../core/types";
import { loadDataset } from "../data/source";
import { computeGradients, type GradientJob } from "./gradientJob";
import { readGradientPlan } from "./gradientPlan";
import { UnfitError, type Job } from "./job";
import { computeSeed, type SeedJob } from "./leakageJob";
import { readPlan } from "./leakagePlan";
import type { Follow } from "./measure";
import type { Remembered } from "./store";

/** Every kind computes a job that it first holds against its schema, and leaves the result in the store under runOf(job). */
const kinds: Readonly<Record<string, (job: Job, data: Dataset, follow: Follow) => Promise<Remembered<unknown>>>> = {
  leakage: (job, dataset, follow) =>
    computeSeed({ ...job, kind: "leakage", plan: readPlan(job.plan) } satisfies SeedJob, dataset, follow),
  gradients: (job, dataset, follow) =>
    computeGradients(
      { ...job, kind: "gradients", plan: readGradientPlan(job.plan) } satisfies GradientJob,
      dataset,
      follow,
    ),
};

/**
 * Computes a job, or finds its result in the store.
 *
 * @param job any
 * @param follow hears of the share that is done, 0..1, and what is being done; not when it is stored
 * @param dataset the one the job names, if it is at hand; default loadDataset
 * @returns where the result came from, and its key in the store
 * @throws UnfitError when this process has another dataset or backend than the job names; InputError for a kind that is not
 *   known or a plan of another shape; whatever the computation throws
 * @example
 * (await computeJob(job, () => undefined, dataset)).key; // keyOf(runOf(job))
 */
export async function computeJob(
  job: Job,
  follow: Follow,
  dataset?: Dataset,
): Promise<Omit<Remembered<unknown>, "value">> {
  ensureKnown("computeJob", "a kind", job.kind, Object.keys(kinds));
  const compute = kinds[job.kind]!;
  const backend = await backendReady();
  if (backend !== job.backend)
    throw new UnfitError(`this worker computes on ${backend}, the job asks for ${job.backend}`);
  const data = dataset ?? (await loadDataset(job.dataset.name));
  if (data.hash !== job.dataset.hash)
    throw new UnfitError(
      `this worker's ${job.dataset.name} (${data.source}) has hash ${data.hash}, the job asks for ${job.dataset.hash}; ` +
        "give it the same files (data/README.md) and start it again",
    );
  const { value, ...source } = await compute(job, data, follow);
  return source;
}
