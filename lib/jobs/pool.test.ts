import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import test, { afterEach } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { InputError } from "../core/errors";
import { openPool, workerCount, type JobProgress } from "./pool";
import type { FixtureJob, FixtureResult } from "./pool.fixture";

const asked = process.env["CURIOUS_WORKERS"];
afterEach(() => {
  if (asked === undefined) delete process.env["CURIOUS_WORKERS"];
  else process.env["CURIOUS_WORKERS"] = asked;
});

/** Runs jobs in a pool of their own; hears of the job and its progress. */
async function run(
  jobs: readonly Omit<FixtureJob, "job">[],
  { workers, onProgress }: { workers: number; onProgress?: (job: number, progress: JobProgress) => void },
): Promise<PromiseSettledResult<FixtureResult>[]> {
  const pool = await openPool("pool.fixture.js", workers);
  const running = jobs.map((todo, job) => pool.run({ ...todo, job }, (progress) => onProgress?.(job, progress)));
  const settled = await Promise.allSettled(running as Promise<FixtureResult>[]);
  await pool.close();
  return settled;
}

const valuesOf = (settled: readonly PromiseSettledResult<FixtureResult>[]): FixtureResult[] =>
  settled.map((outcome) => {
    assert.equal(outcome.status, "fulfilled");
    return outcome.value;
  });

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

test("openPool: runs two jobs at a time in two single-threaded processes, none of which stays", async () => {
  const heard: (JobProgress & { job: number })[] = [];
  const jobs = [1000, 300, 300, 300].map((milliseconds) => ({ milliseconds }));
  const onProgress = (job: number, progress: JobProgress): void => void heard.push({ job, ...progress });
  const results = valuesOf(await run(jobs, { workers: 2, onProgress }));
  const order = results.map(({ job }) => job);
  assert.deepEqual(order, [0, 1, 2, 3]);
  const pids = new Set(results.map(({ pid }) => pid));
  assert.equal(pids.size, 2);
  assert.ok(!pids.has(process.pid));
  assert.equal(mostAtOnce(results), 2);
  // The first job outlasts the second, so a process that is free takes the next.
  assert.ok(results[0]!.to > results[1]!.to);
  assert.ok(results.every(({ threads }) => threads === "1"));
  heard.sort((a, b) => a.job - b.job || a.share - b.share);
  const said = (job: number) => [0.5, 1].map((share) => ({ job, share, note: `job ${job}` }));
  assert.deepEqual(heard, [0, 1, 2, 3].flatMap(said));
  assert.deepEqual([...pids].filter(isAlive), []);
});

test("openPool: gives every process its share of the memory", async () => {
  process.env["CURIOUS_MEMORY"] = "3 MB";
  const pool = await openPool("pool.fixture.js", 2).finally(() => delete process.env["CURIOUS_MEMORY"]);
  assert.equal(((await pool.run({ job: 0 })) as FixtureResult).memory, 1.5e6);
  await pool.close();
});

test("openPool: throws a job's error with its name and message, and computes the others", async () => {
  const settled = await run([{ milliseconds: 20 }, { refuse: "this one" }, { milliseconds: 300 }], { workers: 2 });
  const [first, second, third] = settled;
  assert.deepEqual([first!.status, third!.status], ["fulfilled", "fulfilled"]); // the job beside it was not cut off
  assert.ok(second?.status === "rejected" && second.reason instanceof Error);
  assert.equal(second.reason.message, "work: needs another job, got this one");
  assert.equal(second.reason.name, "InputError");
});

test("openPool: replaces a process that is killed, in a job or between two, when there is only one", async () => {
  const pool = await openPool("pool.fixture.js", 1);
  const { pid } = (await pool.run({ job: 0 })) as FixtureResult;
  const waiting = pool.run({ job: 2 });
  for (const job of [1, 3]) {
    await assert.rejects(pool.run({ job, die: true }), {
      name: "LostProcessError",
      message:
        /^the process that computed it was ended by SIGKILL, perhaps for want of memory; a smaller CURIOUS_MEMORY/,
    });
  }
  const next = (await pool.run({ job: 4 })) as FixtureResult;
  assert.notEqual(next.pid, pid);
  process.kill(next.pid, "SIGKILL");
  let last = next.pid; // the pool hears of it a moment later, and until then gives jobs to the dead
  for (let tries = 0; tries < 100 && last === next.pid; tries++) {
    last = await pool.run({ job: 5 }).then(
      (result) => (result as FixtureResult).pid,
      () => wait(20, next.pid),
    );
  }
  assert.notEqual(last, next.pid);
  assert.equal(((await waiting) as FixtureResult).job, 2);
  await pool.close();
});

test("openPool: computes what it would have given to a process that is dead already, or says that the process was lost", async () => {
  const pool = await openPool("pool.fixture.js", 2);
  for (let i = 0; i < 20; i++) {
    const { pid } = (await pool.run({ job: 0 })) as FixtureResult;
    process.kill(pid, "SIGKILL");
    if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
    const results = await Promise.allSettled([1, 2, 3].map((job) => pool.run({ job })));
    for (const result of results)
      if (result.status === "rejected") assert.equal((result.reason as Error).name, "LostProcessError");
  }
  await pool.close();
});

test("openPool: throws what is under way when it is closed", async () => {
  const pool = await openPool("pool.fixture.js", 1);
  const { pid } = (await pool.run({ job: 0 })) as FixtureResult;
  const failing = assert.rejects(pool.run({ job: 1, milliseconds: 60_000 }));
  await pool.close();
  await failing;
  assert.ok(!isAlive(pid));
});

test("openPool: refuses a number of workers that is no integer >= 1", async () => {
  for (const workers of [0, -1, 1.5, NaN]) {
    const message = `openPool: needs an integer workers >= 1, got ${workers}`;
    await assert.rejects(openPool("pool.fixture.js", workers), { name: "InputError", message });
  }
});

test("workerCount: is what CURIOUS_WORKERS says, else one per processor", () => {
  delete process.env["CURIOUS_WORKERS"];
  assert.equal(workerCount(), availableParallelism());
  process.env["CURIOUS_WORKERS"] = "";
  assert.equal(workerCount(), availableParallelism());
  process.env["CURIOUS_WORKERS"] = "3";
  assert.equal(workerCount(), 3);
});

test("workerCount: refuses what is no integer >= 1", () => {
  for (const silly of ["0", "-2", "1.5", "two", " ", "Infinity"]) {
    process.env["CURIOUS_WORKERS"] = silly;
    const expected = new InputError(`workerCount: needs an integer CURIOUS_WORKERS >= 1, got ${silly}`);
    assert.throws(workerCount, expected);
  }
});

test("openPool: starts no process for a job that comes when it is closed", async () => {
  const pool = await openPool("pool.fixture.js", 1);
  const { pid } = (await pool.run({ job: 0 })) as FixtureResult;
  process.kill(pid, "SIGKILL");
  const late = pool.run({ job: 1, milliseconds: 60_000 }); // perhaps given to the dead one
  await pool.close();
  await assert.rejects(late);
  await assert.rejects(pool.run({ job: 2 }), { name: "LostProcessError" });
});
