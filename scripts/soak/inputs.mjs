/** @file Broken inputs: each is refused, without effect, or named by what comes out, in bounded time and memory. */
import { fork } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../steps/common.mjs";
import { kinds } from "./kinds.mjs";

const SILENCE = 10_000; // ms until a trial counts as hanging
const CEILING = 200e6; // bytes above those before the trial; the inputs are of a few kB

const rssOf = (pid) => {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // ended, or no Linux
  }
};

/** A child and a function that runs one trial in it: { outcome, error?, input? }; a child that hangs, grows or dies is ended. */
function startReader(folder) {
  const child = fork(at("scripts", "soak", "reader.mjs"), [folder], { execArgv: ["--max-old-space-size=512"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const trial = (kind, name) =>
    new Promise((resolve) => {
      let before;
      let reason = "";
      const give = (result) => {
        clearInterval(watch);
        child.off("message", hear);
        resolve(result);
      };
      const hear = (message) => {
        if (message.stage === "made") before = message.memory;
        else give(reason ? { outcome: "failed", error: reason } : message);
      };
      const started = performance.now();
      const watch = setInterval(() => {
        if (before && rssOf(child.pid) > before + CEILING) reason = `takes more than ${CEILING / 1e6} MB`;
        else if (performance.now() - started > SILENCE) reason = `does not end within ${SILENCE / 1000} s`;
        if (reason) child.kill("SIGKILL");
      }, 20);
      child.on("message", hear);
      void ended.then((how) => give({ outcome: "failed", error: reason || `the process ended (${how})` }));
      if (child.connected) child.send({ kind, name });
    });
  return {
    trial,
    isOpen: () => child.exitCode === null && child.signalCode === null,
    close: () => (child.kill("SIGKILL"), ended),
  };
}

export async function run({ count = 100_000, seed, folder, isOver, report }) {
  const names = Object.keys(kinds).filter((kind) => !kinds[kind].rare);
  const rare = Object.keys(kinds).filter((kind) => kinds[kind].rare);
  let next = 0;
  const worker = async (number) => {
    const own = join(folder, String(number));
    mkdirSync(own);
    let reader = startReader(own);
    while (next < count && !isOver()) {
      const i = next++;
      const kind = i < rare.length ? rare[i] : names[i % names.length];
      const name = `${kind} ${seed} ${i}`;
      const { outcome, error, input } = await reader.trial(kind, name);
      report(name, outcome === "failed" ? error : undefined, input && Buffer.from(input, "base64"));
      if (!reader.isOpen()) reader = startReader(own);
    }
    await reader.close();
  };
  await Promise.all([0, 1].map(worker));
}
