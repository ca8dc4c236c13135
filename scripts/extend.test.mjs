/**
 * @file One file and one line: a copy of the library gets one more of everything that has a registry, and type check, lint, the tests
 * that go over registries and a small run find it. The rules that README shows are taken from there.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";

await setup({ only: ["build"] });
const copy = at("build", `extend-${process.pid}`);
const inCopy = (...path) => join(copy, ...path);

/** The files of README that begin with their path. */
const recipes = [...readFileSync(at("README.md"), "utf8").matchAll(/```ts\n\/\/ (lib\/\S+)\n([^]*?)```/g)];

const others = {
  "lib/reconstruction/priors/negative.ts": `import { tf } from "../../core/backend";
import type { PriorRule } from "../prior";

/** The code is the image's negative. */
export const negative: PriorRule = {
  name: "negative",
  label: "negative",
  source: "an example",
  codes: "free",
  createDecoder: ({ inputShape }) => ({
    codeShape: inputShape,
    tensors: [],
    decode: (codes) => ({ images: tf.sub(1, codes), pull: (imagesGradient) => tf.neg(imagesGradient) }),
  }),
};
`,
  "lib/defense/preAggregators/doubling.ts": `import { checkedPreAggregation } from "../checked";

/** Every update twice as long. */
export const doubling = checkedPreAggregation({
  name: "doubling",
  label: "doubling",
  source: "an example",
  reads: [],
  transform: (updates) => ({
    updates: updates.map((update) => update.map((x) => 2 * x)),
    members: updates.map((_, r) => updates.map((__, i) => (i === r ? 2 : 0))),
  }),
  pullBack: "members",
});
`,
  "lib/defense/privacy/plainDp.ts": `import { clipToNorm } from "../../numerics/clip";
import { noiseStd, type Privacy } from "./privacy";

/** Clips whole updates, and adds noise. */
export const plainDp: Privacy = {
  name: "plainDp",
  label: "plain DP",
  unit: "update",
  source: "an example",
  clips: "update",
  clippings: ["norm"],
  noiseScales: ["clipNorm"],
  stream: "plain DP",
  protect(update, parameters, { batchSize }, rng) {
    const std = noiseStd(parameters, batchSize);
    return clipToNorm(update, parameters.clipNorm).map((x) => x + std * rng.normal());
  },
  stepNoise: noiseStd,
  released: (_, { rounds }) => ({ releases: rounds, reach: 1, inRelease: 1, addUp: false }),
};
`,
  "lib/model/architecture/tinyMlp.ts": `import { sequence } from "../layers/compose";
import { dense } from "../layers/dense";
import { flatten } from "../layers/shape";
import type { Architecture } from "../options";

/** Two dense layers. */
export const tinyMlp: Architecture = {
  name: "tinyMlp",
  label: "tiny MLP",
  source: "an example",
  build: (inputShape, numClasses) =>
    sequence(inputShape, [flatten, (shape) => dense(shape, 4), (shape) => dense(shape, numClasses)]),
};
`,
  "lib/data/dataset/halves.ts": `import type { EmbeddedSpec } from "../spec";

/** Images that are bright above or below. */
export const halves: EmbeddedSpec = {
  name: "halves",
  label: "halves",
  format: "embedded",
  inputShape: [1, 16, 16],
  numClasses: 2,
  classNames: ["above", "below"],
  source: "an example",
  licence: "none",
  trainCount: 200,
  testCount: 40,
  draw(count, rng) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    const isBright = (p: number): boolean => p % 256 >= 128 === (labels[Math.floor(p / 256)] === 1);
    return { pixels: Uint8Array.from({ length: 256 * count }, (_, p) => rng.integer(isBright(p) ? 256 : 64)), labels, count };
  },
};
`,
};

/** What each registry gets: a name, and the file that it comes from. */
const registries = {
  "lib/defense/aggregators.ts": ["midrange", "./aggregation/midrange"],
  "lib/defense/preAggregations.ts": ["doubling", "./preAggregators/doubling"],
  "lib/poisoning/poisonings.ts": ["halving", "./halving"],
  "lib/defense/privacies.ts": ["plainDp", "./privacy/plainDp"],
  "lib/reconstruction/priors.ts": ["negative", "./priors/negative"],
  "lib/model/architectures.ts": ["tinyMlp", "./architecture/tinyMlp"],
  "lib/data/datasets.ts": ["halves", "./dataset/halves"],
};

