/**
 * @file A sweep on many machines: its jobs go into a queue of a Redis, workers anywhere take them (redisWorker.ts), and the
 * results come back through the same Redis into this machine's store.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import { Queue, QueueEvents, type Job as QueuedJob } from "bullmq";
import type { EngineOptions, Outcome, Task } from "./engine";
import { packJob, runOf, type Payload } from "./job";
import { checkResult, type JobKind } from "./kind";
import { printable } from "./printable";
import { endsWithin, openRedis, queueName, queueTiming, refusalOf, resultKey, type QueueTiming } from "./redis";
import { checkShape } from "./schema";
import { ensureWritable, importEntry, mostBytes } from "./store";

const done = z.strictObject({
  seconds: z.number().min(0), // the computation took
  worker: z.string(), // host and process
});
/** What a worker returns besides the result itself. */
export type Done = z.infer<typeof done>;

const report = z.strictObject({
  share: z.number().min(0).max(1), // of the job that is done
  note: z.string(), // what is being done
  unfit: z.string().optional(), // why this worker leaves the job to others
});
/** What a worker says of a job under way. */
export type Report = z.infer<typeof report>;

const inFlight = 200; // jobs that are asked about at once

/**
 * Sends tasks to the workers of a Redis and waits until each has ended.
 *
 * A task that is in the queue already (of another sweep, or of one that was killed) is joined or collected, not sent again; one
 * that failed there is tried again.
 *
 * @param url as openRedis
 * @param tasks of different keys
 * @param kinds whose results are held against what they may look like
 * @param options see EngineOptions; timing
 * @returns how each ended, in the order of the tasks
 * @throws InputError when Redis does not answer, or refuses a command; StoreError when this machine's store cannot be written
 * @example
 * await runOnRedis("redis://127.0.0.1:6379", tasks, kinds, { onProgress: console.log, onNotice: console.warn });
 */
