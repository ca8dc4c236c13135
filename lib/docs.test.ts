/** @file Docstrings: every exported function has a line, those of the barrel an example, and what an example says is true. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { inspect, isDeepStrictEqual } from "node:util";
import { runInThisContext } from "node:vm";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { z } from "zod";
import { backendReady } from "./core/backend";
import { audit } from "./audit/audit";
import { readSpec } from "./audit/spec";
import { projectRoot } from "./core/paths";
import { createRng } from "./core/rng";
import type { Dataset } from "./core/types";
import { batchOf } from "./data/batch";
import { drawStrokes } from "./data/strokes";
import { runOf } from "./jobs/job";
import { measureLeakage, seedJobs } from "./experiment/studies";
import { workshop } from "./experiment/workshop";
import type { LeakagePlan } from "./experiment/measure";
import { keyOf } from "./jobs/store";
import { defaultFederation, type FederationConfig } from "./fl/config";
import { maskUpdates } from "./fl/secureAggregation";
import { setUp } from "./fl/federation";
import { train, type RoundRecord } from "./fl/train";
import { trainAutoencoders } from "./model/autoencoder";
import { stackImages, stackTargets, stackVectors, unpackWeights } from "./model/stack";
import { observe } from "./reconstruction/observe";
import { decide } from "./report/claims";
import { progressBar } from "./report/progressBar";

/** Examples are shown, not run, when they hold one of these. */
const notRun: Readonly<Record<string, string>> = {
  "openPool(": "starts child processes; pool.test.ts does",
  "runOnRedis(": "needs a Redis; sweep.test.ts starts one",
  "serveRedis(": "as runOnRedis",
  "runKernel(": "is of the native backend alone; ops.test.ts and convolution.test.ts use it",
  "showFigure(": "writes into build/",
  "showLines(": "writes into build/",
  "showImages(": "writes into build/",
  "showForest(": "writes into build/",
  "showHeatmap(": "writes into build/",
  "writeRecord(": "writes into build/",
};

/** An exported declaration with its docstring taken apart. */
interface Documented {
  readonly name: string;
  readonly isFunction: boolean;
  readonly parameters: readonly (string | null)[]; // null: taken apart in the signature, so any name will do
  readonly summary: string | null; // null: no docstring
  readonly tags: readonly { readonly name: string; readonly text: string }[]; // @param's text begins with the parameter's name
}

/** The exported functions and constants of a source file. */
function documentedIn(file: string, text: string): Documented[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found: Documented[] = [];
  const add = (node: ts.Node, name: ts.Node | undefined, parameters?: readonly ts.ParameterDeclaration[]): void => {
    const doc = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
    const tags = (doc?.tags ?? []).map((tag) => {
      const comment = ts.getTextOfJSDocComment(tag.comment) ?? "";
      return {
        name: tag.tagName.text,
        text: ts.isJSDocParameterTag(tag) ? `${tag.name.getText()} ${comment}` : comment,
      };
    });
    found.push({
      name: name?.getText() ?? "default",
      isFunction: parameters !== undefined,
      parameters: (parameters ?? []).map(({ name }) => (ts.isIdentifier(name) ? name.text : null)),
      summary: doc === undefined ? null : (ts.getTextOfJSDocComment(doc.comment) ?? ""),
      tags,
    });
  };
  for (const statement of source.statements) {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) continue;
    if (ts.isFunctionDeclaration(statement)) add(statement, statement.name, statement.parameters);
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      const isFunction =
        initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer));
      add(statement, name, isFunction ? initializer.parameters : undefined);
    }
  }
  return found;
}

const order = ["param", "returns", "throws", "example", "source"];

