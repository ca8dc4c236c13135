/** @file Both cores: jobs in child processes, each with a single-threaded TensorFlow (its worker threads crash under load). */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ensure, ensureCount } from "../core/errors";

/** What a worker says while it computes; `share` of the job is done. */
export interface JobProgress {
  readonly job: number; // index into the jobs
  readonly share: number; // 0..1
  readonly note: string;
}

/**
 * How many child processes compute: the environment's CURIOUS_WORKERS, else one per processor.
 *
 * @returns an integer >= 1
 * @throws InputError when CURIOUS_WORKERS is no integer >= 1
 * @example
 * workerCount(); // 1; where CURIOUS_WORKERS=1
 */
export function workerCount(): number {
  const asked = process.env["CURIOUS_WORKERS"];
  if (asked === undefined || asked === "") return availableParallelism();
  const count = Number(asked);
  ensure(Number.isInteger(count) && count >= 1, "workerCount", "needs an integer CURIOUS_WORKERS >= 1", asked);
  return count;
}

/**
 * Runs jobs in child processes, at most `workers` at a time, started in the order given.
 *
 * @param file a compiled module next to this one whose `default` export computes one job; it may report by
 *   process.send({ job, share, note })
 * @param jobs plain data, one a call
 * @param options workers (see workerCount), onProgress
 * @returns what the module returned for each job, in the order of the jobs
 * @throws the error of the first job in the list that failed, after all others have ended; what finished jobs stored stays
 *   stored. InputError when workers is no integer >= 1
 * @example
 * await runInPool("leakageWorker.js", seedJobs, { workers: 2 }); // the keys of their results
 */
export async function runInPool<Result>(
  file: string,
  jobs: readonly object[],
  { workers = workerCount(), onProgress }: { workers?: number; onProgress?: (progress: JobProgress) => void } = {},
): Promise<Result[]> {
  ensureCount("runInPool", "workers", workers);
  const { Tinypool } = await import("tinypool");
  const threads = Math.min(workers, jobs.length);
  const pool = new Tinypool({
    runtime: "child_process",
    filename: join(__dirname, file),
    minThreads: threads,
    maxThreads: threads,
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" },
  });
  try {
    const channel = { postMessage: (message: JobProgress) => onProgress?.(message) };
    const settled = await Promise.allSettled(
      jobs.map((job, index) => pool.run({ ...job, job: index }, { channel }) as Promise<Result>),
    );
    return settled.map((outcome) => {
      if (outcome.status === "fulfilled") return outcome.value;
      // What crosses the process boundary is a plain object; that a process ended is an error of this side.
      throw outcome.reason instanceof Error ? outcome.reason : Object.assign(new Error(), outcome.reason);
    });
  } finally {
    await pool.destroy();
  }
}
