import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { compareRound, timesToGoals } from "../bench/attack.mjs";
import { checkpoints, compareCurves, keysOf, meanCurve, reaches, valueAt } from "../bench/attack/curves.mjs";
import { chooseProblems, goalsOf, guessOf, planOf, problems } from "../bench/attack/problems.mjs";
import { benchmarks, readArguments } from "../bench/harness/main.mjs";
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

test("sectionOf: a key may be wanted at most, and numbers need not be of repeats", () => {
  const goals = { ratio: { atMost: 1 } };
  const common = { keys: { ratio: 0.5 }, goals, machine: machine(), versions: {}, seconds: 1, others: 0 };
  const text = sectionOf({ title: "A", body: "", date: "2026-01-01", spread: "means over seeds", ...common });
  assert.match(text, /\| `ratio` \| 0\.500 \| at most 1 \|/);
  assert.match(text, /2026-01-01; means over seeds, 1 minutes/);
});

test("readArguments: takes the options of a benchmark that reads them, and refuses them elsewhere", async () => {
  const { names, quick, part } = await readArguments(["attack", "--only", "mean", "--only", "median", "--seeds", "2"]);
  assert.deepEqual([names, quick, part], [["attack"], false, { only: ["mean", "median"], seeds: 2 }]);
  await assert.rejects(readArguments(["inversion", "--seeds", "2"]), /inversion has no option --seeds/);
  await assert.rejects(readArguments(["attack", "--seeds", "0"]), /--seeds needs an integer >= 1, got 0/);
  await assert.rejects(readArguments(["atack"]), /no benchmark is called atack/);
});

test("curves: are what a method returns if it is stopped, averaged from when all views have something", () => {
  const [slow, fast] = [
    [
      { seconds: 2, rmse: 0.4 },
      { seconds: 4, rmse: 0.2 },
    ],
    [
      { seconds: 1, rmse: 0.2 },
      { seconds: 3, rmse: 0.1 },
    ],
  ];
  assert.deepEqual(
    [1.9, 2, 3.9, 9].map((seconds) => valueAt(slow, seconds)),
    [undefined, 0.4, 0.4, 0.2],
  );
  const rounded = meanCurve([slow, fast]).map(({ seconds, rmse }) => [seconds, Number(rmse.toFixed(9))]);
  assert.deepEqual(rounded, [
    [2, 0.3],
    [3, 0.25],
    [4, 0.15],
  ]);
  assert.deepEqual([reaches(slow, 0.4), reaches(slow, 0.3), reaches(slow, 0.1)], [2, 4, Infinity]);
});

test("compareCurves: the worst of the ends counts, and time until the final error of the best", () => {
  const ours = [
    { seconds: 1, rmse: 0.2 },
    { seconds: 4, rmse: 0.1 },
  ];
  const theirs = {
    early: [
      { seconds: 0.5, rmse: 0.3 },
      { seconds: 2, rmse: 0.16 },
    ],
    late: [
      { seconds: 1, rmse: 0.25 },
      { seconds: 6, rmse: 0.1505 },
      { seconds: 8, rmse: 0.15 },
    ],
  };
  const { best, equal, time } = compareCurves(ours, theirs, 0.24);
  // at 2 s .2 to .16; at 4 s .1 to .16; at 8 s .1 to .15
  assert.deepEqual([best, equal.seconds, equal.ours, equal.theirs, equal.best], ["late", 2, 0.2, 0.16, "early"]);
  assert.equal(equal.ratio, 0.2 / 0.16);
  assert.deepEqual(time, { ours: 4, theirs: 6, ratio: 1.5 }); // at 6 s theirs is within a hundredth of .15
  const never = compareCurves([{ seconds: 1, rmse: 0.2 }], theirs, 0.24);
  assert.equal(never.time.ratio, 0);
  const useless = compareCurves(ours, { noise: [{ seconds: 1, rmse: 0.5 }] }, 0.24);
  assert.equal(useless.time, null);
  assert.deepEqual(keysOf([{ equal, time }, useless]), { rmse_vs_best_at_equal_time: equal.ratio, time_vs_best: 1.5 });
  assert.deepEqual(keysOf([useless]), { rmse_vs_best_at_equal_time: 0.4 });
  assert.deepEqual(keysOf([]), {});
});

