import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { benchmarks } from "../bench/harness/main.mjs";
import { checkNumbers } from "../bench/harness/numbers.mjs";
import { startEngine, together } from "../bench/harness/processes.mjs";
import { busyShare, digits, inTable, machine, ratio, sectionOf, withSection } from "../bench/harness/report.mjs";
import { fastest, growth, interleave, median, quantile, speedup, summarize } from "../bench/harness/statistics.mjs";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";

await setup({ only: ["build"] });

test("quantile: is linear between order statistics", () => {
  const values = [40, 10, 20, 30]; // sorted 10 20 30 40; the p-quantile is at 3p: 3/4 -> 10 + 0.75 (20 - 10)
  assert.equal(quantile(values, 0.25), 17.5);
  assert.equal(median(values), 25);
  assert.equal(quantile(values, 1), 40);
  assert.equal(median([7]), 7);
  assert.deepEqual(values, [40, 10, 20, 30]);
  assert.throws(() => median([]), /needs at least one value/);
});

test("summarize: tells the median, its spread and how many", () => {
  assert.deepEqual(summarize([5, 1, 3, 2, 4]), { median: 3, min: 1, q1: 2, q3: 4, max: 5, n: 5 });
});

test("speedup: takes ratios pair by pair, so a slow moment of the machine cancels", () => {
  // 2 / 1, 5 / 10, 20 / 5; the ratio of the medians is 5 / 5
  assert.deepEqual(speedup([1, 10, 5], [2, 5, 20]), summarize([2, 0.5, 4]));
  assert.throws(() => speedup([1], [1, 2]), /got 1 and 2/);
});

test("fastest: is the side with the smallest median, not the smallest time", () => {
  assert.equal(fastest({ lucky: [1, 9, 9], steady: [5, 5, 5] }), "steady");
});

test("growth: is 1 where cost is proportional and 2 where it is quadratic", () => {
  assert.equal(growth([2, 6], [8, 24]), 1);
  assert.equal(growth([1, 1], [4, 16]), 2);
});

test("interleave: runs the sides in turn and drops the warm-up", async () => {
  const calls = [];
  const rounds = [];
  const side = (name) => () => calls.push(name); // push gives the number of calls so far
  const options = { warmUp: 1, repeats: 2, onRound: (done, total) => rounds.push(`${done}/${total}`) };
  assert.deepEqual(await interleave({ a: side("a"), b: side("b") }, options), { a: [3, 5], b: [4, 6] });
  assert.equal(calls.join(""), "ababab");
  assert.deepEqual(rounds, ["1/3", "2/3", "3/3"]);
});

test("together: measures from the first start to the last end, and how much of it all were at work", async () => {
  const worker = (start, end) => ({ ask: async (op, details) => ({ start, end, op, details }) });
  const { seconds, overlap, answers } = await together([worker(10, 14), worker(11, 15)], "work", { x: 1 });
  assert.equal(seconds, 5);
  assert.equal(overlap, 0.6); // 11..14 of 10..15
  assert.deepEqual(answers[0], { start: 10, end: 14, op: "work", details: { x: 1 } });
});

test("engine: answers what the benchmarks ask, and invert starts where the other side is told to start", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const engine = startEngine();
  t.after(async () => {
    await engine.end();
    rmSync(folder, { recursive: true });
  });
  const problem = { folder, count: 2, batchSize: 2, activation: "tanh", pooling: "average" };
  await engine.ask("problem", problem);
  assert.deepEqual(await engine.ask("views", { ...problem, start: 1, end: 2 }), { size: 61706 });
  const common = { steps: 2, objective: "cosine" };
  const { before, first, after } = await engine.ask("numbers", { folder, checked: 1, ...common });
  assert.ok(Math.abs(first[0] - before[0]) < 1e-5 * before[0]);
  assert.ok(after[0] < before[0]);
  const { seconds, overlap } = await together([engine], "invert", common);
  assert.ok(seconds > 0 && overlap === 1);

  const round = { numClients: 2, localSteps: 2, batchSize: 1, learningRate: 0.1, seed: 1 };
  await engine.ask("federation", { folder, activation: "relu", pooling: "max", ...round });
  assert.equal(statSync(join(folder, "updates.f32")).size, 4 * 2 * 61706);
  for (const op of ["rounds", "descend", "records"]) await engine.ask(op, { rounds: 1 });
  assert.equal((await engine.ask("memory")).tensors, 0);
  await assert.rejects(engine.ask("invert", { steps: 0 }), /engine\.mjs: invert: .*steps/);
});