/** What a docstring lacks, one line each. A function of the barrel needs an example; a line does for the others. */
function faultsOf({ name, isFunction, parameters, summary, tags }: Documented, isPublic = true): string[] {
  if (summary === null) return [`${name}: no docstring`];
  const faults: string[] = [];
  if (isFunction && summary.trim() === "") faults.push(`${name}: no line that says what it does`);
  if (isFunction && isPublic && !tags.some((tag) => tag.name === "example")) faults.push(`${name}: no @example`);
  const places = tags.map((tag) => order.indexOf(tag.name));
  tags.forEach((tag, i) => {
    if (places[i] === -1) faults.push(`${name}: @${tag.name} is not one of ${order.join(", ")}`);
    else if (i > 0 && places[i]! < places[i - 1]!) faults.push(`${name}: @${tag.name} after @${tags[i - 1]!.name}`);
    if (tag.text.trim() === "") faults.push(`${name}: nothing after @${tag.name}`);
  });
  let at = 0; // parameters are documented in their order; a few may be left out
  for (const tag of tags.filter((tag) => tag.name === "param" && isFunction)) {
    const documented = tag.text.split(/[\s.]/)[0]!;
    while (at < parameters.length && parameters[at] !== null && parameters[at] !== documented) at++;
    if (at === parameters.length) faults.push(`${name}: @param ${documented} is no parameter, or out of order`);
    else if (!/^\w+\./.test(tag.text)) at++; // options.update belongs to options
  }
  return faults;
}

/** An exported record, other type or class; of a record its fields without a docstring, which an editor would show bare. */
interface DocumentedType {
  readonly name: string;
  readonly bare: readonly string[];
}

/** The exported interfaces, types and classes of a source file. */
function typesIn(file: string, text: string): DocumentedType[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  return source.statements.flatMap((statement) => {
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    if (!isType && !ts.isClassDeclaration(statement)) return [];
    if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const record = ts.isTypeAliasDeclaration(statement) ? statement.type : statement;
    const fields = ts.isInterfaceDeclaration(record) || ts.isTypeLiteralNode(record) ? [...record.members] : [];
    const bare = fields.filter((field) => !ts.getJSDocCommentsAndTags(field).some(ts.isJSDoc));
    return [
      { name: statement.name?.text ?? "default", bare: bare.map((field) => field.name?.getText() ?? field.getText()) },
    ];
  });
}

/** The helpers of a source file, of ten lines or more, over which no line says what they do. */
function bareHelpersIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const isLong = (node: ts.Node): boolean => node.getText().split("\n").length >= 10;
  const nameOf = (node: ts.FunctionDeclaration): string => node.name?.text ?? "default";
  const all = source.statements.filter(ts.isFunctionDeclaration);
  const said = new Set(all.filter((node) => ts.getJSDocCommentsAndTags(node).some(ts.isJSDoc)).map(nameOf)); // of overloads one
  return all.filter((node) => isLong(node) && !said.has(nameOf(node))).map(nameOf);
}

/** The types that a reader of the barrel meets: those it names, and those that the parameters of its functions name. */
function typesMet(barrel: ReadonlySet<string>): Set<string> {
  const met = new Set(barrel);
  const collect = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) met.add(node.typeName.getText());
    ts.forEachChild(node, collect);
  };
  for (const { file, text } of modules) {
    for (const statement of ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true).statements)
      if (ts.isFunctionDeclaration(statement) && barrel.has(statement.name?.text ?? ""))
        statement.parameters.forEach(collect);
  }
  return met;
}

/** What stands after @example; "" when there is none. */
function exampleOf({ tags }: Documented): string {
  const examples = tags.filter(({ name }) => name === "example");
  return examples.map(({ text }) => text).join("\n");
}

/** A statement of an example, and what stands in the comment after it. */
interface Step {
  readonly code: string;
  readonly isExpression: boolean;
  readonly comment: string; // "" for none
}

/** The statements of an example. */
function stepsOf(example: string): Step[] {
  const source = ts.createSourceFile("example.ts", example, ts.ScriptTarget.ES2022, true);
  return source.statements.map((statement, i) => {
    const behind = example.slice(statement.end, source.statements[i + 1]?.getStart() ?? example.length);
    return {
      code: statement.getText(),
      isExpression: ts.isExpressionStatement(statement),
      comment: behind.replace(/^\s*\/\/ ?/gm, "").trim(),
    };
  });
}

