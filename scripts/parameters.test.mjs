/**
 * @file Every parameter of every notebook, set to other values: the notebook runs to its end under the right names, or refuses the
 * value before anything is computed. Training and inversion are stood in for by numbers that depend on the run alone.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import test, { before } from "node:test";
import ts from "typescript";
import { listNotebooks } from "./notebooks.mjs";
import { setup } from "./setup.mjs";
import { standIn, standIns } from "./stand-in.mjs";
import { at } from "./steps/common.mjs";

await setup({ only: ["build"] });
process.env.CURIOUS_PROFILE = "smoke";
const require = createRequire(at("lib", "dist", "index.js"));
const load = (module) => require(at("lib", "dist", `${module}.js`));
const library = load("index");
const { settingBetween } = load("experiment/settings");

const measured = []; // [label, plan] of the notebook that runs
const records = new Map(); // what notebooks wrote, by file
const shown = []; // what they displayed

before(() => {
  standIn(load, measured);
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

const federationWith = (fields) => `federation({ activation: "tanh", rounds: 1, ${fields} })`;
const softmaxWith = (fields) => `({ ...defaultFederation, architecture: "softmaxRegression", rounds: 5, ${fields} })`;

/**
 * Other values of every parameter: a value; a pair of one and what is said where it is refused; or one with what its claims then say.
 */
