/** @file Many jobs, each computed once, on this machine or on many. */
import { refuse } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Dataset } from "../core/types";
import type { Outcome, Task, TaskProgress } from "./engine";
import { runOf, type Job } from "./job";
import { checkResult, type Workshop } from "./kind";
import { runLocally } from "./localEngine";
import { isRedis, redacted } from "./redis";
import type * as RedisEngine from "./redisEngine";
import { isStored, keyOf } from "./store";

/** How a job of a sweep ended. */
export interface JobReport {
  readonly key: string; // of its result in the store
  readonly status: "computed" | "stored" | "failed";
  readonly seconds: number; // it took to compute; 0 unless it was
  readonly error?: Error; // when it failed
}

/** What is heard of a job of a sweep. */
export interface SweepProgress extends TaskProgress {
  readonly index: number; // of the first such job
  readonly done: number; // of total: jobs done, those under way counted by their share
  readonly total: number; // jobs that had to be computed
}

/** Where and how a sweep is computed. */
export interface SweepOptions {
  readonly engine?: string; // "local" or redis://… or rediss://…; default the environment's CURIOUS_ENGINE, else "local"
  readonly workers?: number; // child processes of the local engine, see workerCount
  readonly dataset?: Dataset; // of the jobs, if it is at hand
  readonly onProgress?: (progress: SweepProgress) => void;
  readonly onNotice?: (text: string) => void; // a lost connection, no worker …; default console.warn
}

/**
 * Computes jobs whose result is not stored yet; each result lands in this machine's store.
 *
 * Equal jobs are computed once. A job that fails is reported and the others complete. The engine "local" computes in child
 * processes. A Redis address sends the jobs to the workers of that Redis (`npm run worker`), on any number of machines, which need
 * not share a disk; what a sweep that was killed had asked for, the next one collects.
 *
 * @param jobs of the workshop's kinds
 * @param workshop what computes them
 * @param options see SweepOptions
 * @returns a report a job, in the order of the jobs
 * @throws InputError for an engine that is neither, or a Redis that does not answer when the sweep begins
 * @example
 * const anew = { ...job, force: true };
 * (await runJobs([anew, job], workshop, { dataset })).map(({ status }) => status); // ["computed", "computed"]; once, as they are equal
 * (await runJobs([job], workshop)).map(({ status }) => status); // ["stored"]
 */
export async function runJobs(
  jobs: readonly Job[],
  workshop: Workshop,
  options: SweepOptions = {},
): Promise<JobReport[]> {
  ensureNames("sweep", "options", options, ["engine", "workers", "dataset", "onProgress", "onNotice"] satisfies (keyof SweepOptions)[]); // prettier-ignore
  const { engine = process.env["CURIOUS_ENGINE"] || "local", onProgress, onNotice = console.warn, ...rest } = options;
  if (engine !== "local" && !isRedis(engine))
    refuse("sweep", "needs an engine of local, redis://host:port, rediss://host:port", redacted(engine));
  const keys = jobs.map((job) => keyOf(runOf(job)));
  const now = new Date().toISOString();
  const tasks = new Map<string, Task>();
  jobs.forEach((job, index) => {
    const key = keys[index]!;
    const force = job.force === true ? now : job.force; // a moment, else each try would compute again
    const check = (value: unknown): void => checkResult(workshop.kinds, job, value);
    if (force !== false || (!tasks.has(key) && !isStored(runOf(job), { check })))
      tasks.set(key, { key, job: { ...job, force } });
  });

  const shares = new Map<string, number>();
  const follow = (progress: TaskProgress): void => {
    shares.set(progress.key, progress.outcome ? 1 : progress.share);
    const done = [...shares.values()].reduce((sum, share) => sum + share, 0);
    onProgress?.({ ...progress, index: keys.indexOf(progress.key), done, total: tasks.size });
  };
  const missing = [...tasks.values()];
  const followed = { ...rest, onProgress: follow, onNotice };
  const run = (): Promise<Outcome[]> => {
    if (engine === "local") return runLocally(missing, workshop, followed);
    const { runOnRedis } = require("./redisEngine") as typeof RedisEngine; // loaded where it is asked for
    return runOnRedis(engine, missing, workshop.kinds, followed);
  };
  const ended = missing.length > 0 ? await run() : [];
  const outcomes = new Map<string, Outcome>(missing.map(({ key }, i) => [key, ended[i]!]));
  return keys.map((key) => ({ key, seconds: 0, ...(outcomes.get(key) ?? { status: "stored" }) }));
}