/**
 * Runs an example: declarations as they stand; of `expression; // value` it compares the two. A value ends at "; ", behind which
 * words may follow. It is an expression itself, in which "…" at the end of a string stands for any ending, and a fraction for
 * what rounds to it, to three digits at least; or "throws", perhaps with the beginning of the message.
 */
async function runExample(example: string, scope: Readonly<Record<string, unknown>>): Promise<void> {
  const steps = stepsOf(example);
  const lines = steps.map(({ code, isExpression, comment }, i) => {
    if (!isExpression || comment === "") return code;
    const expected = comment.startsWith("throws")
      ? comment.slice("throws".length).trim() || '"…"'
      : comment.split("; ")[0]!;
    const value = expected.replace(/^(\w+Array) \[/, "$1.of(").replace(/^(\w+Array\.of\(.*)\]$/s, "$1)");
    return `await __check(${i}, async () => (${code.replace(/;$/, "")}), async () => (${value}));`;
  });
  const __check = async (
    i: number,
    actual: () => Promise<unknown>,
    expected: () => Promise<unknown>,
  ): Promise<void> => {
    const { code, comment } = steps[i]!;
    const wanted = await expected();
    if (comment.startsWith("throws")) {
      await assert.rejects(
        actual,
        (error: Error) => isAsSaid(error.message, wanted),
        `${code} does not throw ${comment}`,
      );
      return;
    }
    const value = await actual();
    assert.ok(isAsSaid(value, wanted), `${code} gives ${inspect(value)}, not ${comment}`);
  };
  // A block of its own, so an example may use a name of the scope for something else.
  const names = Object.keys({ ...scope, __check }).join(", ");
  const code = `(async ({ ${names} }) => { {\n${lines.join("\n")}\n} })`;
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, removeComments: true },
  });
  const run = compile(outputText, example);
  await run({ ...scope, __check });
}

function compile(code: string, example: string): (scope: object) => Promise<void> {
  try {
    return runInThisContext(code) as (scope: object) => Promise<void>;
  } catch (error) {
    assert.fail(`needs code with values in its comments, got ${(error as Error).message} in\n${example}`);
  }
}

/** Whether a value is what an example says. Typed arrays equal lists unless the example names their type. */
function isAsSaid(value: unknown, said: unknown): boolean {
  if (typeof said === "string" && said.endsWith("…")) {
    return typeof value === "string" && value.startsWith(said.slice(0, -1));
  }
  if (typeof said === "number" && typeof value === "number" && !Number.isInteger(said) && Number.isFinite(said)) {
    const text = String(said);
    const digits = text.includes("e") ? 20 : Math.max(3, text.split(".")[1]!.length);
    return Math.abs(value - said) <= 0.5 * 10 ** -digits;
  }
  if (ArrayBuffer.isView(said)) {
    const sameType = Object.getPrototypeOf(said) === Object.getPrototypeOf(value);
    return sameType && isAsSaid([...(value as Float32Array)], [...(said as Float32Array)]);
  }
  if (Array.isArray(said)) {
    const list = ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
    return Array.isArray(list) && list.length === said.length && said.every((entry, i) => isAsSaid(list[i], entry));
  }
  if (typeof said === "object" && said !== null) {
    if (typeof value !== "object" || value === null) return false;
    const [has, wants] = [Object.keys(value).sort(), Object.keys(said).sort()];
    const inner = (key: string): [unknown, unknown] => [value[key as keyof object], said[key as keyof object]];
    return isDeepStrictEqual(has, wants) && wants.every((key) => isAsSaid(...inner(key)));
  }
  return value === said || Object.is(value, said); // -0 is 0, NaN is NaN
}

