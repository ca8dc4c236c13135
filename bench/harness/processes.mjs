/** @file Processes that stay while a benchmark runs: a question is a line of JSON, and so is the answer. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { at } from "../../scripts/steps/common.mjs";

// What the reader's environment says of threads must not decide a comparison.
const THREADS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"];

/** A worker of the library, bench/workers/NAME.mjs; as in the pool, TensorFlow has one thread unless `threads` is more or "all". */
export function startEngine({ name = "engine", threads = 1 } = {}) {
  const set = threadsOf(threads, ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]);
  return start(process.execPath, ["--expose-gc", at("bench", "workers", `${name}.mjs`)], set);
}

/** A worker of bench/workers/NAME.py; `threads` is a number or "all", and then what the library takes by default. */
export function startPython(python, name, { threads = "all" } = {}) {
  const set = threadsOf(threads, ["OMP_NUM_THREADS", "MKL_NUM_THREADS"]);
  return start(python, [at("bench", "workers", `${name}.py`)], set);
}

const threadsOf = (threads, names) =>
  threads === "all" ? {} : Object.fromEntries(names.map((name) => [name, String(threads)]));

/**
 * @returns ask(op, details): the answer's fields; end(): after which the process is gone
 */
function start(command, args, extra) {
  const env = { ...process.env, PYTHONNOUSERSITE: "1", ...extra };
  for (const name of THREADS) if (!(name in extra)) delete env[name];
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line)));
  const exited = new Promise((resolve) => {
    const gone = (reason) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`${args.at(-1)}: ${reason}`));
      resolve();
    };
    child
      .on("error", (error) => gone(error.message))
      .on("exit", (code, signal) => gone(`ended with ${signal ?? code}`));
    child.stdin.on("error", (error) => gone(error.message));
  });
  return {
    async ask(op, details = {}) {
      const answer = await new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(JSON.stringify({ op, ...details }) + "\n");
      });
      if (answer.error !== undefined) throw new Error(`${args.at(-1)}: ${op}: ${answer.error}`);
      return answer;
    },
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}

/**
 * Asks several processes the same at the same time, and measures the whole: from the first start to the last end by the machine's
 * monotonic clock, which the workers read themselves.
 * @returns seconds; overlap, the share of that time in which all of them were at work; answers
 */
export async function together(workers, op, details) {
  const answers = await Promise.all(workers.map((worker) => worker.ask(op, details)));
  const starts = answers.map(({ start }) => start);
  const ends = answers.map(({ end }) => end);
  const seconds = Math.max(...ends) - Math.min(...starts);
  return { seconds, overlap: (Math.min(...ends) - Math.max(...starts)) / seconds, answers };
}
