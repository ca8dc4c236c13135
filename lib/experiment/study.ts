/** @file Plans by name, each of several seeds: computed side by side, stored one by one, and put together again. */
import { backendReady } from "../core/backend";
import { ensureNames } from "../core/known";
import type { Dataset } from "../core/types";
import { resultOf } from "../jobs/kind";
import type { Computed } from "../jobs/store";
import { jobsBySeed, type SeededKind, type SeededPlan } from "./seeded";
import { sweep } from "./sweep";

/** What the seeds of a plan gave, and where it came from. */
export interface Study<Value> {
  /** One per seed, in the order of the plan's seeds. */
  readonly runs: readonly Value[];
  /** Of each run: its key in the store, whether it was computed or stored, and how long it took. */
  readonly sources: readonly Omit<Computed<unknown>, "value">[];
}

/** Follows a study; `done` of `total` is roughly proportional to time. */
export interface StudyOptions {
  /** Compute although it is stored; default false. */
  readonly force?: boolean;
  /** Hears of the progress. */
  readonly onProgress?: (done: number, total: number, note: string) => void;
}

/**
 * Computes what is not stored yet of several plans, one job per seed, see sweep, and reads all results.
 *
 * @param kind of the plans
 * @param plans by name
 * @param dataset that the jobs name
 * @param options see StudyOptions
 * @returns a study per plan, under the same names; read only
 * @throws what the kind refuses, or the error of the first job that failed, after all others are stored
 * @example
 * await collectRuns(leakageKind, {}, dataset); // {}
 */
export async function collectRuns<Name extends string, Plan extends SeededPlan, Value>(
  kind: SeededKind<Plan, Value>,
  plans: Readonly<Record<Name, Plan>>,
  dataset: Dataset,
  options: StudyOptions = {},
): Promise<Record<Name, Study<Value>>> {
  ensureNames("collectRuns", "the options of a study", options, [
    "force",
    "onProgress",
  ] satisfies (keyof StudyOptions)[]);
  const { force = false, onProgress } = options;
  const common = { dataset, backend: await backendReady(), force: force && new Date().toISOString() };
  const planned = Object.entries<Plan>(plans).map(([name, plan]) => [name as Name, jobsBySeed(kind, plan, common)] as const); // prettier-ignore
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
    const found: Computed<Value>[] = [];
    for (const job of own) {
      const stored = await resultOf(kind, { ...job, force: false }, dataset, () => undefined);
      found.push({ ...stored, status: reports[jobs.indexOf(job)]!.status === "stored" ? "stored" : "computed" });
    }
    studies.push([
      name,
      { runs: found.map(({ value }) => value), sources: found.map(({ value, ...source }) => source) },
    ]);
  }
  return Object.fromEntries(studies) as Record<Name, Study<Value>>; // by definition, not assignment: whatever the names
}
