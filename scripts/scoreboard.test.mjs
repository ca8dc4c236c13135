import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { readRecords, scoreboard, verdictCounts, withScoreboard } from "./scoreboard.mjs";
import { setup } from "./setup.mjs";

await setup({ only: ["build"] });

const claim = {
  id: "C1",
  statement: "a client can reconstruct its peers' images",
  threshold: 0,
  direction: "below",
  unit: "RMSE",
  measured: -0.1234567,
  interval: [-0.15, -0.1],
  n: 3,
  verdict: "reproduced",
  note: "",
};

/** A figures folder with one record per file name. */
function figures(t, files) {
  const folder = mkdtempSync(join(tmpdir(), "figures-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [file, claims] of Object.entries(files)) {
    const [notebook, profile] = file.split(".");
    const stamp = { dataset: "mnist", datasetSource: "folder", backend: "tensorflow", seeds: [1, 2, 3], config: {} };
    const record = { notebook, profile, ...stamp, computedAt: "2026-01-01T00:00:00.000Z", seconds: 1, claims };
    writeFileSync(join(folder, file), JSON.stringify(record));
  }
  return folder;
}

test("readRecords: takes paper before quick, and never smoke, in reading order", (t) => {
  const smoke = { ...claim, verdict: "no verdict (smoke)" };
  const folder = figures(t, {
    "03_poisoning.quick.json": [claim],
    "02_passive_listener.quick.json": [claim],
    "02_passive_listener.paper.json": [{ ...claim, n: 30 }],
    "01_threat_model.smoke.json": [smoke],
  });
  const found = readRecords(folder).map(({ notebook, profile }) => [notebook, profile]);
  assert.deepEqual(found, [
    ["02_passive_listener", "paper"],
    ["03_poisoning", "quick"],
  ]);
});

test("readRecords: names the file when a record does not fit", (t) => {
  const folder = figures(t, { "02_passive_listener.quick.json": [{ ...claim, verdict: "proved" }] });
  assert.throws(() => readRecords(folder), /02_passive_listener\.quick\.json: .*verdict/s);
});

test("scoreboard: one row a claim; quick verdicts are indicative, untested ones show no number", (t) => {
  const untested = {
    ...claim,
    id: "C8",
    setting: "krum",
    measured: null,
    interval: null,
    n: 0,
    note: "needs 30 seeds",
  };
  const claims = [claim, { ...untested, verdict: "not testable" }];
  const table = scoreboard(
    readRecords(figures(t, { "02_passive_listener.quick.json": claims })),
    (name) => `${name}.html`,
  );
  const rows = table.split("\n").slice(2);
  assert.deepEqual(rows, [
    "| [02 passive listener](02_passive_listener.html) | C1 | a client can reconstruct its peers' images (below 0) | -0.123 [-0.150, -0.100] RMSE, n = 3 | reproduced (indicative) |",
    "| [02 passive listener](02_passive_listener.html) | C8 (krum) | a client can reconstruct its peers' images (below 0) | – | not testable |",
  ]);
});

test("withScoreboard: replaces what stands between the markers, and is stable", async (t) => {
  const records = readRecords(figures(t, { "02_passive_listener.quick.json": [claim] }));
  const readme = "# Title\n\n<!-- scoreboard -->\nold\n<!-- /scoreboard -->\n\nrest\n";
  const once = await withScoreboard(readme, records);
  assert.match(
    once,
    /^# Title\n\n<!-- scoreboard -->\n\n<details>\n<summary><a href="notebooks\/02_passive_listener\.ipynb">[^\n]*: C1 1 reproduced<\/summary>\n\n\| Notebook [^]*\| reproduced \(indicative\) \|\n\n<\/details>\n\n<!-- \/scoreboard -->\n\nrest\n$/,
  );
  assert.equal(await withScoreboard(once, records), once);
  await assert.rejects(withScoreboard("# Title\n", records), /README\.md: needs/);
});

test("verdictCounts: says how often each verdict fell, claim by claim", () => {
  const claims = [
    ["C4", "reproduced"],
    ["C4", "undecided"],
    ["C6", "contradicted"],
    ["C4", "undecided"],
  ].map(([id, verdict]) => ({ id, verdict }));
  assert.equal(verdictCounts({ claims }), "C4 1 reproduced, 2 undecided; C6 1 contradicted");
});