/** What examples may use besides the library: an experiment as small as it can be, and its parts. */
async function createFixtures(): Promise<Record<string, unknown>> {
  const [training, test] = [drawStrokes(300, createRng("train")), drawStrokes(30, createRng("test"))];
  const shape = { inputShape: [1, 28, 28], numClasses: 10, classNames: [..."0123456789"] } as const;
  const dataset: Dataset = {
    name: "strokes",
    source: "embedded",
    hash: "0".repeat(64),
    ...shape,
    train: training,
    test,
  };
  const small = { architecture: "mlp", partition: "iid", numClients: 3, rounds: 2, evaluationImages: 30 } as const;
  const config: FederationConfig = { ...defaultFederation, dataset: "strokes", ...small };
  const federation = setUp(config, dataset);
  const { network, partition } = federation;
  const records = await train(config, dataset);
  const [{ weights, batches }] = records as [RoundRecord];
  const batch = batches[1]![0]!;
  const own = batchOf(dataset.train, partition.clients[0]!);
  const [autoencoder] = await trainAutoencoders([own], dataset.inputShape, createRng(1), { steps: 1 });
  const plan: LeakagePlan = {
    federation: config,
    attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 1, steps: 2 },
    seeds: [1, 2],
    probeRounds: [0, 1],
    probeBatchSize: 1,
    trajectoryRounds: [0],
  };
  const { study } = await measureLeakage({ study: plan }, dataset);
  const claim = { id: "C1", statement: "images leak", threshold: 0, direction: "above", unit: "nats" } as const;
  const c1 = decide({ ...claim, estimate: { mean: 0.05, interval: [0.03, 0.07], n: 3 } }, "quick");
  const said = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
  const brief = { ...said.attacker.options, steps: 2, restarts: 1, retryAbove: 1 };
  const audited = await audit({ ...said, attacker: { ...said.attacker, options: brief, priors: [] } });
  const made = mkdtempSync(join(tmpdir(), "curious-docs-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  const updates = [Float32Array.of(1, 2), Float32Array.of(3, 5)];
  const job = seedJobs(plan, { dataset, backend: await backendReady(), force: false })[0]!;
  const tasks = [{ key: keyOf(runOf(job)), job }];
  const experiment = {
    dataset,
    config,
    federation,
    records,
    network,
    weights,
    batch,
    own,
    autoencoder,
    plan,
    job,
    tasks,
    study,
  };
  return {
    ...experiment,
    rng: createRng(1),
    image: batch.images,
    view: observe(records[0]!, records[1]!, config, dataset),
    leak: study.runs[0]!.probe[0],
    stacked: {
      weights: unpackWeights(network.layer, stackVectors([weights])),
      images: stackImages([batch.images], network.inputShape),
      targets: stackTargets([batch.labels], network.numClasses),
    },
    ...{ audited, made },
    updates,
    masked: maskUpdates(updates, createRng(1)),
    run: { kind: "run", code: "fl/train", config: 1, datasetHash: "" },
    compute: () => Promise.resolve(1),
    kinds: workshop.kinds,
    follow: () => undefined,
    listen: () => Promise.resolve([0.2, 0.3]),
    bar: progressBar("example"),
    stamp: { dataset: "mnist", datasetSource: "folder", backend: "wasm", profile: "quick", seeds: [1] },
    ...{ c1, c2: c1, c3: c1 },
    ...{ join, gzipSync, z }, // of Node and zod
  };
}

function exportsOf(file: string): Record<string, unknown> {
  return require(join(__dirname, file.replace(/\.ts$/, ".js"))) as Record<string, unknown>;
}

const root = join(projectRoot, "lib");
const modules = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts") && !/^(dist|node_modules)\/|\.(test|fixture|d)\.ts$|^index\.ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }))
  .map(({ file, text }) => ({ file, text, documented: documentedIn(file, text), types: typesIn(file, text) }));

/** The names that `export { … } from` lines give, types too; of a namespace its own. */
function namesGiven(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.ES2022, true);
  return source.statements.flatMap((statement) => {
    const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
    if (clause === undefined) return [];
    return ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.getText()) : [clause.name.getText()];
  });
}

