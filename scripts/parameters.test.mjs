/**
 * @file Every parameter of the notebooks on settings, set to other values: the notebook runs to its end under the right names, or
 * refuses the value before anything is computed. Training and inversion are stood in for by numbers that depend on the run alone.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import test, { before } from "node:test";
import ts from "typescript";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";

await setup({ only: ["build"] });
process.env.CURIOUS_PROFILE = "smoke";
const require = createRequire(at("lib", "dist", "index.js"));
const load = (module) => require(at("lib", "dist", `${module}.js`));
const library = load("index");
const { essenceOf, settingBetween } = load("experiment/settings");
const { checkPlan } = load("experiment/leakagePlan");

/** Numbers in 0..1 that follow from a text. */
function numbersOf(text) {
  const bytes = createHash("sha256").update(text).digest();
  return (i) => bytes.readUInt32LE(4 * (i % 8)) / 2 ** 32;
}

/** A study as measureLeakage would give it, of numbers that two runs share only if they are one. */
function studyOf(plan) {
  const { federation, seeds, probeRounds, trajectoryRounds, attacker } = plan;
  const { numClients, rounds, aggregator, poisoning } = essenceOf(federation);
  const clients = [...Array(numClients).keys()];
  const kept = aggregator === "median" ? [] : aggregator === "krum" ? [0, 1] : clients;
  const runOf = (seed) => {
    const random = (...where) =>
      numbersOf(JSON.stringify([essenceOf({ ...federation, seed: 0 }), attacker, seed, ...where]));
    const leakOf = (round) => {
      const value = random("leak", round);
      const perImage = clients.slice(1).map((i) => 0.1 + value(i) / 5);
      const rmse = perImage.reduce((sum, one) => sum + one / perImage.length, 0);
      const contributed = perImage.map((_, i) => kept.length === 0 || kept.includes(i + 1));
      const scores = {
        rmse,
        floor: 0.25,
        leakage: 1 - rmse / 0.25,
        contributorRmse: perImage[0],
        contributorLeakage: 0.5,
      };
      const pixels = new Float32Array(perImage.length * 28 * 28);
      const images = { privateImages: pixels, reconstructions: pixels, labels: perImage.map(() => 0) };
      return {
        round,
        perImage,
        contributed,
        ...scores,
        effectiveParticipants: kept.length || 5,
        matchingLoss: value(7),
        labelAccuracy: 1,
        ...images,
      };
    };
    const roundOf = (_, round) => {
      const value = random("round", round);
      const numbers = { loss: 1 + value(0), objectiveGap: 1 + value(0), accuracy: value(1) };
      const attackSuccess = poisoning === "backdoor" ? value(2) : null;
      return {
        round,
        ...numbers,
        attackSuccess,
        kept,
        effectiveParticipants: round === rounds ? 0 : kept.length || 5,
        dropped: [],
        skipped: null,
      };
    };
    const all = { rounds: Array.from({ length: rounds + 1 }, roundOf), probe: probeRounds.map(leakOf), trajectory: trajectoryRounds.map(leakOf) }; // prettier-ignore
    return { seed, ...all };
  };
  const source = { status: "computed", seconds: 1, computedAt: "2026-01-01T00:00:00Z", libraryHash: "0000000" };
  return { runs: seeds.map(runOf), sources: seeds.map(() => source) };
}

const measured = []; // [label, plan] of the notebook that runs
const records = new Map(); // what notebooks wrote, by file
const shown = []; // what they displayed

before(() => {
  load("experiment/studies").measureLeakage = async (plans) => {
    for (const plan of Object.values(plans)) checkPlan(plan);
    measured.push(...Object.entries(plans));
    return Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, studyOf(plan)]));
  };
  load("report/browser").drawSvg = async () => undefined;
  load("report/display").display = (bundle) => shown.push(bundle["text/plain"]);
  load("report/file").writeWhole = (file, text) => records.set(file, text);
  const fs = require("node:fs"); // 15 reads the records of the others
  const { existsSync, readFileSync: read } = fs;
  const isRecord = (file) => typeof file === "string" && /figures.*\.json$/.test(file);
  fs.existsSync = (file) => (isRecord(file) ? records.has(file) : existsSync(file));
  fs.readFileSync = (file, ...rest) => (records.has(file) ? records.get(file) : read(file, ...rest));
});

