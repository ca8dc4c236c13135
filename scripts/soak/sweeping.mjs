/** @file What the parts kills and redis share: jobs, processes that compute them, and a look at what is in the store. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { at } from "../steps/common.mjs";

const require = createRequire(at("lib", "dist", "jobs", "sweep.js"));
const { fixtureJob, resultOf } = require("./jobs.fixture.js");
const { runOf } = require("./job.js");
const { computeOnce } = require("./store.js");

export const timing = { lock: 1500, stalled: 500, retry: 50, look: 500 };
export const makeJobs = (name, count, plan) =>
  Array.from({ length: count }, (_, i) => fixtureJob({ id: `${name} ${i}`, ...plan }));

/** A process in a group of its own: { pid, ready: it has printed something or ended, ended: its signal or code, kill(signal): the whole group, killOne(signal) }. */
export function start(args, store) {
  const env = { ...process.env, CURIOUS_STORE: store };
  const child = spawn(process.execPath, args, {
    env,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
    cwd: at(),
  });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const ready = Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), ended]);
  child.stdout.on("data", () => undefined);
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // it has ended
    }
  };
  return { pid: child.pid, ready, ended, kill, killOne: (signal) => child.kill(signal) };
}

export const startSweep = (jobs, engine, store) =>
  start([at("scripts", "soak", "sweeper.mjs"), ...[jobs, engine, timing].map((value) => JSON.stringify(value))], store);

/** Processes whose parent that one is. */
export function childrenOf(pid) {
  return readdirSync("/proc").filter((name) => {
    try {
      return require("node:fs").readFileSync(`/proc/${name}/stat`, "latin1").split(") ").at(-1).split(" ")[1] === String(pid);
    } catch {
      return false;
    }
  }).map(Number); // prettier-ignore
}

/** What is wrong in a store that should hold these jobs' results, each once and nothing else; undefined where nothing is. */
export async function wrongIn(store, jobs) {
  for (const job of jobs) {
    const { id, numbers } = resultOf(job.plan);
    try {
      const { value } = await computeOnce(runOf(job), () => Promise.reject(new Error("lost")), { folder: store });
      if (value.id !== id || String([...value.numbers]) !== String([...numbers])) return `${id}: another result`;
    } catch (error) {
      return `${id}: ${error.message}`;
    }
  }
  const files = readdirSync(store);
  const entries = files.filter((file) => file.endsWith(".run"));
  if (entries.length !== jobs.length) return `${entries.length} entries of ${jobs.length} jobs`;
  if (files.length > entries.length) return `left behind: ${files.filter((file) => !file.endsWith(".run"))}`;
  return undefined;
}

/** Resolves to undefined when the promise does, or to a complaint. */
export function within(seconds, promise, what) {
  let timer;
  const late = new Promise(
    (resolve) => (timer = setTimeout(() => resolve(`${what} did not end within ${seconds} s`), 1000 * seconds)),
  );
  return Promise.race([promise.then(() => undefined), late]).finally(() => clearTimeout(timer)); // prettier-ignore
}
