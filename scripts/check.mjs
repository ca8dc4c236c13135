/** @file npm run check: everything that can be said without running a notebook. */
import { spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jupyterEnvironment, listNotebooks, longCells, missingParts, notebooksFolder } from "./notebooks.mjs";
import { pages } from "./scoreboard.mjs";
import { setup } from "./setup.mjs";
import { at, root } from "./steps/common.mjs";

/** Runs a command to its end: `{ ok, output }`. */
function run(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject).on("close", (code) => resolve({ ok: code === 0, output: output.trim() }));
  });
}

const tool = (path, ...args) => run(process.execPath, [at("node_modules", path), ...args]);
const types = (project) =>
  tool(
    "typescript/bin/tsc",
    "-p",
    project,
    "--noEmit",
    "--incremental",
    "--tsBuildInfoFile",
    `build/types/${project}.tsbuildinfo`,
  );

async function scoreboards() {
  const stale = Object.entries(await pages()).filter(([, [is, shouldBe]]) => is !== shouldBe);
  const remedy = "differs from the records in figures/; `npm start -- --write` brings it up to date";
  return { ok: stale.length === 0, output: stale.map(([name]) => `${name}: ${remedy}`).join("\n") };
}

/** What is wrong with the notebooks' sources, one by one. */
async function ofNotebooks(problemsOf) {
  const sourceOf = (name) => readFileSync(join(notebooksFolder, `${name}.ts`), "utf8");
  const problems = listNotebooks().flatMap((name) => problemsOf(name, sourceOf(name)));
  return { ok: problems.length === 0, output: problems.join("\n") };
}

const checks = {
  lint: () => tool("eslint/bin/eslint.js", ".", "--max-warnings=0"), // the longest first
  "types of the library": () => types("lib/tsconfig.json"),
  "types of the notebooks": () => types("tsconfig.json"),
  format: () => tool("prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."),
  "notebooks equal their sources": ({ python }) => {
    const sources = listNotebooks().map((name) => join(notebooksFolder, `${name}.ts`));
    return run(python, [at("scripts", "notebooks.py"), "drift", ...sources], jupyterEnvironment());
  },
  "notebooks have short cells": () => ofNotebooks(longCells),
  "notebooks have parameters, verdicts and a record": () => ofNotebooks(missingParts),
  "scoreboards equal the records": scoreboards,
};

/** Runs all checks side by side, prints each as it ends, and returns how many `{ passed, failed }`. */
export async function runChecks(tools) {
  const count = { passed: 0, failed: 0 };
  const waiting = Object.entries(checks);
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, check] = next;
      const started = performance.now();
      const { ok, output } = await check(tools).catch((error) => ({ ok: false, output: error.message }));
      console.log(`${ok ? "✔" : "✖"} ${name}  ${((performance.now() - started) / 1000).toFixed(1)} s`);
      if (!ok) console.log(output.replaceAll(`${root}/`, "").replace(/^/gm, "    "));
      count[ok ? "passed" : "failed"]++;
    }
  };
  await Promise.all([worker(), worker()]);
  return count;
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  const { passed, failed } = await runChecks(await setup({ only: ["build", "jupyter"] }));
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
