/** @file npm test: checks, unit tests, every notebook in the smoke profile, and what readers see in a browser. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { runChecks } from "./check.mjs";
import { listNotebooks } from "./notebooks.mjs";
import { runAndSettle } from "./results.mjs";
import { setup } from "./setup.mjs";
import { at, filesUnder, root, stepFile } from "./steps/common.mjs";
import "./steps/parent.cjs";

const total = { passed: 0, failed: 0 };
const add = ({ passed, failed }) => ((total.passed += passed), (total.failed += failed));
process.on("exit", (code) => {
  if (code !== 0 && total.failed === 0) total.failed = 1; // setup, or this script itself
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
});
const section = (text) => console.log(`\n── ${text}`);

/** Runs test files with node's runner, and returns its counts. */
async function runTests(files) {
  const summary = at("build", "tests.tap");
  mkdirSync(at("build"), { recursive: true });
  rmSync(summary, { force: true });
  const reporters = ["spec", "stdout", "tap", summary].map(
    (value, i) => `--test-reporter${i % 2 ? "-destination" : ""}=${value}`,
  );
  const seed = at("scripts", "steps", "property-seed.cjs");
  const runner = [process.execPath, "--require", seed, "--test", ...reporters, ...files];
  const child = spawn(process.execPath, [stepFile("guard.mjs"), ...runner], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit", "ipc"], // it ends when this process does
  });
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  const tap = existsSync(summary) ? readFileSync(summary, "utf8") : "";
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  return { passed: count("pass"), failed: code !== 0 ? Math.max(1, failed) : failed };
}

const tools = await setup();
await setup({ only: ["redis"] });
const scripts = readdirSync(at("scripts"))
  .filter((file) => file.endsWith(".test.mjs"))
  .map((file) => at("scripts", file));
const library = filesUnder(at("lib", "dist")).filter((file) => file.endsWith(".test.js"));
const inBrowser = (file) => /(lab|site)\.test\.mjs$/.test(file);

section("checks");
add(await runChecks(tools));

section("unit tests");
add(await runTests([...library, ...scripts.filter((file) => !inBrowser(file))]));

section("notebooks, smoke profile");
const names = listNotebooks();
const results = await runAndSettle(tools.python, { names, profile: "smoke", force: true, keepGoing: true });
if (results.some(({ interrupted }) => interrupted)) process.exit(130);
const passed = results.filter(({ ok }) => ok).length;
add({ passed, failed: names.length - passed });

section("JupyterLab and the HTML companion in a browser");
add(await runTests(scripts.filter(inBrowser)));

process.exitCode = total.failed > 0 ? 1 : 0;