test("compareCurves: until ours has begun it is the guess, and who has not begun is not compared", () => {
  const ours = [{ seconds: 3, rmse: 0.1 }];
  const theirs = { soon: [{ seconds: 1, rmse: 0.4 }], late: [{ seconds: 5, rmse: 0.2 }] };
  const { equal } = compareCurves(ours, theirs, 0.2);
  assert.deepEqual([equal.seconds, equal.ours, equal.theirs, equal.ratio], [1, 0.2, 0.4, 0.5]);
});

test("checkpoints: rise to the last iteration, none twice", () => {
  assert.deepEqual(checkpoints(8), [1, 2, 3, 4, 5, 6, 7, 8]);
  const many = checkpoints(4800);
  assert.ok(many.at(-1) === 4800 && many.length < 60 && new Set(many).size === many.length);
  assert.deepEqual(checkpoints(1), [1]);
});

test("compareRound: a row per method, errors and seconds averaged over its views", () => {
  const point = (seconds, rmse) => ({ seconds, rmse, loss: 1e-3, found: rmse < 0.15, labels: 1 });
  const view = (ours, theirs) => ({
    guess: 0.3,
    curves: {
      strongest: [ours],
      DLG: theirs,
      "strongest, all views at once": [{ ...ours, seconds: ours.seconds / 2 }],
    },
  });
  const views = [
    view(point(1, 0.1), [point(1, 0.3), point(4, 0.2)]),
    view(point(3, 0.2), [point(2, 0.4), point(8, 0.3)]),
  ];
  const { guess, methods, comparison, stacked } = compareRound("mean", 0, views);
  assert.equal(guess, 0.3);
  const [ours, dlg] = methods;
  assert.deepEqual([ours.method, ours.found, ours.seconds, Number(ours.rmse.toFixed(9))], ["strongest", 0.5, 2, 0.15]);
  assert.deepEqual([dlg.method, dlg.seconds, dlg.secondsToFinal, dlg.rmse], ["DLG", 6, 8, 0.25]);
  assert.equal(comparison.time.ratio, 8 / 3); // both views of ours are there after 3 s
  assert.equal(stacked.time.ratio, 8 / 1.5);
});

test("timesToGoals: seconds until the wanted error, in times of the attacker of 250 steps", () => {
  const at = (round, rmse) => ({
    round,
    curves: {
      strongest: [
        { seconds: 1, rmse: 0.2 },
        { seconds: 6, rmse },
      ],
    },
    methods: [{ method: "paper, 250 steps", seconds: 2 }],
  });
  const goals = [{ what: "rmse", round: 0, atMost: 0.1 }, { what: "rmse", round: 9, atMost: 0.1 }, { what: "found" }];
  assert.deepEqual(timesToGoals({ goals, compared: [at(0, 0.1), at(9, 0.11)] }), [
    { round: 0, atMost: 0.1, seconds: 6, times: 3 },
    { round: 9, atMost: 0.1, seconds: Infinity, times: Infinity },
  ]);
  assert.equal(timesToGoals({ goals: [{ what: "rmse", atMost: 0.2 }], compared: [at(4, 0.1)] })[0].seconds, 1);
});

test("problems: can be measured, and are chosen with what they are held against", async () => {
  assert.deepEqual(
    chooseProblems(["clipped"]).map(({ name }) => name),
    ["clipped"],
  );
  assert.deepEqual(
    chooseProblems(["dnc"]).map(({ name }) => name),
    ["mean", "dnc"],
  );
  assert.equal(chooseProblems().length, problems.length);
  assert.throws(() => chooseProblems(["means"]), /no problem is called means\. There are mean, /);
  const require = createRequire(at("lib", "dist", "index.js"));
  const { attackers, commonPlan } = require("./index.js");
  const { checkPlan } = require("./experiment/leakagePlan.js");
  for (const problem of problems)
    for (const attacker of [{ ...attackers.strongest, ...problem.attacker }, attackers.paper])
      checkPlan(planOf(problem, commonPlan("paper"), attacker, [1]));
});

