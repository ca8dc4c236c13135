/**
 * @file Sets up what is missing: npm packages, the built library, Jupyter, native TensorFlow, the notebook kernel, a browser.
 * `node scripts/setup.mjs [STEP…]`, or `setup()` from the other scripts. Node built-ins only: nothing is installed yet.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { browser } from "./steps/browser.mjs";
import { build } from "./steps/build.mjs";
import { readJson, root, setupDir, SetupError, venv } from "./steps/common.mjs";
import { checkEnvironment } from "./steps/environment.mjs";
import { jupyter } from "./steps/jupyter.mjs";
import { kernel } from "./steps/kernel.mjs";
import { withLock } from "./steps/lock.mjs";
import { npm } from "./steps/npm.mjs";
import { redis } from "./steps/redis.mjs";
import { tensorflow } from "./steps/tensorflow.mjs";

/**
 * A step has a name, a title, the names of the steps it needs, and
 * fresh(): its result is there and its inputs have not changed; quick, writes nothing
 * run(say): makes the result, whatever an interrupted run left; say(what) names the part under way
 * onDemand?: it runs only where it is named
 * prerequisites()?: what is missing on this machine, each with its remedy; warning()?: what the reader should know on every run
 */
const STEPS = [npm, build, jupyter, tensorflow, kernel, browser, redis];

/**
 * Brings the project to where notebooks, tests and Lab can run; does nothing where it already is.
 * On a failure it says what failed and the remedy, and ends the process with status 1. Writes to standard error only.
 * @param only names of steps (npm, build, jupyter, tensorflow, kernel, browser, redis); what they need comes with them. Default: all but redis
 * @returns root; python (of .venv); jupyter (the folder of its commands); node; backend and browser: what stands in
 *   .setup/backend.json and .setup/browser.json, null before their step has run
 */
export async function setup({ only } = {}) {
  try {
    checkNode(process.versions.node);
    checkEnvironment(process.env);
    const steps = choose(only);
    if (steps.some((step) => !step.fresh()))
      await withLock(
        join(setupDir, "lock"),
        () => runAll(steps),
        (pid) => print(`… waiting for the setup that is running (process ${pid})`),
      );
    else print("✓ setup (unchanged)");
    for (const step of steps) warn(step.warning?.());
  } catch (error) {
    if (!(error instanceof SetupError) && !error.syscall) throw error; // a bug; a full disk or a missing right is none
    print(`✗ ${error.message}${error.remedy ? `\n  → ${error.remedy}` : ""}`);
    process.exit(1);
  }
  return {
    root,
    python: join(venv, "bin", "python"),
    jupyter: join(venv, "bin"),
    node: process.execPath,
    backend: readJson(join(setupDir, "backend.json")),
    browser: readJson(join(setupDir, "browser.json")),
  };
}

/** Node 20.19, 22.12 or 24 and their later minor versions, as package.json says. */
export function checkNode(version) {
  const [major, minor] = version.split(".").map(Number);
  const least = { 20: 19, 22: 12, 24: 0 }[major];
  if (least === undefined || minor < least)
    throw new SetupError(
      `Node 20.19, 22.12 or 24 is needed; this is ${version}.`,
      "Install one from nodejs.org or with your version manager.",
    );
}

/** The named steps and all they need, in the order in which they run; by default those that notebooks need. */
export function choose(only = STEPS.filter((step) => !step.onDemand).map((step) => step.name)) {
  const byName = (name) => {
    const step = STEPS.find((step) => step.name === name);
    if (step) return step;
    throw new SetupError(
      `setup: no step is called ${name}.`,
      `The steps are ${STEPS.map((step) => step.name).join(", ")}.`,
    );
  };
  const withNeeds = (name) => [...byName(name).needs.flatMap(withNeeds), name];
  const names = new Set(only.flatMap(withNeeds));
  return STEPS.filter((step) => names.has(step.name));
}

async function runAll(steps) {
  const missing = steps.filter((step) => !step.fresh()).flatMap((step) => step.prerequisites?.() ?? []);
  const fatal = missing.filter((item) => !item.optional);
  if (fatal.length > 0)
    throw new SetupError(fatal.map((item) => item.what).join("\n  "), fatal.map((item) => item.remedy).join("\n  → "));
  for (const item of missing) warn(`${item.what}\n  → ${item.remedy}`);

  for (const step of steps) {
    if (step.fresh()) {
      print(`✓ ${step.title} (unchanged)`);
      continue;
    }
    const progress = startProgress(step.title);
    try {
      await step.run(progress.say);
      progress.end(step.warning?.() ? "!" : "✓");
    } catch (error) {
      progress.end("✗");
      throw error;
    }
  }
}

/** A line that counts the seconds on a terminal, and the final line everywhere. */
function startProgress(title) {
  const start = performance.now();
  const live = process.stderr.isTTY;
  let part = "";
  const seconds = () => (performance.now() - start) / 1000;
  const draw = () => process.stderr.write(`\r\x1b[K… ${title}${part && `: ${part}`} (${seconds().toFixed(0)} s)`);
  const timer = live ? setInterval(draw, 200) : undefined;
  return {
    say: (what) => void (part = what),
    end(sign) {
      clearInterval(timer);
      print(`${live ? "\r\x1b[K" : ""}${sign} ${title} (${seconds().toFixed(seconds() < 10 ? 1 : 0)} s)`);
    },
  };
}

const print = (line) => process.stderr.write(`${line}\n`);
const warn = (text) => text && print(process.stderr.isTTY ? `\x1b[1;33m! ${text}\x1b[0m` : `! ${text}`);

const isMain = process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await setup({ only: process.argv.length > 2 ? process.argv.slice(2) : undefined });