test("checkNumbers: gives the largest differences, and refuses one above its tolerance or none at all", () => {
  const off = { "one by one": { loss: [1e-6, 3e-6] }, stacked: { loss: [2e-6] } };
  assert.deepEqual(checkNumbers("inversion", off, { loss: 1e-5 }), { loss: 3e-6 });
  assert.throws(
    () => checkNumbers("inversion", off, { loss: 1e-6 }),
    /inversion: loss differs .* \(one by one\) by 0\.000003/,
  );
  assert.throws(() => checkNumbers("inversion", { stacked: { loss: [NaN] } }, { loss: 1 }), /by NaN/);
});

test("digits: keeps three, without exponent", () => {
  assert.deepEqual([0.0012345, 0.98765, 12.345, 1234.5, 0].map(digits), ["0.00123", "0.988", "12.3", "1235", "0"]);
  assert.equal(ratio(summarize([2, 3, 4])), "**3.00×** (2.50–3.50)");
});

test("withSection: replaces a section, appends a new one, and is stable", async () => {
  const readme = "# Benchmarks\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\nrest\n";
  const body = ["## A", inTable(["x"], [["| 1"]])].join("\n\n");
  const once = await withSection(readme, "a", body);
  assert.match(once, /^# Benchmarks\n\n<!-- bench:a -->\n\n## A\n\n\| x [^]*<!-- \/bench:a -->\n\nrest\n$/);
  assert.equal(await withSection(once, "a", body), once);
  const both = await withSection(once, "b", "## B");
  assert.equal(both, `${once}\n<!-- bench:b -->\n\n## B\n\n<!-- /bench:b -->\n`);
  assert.equal(await withSection(both, "b", "## B"), both);
  await assert.rejects(withSection("<!-- bench:a -->\n", "a", ""), /bench\/README\.md: needs <!-- bench:a -->/);
});

test("sectionOf: says what was wanted, on what machine and when, and no name of the machine", () => {
  const measured = { keys: { fast: 4.567 }, goals: { fast: 5 }, machine: machine(), versions: { node: "22.12.0" } };
  const text = sectionOf({
    title: "A",
    body: "numbers",
    date: "2026-01-01",
    repeats: 9,
    seconds: 61,
    others: 0.04,
    ...measured,
  });
  assert.match(text, /^## A\n\nnumbers\n\n/);
  assert.match(text, /\| `fast` \| 4\.57 \| at least 5 \|/);
  assert.match(
    text,
    /node 22\.12\.0; 2026-01-01; medians of 9 repeats with quartiles, 2 minutes in all; other programs used 4 % of the processors/,
  );
  assert.deepEqual(Object.keys(machine()), ["processor", "cores", "memoryGigabytes", "platform"]);
});

test("busyShare: is a share", async () => {
  const share = await busyShare(20);
  assert.ok(share >= 0 && share <= 1);
});

test("benchmarks: each has what the command needs, and a place in bench/README.md", async () => {
  const readme = readFileSync(at("bench", "README.md"), "utf8");
  assert.ok(["inversion", "training", "scaling"].every((name) => benchmarks().includes(name)));
  for (const name of benchmarks()) {
    const { title, run, section } = await import(`../bench/${name}.mjs`);
    assert.deepEqual([typeof title, typeof run, typeof section], ["string", "function", "function"], name);
    assert.match(await withSection(readme, name, "new"), /^# Benchmarks\n[^]*\nnew\n/);
  }
});