export async function runOnRedis(
  url: string,
  tasks: readonly Task[],
  kinds: readonly JobKind[],
  { onProgress, onNotice, timing: given }: EngineOptions & { readonly timing?: Partial<QueueTiming> },
): Promise<Outcome[]> {
  const timing = { ...queueTiming, ...given };
  await ensureWritable("sweep");
  const { redis, close } = await openRedis("sweep", url, onNotice, timing);
  const queue = new Queue<Payload, unknown, string>(queueName, { connection: redis });
  const events = new QueueEvents(queueName, { connection: redis });
  queue.on("error", () => undefined); // openRedis says when the connection is lost
  events.on("error", () => undefined);

  const outcomes = new Map<string, Outcome>();
  const waiting = new Map(tasks.map((task) => [task.key, task]));
  const refused = new Map<string, number>(); // how often a result could not be taken
  let finish: () => void;
  let fail: (error: Error) => void;
  const finished = new Promise<void>((resolve, reject) => ([finish, fail] = [resolve, reject]));
  finished.catch(() => undefined); // it may fail before it is awaited

  function settle(key: string, outcome: Outcome, note: string): void {
    if (!waiting.delete(key)) return; // given up meanwhile
    outcomes.set(key, outcome);
    onProgress({ key, share: outcome.status === "computed" ? 1 : 0, note, outcome });
    if (waiting.size === 0) finish();
  }

  /** Where nothing can be stored any more no result can be taken: what the workers compute waits in Redis for the next sweep. */
  function giveUp({ name, message }: Error): void {
    const days = Math.round(timing.keepResult / (24 * 3_600_000));
    const error = Object.assign(new Error(`${message}; what workers computed waits in Redis for ${days} days`), {
      name,
    });
    for (const key of [...waiting.keys()]) settle(key, { status: "failed", error }, "failed");
  }

  /** Takes a finished job's result; where there is none any more, or what cannot be it, the job is asked for again. */
  async function collect({ key, job }: Task, returned: unknown, isFirst: boolean): Promise<boolean> {
    const packed = await redis.getBuffer(resultKey(key));
    if (packed === null) return false;
    let taken: Done;
    try {
      taken = checkShape("sweep", done, returned);
      const entry = await promisify(gunzip)(packed, { maxOutputLength: mostBytes + 2 ** 20 });
      const { force } = await importEntry(runOf(job), entry, { check: (value) => checkResult(kinds, job, value) });
      if (isFirst && typeof job.force === "string" && force !== job.force) return false; // later it is the answer
    } catch (error) {
      if ((error as Error).name === "StoreError") return (giveUp(error as Error), true);
      if (isFirst) return false; // an old one
      const times = (refused.get(key) ?? 0) + 1;
      refused.set(key, times);
      if (times < timing.attempts) return false;
      settle(key, { status: "failed", error: errorOf(String(error)) }, "failed");
      return true;
    }
    await redis.pexpire(resultKey(key), timing.keepCollected);
    settle(key, { status: "computed", seconds: taken.seconds }, printable(taken.worker));
    return true;
  }

  /** Looks how a task stands and does what is next: collects, gives up, or sends it. */
  async function look(task: Task, isFirst = false): Promise<void> {
    const { key } = task;
    const state = await queue.getJobState(key);
    if (state === "completed" || state === "failed") {
      // Read after the state: what the job came to is written with it.
      const queued = (await queue.getJob(key)) as QueuedJob<Payload, unknown> | undefined;
      if (queued && queued.finishedOn === undefined) return; // another sweep has asked for it again meanwhile
      if (queued?.returnvalue && (await collect(task, queued.returnvalue, isFirst))) return;
      if (queued && state === "failed" && !isFirst)
        return settle(key, { status: "failed", error: errorOf(queued.failedReason) }, "failed");
      await queued?.remove().catch(() => undefined); // another sweep has
    } else if (state !== "unknown") return; // it waits, or is under way
    await queue.add(task.job.kind, packJob(task.job), {
      jobId: key,
      attempts: timing.attempts,
      backoff: { type: "exponential", delay: timing.retry },
      removeOnComplete: { age: timing.keepResult / 1000 },
      removeOnFail: { age: timing.keepResult / 1000 },
      stackTraceLimit: 1,
    });
  }

  const busy = new Map<string, Promise<void>>();
  /** Looks at a task after the look at it that is under way. */
  function lookSoon(key: string, isFirst = false): Promise<void> {
    const next = (busy.get(key) ?? Promise.resolve())
      .then(() => {
        const task = waiting.get(key);
        return task && look(task, isFirst);
      })
      .catch(fail);
    busy.set(key, next);
    return next;
  }
  async function lookAtAll(isFirst = false): Promise<void> {
    const keys = [...waiting.keys()];
    const one = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) await lookSoon(key, isFirst);
    };
    await Promise.all(Array.from({ length: inFlight }, one));
  }

  const saidUnfit = new Set<string>();
  /** Jobs that no worker can compute look like a long computation, too. */
  function sayUnfit(reason: string): void {
    if (!saidUnfit.has(reason)) onNotice(`a worker leaves jobs to others: ${printable(reason)}`);
    saidUnfit.add(reason);
  }

  let saidLonely = false;
  /** A queue without workers looks like a long computation. */
  async function sayIfLonely(): Promise<void> {
    const count = await queue.getWorkersCount().catch(() => NaN); // some hosts do not let clients be listed
    if (count === 0 && !saidLonely) onNotice("no worker is connected; start one: npm run worker -- --engine …");
    saidLonely = count === 0;
  }

  const ended = ({ jobId }: { jobId: string }): void => void (waiting.has(jobId) && lookSoon(jobId));
  events.on("completed", ended).on("failed", ended);
  events.on("progress", ({ jobId, data }) => {
    const { success, data: said } = report.safeParse(data);
    if (!success || !waiting.has(jobId)) return;
    onProgress({ key: jobId, share: said.share, note: printable(said.note) });
    if (said.unfit !== undefined) sayUnfit(said.unfit);
  });
  // Events may be lost with a connection; what they would have said is found out by looking.
  const again = (): void => void lookAtAll().then(sayIfLonely);
  const timer = setInterval(again, timing.look);
  try {
    await endsWithin(events.waitUntilReady(), timing.answer); // what is missed until then is found by looking
    await lookAtAll(true);
    void sayIfLonely();
    await finished;
  } catch (error) {
    throw refusalOf("sweep", url, error);
  } finally {
    clearInterval(timer);
    await close([events, queue]);
  }
  return tasks.map(({ key }) => outcomes.get(key)!);
}

/** "InputError: train: needs …" as an error of that name. */
function errorOf(given: string): Error {
  const reason = printable(given);
  if (reason.includes("stalled more than"))
    return new Error("its worker was lost again and again, perhaps for want of memory");
  const [, name, message] = /^(\w*Error): (.*)$/.exec(reason) ?? [];
  return name ? Object.assign(new Error(message), { name }) : new Error(reason);
}
