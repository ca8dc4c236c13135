/** @file npm run soak: what takes too long for npm test. Broken inputs, kills, a Redis that comes and goes, callbacks that throw. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";
import "./steps/parent.cjs";

const usage = `npm run soak -- [PART…] [options]
  PART          inputs (broken files, plans, payloads, entries), kills (of parent and child), redis (restarts, cut connections),
                tensors (callbacks that throw); default: all
  --count N     trials of each part, default 100000 inputs, 100 kills, 100 restarts and 100 cuts; tensors has a fixed list
  --minutes M   at most so many minutes for each part, default no limit
  --seed S      of all that is random, default 1
  --help        this text
  What failed lies in build/soak/.`;

/** A part: run(options) with report(name, error?) per trial; error is a text, and input bytes to be kept, where it failed. */
const parts = ["inputs", "kills", "redis", "tensors"];

function readOptions(args) {
  const text = { type: "string" };
  const options = { count: text, minutes: text, seed: text, help: { type: "boolean", default: false } };
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  const unknown = positionals.find((part) => !parts.includes(part));
  if (unknown !== undefined) throw new Error(`no part is called ${unknown}; there are ${parts.join(", ")}`);
  const number = (name, least) => {
    if (values[name] === undefined) return undefined;
    const value = Number(values[name]);
    if (values[name].trim() === "" || !(value >= least)) throw new Error(`--${name}: needs a number >= ${least}, got ${values[name]}`); // prettier-ignore
    return value;
  };
  const count = number("count", 1);
  if (count !== undefined && !Number.isInteger(count)) throw new Error(`--count: needs an integer, got ${count}`);
  const minutes = number("minutes", 0.01) ?? Infinity;
  return {
    help: values.help,
    count,
    minutes,
    seed: number("seed", 0) ?? 1,
    names: positionals.length ? positionals : parts,
  };
}

/** Counts trials, says every ten seconds how far they are, and keeps the inputs of those that failed. */
function startReport(part) {
  const total = { passed: 0, failed: 0 };
  const failures = new Map(); // by their text without numbers: how many
  let saidAt = performance.now();
  const report = (name, error, input) => {
    if (error === undefined) total.passed++;
    else {
      total.failed++;
      const kind = `${name}: ${error}`.replace(/\d[\d.e+-]*/g, "#").slice(0, 300);
      failures.set(kind, (failures.get(kind) ?? 0) + 1);
      if (failures.get(kind) === 1) console.log(`✖ ${name}: ${error}`);
      if (input !== undefined && failures.get(kind) <= 3) {
        const file = at("build", "soak", `${part}-${name.replace(/\W+/g, "-")}`);
        writeFileSync(file, input);
        writeFileSync(`${file}.txt`, `${error}\n`);
      }
    }
    if (performance.now() - saidAt < 10_000) return;
    saidAt = performance.now();
    console.log(`  ${part}: ${total.passed} passed, ${total.failed} failed`);
  };
  return { total, failures, report };
}

/** Runs parts; returns how many trials passed and failed. */
export async function soak({ names, count, minutes, seed }) {
  mkdirSync(at("build", "soak"), { recursive: true });
  const sum = { passed: 0, failed: 0 };
  for (const name of names) {
    const { run } = await import(`./soak/${name}.mjs`);
    const { total, failures, report } = startReport(name);
    const folder = at("build", "soak", `${name}.work`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const started = performance.now();
    const isOver = () => performance.now() - started > minutes * 60_000;
    await run({ count, seed, folder, isOver, report });
    rmSync(folder, { recursive: true, force: true });
    for (const [kind, times] of failures) console.log(`  ${times} × ${kind}`);
    console.log(`${name}: ${total.passed} passed, ${total.failed} failed`);
    sum.passed += total.passed;
    sum.failed += total.failed;
  }
  return sum;
}

async function main(args) {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    return (console.error(`${usage}\nsoak: ${error.message}`), 2);
  }
  if (options.help) return (console.log(usage), 0);
  await setup();
  if (options.names.includes("redis")) await setup({ only: ["redis"] });
  const { passed, failed } = await soak(options);
  console.log(`\n${passed} passed, ${failed} failed${failed > 0 ? `; see ${join("build", "soak")}` : ""}`);
  return failed > 0 ? 1 : 0;
}

if (process.argv[1] === at("scripts", "soak.mjs")) process.exitCode = await main(process.argv.slice(2));
