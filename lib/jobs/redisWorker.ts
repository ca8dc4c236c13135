/** @file The other end of the queue: takes jobs of any sweep, computes them in child processes, and sends the results back. */
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { DelayedError, UnrecoverableError, WaitingError, Worker, type Job as QueuedJob } from "bullmq";
import { ensureCount, InputError } from "../core/errors";
import { runOf, unpackJob, type Payload } from "./job";
import type { Workshop } from "./kind";
import { openPool, workerCount, type JobProgress } from "./pool";
import { printable } from "./printable";
import { openRedis, queueName, queueTiming, refusalOf, resultKey, type QueueTiming } from "./redis";
import type { Done, Report } from "./redisEngine";
import { exportEntry, keyOf } from "./store";

/** What a worker does, for its log. */
export interface WorkerEvent {
  readonly what: "started" | "computed" | "failed" | "given back" | "left to others" | "notice";
  readonly key: string; // of the job; "" for a notice
  readonly text: string; // the job's kind, time or error, why it is left, or the notice; fit for a terminal
}

/** A worker at work. */
export interface QueueWorker {
  /** Takes no further job, gives back those under way, and ends. */
  readonly close: () => Promise<void>;
  /** When it has ended, after close(). */
  readonly ended: Promise<void>;
}

const progressEvery = 1000; // ms between two reports of a job

/**
 * Takes jobs from the queue of a Redis until it is closed. This process only speaks to Redis: child processes compute, so
 * its claim on the jobs is renewed in time.
 *
 * A job is given to another worker when this one dies. One whose process dies, or that fails for another reason than its
 * config, is tried again, with waiting times that double. A job that this worker cannot compute, because its library,
 * dataset or backend is another or its store cannot be written, is left to others: it waits in the queue, ever longer, and its sweep is told why.
 *
 * @param url as openRedis
 * @param workshop the module that computes in a child process
 * @param options workers: jobs at a time (see workerCount); onEvent; timing
 * @returns close and ended
 * @throws InputError when Redis does not answer, or workers is no integer >= 1
 * @example
 * const worker = await serveRedis("redis://127.0.0.1:6379", workshop, { workers: 2 });
 * process.once("SIGTERM", () => void worker.close());
 * await worker.ended;
 */
export async function serveRedis(
  url: string,
  { file }: Pick<Workshop, "file">,
  {
    workers = workerCount(),
    onEvent,
    timing: given,
  }: {
    readonly workers?: number;
    readonly onEvent?: (event: WorkerEvent) => void;
    readonly timing?: Partial<QueueTiming>;
  } = {},
): Promise<QueueWorker> {
  ensureCount("worker", "workers", workers);
  const timing = { ...queueTiming, ...given };
  const say = (what: WorkerEvent["what"], key: string, text: string): void =>
    onEvent?.({ what, key: printable(key), text: printable(text) });
  const notice = (text: string): void => say("notice", "", text);
  const { redis, close: closeRedis } = await openRedis("worker", url, notice, timing);
  const pool = await openPool(file, workers);
  const name = `${hostname()}:${process.pid}`;
  let isClosing = false;
  const saidUnfit = new Set<string>();

  async function compute(queued: QueuedJob<Payload, Done>): Promise<Done> {
    const job = unpackJob(queued.data);
    const run = runOf(job);
    if (keyOf(run) !== queued.id) throw new InputError(`worker: needs the job of key ${queued.id}, got ${keyOf(run)}`);
    let reportedAt = -Infinity;
    const report = ({ share, note }: JobProgress): void => {
      if (performance.now() - reportedAt < progressEvery) return;
      reportedAt = performance.now();
      queued.updateProgress({ share, note: `${note} (${name})` } satisfies Report).catch(() => undefined); // the job may be another's by now
    };
    const { seconds } = (await pool.run(job, report)) as { seconds: number };
    // Not as the job's return value, which BullMQ would keep in its stream of events too.
    const packed = await promisify(gzip)(await exportEntry(run));
    await redis.set(resultKey(queued.id), packed, "PX", timing.keepResult).catch((error: unknown) => {
      throw new Error(refusalOf("worker", url, error).message); // tried again: the result is in the store
    });
    return { seconds, worker: name };
  }

  /** Leaves a job to workers that fit; it waits the longer, the more often it was taken. */
  async function leave(queued: QueuedJob<Payload, Done>, unfit: string, token?: string): Promise<never> {
    if (!saidUnfit.has(unfit)) say("left to others", queued.id!, unfit);
    saidUnfit.add(unfit);
    await queued.updateProgress({ share: 0, note: `left to others (${name})`, unfit } satisfies Report);
    const delay = Math.min(timing.retry * 2 ** (queued.attemptsStarted - 1), timing.lock);
    await queued.moveToDelayed(Date.now() + delay, token);
    throw new DelayedError();
  }

  async function work(queued: QueuedJob<Payload, Done>, token?: string): Promise<Done> {
    const key = queued.id!;
    say("started", key, queued.name);
    try {
      const done = await compute(queued);
      say("computed", key, `${done.seconds.toFixed(1)} s`);
      return done;
    } catch (error) {
      const { name: kind, message } = error as Error;
      // Ctrl-C reaches the child processes too, perhaps before this one's close().
      if (kind === "Error" || kind === "LostProcessError") await wait(100);
      if (isClosing) {
        await queued.moveToWait(token);
        say("given back", key, "");
        throw new WaitingError();
      }
      if (kind === "UnfitError" || kind === "StoreError") return await leave(queued, message, token);
      say("failed", key, message);
      const reason = kind === "Error" ? message : `${kind}: ${message}`;
      throw kind === "InputError" ? new UnrecoverableError(reason) : new Error(reason);
    }
  }

  const worker = new Worker<Payload, Done>(queueName, work, {
    connection: redis,
    concurrency: workers,
    lockDuration: timing.lock,
    stalledInterval: timing.stalled,
    maxStalledCount: timing.losses,
    runRetryDelay: timing.retry,
  });
  let refused = "";
  worker.on("error", (error) => {
    if (error.name !== "ReplyError") return; // openRedis says when the connection is lost; a job that became another's needs no word
    const { message } = refusalOf("worker", url, error);
    if (message !== refused) notice(message); // BullMQ asks again and again
    refused = message;
  });
  worker.on("stalled", (key) => notice(`job ${key.slice(0, 8)} was lost by its worker and waits again`));

  let end: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let closed: Promise<void> | undefined;
  function close(): Promise<void> {
    closed ??= (async () => {
      const drained = closeRedis([worker]); // takes no further job from here on, and gives back those under way
      isClosing = true;
      await pool.close();
      await drained;
      end();
    })();
    return closed;
  }
  return { close, ended };
}
