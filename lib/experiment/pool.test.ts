import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import test, { afterEach } from "node:test";
import { InputError } from "../core/errors";
import { runInPool, workerCount, type JobProgress } from "./pool";
import type { FixtureJob, FixtureResult } from "./pool.fixture";

const asked = process.env["CURIOUS_WORKERS"];
afterEach(() => {
  if (asked === undefined) delete process.env["CURIOUS_WORKERS"];
  else process.env["CURIOUS_WORKERS"] = asked;
});

const run = (jobs: readonly FixtureJob[], options?: Parameters<typeof runInPool>[2]): Promise<FixtureResult[]> =>
  runInPool<FixtureResult>("pool.fixture.js", jobs, options);

/** Hears of the jobs that have come to their end. */
function listen(): { ended: number[]; onProgress: (progress: JobProgress) => void } {
  const ended: number[] = [];
  return { ended, onProgress: ({ job, share }) => void (share === 1 && ended.push(job)) };
}

/** The most jobs that were under way at one moment. */
function mostAtOnce(results: readonly FixtureResult[]): number {
  return Math.max(
    ...results.map(({ from }) => results.filter((other) => other.from <= from && from < other.to).length),
  );
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("runInPool: runs two jobs at a time in two single-threaded processes, none of which stays", async () => {
  const heard: JobProgress[] = [];
  const jobs = [1000, 300, 300, 300].map((milliseconds) => ({ milliseconds }));
  const results = await run(jobs, { workers: 2, onProgress: (progress) => heard.push(progress) });
  const order = results.map(({ job }) => job);
  assert.deepEqual(order, [0, 1, 2, 3]);
  const pids = new Set(results.map(({ pid }) => pid));
  assert.equal(pids.size, 2);
  assert.ok(!pids.has(process.pid));
  assert.equal(mostAtOnce(results), 2);
  // The first job outlasts the second, so that results in the order of their arrival would be another order.
  assert.ok(results[0]!.to > results[1]!.to);
  assert.ok(results.every(({ threads }) => threads === "1"));
  heard.sort((a, b) => a.job - b.job || a.share - b.share);
  const said = (job: number): JobProgress[] => [0.5, 1].map((share) => ({ job, share, note: `job ${job}` }));
  assert.deepEqual(heard, [0, 1, 2, 3].flatMap(said));
  assert.deepEqual([...pids].filter(isAlive), []);
});

test("runInPool: throws a job's error with its message when all other jobs have ended", async () => {
  const { ended, onProgress } = listen();
  const jobs = [{ milliseconds: 20 }, { refuse: "this one" }, { milliseconds: 300 }];
  const error = await run(jobs, { workers: 2, onProgress }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Error);
  assert.equal(error.message, "work: needs another job, got this one");
  assert.equal(error.name, "InputError");
  assert.deepEqual(ended.sort(), [0, 2]); // the job beside it was not cut off
});

test("runInPool: throws the first error in the order of the jobs when several fail", async () => {
  const jobs = [{ milliseconds: 200, refuse: "the first" }, { refuse: "the second" }];
  await assert.rejects(run(jobs, { workers: 2 }), { message: "work: needs another job, got the first" });
});

test("runInPool: says that a process ended, and finishes the other jobs, when one is killed", async () => {
  const { ended, onProgress } = listen();
  const jobs = [{ die: true }, { milliseconds: 50 }, { milliseconds: 200 }];
  await assert.rejects(run(jobs, { workers: 2, onProgress }), { message: "Worker exited unexpectedly" });
  assert.deepEqual(ended.sort(), [1, 2]);
});

test("runInPool: needs no process for no job, and no more processes than jobs", async () => {
  assert.deepEqual(await run([], { workers: 2 }), []);
  assert.equal((await run([{}], { workers: 8 })).length, 1);
});

test("runInPool: refuses a number of workers that is no integer >= 1", async () => {
  for (const workers of [0, -1, 1.5, NaN]) {
    const message = `runInPool: needs an integer workers >= 1, got ${workers}`;
    await assert.rejects(run([{}], { workers }), { name: "InputError", message });
  }
});

test("workerCount: is what CURIOUS_WORKERS says, else one per processor", async () => {
  delete process.env["CURIOUS_WORKERS"];
  assert.equal(workerCount(), availableParallelism());
  process.env["CURIOUS_WORKERS"] = "";
  assert.equal(workerCount(), availableParallelism());
  process.env["CURIOUS_WORKERS"] = "3";
  assert.equal(workerCount(), 3);
  process.env["CURIOUS_WORKERS"] = "1";
  const results = await run([{ milliseconds: 20 }, { milliseconds: 20 }, {}]);
  assert.equal(new Set(results.map(({ pid }) => pid)).size, 1);
  assert.equal(mostAtOnce(results), 1);
});

test("workerCount: refuses what is no integer >= 1", async () => {
  for (const silly of ["0", "-2", "1.5", "two", " ", "Infinity"]) {
    process.env["CURIOUS_WORKERS"] = silly;
    const expected = new InputError(`workerCount: needs an integer CURIOUS_WORKERS >= 1, got ${silly}`);
    assert.throws(workerCount, expected);
    await assert.rejects(run([{}]), expected);
  }
});