/** The source of a notebook with other values in its parameter cells. */
function sourceOf(notebook, values) {
  let text = readFileSync(at("notebooks", `${notebook}.ts`), "utf8");
  for (const [name, value] of Object.entries(values)) {
    const tree = ts.createSourceFile("notebook.ts", text, ts.ScriptTarget.ES2022, true);
    const found = tree.statements
      .filter(ts.isVariableStatement)
      .flatMap(({ declarationList }) => [...declarationList.declarations])
      .find((declaration) => declaration.name.getText() === name);
    assert.ok(found, `${notebook} has a parameter ${name}`);
    text = text.slice(0, found.initializer.getStart()) + value + text.slice(found.initializer.end);
  }
  return text;
}

/** Runs a notebook's code in one go; what it measured and claimed. */
async function run(notebook, values = {}) {
  for (const list of [measured, shown]) list.length = 0;
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(sourceOf(notebook, values), { compilerOptions });
  const AsyncFunction = (async () => undefined).constructor;
  await new AsyncFunction("require", "exports", outputText)(() => library, {});
  const file = [...records.keys()].findLast((name) => name.includes(notebook));
  return { plans: [...measured], claims: JSON.parse(records.get(file)).claims };
}

/** Names of parameters in the cells tagged so. */
function parametersOf(notebook) {
  const cells = readFileSync(at("notebooks", `${notebook}.ts`), "utf8").split(/^(?=\/\/ %%)/m);
  const tagged = cells.filter((cell) => cell.startsWith('// %% tags=["parameters"]'));
  return tagged.flatMap((cell) => [...cell.matchAll(/^const (\w+)/gm)].map(([, name]) => name));
}

/** Other values of every parameter; a pair of a value and what is said where it is refused. */
const others = {
  "03_poisoning": {
    allScales: ["[2]", "[]", "[1, 1, 3]"],
    allNoises: ["[0.02, 0.3]", "[]"],
    trigger: ["{ targetLabel: 3, triggerSize: 5, boost: 2 }"],
    scale: ["2", "10", "0"],
    noise: ["0.05", "0"],
    twentyFour: ["[1, 2, 3]"],
    manySeeds: ["[1, 2, 3]", "[5, 1, 2]"],
    underIid: ["2", "3", ["0", /needs underIid of 1, 2, 3, got 0/], ["4", /needs underIid of 1, 2, 3, got 4/]],
  },
  "04_robust_aggregation": {
    scale: ["2"],
    assumed: ["2"],
    main: ['["median"]', '["krum", "trimmedMean"]', ['["crum"]', /got crum; did you mean krum\?/]],
    apart: ['["mean", "oracle", "moNna"]'],
    others: ['["mda"]'],
    field: ['["trimmedMean", "mda"]', '["krum"]'],
    adaptive: ['["dnc"]', "[]", '["oracle", "trimmedMean"]'],
    effort: ["{ steps: 12 }"],
  },
  "05_differential_privacy": {
    fine: ["[0, 1]"],
    noises: ["[1]", "[]", "[0.003, 0.003]"],
    clips: ["[0.5, 1]", "[2]", ["[0]", /needs a finite clipNorm > 0/]],
    gridNoises: ["[0.02]", "[]"],
    batchNoises: ["[0, 1]", "[]"],
    batchClips: ["[0.1, 1]"],
    batchSize: ["2", "1"],
    claimed: ["1", "0.003"],
    weak: ["0.01", "3"],
    scale: ["3"],
    authors: ["[0.1]", "[]"],
    hard: ["[0.5]", "[]"],
    restarts: ["2"],
    adaptive: ['{ labels: "given" as const }'],
    trajectory: ["[0, 1, 4]"],
  },
  "06_combined_defenses": {
    scale: ["2"],
    assumed: ["2"],
    strong: ["1", "0.003"],
    weak: ["0.01"],
    clipNorm: ["0.5"],
    delta: ["1e-6"],
    main: ['["median"]', '["krum", "trimmedMean"]'],
    apart: ['["mean", "oracle", "moNna", "flTrust"]'],
    others: ["[]"],
    field: ['["trimmedMean"]'],
    adaptive: ['{ labels: "given", contributors: "known", totalVariation: 0.1 } as const'],
    underWeak: ['["median", "krum"]', '["trimmedMean"]', "[]"],
  },
  "15_failure_signatures": {
    flip: [['{ poisoning: "signFlip", poisoningParameters: { scale: 7 } } as const', /needs a setting that was measured, got sign flip, κ = 7; there are: .*sign flip, κ = 3/]], // prettier-ignore
    noise: [['{ privacy: "localDp", privacyParameters: { clipNorm: 1, noiseMultiplier: 7, delta: 1e-5 } } as const', /needs a setting that was measured, got local DP, σ = 7; there are: /]], // prettier-ignore
    krum: ['{ aggregator: "median", assumedMalicious: 1 } as const'],
    subjects: ["{ F1: setting({ poisoning: 'none' }), F2: setting(noise), F3: setting({ ...flip, ...krum }), F4: setting({ ...flip, ...krum, ...noise }) }"], // prettier-ignore
    windows: ["{ early: [0, 0], late: [1, 4], noised: [0, 0], robust: [1, 4], combined: [0, 4] } as const"],
  },
};

