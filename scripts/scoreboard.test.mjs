import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { claimBoard, readRecords, scoreboard, verdictCounts, withClaims, withScoreboard } from "./scoreboard.mjs";
import { setup } from "./setup.mjs";

const { python } = await setup({ only: ["build", "jupyter"] });

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

test("scoreboard: one row per claim; quick verdicts are indicative, untested ones show no number", (t) => {
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

const hostile = [
  "a < b & c > d, M_eff",
  "<script>document.title = 'ran'</script>",
  "\"quoted\" 'quoted'",
  "|x − y| and ||",
  "`code` and ``",
  "costs $5 or $6, {math}`x`",
  "*bold* _slanted_ ~~gone~~ [link](http://example.org) ![x](y) \\ &lt;",
];

test("scoreboard: shows a claim's words as they are, whatever Markdown, HTML or MyST would read in them", async (t) => {
  const claims = hostile.map((text) => ({ ...claim, setting: text, statement: text, unit: text }));
  const records = readRecords(figures(t, { "02_passive_listener.quick.json": claims }));
  const readme = await withScoreboard("<!-- scoreboard -->\n<!-- /scoreboard -->\n", records);
  // What the companion's parser makes of the table, and of what prettier makes of it for the README.
  const script = `
import json, sys
from html.parser import HTMLParser
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
class Cells(HTMLParser):
    cells, tags = [], set()
    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "td": self.cells.append("")
    def handle_data(self, data):
        if self.cells: self.cells[-1] += data
reader = Cells()
parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin).use(myst_role_plugin)
reader.feed(parser.render(sys.stdin.read()))
print(json.dumps({"cells": [cell.strip() for cell in reader.cells], "tags": sorted(reader.tags)}))`;
  for (const markdown of [scoreboard(records, (name) => name), readme]) {
    const { stdout, stderr } = spawnSync(python, ["-c", script], { input: markdown, encoding: "utf8" });
    assert.equal(stderr, "");
    const { cells, tags } = JSON.parse(stdout);
    const table = ["a", "table", "tbody", "td", "th", "thead", "tr"];
    assert.deepEqual(
      tags.filter((tag) => !["details", "summary"].includes(tag)),
      table,
    );
    const expected = hostile.flatMap((text) => [
      "02 passive listener",
      `C1 (${text})`,
      `${text} (below 0)`,
      `-0.123 [-0.150, -0.100] ${text}, n = 3`,
      "reproduced (indicative)",
    ]);
    assert.deepEqual(cells, expected);
  }
});

test("withScoreboard: a claim's id in the fold's line is text", async (t) => {
  const records = readRecords(figures(t, { "02_passive_listener.quick.json": [{ ...claim, id: "<b>C&1" }] }));
  const readme = await withScoreboard("<!-- scoreboard -->\n<!-- /scoreboard -->\n", records);
  assert.match(readme, /: &lt;b&gt;C&amp;1 1 reproduced<\/summary>/);
});

test("readRecords: refuses a record that lies under another notebook's name", (t) => {
  const folder = figures(t, { "02_passive_listener.quick.json": [claim] });
  renameSync(join(folder, "02_passive_listener.quick.json"), join(folder, "03_poisoning.quick.json"));
  assert.throws(() => readRecords(folder), /needs the record of 03_poisoning, got that of 02_passive_listener/);
});

test("withScoreboard: replaces what stands between the markers, and is stable", async (t) => {
  const records = readRecords(figures(t, { "02_passive_listener.quick.json": [claim] }));
  const readme = "# Title\n\n<!-- scoreboard -->\nold\n<!-- /scoreboard -->\n\nrest\n";
  const once = await withScoreboard(readme, records);
  assert.match(
    once,
    /^# Title\n\n<!-- scoreboard -->\n\n<details>\n<summary><a href="\.\.\/notebooks\/02_passive_listener\.ipynb">[^\n]*: C1 1 reproduced<\/summary>\n\n\| Notebook [^]*\| reproduced \(indicative\) \|\n\n<\/details>\n\n<!-- \/scoreboard -->\n\nrest\n$/,
  );
  assert.equal(await withScoreboard(once, records), once);
  await assert.rejects(withScoreboard("# Title\n", records), /figures\/README\.md: needs/);
});

test("claimBoard: one row per claim in words, with its first number and the verdict of all its tests", async (t) => {
  const untested = { ...claim, id: "C8", measured: null, interval: null, n: 0, verdict: "not testable" };
  const more = [{ ...claim, setting: "again", verdict: "undecided" }, untested];
  const records = readRecords(
    figures(t, {
      "02_passive_listener.paper.json": [{ ...claim, setting: "krum" }],
      "03_poisoning.quick.json": more,
    }),
  );
  const words = { C8: "robust rules backfire", C1: "clients leak", C9: "nobody has looked" };
  const link = (name) => `${name}.html`;
  assert.deepEqual(claimBoard(records, words, link).split("\n").slice(2), [
    "| C8 · robust rules backfire | a client can reconstruct its peers' images (below 0) | – | not testable · [03](03_poisoning.html) |",
    "| C1 · clients leak | a client can reconstruct its peers' images (below 0) | krum: -0.123 [-0.150, -0.100] RMSE, n = 3 | 1 reproduced, 1 undecided (indicative) · [02](02_passive_listener.html), [03](03_poisoning.html) |",
  ]);
  assert.throws(
    () => claimBoard(records, { C1: "clients leak" }, link),
    /needs words for C8, which 03_poisoning decides/,
  );
  const once = await withClaims("a\n\n<!-- claims -->\nold\n<!-- /claims -->\n", records, words);
  assert.equal(await withClaims(once, records, words), once);
  await assert.rejects(withClaims("# Title\n", records, words), /README\.md: needs/);
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
