/** @file Plans by name, each of several seeds: computed side by side, stored one by one, and put together again. */
import { backendReady } from "../core/backend";
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

/** What every job of a study is made with. */
export interface JobOptions {
  readonly dataset: Dataset;
  readonly backend: string;
  readonly force: boolean | string;
}

/** How plans of a kind become jobs, and jobs results. */
export interface StudyKind<Plan, Own extends SeededJob, Value> {
  readonly jobsOf: (plan: Plan, options: JobOptions) => readonly Own[]; // one a seed
  readonly compute: (job: Own, dataset: Dataset, follow: () => void) => Promise<Remembered<Value>>; // from the store where it is there
}

/**
 * Computes what is not stored yet of several plans, one job a seed, see sweep, and reads all results.
 *
 * @param plans by name
 * @param kind how a plan becomes jobs, and a job its result
 * @param dataset that the jobs name
 * @param options see StudyOptions
 * @returns a study a plan, under the same names; read only
 * @throws what jobsOf refuses, or the error of the first job that failed, after all others are stored
 * @example
 * await collectRuns({}, { jobsOf: seedJobs, compute: computeSeed }, dataset); // {}
 */
export async function collectRuns<Name extends string, Plan, Own extends SeededJob, Value>(
  plans: Readonly<Record<Name, Plan>>,
  { jobsOf, compute }: StudyKind<Plan, Own, Value>,
  dataset: Dataset,
  { force = false, onProgress }: StudyOptions = {},
): Promise<Record<Name, Study<Value>>> {
  const common = { dataset, backend: await backendReady(), force: force && new Date().toISOString() };
  const planned = Object.entries<Plan>(plans).map(([name, plan]) => [name as Name, jobsOf(plan, common)] as const);
  const jobs = planned.flatMap(([, own]) => own);
  const reports = await sweep(jobs, {
    dataset,
    onProgress: ({ index, done, total, note }) =>
      onProgress?.(Math.round(100 * done), 100 * total, `seed ${jobs[index]!.plan.federation.seed}: ${note}`),
  });
  const failed = reports.find(({ error }) => error !== undefined);
  if (failed) throw failed.error!;

  const studies: [Name, Study<Value>][] = [];
  for (const [name, own] of planned) {
    const found: Remembered<Value>[] = [];
    for (const job of own) {
      const stored = await compute({ ...job, force: false }, dataset, () => undefined);
      found.push({ ...stored, status: reports[jobs.indexOf(job)]!.status === "stored" ? "stored" : "computed" });
    }
    studies.push([name, { runs: found.map(({ value }) => value), sources: found.map(({ value, ...rest }) => rest) }]);
  }
  return Object.fromEntries(studies) as Record<Name, Study<Value>>;
}