/** Every word of a setting's label is one of what really differs from the common run. */
function checkNames(notebook, plans, place) {
  const base = library.commonPlan();
  for (const [label, plan] of plans) {
    if (label.startsWith("local DP, authors' form")) continue; // words of its own
    const whole = settingBetween(base.federation, plan.federation).label.split(/, | \+ /);
    const words = label.split(/, | \+ /).filter((word) => word !== "passive" && word !== "no defense (mean)");
    for (const word of words) assert.ok(whole.includes(word), `${place}: "${label}" is ${whole.join(", ")}`);
    if (label === "passive") assert.equal(plan.federation.poisoning, "none", place);
    if (label === "no defense (mean)") assert.equal(plan.federation.aggregator, "mean", place);
  }
}

test("parameters: none is left out here", () => {
  for (const [notebook, values] of Object.entries(others))
    assert.deepEqual(Object.keys(values).sort(), [...new Set(parametersOf(notebook))].sort(), notebook);
});

for (const [notebook, values] of Object.entries(others)) {
  test(`${notebook}: runs to its end under the right names, whatever its parameters`, async () => {
    checkNames(notebook, (await run(notebook)).plans, notebook);
    const kept = new Map(records); // of the values in the notebook
    for (const [name, all] of Object.entries(values))
      for (const value of all) {
        const [text, refusal] = Array.isArray(value) ? value : [value];
        const place = `${notebook}, ${name} = ${text}`;
        if (refusal) {
          await assert.rejects(run(notebook, { [name]: text }), { name: "InputError", message: refusal }, place);
          assert.equal(measured.length, 0, `${place}: is refused before anything is computed`);
          continue;
        }
        const { plans, claims } = await run(notebook, { [name]: text }).catch((error) => {
          throw new Error(`${place}: ${error.message}`, { cause: error });
        });
        checkNames(notebook, plans, place);
        for (const { id, setting, measured: mean, interval } of claims)
          assert.ok(
            interval === null || mean !== 0 || interval[1] !== 0,
            `${place}: ${id} (${setting}) is not a run minus itself`,
          );
      }
    for (const [file, record] of kept) records.set(file, record);
  });
}

test("03_poisoning: scale = 2, which is not in the list, is measured, drawn and decided as what it is", async () => {
  const { plans, claims } = await run("03_poisoning", { scale: "2" });
  const [, plan] = plans.find(([label]) => label === "sign flip, κ = 2");
  assert.deepEqual(plan.federation.poisoningParameters, { scale: 2 });
  const c4 = claims.find(({ id, setting }) => id === "C4" && setting === "sign flip, κ = 2");
  assert.notDeepEqual(c4.interval, [0, 0]);
});