/** Puts the name behind the last one of the registry. */
function register(text, [name, module]) {
  const map = /,?(\s*)\} as const satisfies/;
  assert.match(text, map);
  const named = text.replace(map, (_, space) => `, ${name}${space}} as const satisfies`);
  return named.replace(/^(?=import )/m, `import { ${name} } from "${module}";\n`);
}

const environment = { ...process.env };
delete environment.NODE_TEST_CONTEXT; // with it, a runner within a runner runs nothing
const runIn = (cwd, ...args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    env: {
      ...environment,
      CURIOUS_PROFILE: "smoke",
      CURIOUS_STORE: inCopy("store"),
      CURIOUS_FIGURES: inCopy("figures"),
    },
  });
  return { ok: status === 0, output: stdout + stderr };
};
const run = (...args) => runIn(copy, ...args);
/** What a script prints as JSON on its last line, run with the library of a folder. */
const answerOf = (root, script) => {
  const library = `const load = (module) => require(${JSON.stringify(join(root, "lib", "dist"))} + "/" + module);`;
  const { ok, output } = runIn(root, "-e", library + script);
  assert.ok(ok, output);
  return JSON.parse(output.trim().split("\n").at(-1));
};

before(() => {
  mkdirSync(copy, { recursive: true });
  const own = (path) => !/[\\/]lib[\\/]node_modules/.test(path);
  for (const name of ["lib", "package.json", "tsconfig.json", "eslint.config.mjs"])
    cpSync(at(name), inCopy(name), { recursive: true, filter: own, verbatimSymlinks: true, preserveTimestamps: true });
  symlinkSync(at("node_modules"), inCopy("node_modules"));
  symlinkSync(at("lib", "node_modules"), inCopy("lib", "node_modules"));
  symlinkSync(at(".setup"), inCopy(".setup"));
  for (const [, path, text] of recipes) writeFileSync(inCopy(path), text);
  for (const [path, text] of Object.entries(others)) writeFileSync(inCopy(path), text);
  for (const [path, entry] of Object.entries(registries))
    writeFileSync(inCopy(path), register(readFileSync(inCopy(path), "utf8"), entry));
});
after(() => rmSync(copy, { recursive: true, force: true }));

test("README shows two recipes", () => {
  assert.deepEqual(
    recipes.map(([, path]) => path),
    ["lib/defense/aggregation/midrange.ts", "lib/poisoning/halving.ts"],
  );
});

test("one file and one line: the library still compiles and lints", () => {
  const types = run("node_modules/typescript/bin/tsc", "-p", "lib/tsconfig.json");
  assert.ok(types.ok, types.output);
  const files = [...recipes.map(([, path]) => path), ...Object.keys(others), ...Object.keys(registries)];
  const lint = run("node_modules/eslint/bin/eslint.js", "--max-warnings=0", ...files);
  assert.ok(lint.ok, lint.output);
});

