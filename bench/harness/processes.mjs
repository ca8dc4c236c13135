/** @file Processes that stay while a benchmark runs: a question is a line of JSON, and so is the answer. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { at } from "../../scripts/steps/common.mjs";

const ENGINE = at("bench", "workers", "engine.mjs");
// What the reader's environment says of threads must not decide a comparison.
const THREADS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"];

/** A worker of the library; as in the pool, TensorFlow has one thread unless `threads` is "all". */
export function startEngine({ threads = 1 } = {}) {
  const single = threads === 1 ? { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" } : {};
  return start(process.execPath, ["--expose-gc", ENGINE], single);
}

/** A worker of bench/workers/NAME.py; `threads` is 1 or "all", and then what the library takes by default. */
export function startPython(python, name, { threads = "all" } = {}) {
  const single = threads === 1 ? { OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" } : {};
  return start(python, [at("bench", "workers", `${name}.py`)], single);
}

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
