import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test, { after } from "node:test";
import { setup } from "./setup.mjs";
import { at, root } from "./steps/common.mjs";

await setup({ only: ["build", "tensorflow"] });
const require = createRequire(import.meta.url);
const { record } = require("curious-inside/dist/audit/federation.fixture.js");
const { readArrays } = require("curious-inside");
const recording = await record({ rounds: 2 });
after(() => recording.remove());

const keys = ["rmse", "floor", "leakage", "matchingLoss", "trueMatchingLoss", "found", "labels", "labelFloor"];
const allKeys = [...keys, "numClients", "seconds", "images"];

/** Runs the command; { code, out, err }. */
function run(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [at("scripts", "audit.mjs"), ...args], { cwd: root });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => (out += text));
    child.stderr.on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** A spec beside the recording, with changes. */
function specFile(name, changes = {}) {
  const file = join(recording.folder, `${name}.json`);
  const whole = { ...recording.spec, ...changes };
  writeFileSync(file, JSON.stringify(whole));
  return file;
}

/** Folders beside the recording that a run left. */
const left = () => readdirSync(recording.folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name); // prettier-ignore

test("audit: prints one object with all keys, and writes a report that needs nothing else", async () => {
  const out = join(recording.folder, "report");
  const { code, out: text, err } = await run(specFile("good"), "--json", "--out", out);
  assert.equal(code, 0, err);
  const summary = JSON.parse(text);
  assert.deepEqual(Object.keys(summary), allKeys);
  assert.ok(summary.rmse < 0.06 && summary.rmse < summary.floor, text);
  assert.deepEqual([summary.found, summary.labels, summary.numClients], [true, 1, 3]);
  assert.match(err, /inverting 2 rounds, pixel prior/);

  assert.deepEqual(readdirSync(out).sort(), ["audit.json", "grid.png", "index.html", "reconstructions.npy"]);
  const [images] = await readArrays(summary.images);
  assert.deepEqual(images.shape, [4, 1, 4, 4]);
  const page = readFileSync(join(out, "index.html"), "utf8");
  assert.doesNotMatch(page, /(src|href)="(?!data:)|@import|url\(|<script/);
  for (const part of ["Who sees what", "What was assumed", "What would change the answer", "Round 1: found"])
    assert.ok(page.includes(part), part);
  assert.equal(page.match(/<img /g).length, 8); // private and reconstructed
  const whole = JSON.parse(readFileSync(join(out, "audit.json"), "utf8"));
  assert.equal(whole.rounds.length, 2);
  assert.deepEqual(whole.rounds[0].perImage.length, 2);
  assert.equal(readFileSync(join(out, "grid.png")).subarray(1, 4).toString(), "PNG");

  const again = await run(specFile("good", { truth: null }), "--json", "--out", out); // a report is replaced
  assert.equal(again.code, 0, again.err);
  const blind = JSON.parse(again.out);
  assert.deepEqual(Object.keys(blind), allKeys);
  const known = { found: true, numClients: 3, matchingLoss: blind.matchingLoss, seconds: blind.seconds, images: blind.images }; // prettier-ignore
  assert.deepEqual(blind, { ...Object.fromEntries(allKeys.map((key) => [key, null])), ...known });
  assert.deepEqual(left(), ["report"]);
});

test("audit: says how it is used", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  for (const key of allKeys) assert.ok(out.includes(key), key);
});

const own = recording.spec.own;
const broken = [
  ["no file", [], 2, /needs one SPEC.json, got 0/],
  ["an option that is none", ["x.json", "--jsn"], 2, /--jsn/],
  ["a spec that is not there", ["no.json"], 2, /needs the file no.json, got no such file/],
  ["pooling avg", { pooling: "avg" }, 2, /got avg; did you mean average\?/],
  ["activation Tanh", { activation: "Tanh" }, 2, /got Tanh; did you mean tanh\?/],
  ["a layer unknown", { model: ["flattn", { linear: 3 }] }, 2, /did you mean flatten\?/],
  ["learning rate 0", { learningRate: 0 }, 2, /needs a finite learningRate > 0, got 0/],
  ["a negative learning rate", { learningRate: -1 }, 2, /got -1/],
  ["a missing file", { broadcasts: ["round0.npz", "no.npz"] }, 1, /no.npz, got no such file/],
  ["one broadcast twice", { broadcasts: ["round0.npz", "round0.npz"] }, 1, /needs two broadcasts that differ/],
  ["another model", { model: "softmaxRegression" }, 1, /needs the model's 2 arrays .* ≠ /],
  ["weights given as update", { own: { ...own, update: ["round0.npz", "round1.npz"] } }, 1, /relative error of 0.001/],
  ["an update of another round", { own: { ...own, update: ["sent1.npy", "sent0.npy"] } }, 1, /own.update of round 1 fits/],
  ["truth of too many", { truth: { images: "everybody{k}_images.npy", labels: "everybody{k}_labels.npy" } }, 1, /needs 2 images in truth/],
]; // prettier-ignore
for (const [what, given, expected, message] of broken)
  test(`audit: refuses ${what} with exit ${expected} and one line, and writes nothing`, async () => {
    const before = left();
    const out = join(recording.folder, "refused");
    const args = Array.isArray(given) ? given : [specFile("bad", given)];
    const { code, out: text, err } = await run(...args, "--json", ...(args.length === 1 ? ["--out", out] : []));
    assert.equal(code, expected, err);
    assert.equal(text, "");
    const lines = err.trim().split("\n").filter((line) => line.startsWith("audit: ")); // prettier-ignore
    assert.equal(lines.length, 1, err);
    assert.match(lines[0], message);
    assert.doesNotMatch(err, /\n\s+at /);
    assert.ok(!existsSync(out));
    assert.deepEqual(left(), before);
  });

test("audit: leaves a folder alone that is not its own", async () => {
  const folder = join(recording.folder, "thesis");
  mkdirSync(folder);
  writeFileSync(join(folder, "chapter.tex"), "");
  const { code, err } = await run(specFile("good"), "--out", folder);
  assert.equal(code, 2);
  assert.match(err, /needs a new folder, or one with audit.json in it/);
  assert.deepEqual(readdirSync(folder), ["chapter.tex"]);
});