const others = {
  "01_threat_model": {
    config: [
      federationWith('rounds: 2, pooling: "average", learningRate: 0.02, seed: 4'),
      federationWith('maliciouslyCuriousClient: 3, numClients: 4, partition: "iid", secureAggregation: true'),
      [federationWith("batchSize: 2"), /needs config\.batchSize of 1, got 2/],
      [federationWith("localSteps: 2"), /needs config\.localSteps of 1, got 2/],
      [federationWith('aggregator: "krum", assumedMalicious: 1'), /needs config\.aggregator of mean, got krum/],
      [federationWith('poisoning: "signFlip"'), /needs config\.poisoning of none, got signFlip/],
      [federationWith('privacy: "localDp"'), /needs config\.privacy of none, got localDp/],
      [federationWith('preAggregations: ["nnm"]'), /needs config\.preAggregations of none, got nnm/],
      [federationWith("rounds: 0"), /needs an integer rounds >= 1, got 0/],
      [federationWith("numClients: 1"), /needs config\.numClients of at least 2, got 1/],
    ],
    steps: ["3", ["0", /needs steps of at least 1, got 0/]],
    autoencoderSteps: ["2", ["1.5", /needs autoencoderSteps of at least 1, got 1\.5/]],
  },
  "02_passive_listener": {
    manySeeds: ["[1, 2]"],
    seeds: ["[3, 7, 8]", ["[1]", /needs at least 2 of seeds, got \[1\]/], ["[1, 1]", /needs seeds that differ/]],
    rounds: ["7", ["4", /needs probeRounds of 0 to 3, got 4/]],
    attacker: [
      '({ prior: "bicubic", labels: "given", objective: "cosine", learningRate: 0.2, steps: 5, autoencoderSteps: 5 })',
      ['({ prior: "bicubc", labels: "given", steps: 5, autoencoderSteps: 5 })', /bicubc/],
    ],
    networks: ['["reluMax"]', '["tanhAverage"]', ["[]", /needs at least 1 of networks/]],
    early: ["[0, 0]", ["[2, 3]", /needs at least 1 of probeRounds within early/]],
    late: ["[1, 4]", ["[2, 3]", /needs at least 1 of probeRounds within late/]],
    dense: ["[0]"],
    everyFew: ["[0]"],
    probeRounds: ["[0, 4]", "[0, 1, 3]", ["[4, 0]", /needs probeRounds in ascending order/]],
    trajectoryRounds: ["[1]", ["[]", /needs at least 1 of trajectoryRounds/], ["[2]", /needs at least 1 of trajectoryRounds among probeRounds/]], // prettier-ignore
    maskedRounds: ["[1]", "[0, 2]", ["[2]", /needs at least 1 of maskedRounds among probeRounds, got \[\]/]],
  },
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
  "07_theorem_1": {
    instances: ["60", ["1", /needs instances of at least 50, got 1/]],
    sampled: ["2", ["0", /needs sampled of at least 1, got 0/]],
    samples: ["20", ["1", /needs samples of at least 2, got 1/]],
    manySeeds: ["[1, 2]"],
    seeds: ["[5, 6, 7]", ["[1]", /needs at least 2 of seeds, got \[1\]/]],
    draws: ["10", ["1", /needs draws of at least 2, got 1/]],
    noises: ["{ samplingStd: 1, dpStd: 2, clipNorm: 1 }", ["{ samplingStd: 1, dpStd: 2, clipNorm: 0 }", /needs noises\.clipNorm of more than 0, got 0/]], // prettier-ignore
    size: ["{ rounds: 15, runs: 2 }", ["{ rounds: 1, runs: 2 }", /needs size\.rounds of at least 2, got 1/], ["{ rounds: 9, runs: 0 }", /needs size\.runs of at least 1, got 0/]], // prettier-ignore
    softmax: [
      { value: softmaxWith("numClients: 5, rounds: 3"), says: /mean of 4 − mean of 2/ },
      { value: softmaxWith("rounds: 30"), says: /RMSE late − early, mean of 9/ },
      [softmaxWith('architecture: "mlp"'), /needs softmax\.architecture of softmaxRegression, got mlp/],
      [softmaxWith("batchSize: 2"), /needs softmax\.batchSize of 1, got 2/],
      [softmaxWith("numClients: 3"), /needs softmax\.numClients of at least 4, got 3/],
    ],
  },
  "08_fedavg_local_steps": {
    taus: ["[1, 2, 3]", ["[2, 3]", /needs 1 among taus, got \[2, 3\]/], ["[1, 3]", /needs 2 among taus/]],
    some: [
      ["1", /needs some of at least 2, got 1/],
      ["3", /needs many of at least 3, got 2/],
    ],
    many: [["3", /needs 3 among taus, got \[1, 2\]/]],
    alphas: [
      { value: "[0.1, 0.5]", says: /unrolled, τ = 2, α = 0\.1/ },
      { value: "[0.5, Infinity]", says: /matched at the broadcast, α = ∞/ },
      ["[0.1]", /needs 0\.5 among alphas, got \[0\.1\]/],
      ["[-1, 0.5]", /needs alphas of more than 0, got -1/],
    ],
    main: [["1", /needs 1 among alphas, got \[0\.5\]/]],
    fewer: [
      ["[1]", /needs 2 among fewer, got \[1\]/],
      ["[1, 2, 4]", /needs fewer of 1, 2, got 4/],
    ],
    fewest: [["[1]", /needs 2 among fewest, got \[1\]/]],
    peers: ["3", ["0", /needs peers of at least 1, got 0/]],
    late: ["3", ["0", /needs late of at least 1, got 0/]],
    lateTau: ["1", ["0", /needs lateTau of at least 1, got 0/]],
    manySeeds: ["[1, 2]"],
    seeds: ["[4, 9]", ["[1]", /needs at least 2 of seeds/]],
    driftSeeds: ["[2, 3, 6]", ["[1, 2, 3]", /needs at least 2 of even driftSeeds/], ["[2, 4]", /needs at least 1 of odd driftSeeds/]], // prettier-ignore
    steps: ["2", ["0", /needs steps of at least 1, got 0/]],
    instances: ["15", ["1", /needs instances of at least 10, got 1/]],
    clips: ["[2]", ["[0]", /needs clips of more than 0, got 0/]],
    privacy: ["{ clipNorm: 0.3, delta: 1e-6 }"],
    noises: ["[0, 0.5]", ["[1]", /needs 0 among noises, got \[1\]/]],
  },
  "18_theorem_1_on_lenet5": {
    rulesOf04: ['["median", "krum"]'],
    lookedAt: ["1", "5", ["0", /needs lookedAt of 1, 2, 3, 4, 5, got 0/], ["6", /got 6/]],
    stds: ["[0.5]", "[0.003, 3]", ["[]", /needs at least 1 of stds/], ["[-1]", /needs stds of at least 0, got -1/]],
    lookRounds: [
      "[0, 1, 4]",
      ["[0, 2]", /needs lookRounds of 0, 1, 4, got 2/],
      ["[0]", /needs at least 2 of lookRounds/],
    ],
    images: ["2", ["0", /needs images of at least 1, got 0/]],
    batches: ["3", ["1", /needs batches of at least 2, got 1/]],
    longRounds: ["6", ["5", /needs longRounds of at least 6, got 5/]],
    guards: ['["median", "dnc"]', ['["crum"]', /needs guards of multiKrum, dnc, freqFed, median, krum, got crum/], ["[]", /needs at least 1 of guards/]], // prettier-ignore
    ruleRounds: ["[1, 2, 3]", ["[4, 0]", /needs ruleRounds in ascending order/], ["[0, 5]", /needs ruleRounds of 0 to 4, got 5/]], // prettier-ignore
    others: ["[1, 3, 4]", ["[2]", /needs at least 2 of others/], ["[0, 1]", /needs others of at least 1, got 0/]],
    ends: [
      { value: "[0, 2, 3]", says: /round 3; sign flip/ },
      ["[1, 4]", /needs 0 among ends, got \[1, 4\]/],
      ["[0]", /needs at least 2 of ends/],
    ],
  },
  "15_failure_signatures": {
    flip: [['{ poisoning: "signFlip", poisoningParameters: { scale: 7 } } as const', /needs a setting that was measured, got sign flip, κ = 7; there are: .*sign flip, κ = 3/]], // prettier-ignore
    noise: [['{ privacy: "localDp", privacyParameters: { clipNorm: 1, noiseMultiplier: 7, delta: 1e-5 } } as const', /needs a setting that was measured, got local DP, σ = 7; there are: /]], // prettier-ignore
    krum: ['{ aggregator: "median", assumedMalicious: 1 } as const'],
    subjects: ["{ F1: setting({ poisoning: 'none' }), F2: setting(noise), F3: setting({ ...flip, ...krum }), F4: setting({ ...flip, ...krum, ...noise }) }"], // prettier-ignore
    windows: ["{ early: [0, 0], late: [1, 4], noised: [0, 0], robust: [1, 4], combined: [0, 4] } as const"],
  },
};

