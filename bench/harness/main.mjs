/**
 * @file npm run bench [-- NAME…] [--json] [--quick]: every benchmark is a file bench/NAME.mjs that exports
 * title; goals?: key -> what is wanted, at least or { atMost }; options?: names of those that it reads, see `own`;
 * run({ python, repeats, warmUp, say, quick, …options }) -> { keys, details }; section({ keys, details }) -> Markdown.
 * `python()` resolves to the Python that has PyTorch and byzfl. What a run finds goes to bench/README.md, unless the run is quick, of a
 * part alone, or the machine busy.
 */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { setup } from "../../scripts/setup.mjs";
import { at, SetupError, writeAtomic } from "../../scripts/steps/common.mjs";
import { benchPython } from "./environment.mjs";
import { startEngine, startPython } from "./processes.mjs";
import { busyShare, machine, sectionOf, wantedText, withSection } from "./report.mjs";

const README = at("bench", "README.md");
const REPEATS = 9;
// Where others compute, PyTorch's threads wait for each other by spinning and look many times slower than they are.
const QUIET = 0.1; // largest share of the processors that others may use
const print = (line) => process.stderr.write(`${line}\n`);

/** The names of the benchmarks. */
export const benchmarks = () =>
  readdirSync(at("bench"))
    .filter((file) => file.endsWith(".mjs"))
    .map((file) => file.slice(0, -".mjs".length))
    .sort();

/** Options of some benchmarks: run a part of it alone. */
const own = {
  only: { type: "string", multiple: true }, // a part's name
  seeds: { type: "string" }, // so many seeds
  iterations: { type: "string" }, // at most so many
  force: { type: "boolean" }, // compute although stored
};

/**
 * What the command line says to run.
 * @returns { names, quick, json, part: the options of some benchmarks, as they take them }
 * @throws SetupError for a name or option that there is not, or that a benchmark does not read
 */
export async function readArguments(args) {
  const flag = { type: "boolean", default: false };
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: flag, quick: flag, ...own },
  });
  const unknown = positionals.find((name) => !benchmarks().includes(name));
  if (unknown)
    throw new SetupError(`bench: no benchmark is called ${unknown}.`, `There are ${benchmarks().join(", ")}.`);
  const names = positionals.length > 0 ? positionals : benchmarks();
  const { json, quick, ...part } = values;
  for (const name of ["seeds", "iterations"]) {
    if (part[name] === undefined) continue;
    if (!/^[1-9]\d*$/.test(part[name]))
      throw new SetupError(`bench: --${name} needs an integer >= 1, got ${part[name]}.`, `e.g. --${name} 2`);
    part[name] = Number(part[name]);
  }
  for (const name of names) {
    const { options: read = [] } = await load(name);
    const unread = Object.keys(part).find((option) => !read.includes(option));
    if (unread)
      throw new SetupError(`bench: ${name} has no option --${unread}.`, `It has ${read.join(", ") || "none"}.`);
  }
  return { names, quick, json, part };
}

const load = (name) => import(pathToFileURL(at("bench", `${name}.mjs`)).href);

async function runOne(name, { quick, part }) {
  const benchmark = await load(name);
  const [repeats, warmUp] = quick ? [2, 1] : [REPEATS, 1];
  const versions = await versionsOf(startEngine());
  const python = async () => {
    const path = await benchPython();
    versions.pytorch ??= (await versionsOf(startPython(path, "pytorch"))).torch;
    return path;
  };
  const before = await busyShare();
  const started = performance.now();
  print(`${name}: ${benchmark.title}`);
  const say = (what) => print(`  ${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);
  const { keys, details } = await benchmark.run({ python, repeats, warmUp, say, quick, ...part });
  const seconds = (performance.now() - started) / 1000;
  const others = Math.max(before, await busyShare());
  const busy = others > QUIET;
  const date = new Date().toISOString().slice(0, 10);
  const run = { benchmark: name, quick, busy, others, repeats, date, seconds, machine: machine(), versions };
  const result = { ...run, ...keys, details };
  if (busy) print(`! Other programs used ${Math.round(100 * others)} % of the processors: these times say nothing.`);
  if (quick) print("! Quick: too few repeats to say anything.");
  const isPart = Object.keys(part).some((option) => option !== "force");
  if (isPart) print("! A part alone: the numbers are of that part.");
  if (benchmark.show) print(benchmark.section({ keys, details }));
  if (!quick && !busy && !isPart) {
    const body = benchmark.section({ keys, details });
    const { title, goals, spread } = benchmark;
    const section = sectionOf({ ...result, title, goals, spread, keys, body });
    writeAtomic(README, await withSection(readFileSync(README, "utf8"), name, section));
  } else print("  bench/README.md is as it was.");
  for (const [key, value] of Object.entries(keys)) {
    const wanted = benchmark.goals?.[key];
    print(`  ${key} ${value.toFixed(2)}${wanted === undefined ? "" : ` (wanted: ${wantedText(wanted)})`}`);
  }
  return result;
}

async function versionsOf(worker) {
  try {
    return await worker.ask("versions");
  } finally {
    await worker.end();
  }
}

async function main() {
  const { names, ...how } = await readArguments(process.argv.slice(2));
  const { backend } = await setup({ only: ["build", "tensorflow"] });
  if (backend.backend !== "tensorflow") print("! The wasm backend is no match for PyTorch: these numbers say nothing.");
  const results = {};
  for (const name of names) results[name] = await runOne(name, how);
  if (how.json) console.log(JSON.stringify(names.length === 1 ? results[names[0]] : results));
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    print(
      `✗ ${error instanceof SetupError ? error.message : error.stack}${error.remedy ? `\n  → ${error.remedy}` : ""}`,
    );
    process.exitCode = 1;
  }
}