test("one file and one line: the tests that go over registries know them", () => {
  const names = [
    "report/style",
    "experiment/settings",
    "defense/aggregators",
    "defense/privacy/privacy",
    "poisoning/poisonings",
    "fl/config",
    "reconstruction/view",
    "model/network",
    "data/source",
    "jobs/code",
  ];
  const tests = run("--test", ...names.map((name) => `lib/dist/${name}.test.js`));
  assert.match(tests.output, /^# pass [1-9]\d/m);
  assert.ok(tests.ok, tests.output.split("\n").filter((line) => /not ok|error:/.test(line)).join("\n")); // prettier-ignore
});

test("one file and one line: a setting with all of them runs, and goes by their labels", () => {
  const script = `
    const { commonPlan, planEach, measureSettings, setting, loadDataset, spent, styleOf, vary, defaultPrivacy } = load("index.js");
    (async () => {
      const base = commonPlan();
      const federation = { rounds: 1, evaluationImages: 10, numClients: 4, partition: "iid" };
      const attacker = { ...base.attacker, prior: "negative", through: "protocol", steps: 1, autoencoderSteps: 1 };
      const plan = { ...vary(base, federation), attacker, seeds: [1, 2], probeRounds: [0] };
      const acting = { poisoning: "halving", aggregator: "midrange", preAggregations: ["doubling"], privacy: "plainDp" };
      const all = setting({ ...acting, architecture: "tinyMlp", dataset: "halves" });
      const [{ study }] = await measureSettings(planEach(plan, [all]), await loadDataset("halves"));
      const { noiseMultiplier, steps } = spent("plainDp", defaultPrivacy, { rounds: 7, localSteps: 1, batchSize: 1, shardSizes: [9], dimension: 5 });
      const { effectiveParticipants, rmse } = study.runs[0].probe[0];
      console.log(JSON.stringify({ label: all.label, colour: styleOf(all).colour, seeds: study.runs.length, effectiveParticipants, rmse, noiseMultiplier, steps }));
    })();`;
  const { label, colour, rmse, ...numbers } = answerOf(copy, script);
  assert.equal(label, "halving + midrange + doubling + plain DP + tiny MLP + halves, κ = 0.5, σ = 3");
  assert.match(colour, /^#[0-9A-F]{6}$/);
  assert.ok(rmse > 0 && rmse < 1, `${rmse}`);
  assert.deepEqual(numbers, { seeds: 2, effectiveParticipants: 2, noiseMultiplier: 1.5, steps: 7 });
});

test("one file and one line: a new mechanism clips what its clients send", () => {
  const script = `
    const { defaultFederation, defaultPrivacy, loadDataset, train } = load("index.js");
    (async () => {
      const model = { dataset: "halves", architecture: "tinyMlp", partition: "iid", numClients: 2, rounds: 1, evaluationImages: 10 };
      const privacyParameters = { ...defaultPrivacy, clipNorm: 1e-3, noiseMultiplier: 0 };
      const lengths = [];
      for (const privacy of ["none", "plainDp"]) {
        const config = { ...defaultFederation, ...model, privacy, privacyParameters };
        const [{ weights: before }, { weights: after }] = await train(config, await loadDataset("halves"));
        lengths.push(Math.hypot(...before.map((w, i) => (w - after[i]) / config.learningRate)));
      }
      console.log(JSON.stringify(lengths));
    })();`;
  const [open, clipped] = answerOf(copy, script);
  assert.ok(open > 0.01 && clipped > 0 && clipped < 1.01e-3, `${open}, ${clipped}`);
});

test("one file and one line: what is stored stays: each job, of each kind, has the key that it had", () => {
  const registryOf = {
    aggregator: "defense/aggregators",
    preAggregations: "defense/preAggregations",
    poisoning: "poisoning/poisonings",
    privacy: "defense/privacies",
    architecture: "model/architectures",
    dataset: "data/datasets",
  };
  const changes = answerOf(
    at(),
    `const changesOf = ([field, module]) =>
      Object.keys(Object.values(load(module))[0]).map((name) => ({ [field]: field === "preAggregations" ? [name] : name }));
    console.log(JSON.stringify(Object.entries(${JSON.stringify(registryOf)}).flatMap(changesOf)));`,
  );
  const script = `
    const { commonPlan, vary } = load("index.js");
    const { workshop } = load("experiment/workshop");
    const [{ makeJob }, { runOf }, { keyOf }] = [load("jobs/kind"), load("jobs/job"), load("jobs/store")];
    const common = { dataset: { name: "strokes", hash: "0" }, backend: "none", force: false };
    console.log(JSON.stringify(${JSON.stringify(changes)}.flatMap((change) =>
      workshop.kinds.map((kind) => keyOf(runOf(makeJob(kind, vary(commonPlan(), change), common)))))));`;
  const [before, after] = [answerOf(at(), script), answerOf(copy, script)];
  assert.ok(new Set(before).size > 200, `${new Set(before).size} keys`);
  assert.deepEqual(after, before);
});
