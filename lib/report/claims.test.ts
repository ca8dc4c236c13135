import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import fc from "fast-check";
import { projectRoot } from "../core/paths";
import { claimTable, decide, notTestable, parseRecord, writeRecord, type Claim, type ClaimRecord } from "./claims";
import { figureFile } from "./file";

const claim: Claim = {
  id: "C2",
  statement: "early rounds leak most",
  threshold: 0.1,
  direction: "above",
  unit: "pixels",
};
const estimate = (low: number, high: number) => ({ mean: (low + high) / 2, interval: [low, high] as const, n: 3 });
const verdictOf = (direction: "above" | "below", low: number, high: number) =>
  decide({ ...claim, direction, estimate: estimate(low, high) }, "paper").verdict;

test("decide: truth table, ends on the threshold included", () => {
  const cases: [number, number, string, string][] = [
    // low, high, verdict of a claim above 0.1, and of one below
    [0.2, 0.3, "reproduced", "contradicted"],
    [0.0, 0.05, "contradicted", "reproduced"],
    [0.05, 0.2, "undecided", "undecided"],
    [0.1, 0.2, "undecided", "undecided"], // touches the threshold: not wholly on a side
    [0.0, 0.1, "undecided", "undecided"],
    [0.1, 0.1, "undecided", "undecided"],
    [0.2, 0.2, "reproduced", "contradicted"], // no spread at all
    [-0.3, -0.2, "contradicted", "reproduced"],
  ];
  for (const [low, high, above, below] of cases) {
    assert.deepEqual(
      [verdictOf("above", low, high), verdictOf("below", low, high)],
      [above, below],
      `[${low}, ${high}]`,
    );
  }
});

test("decide: claims above and below the same threshold are never both reproduced, and mirror each other", () => {
  const opposite = { reproduced: "contradicted", contradicted: "reproduced", undecided: "undecided" } as const;
  const end = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(end, end, (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const above = verdictOf("above", low, high) as keyof typeof opposite;
      assert.equal(verdictOf("below", low, high), opposite[above]);
    }),
  );
});

test("decide: a smoke run gives no verdict, a quick one gives one", () => {
  const decided = (profile: "smoke" | "quick") => decide({ ...claim, estimate: estimate(0.2, 0.3) }, profile).verdict;
  assert.deepEqual([decided("smoke"), decided("quick")], ["no verdict (smoke)", "reproduced"]);
});

test("decide: a claim on errors is undecided for its search below nine tenths found, whatever the interval says", () => {
  const decided = (found: number | null, low = 0.2, high = 0.3) =>
    decide({ ...claim, found, estimate: estimate(low, high) }, "paper").verdict;
  assert.deepEqual([0, 0.89, 0.9, 1, null].map((found) => decided(found)), [
    ...["undecided (search)", "undecided (search)", "reproduced", "reproduced", "reproduced"],
  ]); // prettier-ignore
  assert.deepEqual([decided(0.5, 0, 0.05), decided(0.5, 0.05, 0.2)], ["undecided (search)", "undecided (search)"]);
  assert.equal(decide({ ...claim, found: 0, estimate: estimate(0.2, 0.3) }, "smoke").verdict, "no verdict (smoke)");
  for (const found of [-0.1, 1.1, NaN]) assert.throws(() => decided(found), /decide: needs found in 0\.\.1 in C2/);
});

test("claimTable: shows the share found where a claim has one, and a dash where another has none", () => {
  const claims = [
    decide({ ...claim, found: 0.956, estimate: estimate(0.2, 0.3) }, "paper"),
    decide({ ...claim, id: "C4", estimate: estimate(0.2, 0.3) }, "paper"),
  ];
  const [head, first, second] = shownCells(() => claimTable(claims, "paper"));
  const at = head!.indexOf("found");
  assert.deepEqual([first![at], second![at]], ["96 %", "–"]);
});

test("decide: keeps what it was given and adds what was measured", () => {
  assert.deepEqual(decide({ ...claim, setting: "krum", estimate: estimate(0.25, 0.75) }, "paper"), {
    ...claim,
    setting: "krum",
    measured: 0.5,
    interval: [0.25, 0.75],
    n: 3,
    verdict: "reproduced",
    note: "",
  });
});

test("decide: refuses NaN, a reversed interval and a single seed", () => {
  const attempt = (change: object) => () => decide({ ...claim, estimate: { ...estimate(0, 1), ...change } }, "paper");
  assert.throws(attempt({ mean: NaN }), /decide: needs finite numbers in C2, got mean NaN/);
  assert.throws(attempt({ interval: [-Infinity, 1] }), /needs finite numbers/);
  assert.throws(attempt({ interval: [1, 0] }), /needs an interval \[low, high\] in C2, got \[1, 0\]/);
  assert.throws(attempt({ n: 1 }), /needs an integer n >= 2, got 1/);
});

