/** @file Both cores: jobs in child processes, each with a single-threaded TensorFlow and its share of the memory. */
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ensure, ensureCount } from "../core/errors";
import { memoryBudget } from "../core/memory";

/** What a worker says while it computes. */
export interface JobProgress {
  readonly share: number; // of the job that is done, 0..1
  readonly note: string; // what is being done
}

/** A child process ended in the middle of a job: the job may be tried again. */
export class LostProcessError extends Error {
  override readonly name = "LostProcessError";
}

/** Child processes that wait for jobs. */
export interface Pool {
  /** Computes one job in the next free process, and hears of its progress; throws what the job throws, or LostProcessError. */
  readonly run: (job: object, onProgress?: (progress: JobProgress) => void) => Promise<unknown>;
  /** Ends the processes; what they are computing is lost, and its run() throws. */
  readonly close: () => Promise<void>;
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

// A process that died between two jobs is still given one until its end is heard of: that job has not begun, and is given to another.
const unsentTries = 50;
const unsentPause = 20; // ms

/**
 * Starts child processes that compute jobs until the pool is closed. A process that dies costs its job and is replaced.
 * Processes, since worker threads make TensorFlow crash under load.
 *
 * @param file a compiled module, by its path or its name next to this one, whose `default` export computes one job; it may report by
 *   process.send({ share, note })
 * @param workers number of processes
 * @returns run and close; jobs beyond the number of processes wait in the order in which they came
 * @throws InputError when workers is no integer >= 1
 * @example
 * const pool = await openPool(workshop.file, 2);
 * await pool.run(job, ({ share, note }) => console.log(share, note));
 * await pool.close();
 */
export async function openPool(file: string, workers: number): Promise<Pool> {
  ensureCount("openPool", "workers", workers);
  const { Tinypool } = await import("tinypool");
  const deaths = watchDeaths();
  const pool = new Tinypool({
    runtime: "child_process",
    filename: resolve(__dirname, file),
    minThreads: workers,
    maxThreads: workers,
    env: {
      ...process.env,
      ...{ TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" },
      CURIOUS_MEMORY: String(Math.floor(memoryBudget() / workers)),
    },
  });
  pool.on("error", () => undefined); // a process died between two jobs: there is another
  let isClosed = false;
  return {
    async run(job, onProgress) {
      for (let tries = 0; ; tries++) {
        if (isClosed) throw new LostProcessError("the pool was closed before it was computed");
        try {
          return (await pool.run(job, {
            channel: { postMessage: (message: JobProgress) => onProgress?.(message) },
          })) as unknown;
        } catch (reason) {
          // What crosses the process boundary is a plain object; that a process ended is an error of this side.
          if (!(reason instanceof Error)) throw Object.assign(new Error(), reason);
          const isUnsent = /^(EPIPE|ECONNRESET|ERR_IPC_CHANNEL_CLOSED)$/.test(
            (reason as NodeJS.ErrnoException).code ?? "",
          );
          if (isUnsent && tries < unsentTries && !isClosed) await wait(unsentPause);
          else if (isUnsent || reason.message === "Worker exited unexpectedly")
            throw new LostProcessError(lostBy(deaths.last()));
          else throw reason;
        }
      }
    },
    async close() {
      isClosed = true; // a job that is given to another process now would start one that nobody ends
      await pool.destroy();
      deaths.close();
    },
  };
}

/** How a child process ended. */
type Death = NodeJS.Signals | number | null;

/** How the last child process of this one ended that was started meanwhile: the pool only says that one did. */
function watchDeaths(): { readonly last: () => Death; readonly close: () => void } {
  let last: Death = null;
  const onStart = (message: unknown): void => {
    const { process: child } = message as { readonly process: ChildProcess };
    child.on("exit", (code, signal) => (last = signal ?? code));
  };
  subscribe("child_process", onStart);
  return { last: () => last, close: () => void unsubscribe("child_process", onStart) };
}

function lostBy(death: Death): string {
  const how =
    typeof death === "string" ? `was ended by ${death}` : `ended by itself${death === null ? "" : `, code ${death}`}`;
  const hint = "; a smaller CURIOUS_MEMORY or CURIOUS_WORKERS needs less memory";
  return `the process that computed it ${how}${death === "SIGKILL" ? `, perhaps for want of memory${hint}` : ""}`;
}
