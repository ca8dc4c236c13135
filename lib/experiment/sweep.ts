/** @file Sweeps of this library's measurements. */
import type { Job } from "../jobs/job";
import { runJobs, type JobReport, type SweepOptions } from "../jobs/runJobs";
import { workshop } from "./workshop";

/**
 * Computes jobs whose result is not stored yet; see runJobs.
 *
 * @param jobs of this library's kinds
 * @param options see SweepOptions
 * @returns a report per job, in the order of the jobs
 * @throws as runJobs
 * @example
 * const anew = { ...job, force: true };
 * (await sweep([anew, job], { dataset })).map(({ status }) => status); // ["computed", "computed"]; once, as they are equal
 * (await sweep([job])).map(({ status }) => status); // ["stored"]
 */
export function sweep(jobs: readonly Job[], options?: SweepOptions): Promise<JobReport[]> {
  return runJobs(jobs, workshop, options);
}
