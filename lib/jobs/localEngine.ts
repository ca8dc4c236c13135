/** @file A sweep on this machine: in child processes, or in this one where there is one job or one worker. */
import { ensureCount } from "../core/errors";
import { computeJob } from "./computeJob";
import type { EngineOptions, Outcome, Task } from "./engine";
import type { Job } from "./job";
import type { Workshop } from "./kind";
import { LostProcessError, openPool, workerCount, type JobProgress } from "./pool";

type Compute = (job: Job, onProgress: (progress: JobProgress) => void) => Promise<{ readonly seconds: number }>;

/**
 * Computes tasks on this machine; each leaves its result in the store. A job whose process ended under it is tried once more. Where
 * the store cannot be written the sweep stops: jobs that have not begun fail with the same error.
 *
 * @param tasks of different keys
 * @param workshop the kinds that this process computes, and the module that a child process computes with
 * @param options see EngineOptions
 * @returns how each ended, in the order of the tasks
 * @throws InputError when workers is no integer >= 1
 * @example
 * const onProgress = ({ share, note }) => bar.update(share, 1, note);
 * const [outcome] = await runLocally(tasks, workshop, { workers: 1, dataset, onProgress, onNotice: console.warn });
 * outcome.status; // "computed"
 */
export async function runLocally(
  tasks: readonly Task[],
  { kinds, file }: Workshop,
  { workers = workerCount(), dataset, onProgress, onNotice }: EngineOptions,
): Promise<Outcome[]> {
  ensureCount("sweep", "workers", workers);
  let full: Error | null = null; // why nothing can be stored any more
  const settle = async ({ key, job }: Task, compute: Compute): Promise<Outcome> => {
    let outcome: Outcome;
    let share = 0;
    try {
      if (full) throw full;
      const { seconds } = await compute(job, (progress) =>
        onProgress({ key, ...progress, share: (share = progress.share) }),
      );
      outcome = { status: "computed", seconds };
      share = 1;
    } catch (error) {
      if ((error as Error).name === "StoreError") full = error as Error;
      outcome = { status: "failed", error: error as Error };
    }
    onProgress({ key, share, note: outcome.status, outcome });
    return outcome;
  };

  const outcomes = new Array<Outcome>(tasks.length);
  const rest = [...tasks.keys()];
  const inTurn = async (compute: Compute): Promise<void> => {
    for (let i = rest.shift(); i !== undefined; i = rest.shift()) outcomes[i] = await settle(tasks[i]!, compute);
  };
  const processes = Math.min(workers, tasks.length);
  if (processes <= 1) {
    await inTurn((job, report) => computeJob(job, kinds, (share, note) => report({ share, note }), dataset));
    return outcomes;
  }
  const pool = await openPool(file, processes);
  const run = pool.run as Compute;
  const runTwice: Compute = (job, report) =>
    run(job, report).catch((error: Error) => {
      if (!(error instanceof LostProcessError)) throw error;
      onNotice(`${error.message}; trying once more`);
      return run(job, report);
    });
  try {
    await Promise.all(Array.from({ length: processes }, () => inTurn(runTwice)));
    return outcomes;
  } finally {
    await pool.close();
  }
}
