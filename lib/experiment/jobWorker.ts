/** @file A child process that computes jobs, see openPool. */
import { computeJob } from "../jobs/computeJob";
import type { Job } from "../jobs/job";
import type { JobProgress } from "../jobs/pool";
import type { Computed } from "../jobs/store";
import { workshop } from "./workshop";

// Without its parent a worker has nobody to work for.
process.on("disconnect", () => process.exit());

/**
 * Computes a job and stores its result; the parent reads it from there.
 *
 * @param job any
 * @returns where the result came from, and its key in the store
 * @throws whatever computeJob throws
 * @example
 * const pool = await openPool(workshop.file, 2);
 * await pool.run(job); // { key, seconds, … }
 */
export default function work(job: Job): Promise<Omit<Computed<unknown>, "value">> {
  const follow = (share: number, note: string): void => void process.send?.({ share, note } satisfies JobProgress);
  return computeJob(job, workshop.kinds, follow);
}