test("claimTable: shows threshold, measured value, interval, n and verdict; quick ones as indicative", () => {
  const claims = [
    decide({ ...claim, estimate: estimate(0.2, 0.3) }, "quick"),
    notTestable({ ...claim, id: "C8", setting: "krum", note: "needs 30 seeds" }),
  ];
  assert.deepEqual(shownCells(() => claimTable(claims, "quick")), [
    ["claim", "statement", "threshold", "measured [95 % interval]", "verdict", "note"],
    ["C2", claim.statement, "above 0.100", "0.250 [0.200, 0.300] pixels, n = 3", "reproduced (indicative)", ""],
    ["C8 (krum)", claim.statement, "above 0.100", "–", "not testable", "needs 30 seeds"],
  ]); // prettier-ignore
  const smoke = [decide({ ...claim, estimate: estimate(0.2, 0.3) }, "smoke")];
  assert.equal(shownCells(() => claimTable(smoke, "smoke"))[1]!.at(-1), "no verdict (smoke)"); // and no column of empty notes
});

/** The cells of the one table that run shows in a stand-in for a kernel. */
function shownCells(run: () => void): string[][] {
  const shown: string[] = [];
  const file = join("/somewhere", "tslab", "dist", "jupyter.js");
  const lastWriteDisplayData = ({ data }: { data: Record<string, string> }) => void shown.push(data["text/html"]!);
  require.cache[file] = { exports: { lastWriteDisplayData } } as unknown as NodeModule;
  try {
    run();
  } finally {
    delete require.cache[file];
  }
  assert.equal(shown.length, 1);
  const lines = [...shown[0]!.matchAll(/<tr>(.*?)<\/tr>/g)].map((match) => match[1]!);
  return lines.map((line) => [...line.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map((match) => match[1]!));
}

const folder = mkdtempSync(join(tmpdir(), "curious-claims-"));
after(() => rmSync(folder, { recursive: true }));

process.env["CURIOUS_FIGURES"] = folder;
const write = (record: Parameters<typeof writeRecord>[1], notebook = "02_passive_listener"): void =>
  writeRecord(notebook, record);

const decided = decide({ ...claim, estimate: { mean: 1 / 3, interval: [0.123456789, 0.5], n: 3 } }, "quick");
const record = {
  profile: "quick",
  dataset: "fashion-mnist",
  datasetSource: "folder",
  backend: "tensorflow 2.18.1",
  seeds: [1, 2, 3],
  config: { numClients: 10, learningRate: 0.1, nested: { rounds: [0, 49] }, nothing: undefined },
  seconds: 12.345678,
  claims: [decided, notTestable({ ...claim, id: "C3", note: "no masks in this run" })],
} as const;

test("writeRecord: writes the schema with rounded numbers in a fixed order, whole", () => {
  write({ ...record, computedAt: "2026-01-02T03:04:05.000Z" });
  const text = readFileSync(join(folder, "02_passive_listener.quick.json"), "utf8");
  assert.ok(text.endsWith("}\n"));
  assert.deepEqual(readdirSync(folder), ["02_passive_listener.quick.json"]); // no part of a file is left
  const read = JSON.parse(text) as ClaimRecord;
  assert.deepEqual(Object.keys(read), ["notebook", "profile", "dataset", "datasetSource", "backend", "seeds", "config", "computedAt", "seconds", "claims"]); // prettier-ignore
  assert.deepEqual(Object.keys(read.claims[0]!), ["id", "statement", "threshold", "direction", "measured", "interval", "n", "unit", "verdict", "note"]); // prettier-ignore
  assert.deepEqual([read.claims[0]!.measured, read.claims[0]!.interval, read.seconds], [0.3333, [0.1235, 0.5], 12.3]);
  assert.deepEqual([read.claims[1]!.measured, read.claims[1]!.interval, read.claims[1]!.n], [null, null, 0]);
  assert.deepEqual(read.config, { numClients: 10, learningRate: 0.1, nested: { rounds: [0, 49] } });
});

test("writeRecord: the order of the caller's keys does not matter", () => {
  const file = join(folder, "02_passive_listener.quick.json");
  const before = readFileSync(file, "utf8");
  const { claims, seconds, ...rest } = record;
  write({ seconds, claims: claims.map((one) => Object.fromEntries(Object.entries(one).reverse()) as never), ...rest, computedAt: "2026-01-02T03:04:05.000Z" }); // prettier-ignore
  assert.equal(readFileSync(file, "utf8"), before);
});

test("writeRecord: replaces what an earlier run left", () => {
  write({ ...record, claims: [decided] });
  const text = readFileSync(join(folder, "02_passive_listener.quick.json"), "utf8");
  assert.equal((JSON.parse(text) as ClaimRecord).claims.length, 1);
});

test("figureFile: lies under build/ unless the run names a folder of its own, and never where it is committed", () => {
  const { CURIOUS_FIGURES } = process.env;
  try {
    for (const unset of ["", undefined]) {
      if (unset === undefined) delete process.env["CURIOUS_FIGURES"];
      else process.env["CURIOUS_FIGURES"] = unset;
      const place = figureFile("showFigure", "02_rmse", { profile: "paper", datasetSource: "folder" }, "svg");
      assert.equal(place, join(projectRoot, "build", "figures", "02_rmse.paper.svg"));
    }
  } finally {
    process.env["CURIOUS_FIGURES"] = CURIOUS_FIGURES;
  }
});

test("writeRecord: a quick run does not touch the paper record", () => {
  const paper = { ...record, profile: "paper", claims: [] } as const;
  write(paper);
  const before = readFileSync(join(folder, "02_passive_listener.paper.json"), "utf8");
  write(record);
  assert.equal(readFileSync(join(folder, "02_passive_listener.paper.json"), "utf8"), before);
});

test("writeRecord: a run on stand-in drawings writes nothing where what real data gave lies; a smoke run may", () => {
  const drawn = { ...record, dataset: "strokes", datasetSource: "embedded" } as const;
  const apart = figureFile("writeRecord", "99_nothing", drawn, "json");
  assert.equal(apart, join(folder, "stand-in", "99_nothing.quick.json"));
  const smoke = figureFile("writeRecord", "99_nothing", { ...drawn, profile: "smoke" }, "json");
  assert.equal(smoke, join(folder, "99_nothing.smoke.json"));
  const files = readdirSync(folder);
  write(drawn, "99_nothing");
  assert.deepEqual(readdirSync(folder), [...files, "stand-in"]);
  assert.equal((JSON.parse(readFileSync(apart, "utf8")) as ClaimRecord).datasetSource, "embedded");
});

test("writeRecord: refuses NaN, unknown verdicts and names of another form, and leaves no file", () => {
  const broken = (change: object, notebook?: string) => () => write({ ...record, ...change }, notebook);
  const files = readdirSync(folder).length;
  assert.throws(broken({ config: { a: [1, NaN] } }, "03_new"), /needs a finite number at config.a\[1\], got NaN/);
  assert.throws(broken({ seconds: Infinity }, "03_new"), /needs a finite number at seconds/);
  assert.throws(broken({ claims: [{ ...decided, verdict: "true" }] }, "03_new"), /at claims\[0\].verdict, got true/);
  assert.throws(broken({}, "passive"), /writeRecord: needs a name such as "02_passive_listener", got passive/);
  assert.equal(readdirSync(folder).length, files);
});

test("parseRecord: is stable, and survives JSON", () => {
  const once = parseRecord({ ...record, notebook: "02_passive_listener", computedAt: "2026-01-02T03:04:05.000Z" });
  assert.deepEqual(parseRecord(JSON.parse(JSON.stringify(once))), once);
});

test("parseRecord: names the place that does not fit", () => {
  const whole = { ...record, notebook: "02_passive_listener", computedAt: "2026-01-02" };
  const cases: [object, RegExp][] = [
    [{ dataset: "" }, /needs a text at dataset/],
    [{ profile: "fast" }, /needs smoke, quick, paper at profile, got fast/],
    [{ datasetSource: undefined }, /at datasetSource, got undefined/],
    [{ seeds: ["1"] }, /needs a finite number at seeds\[0\], got 1/],
    [{ claims: {} }, /needs a list at claims/],
    [{ claims: [{ ...decided, interval: [1] }] }, /needs two ends at claims\[0\].interval/],
    [{ claims: [{ ...decided, measured: null }] }, /needs a finite number at claims\[0\].measured, got null/],
    [{ claims: [{ ...decided, direction: "up" }] }, /needs above, below at claims\[0\].direction, got up/],
    [{ claims: [{ ...decided, verdict: "no verdict (smoke)" }] }, /needs a verdict of a quick run at claims\[0\]/],
    [{ profile: "smoke" }, /needs a verdict of a smoke run at claims\[0\], got reproduced/],
  ];
  for (const [change, message] of cases) assert.throws(() => parseRecord({ ...whole, ...change }), message);
  assert.throws(() => parseRecord(null), /needs an object at record, got null/);
});
