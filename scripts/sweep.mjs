/** @file npm run sweep: computes what is missing of the plans in a file, here or on the workers of a Redis. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { bar, clock } from "./notebooks.mjs";
import { setup } from "./setup.mjs";

const usage = `npm run sweep -- FILE [options]
  FILE              leakage plans by name, as measureLeakage takes them: { "passive": { "federation": { … }, "attacker": { … },
                    "seeds": [1, 2], "probeRounds": [0, 9], "probeBatchSize": 1, "trajectoryRounds": [] }, … };
                    what "federation" leaves out has its default
  --engine ENGINE   local (default: this machine's processors), or redis://[user:password@]host:6379 (rediss:// for TLS):
                    the workers that "npm run worker" starts, on any number of machines. Without it CURIOUS_ENGINE
  --workers N       processes of the local engine (default CURIOUS_WORKERS, else one per processor)
  --force           compute again what is stored
  --help            this text
  exit              0 all is in the store, 1 some jobs failed, 2 the command or the file is not as it should be, 130 interrupted`;

function readOptions(args) {
  const flag = { type: "boolean", default: false };
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { engine: { type: "string" }, workers: { type: "string" }, force: flag, help: flag },
  });
  if (!values.help && positionals.length !== 1) throw new Error(`needs one FILE, got ${positionals.length}`);
  if (/:\/|@/.test(positionals[0] ?? "")) throw new Error("needs a FILE, got an address; give it to --engine"); // with its password
  return {
    ...values,
    file: positionals[0],
    workers: values.workers === undefined ? undefined : Number(values.workers),
  };
}

function readFile(file) {
  const text = readFileSync(file, "utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}: needs JSON, got ${error.message}`, { cause: error });
  }
}

/** Lines that stay, above one that shows how far the sweep is where there is a terminal. */
function startDisplay(total) {
  const live = process.stdout.isTTY;
  const started = performance.now();
  const underWay = new Map();
  let state = "";
  const draw = () => {
    if (!live) return;
    const notes = [...underWay.values()].map(({ name, share, note }) => `${name} ${note} ${Math.round(100 * share)} %`);
    process.stdout.write(`\r\x1b[K${[state, ...notes].join("  ").slice(0, (process.stdout.columns ?? 80) - 1)}`);
  };
  const print = (line) => {
    process.stdout.write(`${live ? "\r\x1b[K" : ""}${line}\n`);
    draw();
  };
  return {
    print,
    update({ key, share, note, done }, name, isOver) {
      if (isOver) underWay.delete(key);
      else underWay.set(key, { name, share, note });
      const seconds = (performance.now() - started) / 1000;
      const etaSeconds = done > 0 ? (seconds * (total - done)) / done : null;
      state = bar({ label: "sweep", done: Math.floor(done), total, etaSeconds });
      draw();
    },
    end: () => live && process.stdout.write("\r\x1b[K"),
  };
}

/** The jobs of all plans, each with the name that the terminal calls it by. */
async function jobsOf(plans, { loadDataset, stampOf, seedJobs }, force) {
  const since = force && new Date().toISOString();
  const named = [];
  for (const [name, plan] of Object.entries(plans)) {
    const dataset = await loadDataset(plan.federation.dataset);
    if (dataset.name !== plan.federation.dataset)
      throw new Error(
        `${name}: needs the dataset ${plan.federation.dataset}, which is not at hand; see data/README.md`,
      );
    const { backend } = await stampOf(dataset, plan.seeds);
    for (const job of seedJobs(plan, { dataset, backend, force: since }))
      named.push({ name: `${name}, seed ${job.plan.federation.seed}`, job });
  }
  return named;
}

async function compute(named, sweep, { engine, workers }) {
  const display = startDisplay(named.length);
  const onSignal = () => {
    display.end();
    console.log("Interrupted. What is computed is stored; jobs in a queue stay there. The same command goes on.");
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, onSignal);
  const onProgress = (progress) => {
    const { name } = named[progress.index];
    const { outcome, note } = progress;
    display.update(progress, name, outcome !== undefined);
    if (outcome?.status === "computed")
      display.print(`✔ ${name}  ${clock(outcome.seconds)}  ${note === "computed" ? "" : note}`.trimEnd());
    if (outcome?.status === "failed") display.print(`✖ ${name}  ${outcome.error.message}`);
  };
  const reports = await sweep(
    named.map(({ job }) => job),
    {
      onProgress,
      onNotice: (text) => display.print(`! ${text}`),
      ...(engine && { engine }),
      ...(workers !== undefined && { workers }),
    },
  );
  display.end();
  return reports;
}

async function main(args) {
  const refuse = (error) => {
    console.error(`sweep: ${error.message}`.replace("sweep: sweep:", "sweep:"));
    return 2;
  };
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    return (console.error(usage), refuse(error));
  }
  if (options.help) return (console.log(usage), 0);

  await setup({ only: ["build", "tensorflow"] });
  const require = createRequire(import.meta.url);
  const library = require("curious-inside");
  const { seedJobs } = require("curious-inside/dist/experiment/studies.js");
  const { sweep } = require("curious-inside/dist/experiment/sweep.js");
  const { isStored } = require("curious-inside/dist/jobs/store.js");
  const { runOf } = require("curious-inside/dist/jobs/job.js");
  const { checkResult } = require("curious-inside/dist/jobs/kind.js");
  const { workshop } = require("curious-inside/dist/experiment/workshop.js");
  let reports;
  let named;
  try {
    named = await jobsOf(library.readPlans(readFile(options.file)), { ...library, seedJobs }, options.force);
    const stored = options.force
      ? []
      : named.filter(({ job }) => isStored(runOf(job), { check: (value) => checkResult(workshop.kinds, job, value) }));
    console.log(
      `${named.length} jobs${stored.length > 0 ? `, stored: ${stored.map(({ name }) => name).join("; ")}` : ""}`,
    );
    reports = await compute(named, sweep, options);
  } catch (error) {
    if (error.name !== "InputError" && error.code !== "ENOENT" && error.constructor !== Error) throw error;
    return refuse(error);
  }
  const count = (status) => reports.filter((report) => report.status === status).length;
  console.log(`${count("computed")} computed, ${count("stored")} from store, ${count("failed")} failed`);
  const failed = reports.map((report, i) => ({ ...report, ...named[i] })).filter(({ status }) => status === "failed");
  for (const { name, error, job } of failed)
    console.log(`\n✖ ${name}: ${error.message}\n  ${JSON.stringify(job.plan)}`);
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
