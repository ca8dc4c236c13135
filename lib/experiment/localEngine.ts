/** @file A sweep on this machine: in child processes, or in this one where there is one job or one worker. */
import { ensureCount } from "../core/errors";
import { computeJob } from "./computeJob";
import type { EngineOptions, Outcome, Task } from "./engine";
import type { Job } from "./job";
import { openPool, workerCount, type JobProgress } from "./pool";

type Compute = (job: Job, onProgress: (progress: JobProgress) => void) => Promise<{ readonly seconds: number }>;

/**
 * Computes tasks on this machine; each leaves its result in the store.
 *
 * @param tasks of different keys
 * @param options see EngineOptions; file: the module that a child process computes with, see openPool
 * @returns how each ended, in the order of the tasks
 * @throws InputError when workers is no integer >= 1
 * @example
 * const onProgress = ({ share, note }) => bar.update(share, 1, note);
 * const [outcome] = await runLocally(tasks, { workers: 1, dataset, onProgress, onNotice: console.warn });
 * outcome.status; // "computed"
 */
export async function runLocally(
  tasks: readonly Task[],
  { workers = workerCount(), dataset, onProgress, file = "jobWorker.js" }: EngineOptions & { readonly file?: string },
): Promise<Outcome[]> {
  ensureCount("sweep", "workers", workers);
  const settle = async ({ key, job }: Task, compute: Compute): Promise<Outcome> => {
    let outcome: Outcome;
    let share = 0;
    try {
      const { seconds } = await compute(job, (progress) =>
        onProgress({ key, ...progress, share: (share = progress.share) }),
      );
      outcome = { status: "computed", seconds };
      share = 1;
    } catch (error) {
      outcome = { status: "failed", error: error as Error };
    }
    onProgress({ key, share, note: outcome.status, outcome });
    return outcome;
  };

  const processes = Math.min(workers, tasks.length);
  if (processes <= 1) {
    const here: Compute = (job, report) => computeJob(job, (share, note) => report({ share, note }), dataset);
    const outcomes: Outcome[] = [];
    for (const task of tasks) outcomes.push(await settle(task, here));
    return outcomes;
  }
  const pool = await openPool(file, processes);
  try {
    return await Promise.all(tasks.map((task) => settle(task, pool.run as Compute)));
  } finally {
    await pool.close();
  }
}
