/** @file A run leaves the checkout as it was, and only finished results of real data are published or kept. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { keep, overlayFigures, publishable, resultsOf, runAndSettle, settle } from "./results.mjs";
import { setup } from "./setup.mjs";
import { at, root } from "./steps/common.mjs";

const { python } = await setup();

/** A folder below the project, as the kernel looks for node_modules above it; empty at first, gone after the test. */
function emptyFolder(t, name) {
  const folder = at("build", "test-results", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const read = (...parts) => readFileSync(join(...parts), "utf8");
const filesIn = (folder) => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** What a run under way leaves: `{ "notebooks/02_a.ipynb": text, "figures/02_a.quick.json": text }`. */
function leave(build, profile, files) {
  for (const [file, text] of Object.entries(files)) {
    const path = join(build, "unfinished", profile, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }
}

test("settle: what finished replaces an earlier run's results, other notebooks' and what did not finish stay", (t) => {
  const build = emptyFolder(t, "settle");
  const { notebooks, figures } = resultsOf("quick", "finished", build);
  leave(build, "quick", {
    "notebooks/02_a.ipynb": "old",
    "notebooks/02_a.log": "words",
    "figures/02_a_gone.quick.svg": "old",
    "figures/02_a.quick.json": "old",
    "figures/03_b.quick.json": "not finished",
  });
  assert.equal(settle("02_a", "quick", build), "finished");
  assert.deepEqual(filesIn(figures), ["02_a.quick.json", "02_a_gone.quick.svg"]);
  leave(build, "quick", { "notebooks/02_a.ipynb": "new", "figures/02_a.quick.json": "new" });
  assert.equal(read(notebooks, "02_a.ipynb"), "old"); // as an interrupted run leaves it
  assert.equal(settle("02_a", "quick", build), "finished");
  assert.deepEqual([filesIn(notebooks), filesIn(figures)], [["02_a.ipynb"], ["02_a.quick.json"]]);
  assert.deepEqual([read(notebooks, "02_a.ipynb"), read(figures, "02_a.quick.json")], ["new", "new"]);
  assert.deepEqual(filesIn(resultsOf("quick", "unfinished", build).figures), ["03_b.quick.json"]);
});

test("settle: one figure of stand-in drawings sets the whole run apart, and replaces nothing", (t) => {
  const build = emptyFolder(t, "drawn");
  leave(build, "quick", { "notebooks/02_a.ipynb": "real", "figures/02_a.quick.json": "real" });
  settle("02_a", "quick", build);
  leave(build, "quick", {
    "notebooks/02_a.ipynb": "drawn",
    "figures/02_a.quick.json": "real",
    "figures/stand-in/02_a_images.quick.svg": "drawn",
  });
  assert.equal(settle("02_a", "quick", build), "stand-in");
  assert.equal(read(resultsOf("quick", "finished", build).notebooks, "02_a.ipynb"), "real");
  const apart = resultsOf("quick", "stand-in", build);
  assert.equal(read(apart.notebooks, "02_a.ipynb"), "drawn");
  assert.deepEqual(filesIn(apart.figures), ["02_a.quick.json", "02_a_images.quick.svg"]);
});

test("keep: takes the named notebooks' results, refuses a smoke run's, and leaves a record that says the same", (t) => {
  const build = emptyFolder(t, "keep");
  const committed = { notebooks: join(build, "committed"), figures: join(build, "committed", "figures") };
  mkdirSync(committed.notebooks);
  const record = (computedAt, seconds, claims) => JSON.stringify({ notebook: "02_a", computedAt, seconds, claims });
  const run = (text, profile = "quick") => {
    leave(build, profile, { "notebooks/02_a.ipynb": text, [`figures/02_a.${profile}.json`]: text });
    settle("02_a", profile, build);
    keep(["02_a"], profile, { build, ...committed });
  };
  leave(build, "quick", { "notebooks/03_b.ipynb": "not named" });
  settle("03_b", "quick", build);
  const before = record("2026-01-01", 412, ["C1"]);
  run(before);
  assert.deepEqual(filesIn(committed.notebooks), ["02_a.ipynb", "figures"]);
  const file = join(committed.figures, "02_a.quick.json");
  const long = new Date("2001-01-01");
  utimesSync(file, long, long);
  run(record("2026-02-02", 3, ["C1"]));
  assert.deepEqual([read(file), statSync(file).mtimeMs], [before, long.getTime()]);
  run(record("2026-02-02", 3, ["C2"]));
  assert.equal(read(file), record("2026-02-02", 3, ["C2"]));
  assert.throws(() => run("{}", "smoke"), /--write: keeps quick or paper results, a smoke run only tests the wiring/);
  assert.deepEqual(filesIn(committed.figures), ["02_a.quick.json"]);
});

const header = read(at("notebooks"), "02_passive_listener.ts").split("// %%")[0];

/** A notebook's last cells: a figure and a record of a run on that data. */
const showing = (name, datasetSource) => [
  'import { byProfile, showLines, writeRecord } from "curious-inside";',
  `const stamp = { profile: byProfile({ smoke: "smoke", quick: "quick", paper: "paper" } as const), dataset: "mnist", datasetSource: "${datasetSource}" as const, backend: "wasm", seeds: [1] };`,
  `await showLines("${name}_lines", { title: "A line", panels: [{ x: "round", y: "rmse", series: [{ setting: "passive", x: [0, 1], mean: [0.1, 0.2] }] }] }, stamp);\nwriteRecord("${name}", { ...stamp, config: {}, seconds: 1, claims: [] });`,
];

function writeNotebook(folder, name, cells) {
  writeFileSync(join(folder, `${name}.ts`), [header, ...cells.map((cell) => `${cell}\n`)].join("// %%\n"));
}

test("runAndSettle: only what finished on real data, in quick or paper, and as its source is today, is publishable", async (t) => {
  const folder = emptyFolder(t, "run");
  const build = join(folder, "build");
  writeNotebook(folder, "02_real", showing("02_real", "folder"));
  writeNotebook(folder, "03_drawn", showing("03_drawn", "embedded"));
  writeNotebook(folder, "04_failed", [...showing("04_failed", "folder"), 'throw new Error("lost");']);
  const names = ["02_real", "03_drawn", "04_failed"];
  const run = (profile, names) => runAndSettle(python, { names, profile, build, folder, keepGoing: true });
  const publish = async () => {
    const all = await publishable(python, { names, build, sources: folder });
    return all.map((overlay) => overlay.names);
  };
  const states = (results) => results.map(({ notebook, ok, state }) => [notebook, ok, state]);

  assert.deepEqual(states(await run("smoke", ["02_real"])), [["02_real", true, "finished"]]);
  assert.deepEqual(await publish(), [[], []]);

  assert.deepEqual(states(await run("quick", names)), [
    ["02_real", true, "finished"],
    ["03_drawn", true, "stand-in"],
    ["04_failed", false, undefined],
  ]);
  assert.deepEqual(await publish(), [["02_real"], []]);
  const { figures } = resultsOf("quick", "finished", build);
  const drawn = ["02_real.quick.json", "02_real_lines.quick.svg"];
  assert.deepEqual(filesIn(figures).filter((file) => file.endsWith(".json")), drawn.slice(0, 1)); // prettier-ignore
  assert.ok(filesIn(figures).every((file) => drawn.includes(file))); // no picture without a browser
  const site = join(folder, "site");
  overlayFigures("02_real", figures, site);
  assert.deepEqual(filesIn(site), filesIn(figures));

  writeNotebook(folder, "02_real", [...showing("02_real", "folder"), "1;"]);
  assert.deepEqual(await publish(), [[], []], "a copy of another source is published");
});

/** What git says of the checkout: names, and contents of what is tracked. Null outside a checkout. */
function checkout() {
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const [status, difference] = [git("status", "--porcelain"), git("diff", "HEAD")];
  return status.status === 0 ? status.stdout + difference.stdout : null;
}

test("npm start: a plain run leaves the checkout as it was, and a smoke copy is not in the companion", async (t) => {
  const before = checkout();
  const name = "01_threat_model";
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, CURIOUS_STORE: emptyFolder(t, "store") } };
  const run = spawnSync(process.execPath, [at("scripts", "start.mjs"), "--only", "01", "--profile", "smoke"], options);
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.equal(checkout(), before);
  assert.ok(existsSync(join(resultsOf("smoke").notebooks, `${name}.ipynb`)));
  assert.ok(existsSync(join(resultsOf("smoke").figures, `${name}.smoke.json`)));
  const page = read(at("build", "book", "notebooks"), `${name}.ipynb`);
  assert.match(page, /quick \(indicative\)|· paper ·/);
  assert.doesNotMatch(page, /smoke \(tests the wiring only\)/);
  assert.deepEqual(filesIn(at("build", "book", "figures")).filter((file) => file.includes(".smoke.")), []); // prettier-ignore
});