/** What plans are that go by names of their own: by a part of the name, the fields that it speaks of. */
const ownNames = {
  "02_passive_listener": [
    [/tanhAverage|masked/, () => ({ activation: "tanh", pooling: "average" })],
    [/reluMax/, () => ({ activation: "relu", pooling: "max" })],
    [/masked/, () => ({ secureAggregation: true })],
  ],
  "08_fedavg_local_steps": [
    [/^(?:matchedMean|unrolled).* τ=(\d+)/, (tau) => ({ localSteps: Number(tau), batchSize: 1 })],
    [/^oneStep.* τ=(\d+)/, (tau) => ({ localSteps: 1, batchSize: Number(tau) })],
    [/ α=([\d.]+)/, (alpha) => ({ partition: "dirichlet", alpha: Number(alpha) })],
    [/ α=∞/, () => ({ partition: "iid" })],
    [/local DP σ=/, () => ({ privacy: "localDp" })],
  ],
  "18_theorem_1_on_lenet5": [
    [/^mean of (\d+) others$/, (others) => ({ numClients: Number(others) + 1, aggregator: "mean", poisoning: "none" })],
    [/^Krum$/, () => ({ aggregator: "krum", poisoning: "signFlip" })],
    [/^oracle$/, () => ({ aggregator: "oracle", poisoning: "signFlip" })],
    [/^DnC that drops/, () => ({ aggregator: "dnc", poisoning: "signFlip", numClients: 10 })],
    [/^Multi-Krum of (\d+)$/, (kept) => ({ aggregator: "multiKrum", assumedMalicious: 10 - Number(kept) })],
    [/^long$/, () => ({ poisoning: "none", aggregator: "mean" })],
    [/^(?:mean|multiKrum|dnc|freqFed|median|krum)$/, (_, name) => ({ aggregator: name, poisoning: "none" })],
  ],
};

/** Plans of names of their own are what these say; gives back the others. */
function checkOwnNames(notebook, plans, place) {
  return plans.filter(([label, { federation = {} }]) => {
    const fitting = (ownNames[notebook] ?? []).filter(([pattern]) => pattern.test(label));
    for (const [pattern, fieldsOf] of fitting) {
      const [whole, ...parts] = pattern.exec(label);
      const fields = parts.length > 0 ? fieldsOf(...parts) : fieldsOf("", whole);
      for (const [field, value] of Object.entries(fields))
        assert.deepEqual(federation[field], value, `${place}: ${field} of "${label}"`);
    }
    return fitting.length === 0 && !standIns.includes(label);
  });
}

/** Every word of a setting's label is one of what really differs from the common run. */
function checkNames(notebook, all, place) {
  const plans = checkOwnNames(notebook, all, place);
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
  assert.deepEqual(Object.keys(others).sort(), listNotebooks());
  for (const [notebook, values] of Object.entries(others))
    assert.deepEqual(Object.keys(values).sort(), [...new Set(parametersOf(notebook))].sort(), notebook);
});

for (const [notebook, values] of Object.entries(others)) {
  test(`${notebook}: runs to its end under the right names, whatever its parameters`, async () => {
    checkNames(notebook, (await run(notebook)).plans, notebook);
    const kept = new Map(records); // of the values in the notebook
    for (const [name, all] of Object.entries(values))
      for (const value of all) {
        const [text, refusal, says] = Array.isArray(value) ? value : [value.value ?? value, undefined, value.says];
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
        if (says) assert.match(JSON.stringify(claims), says, place);
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

test("01_threat_model: whoever is curious observes the mean gradient of the others", async () => {
  await run("01_threat_model", { config: federationWith("maliciouslyCuriousClient: 3, numClients: 4") });
  const [, error] = /client's gradient against the others' mean\s+(\S+)/.exec(shown.join("\n"));
  assert.ok(Number(error) < 1e-3, error);
});
