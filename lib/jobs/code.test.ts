import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { projectRoot } from "../core/paths";
import { codeOf, hashCode, registries, type Library } from "./code";
import { readLibrary } from "./store";

/** A library as it is compiled, small: a federated loop with a registry of three rules. */
const modules: Readonly<Record<string, string>> = {
  "experiment/measure": 'const train_1 = require("../fl/train"); exports.measure = () => (0, train_1.train)();',
  "jobs/store": "exports.computeOnce = 1;",
  "experiment/leakage": 'require("./measure"); require("../jobs/store");',
  "fl/train":
    'require("node:fs"); require("../defense/aggregators"); exports.train = () => import("pure-rand/generator");',
  "defense/aggregators":
    'exports.aggregators = { mean: require("./aggregation/mean"), median: require("./aggregation/median") };',
  "defense/aggregation/mean": 'require("../../core/errors"); exports.mean = "mean";',
  "defense/aggregation/median": 'require("../../core/errors"); exports.median = "median";',
  "defense/aggregation/krum": 'const mean = require("./mean"); require("@scope/sort/fast"); exports.krum = mean;',
  "core/errors": "exports.refuse = 1;",
};
const withKrum = {
  "defense/aggregators":
    'exports.aggregators = { mean: require("./aggregation/mean"), median: require("./aggregation/median"), krum: require("./aggregation/krum") };',
};
const library = (change: Readonly<Record<string, string>> = {}, version = "1.0.0"): Library => ({
  modules: new Map(Object.entries({ ...modules, ...withKrum, ...change })),
  versionOf: (name) => `${name.length}-${version}`,
});
const rules = ["mean", "median", "krum"] as const;
/** The hash of a run under each rule. */
const hashes = (of: Library): string[] =>
  rules.map((aggregator) => hashCode("experiment/measure", JSON.stringify({ seed: 1, fl: { aggregator } }), of));
/** Which runs have to be computed again after a change. */
function changed(change: Readonly<Record<string, string>>, from: Library = library()): string[] {
  const [before, after] = [hashes(from), hashes(library(change))];
  return rules.filter((_, i) => before[i] !== after[i]);
}
/** The text of a module with something more in it. */
const edited = (name: string): Record<string, string> => ({
  [name]: `${{ ...modules, ...withKrum }[name]!} exports.more = 2;`,
});

test("codeOf: is what the entry reaches, with the config's rule and what that imports, and packages with their version", () => {
  const reached = codeOf("experiment/measure", '{"aggregator":"krum"}', library());
  const names = [...reached.keys()];
  const shared = [
    "core/errors",
    "defense/aggregation/krum",
    "defense/aggregation/mean",
    "experiment/measure",
    "fl/train",
    "pure-rand",
  ];
  assert.deepEqual(names, ["@scope/sort", ...shared]);
  assert.equal(reached.get("@scope/sort"), "11-1.0.0");
  assert.equal(reached.get("pure-rand"), "9-1.0.0");
  assert.match(reached.get("fl/train")!, /^[0-9a-f]{64}$/);
});

test("hashCode: changes for runs with a rule, and no others, when the rule is edited", () => {
  assert.equal(new Set(hashes(library())).size, 3);
  assert.deepEqual(changed(edited("defense/aggregation/krum")), ["krum"]);
  assert.deepEqual(changed(edited("defense/aggregation/median")), ["median"]);
});

test("hashCode: changes for runs with a rule that imports the edited one", () => {
  assert.deepEqual(changed(edited("defense/aggregation/mean")), ["mean", "krum"]);
});

test("hashCode: changes for all runs when shared code is edited", () => {
  assert.deepEqual(changed(edited("core/errors")), rules);
  assert.deepEqual(changed(edited("fl/train")), rules);
  assert.deepEqual(changed(edited("experiment/measure")), rules);
});

test("hashCode: stays when a rule is added, and when code is edited that the entry does not reach", () => {
  const without = library({ "defense/aggregators": modules["defense/aggregators"]! });
  assert.deepEqual(changed({}, without), ["krum"]); // which could not run before
  assert.deepEqual(changed(edited("jobs/store")), []);
  assert.deepEqual(changed(edited("experiment/leakage")), []);
});

test("hashCode: changes for the runs that use a package when its version does", () => {
  const [before, after] = [hashes(library()), hashes(library({}, "1.0.1"))];
  rules.forEach((_, i) => assert.notEqual(after[i], before[i]));
  const onlySort = {
    ...library(),
    versionOf: (name: string) => (name === "@scope/sort" ? "2" : library().versionOf(name)),
  };
  assert.deepEqual(
    hashes(onlySort).map((hash, i) => hash !== before[i]),
    [false, false, true],
  );
});

