/** @file The child process of a leakage study: one seed of one plan, left in the store. */
import { refuse } from "../core/errors";
import { loadDataset } from "../data/source";
import { computeSeed, type SeedJob } from "./leakage";
import type { JobProgress } from "./pool";

// Without its parent a worker has nobody to work for.
process.on("disconnect", () => process.exit());

/**
 * Computes a job and stores its result; the parent reads it from there. Runs in a child process of runInPool.
 *
 * @param job a SeedJob, and the job's number among the pool's
 * @returns the key in the store
 * @throws InputError when this process finds another dataset than the parent, or as computeSeed
 * @example
 * await runInPool("leakageWorker.js", seedJobs); // the keys of their results
 */
export default async function work({ job, ...seedJob }: SeedJob & { readonly job: number }): Promise<string> {
  const dataset = await loadDataset(seedJob.dataset.name);
  if (dataset.hash !== seedJob.dataset.hash) {
    refuse(
      "measureLeakage",
      `needs the dataset with hash ${seedJob.dataset.hash} in every process`,
      dataset.hash,
      "do not change the data during a run",
    );
  }
  const report = (share: number, note: string): void => {
    process.send?.({ job, share, note } satisfies JobProgress);
  };
  const { key } = await computeSeed(seedJob, dataset, report);
  return key;
}
