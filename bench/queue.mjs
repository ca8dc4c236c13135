/**
 * @file What a sweep on many machines costs besides the computing: 10,000 jobs that compute nothing, through a real Redis.
 * Work is counted in CPU time, which other programs on the machine change little. From it and from the measured parts of a job
 * follows what the paper profile takes on 1, 10 and 100 machines, and what is busy first.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startRedis } from "../scripts/redis.mjs";
import { setup } from "../scripts/setup.mjs";
import { at } from "../scripts/steps/common.mjs";

const require = createRequire(at("lib", "dist", "jobs", "sweep.js"));

export const title = "The queue";

const JOBS = 10_000;
const LARGE_JOBS = 100; // with results as large as those of the paper profile

const RESULT_BYTES = 33_000; // an inverted round of nine images, compressed: stored entries of the smoke profile

/** What is measured of one job; the rest is proportional. */
const sample = { rounds: 10, inverted: 9, steps: 50, autoencoderSteps: 100 };

export async function run({ say = console.error } = {}) {
  await setup({ only: ["build", "tensorflow"] });
  await setup({ only: ["redis"] });
  const queues = [];
  for (const workers of [1, 2, 3]) {
    say(`${JOBS} empty jobs, ${workers} workers`);
    queues.push({ workers, ...(await throughQueue(JOBS, workers, 8)) });
  }
  say(`${LARGE_JOBS} jobs with large results`);
  const largeBytes = 1_000_000;
  const large = { ...(await throughQueue(LARGE_JOBS, 2, largeBytes)), resultBytes: largeBytes };
  say("one measurement");
  const parts = await measureParts();
  const three = queues.at(-1);
  return { keys: { jobs_per_second: three.jobsPerSecond }, details: { queues, large, parts } };
}