for (const [rule, through] of [
  ["mean", "mean"],
  ["median", "protocol"],
  ["multiKrum", "protocol"],
])
  test(`attack's engine: the ${rule}'s broadcasts are inverted, and private images handed in are scored as found`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "bench-"));
    const engine = startEngine({ name: "attack" });
    t.after(async () => {
      await engine.end();
      rmSync(folder, { recursive: true });
    });
    const require = createRequire(at("lib", "dist", "index.js"));
    const base = require("./index.js").commonPlan("smoke");
    const small = { dataset: "strokes", numClients: 3, partition: "iid", aggregator: rule, evaluationImages: 1 };
    const problem = { federation: small, rounds: [1], others: [0] };
    const plan = planOf(problem, base, {}, [1, 2]);
    const question = { folder, plan, rounds: problem.rounds, strongest: { through } };
    const { views } = await engine.ask("broadcasts", question);
    assert.deepEqual(
      views.map(({ seed, round }) => [seed, round]),
      [
        [1, 1],
        [2, 1],
      ],
    );
    assert.equal(views[0].numImages, rule === "mean" ? 2 : 3); // the own share is taken out of a mean alone
    const change = { through, steps: 2, restarts: 1 };
    const { seconds, leaks } = await engine.ask("invert", { indices: [0, 1], attacker: "strongest", change });
    assert.ok(seconds > 0 && leaks.length === 2 && leaks.every(({ truthLoss }) => truthLoss < 1e-5));
    const { leaks: scored } = await engine.ask("score", { index: 1, file: join(views[1].folder, "images.f32") });
    assert.equal(scored.length, 1);
    assert.ok(scored[0].rmse < 1e-6 && scored[0].matchingLoss === scored[0].truthLoss);
  });

test("goalsOf: reads the rounds asked for, of contributors, above the guess and above the mean's same images", () => {
  const leak = (seed, round, perImage, contributed = [true, true]) => ({
    ...{ seed, round, perImage, contributed, labels: [3, 4], perImageFloor: [0.2, 0.4], found: seed === 1 },
    contributorRmse:
      perImage.filter((_, i) => contributed[i]).reduce((a, b) => a + b) / contributed.filter(Boolean).length,
  });
  const leaks = [leak(1, 0, [0.1, 0.5], [true, false]), leak(2, 0, [0.2, 0.2]), leak(1, 9, [0.3, 0.5])];
  const reference = [leak(2, 0, [0.1, 0.1]), leak(1, 0, [0.05, 0.1]), leak(1, 9, [0.3, 0.3])];
  const goals = [
    { what: "rmse", round: 0, atMost: 0.16 }, // (.1 + .2) / 2
    { what: "found", atLeast: 0.9 },
    { what: "above the guess", round: 0, atMost: 0 }, // (.1 - .2 + .2 - .3) / 2
    { what: "above the mean's", round: 0, atMost: 0.05 }, // (.05 + .1) / 2
  ];
  const reached = goalsOf({ goals }, leaks, reference);
  const values = reached.map(({ value, reached: is }) => [Number(value.toFixed(9)), is]);
  assert.deepEqual(values, [
    [0.15, true],
    [0.666666667, false],
    [-0.1, true],
    [0.075, false],
  ]);
  assert.deepEqual(
    reached.map(({ wanted }) => wanted),
    ["≤ 0.16", "≥ 0.9", "≤ 0", "≤ 0.05"],
  );
  assert.equal(guessOf(leaks[0]), 0.2);
  assert.throws(() => goalsOf({ goals }, leaks, []), /needs the mean's leak of the same images in round 0/);
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
