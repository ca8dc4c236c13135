/** @file Sweeps on this machine; scripts/queue.test.mjs has those on a Redis. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { backendReady } from "../core/backend";
import { loadDataset } from "../data/source";
import { defaultFederation } from "../fl/config";
import type { Task, TaskProgress } from "../jobs/engine";
import { runOf, type Job } from "../jobs/job";
import { seedJobs } from "./studies";
import { runLocally } from "../jobs/localEngine";
import type { LeakagePlan } from "./measure";
import { exportEntry, importEntry, isStored, keyOf, computeOnce } from "../jobs/store";
import type { SweepProgress } from "../jobs/runJobs";
import { sweep } from "./sweep";
import { fixtureJob, type FixturePlan } from "../jobs/jobs.fixture";

const fixtures = { kinds: [], file: join(__dirname, "..", "jobs", "jobs.fixture.js") };
const store = mkdtempSync(join(tmpdir(), "sweep-"));
after(() => rmSync(store, { recursive: true, force: true }));
Object.assign(process.env, { CURIOUS_STORE: store, CURIOUS_ENGINE: "" });

const plan: LeakagePlan = {
  federation: {
    ...defaultFederation,
    ...{ dataset: "strokes", architecture: "softmaxRegression", partition: "iid" },
    ...{ numClients: 3, rounds: 2, evaluationImages: 30 },
  },
  attacker: { prior: "pixel", labels: "given", autoencoderSteps: 1, steps: 2 },
  ...{ seeds: [1, 2, 3], probeRounds: [0], probeBatchSize: 1, trajectoryRounds: [] },
};

async function seeds(change: object = {}): Promise<Job[]> {
  const dataset = await loadDataset("strokes");
  return seedJobs({ ...plan, ...change }, { dataset, backend: await backendReady(), force: false });
}

test("sweep: computes what is not stored, equal jobs once, and reports a failure beside what was computed", async () => {
  const [one, two, three] = (await seeds()) as [Job, Job, Job];
  const [bad] = (await seeds({ seeds: [4], federation: { ...plan.federation, batchSize: 99_999 } })) as [Job];
  const run = async (jobs: readonly Job[]) => {
    const heard: SweepProgress[] = [];
    const reports = await sweep(jobs, { workers: 1, onProgress: (progress) => heard.push(progress) });
    return { reports, heard, statuses: reports.map(({ status }) => status) };
  };
  assert.deepEqual((await run([one])).statuses, ["computed"]);

  const { reports, heard, statuses } = await run([two, bad, one, two, three]);
  assert.deepEqual(statuses, ["computed", "failed", "stored", "computed", "computed"]);
  assert.deepEqual(
    reports.map(({ key }) => key),
    [two, bad, one, two, three].map((job) => keyOf(runOf(job))),
  );
  assert.match(reports[1]!.error!.message, /^partition: needs 3 clients x 99999 = 299997 images, got 12000; /);
  assert.ok(reports[0]!.seconds > 0 && reports[2]!.seconds === 0);
  const ended = heard.filter(({ outcome }) => outcome !== undefined);
  assert.deepEqual(
    ended.map(({ index, done, total }) => [index, done, total]),
    [
      [0, 1, 3],
      [1, 2, 3],
      [4, 3, 3],
    ],
  );
  assert.ok(heard.every(({ done }, i) => done >= (heard[i - 1]?.done ?? 0)));
  assert.equal(readdirSync(store).length, 3);
  assert.deepEqual((await run([one, two, three])).heard, []); // nothing to wait for

  const forced = await run([one, { ...one, force: new Date().toISOString() }]);
  assert.deepEqual(forced.statuses, ["computed", "computed"]);
  assert.equal(forced.heard.filter(({ outcome }) => outcome !== undefined).length, 1);
});

test("sweep: refuses an engine that it does not know, without its password, and a number of workers", async () => {
  await assert.rejects(sweep([], { engine: "kafka://user:secret@host" }), {
    name: "InputError",
    message: "sweep: needs an engine of local, redis://host:port, rediss://host:port, got kafka://***@host",
  });
  const [job] = await seeds({ seeds: [9] });
  await assert.rejects(sweep([job!], { workers: 0 }), {
    name: "InputError",
    message: "sweep: needs an integer workers >= 1, got 0",
  });
});

test("runLocally: reports how each job ended, in their order, when processes compute and one dies", async () => {
  const plans: readonly FixturePlan[] = [
    { id: "slow", milliseconds: 300 },
    { id: "refused", refuse: "this one" },
    { id: "dies", die: true },
    { id: "quick" },
  ];
  const tasks: Task[] = plans.map((each) => fixtureJob(each)).map((job) => ({ key: keyOf(runOf(job)), job }));
  const heard: TaskProgress[] = [];
  const notices: string[] = [];
  const options = { workers: 2, onNotice: (text: string) => void notices.push(text) };
  const killed =
    "the process that computed it was ended by SIGKILL, perhaps for want of memory; a smaller CURIOUS_MEMORY or CURIOUS_WORKERS needs less memory";
  const outcomes = await runLocally(tasks, fixtures, { ...options, onProgress: (progress) => heard.push(progress) });
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "failed" ? outcome.error.message : outcome.status)),
    ["computed", "work: needs another plan, got this one", killed, "computed"],
  );
  for (const [i, { key }] of tasks.entries()) {
    assert.deepEqual(heard.filter((progress) => progress.key === key).at(-1)!.outcome, outcomes[i]);
  }
  assert.deepEqual(notices, [`${killed}; trying once more`]);
});

test("runLocally: begins no further job where results cannot be stored any more", async () => {
  const folder = join(store, "full");
  const plans: readonly FixturePlan[] = [1, 2, 3, 4].map((i) => ({ id: `full ${i}`, breakStore: folder }));
  const tasks: Task[] = plans.map((each) => fixtureJob(each)).map((job) => ({ key: keyOf(runOf(job)), job }));
  process.env["CURIOUS_STORE"] = folder;
  const outcomes = await runLocally(tasks, fixtures, {
    workers: 2,
    ...{ onProgress: () => undefined, onNotice: console.warn },
  }).finally(() => (process.env["CURIOUS_STORE"] = store));
  const errors = outcomes.map((outcome) => (outcome.status === "failed" ? outcome.error : null));
  assert.ok(errors.every((error) => error?.name === "StoreError"));
  const rescued = errors.find((error) => error!.message.includes("it lies in"))!;
  assert.match(rescued.message, /cannot be stored in .*full \(.*\); it lies in .*, where it is found again; make room/);
  const first = tasks.findIndex(({ key }) => rescued.message.includes(key));
  const run = runOf(tasks[first]!.job);
  assert.ok(isStored(run, { folder }));
  rmSync(folder, { force: true });
  assert.deepEqual(
    (await computeOnce<{ id: string }>(run, () => assert.fail("was rescued"), { folder })).value.id,
    plans[first]!.id,
  );
  for (const { key } of tasks) rmSync(join(tmpdir(), "curious-inside-rescued", `fixture-${key}.run`), { force: true });
});

test("importEntry: takes an entry of another store whole, and nothing that is damaged or another run's", async () => {
  const [from, to] = ["from", "to"].map((name) => join(store, name)) as [string, string];
  const run = runOf(fixtureJob({ id: "moved" }));
  const { value, computedAt } = await computeOnce(run, () => Promise.resolve(Float32Array.of(1, 2)), { folder: from });
  const bytes = await exportEntry(run, { folder: from });
  for (const damaged of [bytes.subarray(0, -1), Buffer.from(bytes).fill(0, 90, 91), Buffer.from("nonsense")]) {
    await assert.rejects(importEntry(run, damaged, { folder: to }), /its checksum does not fit/);
  }
  await assert.rejects(importEntry(runOf(fixtureJob({ id: "another" })), bytes, { folder: to }), /it is the entry of/);
  for (let times = 0; times < 2; times++) await importEntry(run, bytes, { folder: to });
  assert.equal(readdirSync(to).length, 1);
  const moved = await computeOnce<Float32Array>(run, () => assert.fail("is not stored"), { folder: to });
  assert.deepEqual([[...moved.value], moved.computedAt], [[...value], computedAt]);
});

test("sweep: refuses an option that nobody reads", async () => {
  await assert.rejects(sweep([], { workrs: 3 } as object), {
    name: "InputError",
    message: "sweep: needs only known names in options, got workrs; did you mean workers?",
  });
});