test("faultsOf: finds each fault when docstrings are made up to have them", () => {
  const faults = (text: string, isPublic = true): string[] =>
    documentedIn("x.ts", text).flatMap((one) => faultsOf(one, isPublic));
  const doc = (...tags: string[]): string => `/**\n * Doubles.\n *\n${tags.map((tag) => ` * ${tag}\n`).join("")} */\n`;
  const f = "export function f(a: number, { b }: Options): number { return a * b; }";
  const cases: readonly [text: string, expected: readonly string[]][] = [
    [f, ["f: no docstring"]],
    [`/** Doubles. */\n${f}`, ["f: no @example"]],
    [`/** @example f(1) */\n${f}`, ["f: no line that says what it does"]],
    [`/** Doubles. */\nexport const f = (a: number) => 2 * a;`, ["f: no @example"]],
    [doc("@param c x", "@param d y", "@example", "f(1)") + f, ["f: @param d is no parameter, or out of order"]],
    [doc("@param options x", "@param a y", "@example", "f(1)") + f, ["f: @param a is no parameter, or out of order"]],
    [doc("@example", "f(1)", "@returns twice") + f, ["f: @returns after @example"]],
    [doc("@returns", "@example", "f(1)") + f, ["f: nothing after @returns"]],
    [
      doc("@see", "@example", "f(1)") + f,
      ["f: @see is not one of param, returns, throws, example, source", "f: nothing after @see"],
    ],
    [doc("@param a x", "@param options.b y", "@param options.c z", "@example", "f(1)") + f, []],
    [`${doc("@example", "f(1)")}export const f = (a: number) => 2 * a;`, []],
    [`export const f = (a: number) => 2 * a;`, ["f: no docstring"]],
    [`/** Two. */\nexport const two = 2;\nfunction hidden() {}\nexport interface I {}`, []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(faults(text), expected, text);
  assert.deepEqual(faults(`/** Doubles. */\n${f}`, false), []);
  assert.deepEqual(faults(f, false), ["f: no docstring"]);
  assert.deepEqual(faults(doc("@param c x", "@param d y") + f, false), [
    "f: @param d is no parameter, or out of order",
  ]);
});

/** The names that notebooks can import; of a namespace those inside it. */
const barrel = new Set(
  Object.entries(exportsOf("index.ts")).flatMap(([name, value]) =>
    (value as { __esModule?: true } | undefined)?.__esModule ? [name, ...Object.keys(value as object)] : [name],
  ),
);

test("runExample: fails when a value is not what the comment says", async () => {
  const scope = { half: (x: number) => x / 2, refuse: () => assert.fail("half: needs more") };
  const good = [
    "half(3); // 1.5",
    "half(1 / 3); // 0.167; a sixth",
    "const x = half(4);\nx; // half(4)",
    "[half(2)];\n// [1]",
    "await Promise.resolve(half(8)); // 4",
    "({ a: half(2), b: Float32Array.of(1) }); // { a: 1, b: [1] }",
    "Uint8Array.of(9, 8); // Uint8Array [9, 8]",
    '"version 2.18"; // "version …"',
    'refuse(); // throws "half: needs…"',
    "refuse(); // throws",
    "half(3); // 1.5\nhalf(1) as number; // 0.5",
    "NaN; // NaN",
  ];
  for (const example of good) await runExample(example, scope);
  const bad = [
    "half(3); // 1.4",
    "half(1e-7); // 4e-8",
    "half(1 / 3); // 0.166",
    "const x = half(4);\nx; // 3",
    "half(4); // half(5)",
    "[half(2)]; // [1, 2]",
    "({ a: 1, b: 2 }); // { a: 1 }",
    "Uint8Array.of(9, 8); // Float32Array [9, 8]",
    '"version 2.18"; // "wersion …"',
    "half(2); // throws",
    'refuse(); // throws "half: needs less…"',
    "half(3); // 1.5\nhalf(1); // 0.6",
    "half(3); // one and a half",
    "missing(3);",
  ];
  for (const example of bad) await assert.rejects(runExample(example, scope), example);
});

test("library: every exported function has a docstring, those of the barrel with an example, its parts in order", () => {
  assert.ok(modules.length > 50 && barrel.has("train"), "the sources were not found");
  const found = modules.flatMap(({ file, documented }) =>
    documented.flatMap((one) => faultsOf(one, barrel.has(one.name))).map((fault) => `${file}: ${fault}`),
  );
  assert.deepEqual(found, []);
});

test("library: every reason not to run an example is still needed", () => {
  const examples = modules.flatMap(({ documented }) => documented.map(exampleOf));
  const unused = Object.keys(notRun).filter((sign) => !examples.some((example) => example.includes(sign)));
  assert.deepEqual(unused, []);
});

test("typesIn: finds fields without a docstring, of records alone", () => {
  const cases: readonly [text: string, bare: readonly string[]][] = [
    ["export interface A { a: number;\n/** B. */ b: number; c?(): void }", ["a", "c"]],
    ["export interface A extends B { /* no */ a: number; // nor this\n }", ["a"]],
    ["export type A = {\n/** A. */ readonly a: 1; readonly b: 2 };", ["b"]],
    ["export type A = 1 | 2;", []],
    ["export class A extends Error {}", []],
  ];
  for (const [text, bare] of cases) assert.deepEqual(typesIn("x.ts", text), [{ name: "A", bare }], text);
  assert.deepEqual(typesIn("x.ts", "interface A { a: number }"), []);
});

test("library: every field of a record that the barrel gives, or that its functions take, is described", () => {
  const met = typesMet(new Set([...namesGiven("index.ts"), ...barrel]));
  const found = modules.flatMap(({ file, types }) => types.map((type) => ({ file, ...type })));
  const reached = found.filter(({ name }) => met.has(name));
  assert.ok(reached.some(({ name }) => name === "FederationConfig") && reached.length > 40, String(reached.length));
  assert.deepEqual(
    reached.flatMap(({ file, name, bare }) => bare.map((field) => `${file}: ${name}.${field}`)),
    [],
  );
});

test("library: over every helper of ten lines or more a line says what it does", () => {
  const long = (doc: string): string => `${doc}function f() {${"\n".repeat(9)}}`;
  assert.deepEqual(["", "// F.\n", "/** F. */\n"].map((doc) => bareHelpersIn("x.ts", long(doc)).length), [1, 1, 0]); // prettier-ignore
  assert.deepEqual(bareHelpersIn("x.ts", "function f() {}"), []);
  assert.deepEqual(
    modules.flatMap(({ file, text }) => bareHelpersIn(file, text).map((name) => `${file}: ${name}`)),
    [],
  );
});

test("library: no two files export one name, be it a type's", () => {
  const filesOf = new Map<string, string[]>();
  for (const { file, documented, types } of modules) {
    for (const { name } of [...documented, ...types]) filesOf.set(name, [...(filesOf.get(name) ?? []), file]);
  }
  assert.deepEqual(
    [...filesOf].filter(([, files]) => files.length > 1),
    [],
  );
});

const store = mkdtempSync(join(tmpdir(), "docs-"));
after(() => rmSync(store, { recursive: true, force: true }));
Object.assign(process.env, { CURIOUS_STORE: store, CURIOUS_WORKERS: "1" });

let fixtures: Promise<Record<string, unknown>> | undefined;
const library = (): Record<string, unknown> =>
  Object.assign(
    {},
    ...modules.filter(({ file }) => file !== "experiment/jobWorker.ts").map(({ file }) => exportsOf(file)),
  ) as Record<string, unknown>;

for (const { file, documented } of modules) {
  for (const declaration of documented) {
    const example = exampleOf(declaration);
    if (example === "") continue;
    const reason = Object.entries(notRun).find(([sign]) => example.includes(sign))?.[1];
    test(`${declaration.name} (${file}): does what its example says`, { skip: reason ?? false }, async (t) => {
      t.mock.method(exportsOf("report/display.ts") as { display: () => void }, "display", () => undefined);
      fixtures ??= createFixtures();
      await runExample(example, { ...library(), ...(await fixtures), ...exportsOf(file) }); // its own file's names first
    });
  }
}
