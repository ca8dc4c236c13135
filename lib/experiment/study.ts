/** @file Plans by name, each of several seeds: computed side by side, stored one by one, and put together again. */
import type { Dataset } from "../core/types";
import type { FederationConfig } from "../fl/config";
import type { Job } from "./job";
import type { Remembered } from "./store";
import { sweep } from "./sweep";

/** What the seeds of a plan gave, and where it came from. */
export interface Study<Value> {
  readonly runs: readonly Value[]; // one a seed, in the order of the plan's seeds
  readonly sources: readonly Omit<Remembered<unknown>, "value">[];
}

/** Follows a study; `done` of `total` is roughly proportional to time. */
export interface StudyOptions {
  readonly force?: boolean; // compute although stored
  readonly onProgress?: (done: number, total: number, note: string) => void;
}

/** A job of one seed. */
export interface SeededJob extends Job {
  readonly plan: { readonly federation: FederationConfig };
}

/**
 * Computes what is not stored yet of several plans' jobs, see sweep, and reads all results.
 *
 * @param jobsOf by the plan's name, one job a seed
 * @param compute a job's result, from the store where it is there
 * @param dataset that the jobs name
 * @param onProgress see StudyOptions
 * @returns a study a plan, under the same names; read only
 * @throws the error of the first job that failed, after all others are stored
 * @example
 * await collectRuns({ none: [] }, computeSeed, dataset); // { none: { runs: [], sources: [] } }
 */
export async function collectRuns<Name extends string, Own extends SeededJob, Value>(
  jobsOf: Readonly<Record<Name, readonly Own[]>>,
  compute: (job: Own, dataset: Dataset, follow: () => void) => Promise<Remembered<Value>>,
  dataset: Dataset,
  onProgress?: StudyOptions["onProgress"],
): Promise<Record<Name, Study<Value>>> {
  const names = Object.keys(jobsOf) as Name[];
  const jobs = names.flatMap((name) => jobsOf[name]);
  const reports = await sweep(jobs, {
    dataset,
    onProgress: ({ index, done, total, note }) =>
      onProgress?.(Math.round(100 * done), 100 * total, `seed ${jobs[index]!.plan.federation.seed}: ${note}`),
  });
  const failed = reports.find(({ error }) => error !== undefined);
  if (failed) throw failed.error!;

  const studies = {} as Record<Name, Study<Value>>;
  for (const name of names) {
    const found: Remembered<Value>[] = [];
    for (const job of jobsOf[name]) {
      const stored = await compute({ ...job, force: false }, dataset, () => undefined);
      found.push({ ...stored, status: reports[jobs.indexOf(job)]!.status === "stored" ? "stored" : "computed" });
    }
    studies[name] = { runs: found.map(({ value }) => value), sources: found.map(({ value, ...source }) => source) };
  }
  return studies;
}
