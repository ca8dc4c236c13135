/** @file That the soak harness itself finds what it looks for; the long runs are npm run soak. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import test from "node:test";
import { setup } from "./setup.mjs";
import { at, filesUnder } from "./steps/common.mjs";

await setup({ only: ["build", "tensorflow"] });
const { kinds, Silent } = await import("./soak/kinds.mjs");
const { mutateBytes, mutateJson, randomOf } = await import("./soak/mutate.mjs");
const { run: runInputs } = await import("./soak/inputs.mjs");
const { run: runKills } = await import("./soak/kills.mjs");

function newFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), "soak-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("mutate: gives an input again from its name, and mostly another one than it began with", () => {
  const bytes = Buffer.from("0123456789");
  const value = { a: [1, 2], b: "c" };
  const names = Array.from({ length: 100 }, (_, i) => String(i));
  for (const name of names) {
    assert.deepEqual(mutateBytes(bytes, randomOf(name)), mutateBytes(bytes, randomOf(name)));
    assert.deepEqual(mutateJson(value, randomOf(name)), mutateJson(value, randomOf(name)));
  }
  const others = names.filter((name) => !mutateBytes(bytes, randomOf(name)).equals(bytes));
  assert.ok(others.length > 80);
  assert.deepEqual([bytes.toString(), value], ["0123456789", { a: [1, 2], b: "c" }]);
});

test("inputs: tries every kind in a child process, and counts every trial", async (t) => {
  const heard = [];
  const report = (name, error) => heard.push({ kind: name.split(" ")[0], error });
  const count = 3 * Object.keys(kinds).length;
  await runInputs({ count, seed: 1, folder: newFolder(t), isOver: () => false, report });
  assert.equal(heard.length, count);
  for (const kind of Object.keys(kinds)) assert.ok(heard.some((trial) => trial.kind === kind), kind); // prettier-ignore
  assert.ok(heard.filter(({ error }) => error === undefined).length > count / 2);
});

test("inputs: a reader that hangs, fills the memory, dies or believes anything is a failure", async (t) => {
  t.after(() => broken.forEach((name) => delete kinds[name]));
  const folder = newFolder(t);
  const errors = [];
  const broken = ["die", "grow", "lie"];
  process.env.NODE_OPTIONS = `--import ${JSON.stringify(at("scripts", "soak", "broken.fixture.mjs"))}`;
  t.after(() => delete process.env.NODE_OPTIONS);
  for (const name of broken) kinds[name] = {};
  const others = Object.keys(kinds).filter((name) => !broken.includes(name));
  const kept = Object.fromEntries(others.map((name) => [name, kinds[name]]));
  for (const name of others) delete kinds[name];
  t.after(() => Object.assign(kinds, kept));
  const report = (name, error) => errors.push(`${name.split(" ")[0]}: ${error}`);
  await runInputs({ count: 3, seed: 1, folder, isOver: () => false, report });
  assert.deepEqual(errors.sort(), [
    "die: the process ended (7)",
    "grow: takes more than 200 MB",
    "lie: Silent: another meaning",
  ]);
  assert.ok(new Silent("x") instanceof Error);
});

test("kills: a sweep whose parent and whose child were killed is completed, once", async (t) => {
  const heard = [];
  const report = (name, error) => heard.push([name, error]);
  await runKills({ count: 2, seed: 1, folder: newFolder(t), isOver: () => false, report });
  assert.deepEqual(heard, [
    ["kill of parent", undefined],
    ["kill of child", undefined],
  ]);
});

test("tensors: has a call for every function that takes an optional callback", () => {
  const calls = {
    "jobs/pool.ts": null, // computes in other processes
    "jobs/redisWorker.ts": null,
    "experiment/study.ts": "measureLeakage",
    "jobs/runJobs.ts": "sweep",
    "data/download.ts": null, // no tensors
    "data/source.ts": null,
    "fl/train.ts": "train",
    "model/autoencoder.ts": "trainAutoencoders",
    "reconstruction/inversion.ts": "invert",
    "theory/check.ts": "checkTheory",
  };
  const sources = filesUnder(at("lib"), ["dist", "node_modules"]).filter((file) =>
    /(?<!\.test|\.fixture)\.ts$/.test(file),
  );
  const takers = sources.filter((file) => /\bon[A-Z]\w*\?: \(?\(/.test(readFileSync(file, "utf8")));
  assert.deepEqual(takers.map((file) => relative(at("lib"), file)).sort(), Object.keys(calls).sort());
  const part = readFileSync(at("scripts", "soak", "tensors.mjs"), "utf8");
  for (const name of Object.values(calls).filter(Boolean)) assert.match(part, new RegExp(`^ {4}${name}: `, "m"));
});
