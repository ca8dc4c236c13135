/** @file A child process that computes jobs, see openPool. */
import { computeJob } from "./computeJob";
import type { Job } from "./job";
import type { JobProgress } from "./pool";
import type { Remembered } from "./store";

// Without its parent a worker has nobody to work for.
process.on("disconnect", () => process.exit());

/**
 * Computes a job and stores its result; the parent reads it from there.
 *
 * @param job any
 * @returns where the result came from, and its key in the store
 * @throws whatever computeJob throws
 * @example
 * const pool = await openPool("jobWorker.js", 2);
 * await pool.run(job); // { key, seconds, … }
 */
export default function work(job: Job): Promise<Omit<Remembered<unknown>, "value">> {
  return computeJob(job, (share, note) => void process.send?.({ share, note } satisfies JobProgress));
}
