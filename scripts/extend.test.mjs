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
  "lib/model/tinyMlp.ts": `import type { Shape } from "../core/types";
import { sequence } from "./layers/compose";
import { dense } from "./layers/dense";
import { flatten } from "./layers/shape";
import { createNetwork, type Network } from "./network";

/** Two dense layers. */
export function tinyMlp(inputShape: Shape, numClasses: number): Network {
  return createNetwork("tinyMlp", sequence(inputShape, [flatten, (shape) => dense(shape, 4), (shape) => dense(shape, numClasses)]));
}
`,
};

/** What each registry gets: an import and a name, or an entry. */
const registries = {
  "lib/defense/aggregators.ts": ["midrange", "./aggregation/midrange"],
  "lib/poisoning/poisonings.ts": ["halving", "./halving"],
  "lib/defense/preAggregations.ts": ["doubling", "./preAggregators/doubling"],
  "lib/model/architectures.ts": ["tinyMlp", "./tinyMlp"],
};
const dataset = `  letters: {
    format: "idx",
    inputShape: [1, 28, 28],
    numClasses: 2,
    classNames: ["a", "b"],
    source: "an example",
    licence: "none",
    folder: "letters",
    mirrors: [],
    files: [],
  },
`;

/** Puts the name behind the last one of the registry. */
function register(text, [name, module]) {
  const map = /,?(\s*)\} as const satisfies/;
  assert.match(text, map);
  const named = text.replace(map, (_, space) => `, ${name}${space}} as const satisfies`);
  return named.replace(/^(?=import )/m, `import { ${name} } from "${module}";\n`);
}

const environment = { ...process.env };
delete environment.NODE_TEST_CONTEXT; // with it, a runner within a runner runs nothing
const run = (...args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
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
  const datasets = inCopy("lib", "data", "datasets.ts");
  writeFileSync(datasets, readFileSync(datasets, "utf8").replace("  strokes: {\n", `${dataset}  strokes: {\n`));
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
    "poisoning/poisonings",
    "fl/config",
    "model/network",
    "data/source",
  ];
  const tests = run("--test", ...names.map((name) => `lib/dist/${name}.test.js`));
  assert.match(tests.output, /^# pass [1-9]\d/m);
  assert.ok(tests.ok, tests.output.split("\n").filter((line) => /not ok|error:/.test(line)).join("\n")); // prettier-ignore
});

test("one file and one line: a setting with all of them runs, and goes by their labels", () => {
  const script = `
    const { commonPlan, planEach, measureSettings, setting, loadDataset, styleOf, vary } = require(${JSON.stringify(inCopy("lib", "dist", "index.js"))});
    (async () => {
      const base = commonPlan();
      const federation = { dataset: "strokes", architecture: "tinyMlp", rounds: 1, evaluationImages: 10, numClients: 4 };
      const attacker = { ...base.attacker, prior: "pixel", steps: 1, autoencoderSteps: 1 };
      const plan = { ...vary(base, federation), attacker, seeds: [1, 2], probeRounds: [0] };
      const all = setting({ poisoning: "halving", aggregator: "midrange", preAggregations: ["doubling"] });
      const [{ study }] = await measureSettings(planEach(plan, [all]), await loadDataset("strokes"));
      const letters = setting({ dataset: "letters", architecture: "tinyMlp" });
      console.log(JSON.stringify([all.label, styleOf(all).colour, letters.label, study.runs.length, study.runs[0].probe[0].effectiveParticipants]));
    })();`;
  const { ok, output } = run("-e", script);
  assert.ok(ok, output);
  const [label, colour, letters, seeds, effectiveParticipants] = JSON.parse(output.trim().split("\n").at(-1));
  assert.equal(label, "halving + midrange + doubling, κ = 0.5");
  assert.match(colour, /^#[0-9A-F]{6}$/);
  assert.equal(letters, "tinyMlp + letters");
  assert.deepEqual([seeds, effectiveParticipants], [2, 2]);
});
