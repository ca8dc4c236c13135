/** @file What a kind of job is, and how the result of one of its jobs is computed, found and recognised. */
import type { z } from "zod";
import type { Dataset } from "../core/types";
import { runOf, type Job } from "./job";
import { checkShape } from "./schema";
import { computeOnce, type Computed } from "./store";

/** Hears of the share that is done, 0..1, and what is being done. */
export type Follow = (share: number, note: string) => void;

/** What a computation gets besides its plan. */
export interface JobContext {
  readonly dataset: Dataset; // the one the job names
  readonly backend: string; // as the job says
  readonly force: boolean | string; // see StoreOptions: for what the computation itself looks up in the store
  readonly follow: Follow; // not heard when the result is stored
}

/** A kind of job: all that is known of it besides the code that its module reaches. */
export interface JobKind<Plan = unknown, Value = unknown> {
  readonly name: string; // letters, digits and hyphens; begins the names of its results' files
  readonly code: string; // the module whose code its results depend on, see Run
  readonly plan: z.ZodType<Plan>; // what a job may ask for
  /** What a plan's result may look like. */
  valueOf(plan: Plan): z.ZodType<Value>;
  compute(plan: Plan, context: JobContext): Promise<Value>;
}

/** The kinds there are, and the module whose default export computes their jobs in another process, see openPool. */
export interface Workshop {
  readonly kinds: readonly JobKind[];
  readonly file: string; // absolute
}

/**
 * A job of a kind.
 *
 * @example
 * makeJob(leakageKind, plan, { dataset, backend: "", force: false }).kind; // "leakage"
 */
export function makeJob<Plan>(
  { name: kind, code }: JobKind<Plan>,
  plan: Plan,
  { dataset: { name, hash }, backend, force }: Pick<JobContext, "dataset" | "backend" | "force">,
): Job {
  return { kind, code, plan, dataset: { name, hash }, backend, force };
}

/**
 * The result of a job of a kind: from the store if it is there, else computed and stored.
 *
 * @example
 * (await resultOf(leakageKind, job, dataset, () => undefined)).value.seed; // plan.seeds[0]
 */
export function resultOf<Plan, Value>(
  kind: JobKind<Plan, Value>,
  job: Job,
  dataset: Dataset,
  follow: Follow,
): Promise<Computed<Value>> {
  const { backend, force } = job;
  const plan = checkShape(kind.name, kind.plan, job.plan);
  const compute = (): Promise<Value> => kind.compute(plan, { dataset, backend, force, follow });
  return computeOnce(runOf(job), compute, { force, check: (value) => checkResult([kind], job, value) });
}

/**
 * Refuses what cannot be a job's result: a checksum says that it arrived whole, not that it is one.
 *
 * @param value whatever came
 */
export function checkResult(
  kinds: readonly JobKind[],
  { kind: name, plan }: Pick<Job, "kind" | "plan">,
  value: unknown,
): void {
  const kind = kinds.find((known) => known.name === name);
  if (kind !== undefined) checkShape(name, kind.valueOf(checkShape(name, kind.plan, plan)), value);
}
