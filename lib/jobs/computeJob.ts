/** @file Computing a job of any kind. */
import { backendReady } from "../core/backend";
import { ensureKnown } from "../core/known";
import type { Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import { loadDataset } from "../data/source";
import { UnfitError, type Job } from "./job";
import { resultOf, type Follow, type JobKind } from "./kind";
import type { Computed } from "./store";

/**
 * Computes a job, or finds its result in the store.
 *
 * @param job any
 * @param kinds that are known
 * @param follow hears of the share that is done, 0..1, and what is being done; not when it is stored
 * @param dataset the one the job names, if it is at hand; default loadDataset
 * @returns where the result came from, and its key in the store
 * @throws UnfitError when this process has another dataset or backend than the job names; InputError for a kind or a dataset that is
 *   not known, or a plan of another shape; whatever the computation throws
 * @example
 * (await computeJob(job, kinds, () => undefined, dataset)).key; // keyOf(runOf(job))
 */
export async function computeJob(
  job: Job,
  kinds: readonly JobKind[],
  follow: Follow,
  dataset?: Dataset,
): Promise<Omit<Computed<unknown>, "value">> {
  ensureKnown("computeJob", "a kind", job.kind, kinds.map(({ name }) => name)); // prettier-ignore
  const kind = kinds.find(({ name }) => name === job.kind)!;
  const backend = await backendReady();
  if (backend !== job.backend)
    throw new UnfitError(`this worker computes on ${backend}, the job asks for ${job.backend}`);
  const data = dataset ?? (await loadDataset(job.dataset.name as DatasetName));
  if (data.hash !== job.dataset.hash)
    throw new UnfitError(
      `this worker's ${job.dataset.name} (${data.source}) has hash ${data.hash}, the job asks for ${job.dataset.hash}; ` +
        "give it the same files (data/README.md) and start it again",
    );
  const { value, ...source } = await resultOf(kind, job, data, follow);
  return source;
}