test("hashCode: stays when comments and line breaks change, not when strings do that look like them", () => {
  const text = 'exports.mean = (a, b) => a + b / 2; exports.name = "mean // of two"; exports.form = `/* ${1} */`;';
  const base = library({ "defense/aggregation/mean": text });
  const layout = `/** The mean. */\n${text.replace("; ", ";\n  // then\n  ").replace("a + b", "a /* half */ + b")}\n`;
  assert.deepEqual(changed({ "defense/aggregation/mean": layout }, base), []);
  for (const other of [text.replace("// of", "//  of"), text.replace("/* $", "/*  $"), text.replace("b / 2", "b")]) {
    assert.deepEqual(changed({ "defense/aggregation/mean": other }, base), ["mean", "krum"]);
  }
});

test("hashCode: takes no module for another whose tokens join to the same text", () => {
  const one = library({ "defense/aggregation/mean": "f(1, 2);" });
  assert.deepEqual(changed({ "defense/aggregation/mean": "f(12);" }, one), ["mean", "krum"]);
});

test("codeOf: refuses an entry, or a module on the way, that is not in the library", () => {
  const message = (name: string): object => ({
    name: "InputError",
    message: `computeOnce: needs code that is a module of the library, got ${name}`,
  });
  assert.throws(() => codeOf("fl/trian", "{}", library()), message("fl/trian"));
  assert.throws(() => codeOf("a", "{}", library({ a: 'require("./b");' })), message("b"));
});

const dist = readLibrary(join(projectRoot, "lib", "dist"));

test("codeOf: reaches what a leak is measured with, and neither store, pool nor report", () => {
  const names = [...codeOf("experiment/measure", '{"aggregator":"mean"}', dist).keys()];
  for (const name of [
    "fl/train",
    "defense/aggregation/mean",
    "reconstruction/invert",
    "metrics/leak",
    "@tensorflow/tfjs-node",
  ]) {
    assert.ok(names.includes(name), name);
  }
  const apart = names.filter((name) =>
    /^report\/|^jobs\/|^index$|^experiment\/(?!measure$|ownAutoencoder$)/.test(name),
  );
  assert.deepEqual(apart, []);
  assert.ok(![...codeOf("experiment/ownAutoencoder", "{}", dist).keys()].includes("reconstruction/invert"));
});

test("codeOf: leaves out what describes the datasets: a further one changes no run", () => {
  const reached = [...codeOf("experiment/measure", "{}", dist).keys()];
  assert.ok(dist.modules.get("fl/config")!.includes('require("../data/datasets")'));
  assert.ok(reached.includes("fl/config") && !reached.includes("data/datasets"));
});

test("codeOf: has of the rules, mechanisms and architectures those that the config names, and no accountant", () => {
  const ofRegistries = (config: object): string[] =>
    [...codeOf("experiment/measure", JSON.stringify(config), dist).keys()].filter((name) =>
      /^(poisoning|defense|model)\/(aggregation|preAggregators|privacy|architecture)\/|^poisoning\/|accountant/.test(
        name,
      ),
    );
  const always = [
    "defense/aggregation/mean",
    "defense/privacy/checkPrivacy",
    "defense/privacy/privacy",
    "poisoning/poisoning",
  ];
  assert.deepEqual(
    ofRegistries({ privacy: "none" }).filter((name) => !always.includes(name)),
    [],
  );
  const named = ofRegistries({ privacy: "localDp", aggregator: "median", architecture: "mlp" }).filter(
    (name) => !always.includes(name),
  );
  assert.deepEqual(named, ["defense/aggregation/median", "defense/privacy/localDp", "model/architecture/mlp"]);
});

test("registries: hold nothing but rules, each under its own name and that of its file", () => {
  for (const name of registries) {
    const exported = require(join(projectRoot, "lib", "dist", name)) as Record<string, Record<string, object>>;
    const [rules, ...others] = Object.values(exported);
    assert.deepEqual(others, [], `${name} exports its registry and nothing else`);
    const folder = name.split("/")[0]!;
    const siblings = [...dist.modules.get(name)!.matchAll(/require\("\.\/(?:\w+\/)?(\w+)"\)/g)].map(
      ([, file]) => file!,
    );
    assert.deepEqual(Object.keys(rules!).sort(), siblings.sort(), `one rule a file in ${folder}/`);
    for (const [key, rule] of Object.entries(rules!)) {
      const path = [...dist.modules.keys()].find((at) => at.startsWith(`${folder}/`) && at.endsWith(`/${key}`))!;
      const file = require(join(projectRoot, "lib", "dist", path)) as Record<string, object>;
      assert.ok(Object.values(file).includes(rule), `${name}: ${key} is an export of its file`);
      assert.equal((rule as { readonly name?: string }).name, key);
    }
  }
});