/** Sends jobs with the payload of a real plan and a result of so many bytes through a Redis of its own. */
async function throughQueue(count, workers, bytes) {
  const { runOnRedis } = require("./redisEngine.js");
  const { runOf, packJob } = require("./job.js");
  const { keyOf } = require("./store.js");
  const { fixtureJob } = require("./jobs.fixture.js");
  const { defaultFederation } = require("../fl/config.js");
  const { Redis } = require("ioredis");
  const folder = mkdtempSync(join(tmpdir(), "bench-queue-"));
  mkdirSync(join(folder, "redis"));
  const redis = await startRedis(join(folder, "redis"));
  const client = new Redis(redis.url);
  const children = [];
  try {
    for (let i = 0; i < workers; i++) children.push(await startWorker(redis.url, join(folder, String(i))));
    const attacker = {
      prior: "autoencoder",
      labels: "inferred",
      objective: "cosine",
      steps: 600,
      autoencoderSteps: 1000,
    };
    const probeRounds = Array.from({ length: 26 }, (_, i) => i);
    const tasks = Array.from({ length: count }, (_, seed) => {
      const job = fixtureJob({
        id: String(seed),
        bytes,
        federation: { ...defaultFederation, seed },
        attacker,
        probeRounds,
      });
      return { key: keyOf(runOf(job)), job };
    });
    process.env.CURIOUS_STORE = join(folder, "sweep");
    const used = async () => {
      const info = await client.info();
      const number = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)[1]);
      const { user, system } = process.cpuUsage();
      return {
        redis: 1000 * (number("used_cpu_sys") + number("used_cpu_user")),
        sweep: (user + system) / 1000,
        memory: number("used_memory"),
        received: number("total_net_input_bytes"),
        sent: number("total_net_output_bytes"),
      };
    };
    const before = await used();
    const began = performance.now();
    const outcomes = await runOnRedis(redis.url, tasks, [], { onProgress() {}, onNotice() {} });
    const seconds = (performance.now() - began) / 1000;
    const after = await used();
    const cpu = await Promise.all(children.map((child) => child.stop()));
    const failed = outcomes.filter(({ status }) => status === "failed").length;
    if (failed > 0) throw new Error(`${failed} of ${count} jobs failed`);
    const perJob = (name) => (after[name] - before[name]) / count;
    return {
      jobs: count,
      jobsPerSecond: count / seconds,
      cpuMilliseconds: { redis: perJob("redis"), sweep: perJob("sweep"), worker: sum(cpu) / count },
      bytes: {
        payload: JSON.stringify(packJob(tasks[0].job)).length,
        redisMemory: perJob("memory"),
        received: perJob("received"),
        sent: perJob("sent"),
      },
    };
  } finally {
    for (const { process } of children) process.kill("SIGKILL");
    client.disconnect();
    await redis.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A worker process that says on its end how much CPU time it used, in milliseconds, its child process aside. */
async function startWorker(url, store) {
  const code = `
    const { serveRedis } = require("./lib/dist/jobs/redisWorker.js");
    serveRedis(${JSON.stringify(url)}, { file: "jobs.fixture.js" }, { workers: 1 }).then(async (worker) => {
      const before = process.cpuUsage();
      console.log("ready");
      process.once("SIGTERM", () => {
        const { user, system } = process.cpuUsage(before);
        console.log((user + system) / 1000);
        void worker.close();
      });
    });`;
  const child = spawn(process.execPath, ["-e", code], {
    cwd: at(),
    env: { ...process.env, CURIOUS_STORE: store },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    process: child,
    async stop() {
      child.kill("SIGTERM");
      return Number((await lines.next()).value);
    },
  };
}

/** CPU seconds of the parts of one real measurement, on one thread. */
export async function measureParts() {
  Object.assign(process.env, { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" });
  const { backendReady } = require("../core/backend.js");
  const { loadDataset } = require("../data/source.js");
  const { defaultFederation } = require("../fl/config.js");
  const { leakageKind } = require("../experiment/leakageKind.js");
  const { seedJobs } = require("../experiment/studies.js");
  const { resultOf } = require("./kind.js");
  const dataset = await loadDataset("strokes"); // images of the same shape
  const model = { dataset: "strokes", activation: "tanh", pooling: "average", learningRate: 0.1 };
  const plan = {
    federation: { ...defaultFederation, ...model, rounds: sample.rounds },
    attacker: {
      prior: "autoencoder",
      labels: "inferred",
      steps: sample.steps,
      autoencoderSteps: sample.autoencoderSteps,
    },
    ...{
      seeds: [1],
      probeRounds: Array.from({ length: sample.inverted }, (_, i) => i),
      probeBatchSize: 1,
      trajectoryRounds: [],
    },
  };
  const store = mkdtempSync(join(tmpdir(), "bench-queue-"));
  process.env.CURIOUS_STORE = store;
  try {
    const [job] = seedJobs(plan, { dataset, backend: await backendReady(), force: true });
    const ends = {};
    const now = () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    };
    const began = now();
    await resultOf(leakageKind, job, dataset, (_share, note) => (ends[note] = now()));
    const { autoencoder, training, inversion } = ends;
    return { autoencoder: autoencoder - began, training: training - autoencoder, inversion: inversion - training };
  } finally {
    rmSync(store, { recursive: true, force: true });
  }
}

/**
 * The jobs of the paper profile: every seed of every plan that the committed records of that profile name, each once, though several
 * notebooks share it.
 * @returns [{ rounds, inverted, steps, autoencoderSteps }]; one that shares its autoencoder with a job before it has none to train
 */
export function paperJobs(records) {
  const { shardOf } = require("../experiment/ownAutoencoder.js");
  const jobs = new Map();
  const shards = new Set();
  for (const { federation, attacker, seeds, ...where } of records.flatMap(plansIn)) {
    for (const seed of seeds) {
      const key = JSON.stringify([{ ...federation, seed }, attacker, where]);
      if (jobs.has(key)) continue;
      const shard = JSON.stringify([shardOf({ ...federation, seed }), federation.dataset, attacker.autoencoderSteps]);
      jobs.set(key, {
        rounds: federation.rounds,
        inverted: where.probeRounds.length + where.trajectoryRounds.length,
        steps: attacker.steps * (attacker.restarts ?? 1),
        autoencoderSteps: attacker.prior !== "autoencoder" || shards.has(shard) ? 0 : attacker.autoencoderSteps,
      });
      shards.add(shard);
    }
  }
  return [...jobs.values()];
}

/** The plans of measureLeakage in a record, however deep. */
function plansIn(value) {
  if (value === null || typeof value !== "object") return [];
  return "federation" in value && "seeds" in value && "attacker" in value
    ? [value]
    : Object.values(value).flatMap(plansIn);
}

function readPaperRecords() {
  const names = readdirSync(at("figures")).filter((name) => name.endsWith(".paper.json"));
  return names.map((name) => JSON.parse(readFileSync(at("figures", name), "utf8")).config);
}

/** Seconds of a job on one thread: every part in proportion to what it does. */
export function jobSeconds(parts, { rounds, inverted, steps, autoencoderSteps }) {
  return (
    (parts.autoencoder * autoencoderSteps) / sample.autoencoderSteps +
    (parts.training * rounds) / sample.rounds +
    (parts.inversion * steps * inverted) / (sample.steps * sample.inverted)
  );
}

/**
 * What a sweep takes on so many machines of so many processors each, longest jobs first, and how busy the shared parts are.
 * @param jobs [{ seconds, bytes }] bytes: of the compressed result
 * @param cost CPU milliseconds of Redis and of the sweeping process per job and per megabyte of result
 */
export function sweepCost(jobs, machines, processors, cost) {
  const free = new Float64Array(machines * processors);
  for (const { seconds } of [...jobs].sort((a, b) => b.seconds - a.seconds)) free[indexOfLeast(free)] += seconds;
  const seconds = Math.max(...free);
  const megabytes = sum(jobs.map(({ bytes }) => bytes)) / 1e6;
  const share = (part) => (jobs.length * cost.perJob[part] + megabytes * cost.perMegabyte[part]) / 1000 / seconds;
  return {
    seconds,
    used: sum(jobs.map((job) => job.seconds)) / (seconds * free.length), // share of the processors' time
    redis: share("redis"), // of one processor
    sweep: share("sweep"),
    megabitsPerSecond: (8 * megabytes) / seconds,
  };
}

export function section({ details: { queues, large, parts } }) {
  const row = (...cells) => `| ${cells.join(" | ")} |`;
  const ms = (x) => x.toFixed(2);
  const three = queues.at(-1);
  const { cpuMilliseconds: small } = three;
  const extra = (part) => Math.max(0, large.cpuMilliseconds[part] - small[part]) / (large.resultBytes / 1e6);
  const cost = { perJob: small, perMegabyte: { redis: extra("redis"), sweep: extra("sweep") } };
  const jobs = paperJobs(readPaperRecords()).map((job) => ({
    seconds: jobSeconds(parts, job),
    bytes: job.inverted * RESULT_BYTES,
  }));
  const longest = Math.max(0, ...jobs.map(({ seconds }) => seconds));
  const hours = (seconds) => (seconds < 3600 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`);
  const percent = (x) => `${(100 * x).toPrecision(2)} %`;
  const machineRow = (machines) => {
    const { seconds, used, redis, sweep, megabitsPerSecond } = sweepCost(jobs, machines, 2, cost);
    return row(
      machines,
      hours(seconds),
      percent(used),
      percent(redis),
      percent(sweep),
      megabitsPerSecond.toPrecision(2),
    );
  };
  const capacity = 1000 / Math.max(small.redis, small.sweep);
  const paper = [
    `The paper profile is ${jobs.length} jobs (the plans in the committed records, each once); from the measured parts of a job ` +
      `(${Object.entries(parts)
        .map(([name, x]) => `${name} ${x.toFixed(1)} s`)
        .join(", ")} of CPU for ` +
      `${sample.autoencoderSteps} steps, ${sample.rounds} rounds, ${sample.steps} steps × ${sample.inverted} inverted rounds) they take ` +
      `${hours(sum(jobs.map(({ seconds }) => seconds)))} of one processor, the longest ${hours(longest)}.`,
    "",
    row(
      "machines of 2 processors",
      "time",
      "their processors' use",
      "Redis, of a processor",
      "sweep, of a processor",
      "Mbit/s",
    ),
    row("--:", "--:", "--:", "--:", "--:", "--:"),
    ...[1, 10, 100].map(machineRow),
  ];
  return [
    `${three.jobs} empty jobs with the payload of a real plan (${three.bytes.payload} bytes), each computed in a child process and stored at both ends.`,
    "",
    row("workers", "jobs a second", "CPU ms a job: Redis", "sweep", "worker", "Redis memory a job, kB"),
    row("--:", "--:", "--:", "--:", "--:", "--:"),
    ...queues.map(({ workers, jobsPerSecond, cpuMilliseconds: cpu, bytes }) =>
      row(
        workers,
        jobsPerSecond.toFixed(0),
        ms(cpu.redis),
        ms(cpu.sweep),
        ms(cpu.worker),
        (bytes.redisMemory / 1000).toFixed(1),
      ),
    ),
    "",
    `A megabyte of result costs ${ms(extra("redis"))} ms of Redis and ${ms(extra("sweep"))} ms of the sweeping process. ` +
      `One sweep on one processor can take in about ${capacity.toFixed(0)} jobs a second.`,
    "",
    ...(jobs.length === 0
      ? ["No record of the paper profile is in figures/, so its cost is not worked out here."]
      : paper),
  ].join("\n");
}

const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);
const indexOfLeast = (numbers) => numbers.reduce((best, x, i) => (x < numbers[best] ? i : best), 0);
