/** @file The folder order of the library, read from its import lines. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import test from "node:test";
import ts from "typescript";
import { projectRoot } from "./core/paths";

/** Imports point from a higher rank to a lower one, or stay inside their folder. Files beside index.ts stand above all. */
const ranks: Readonly<Record<string, number>> = {
  core: 0,
  data: 1,
  files: 1,
  model: 1,
  numerics: 1,
  jobs: 2,
  poisoning: 2,
  defense: 2,
  fl: 3,
  reconstruction: 4,
  metrics: 5,
  theory: 5,
  experiment: 6,
  report: 7,
  audit: 8,
};
const barrel = "index.ts";
const mayTouchDisk =
  /^(data\/|files\/(bytesOf|numbered)\.ts$|report\/|core\/paths\.ts$|core\/backend\.ts$|jobs\/store\.ts$)/; // backend reads .setup/backend.json
const diskModules = /^(node:)?fs(\/promises)?$/;

interface Import {
  readonly specifier: string;
  readonly reexport: boolean;
}

/** Every module a file names: import and export lines, import types, import() and require() of a literal. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, reexport = false): void => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, reexport });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, true);
    else if (ts.isExternalModuleReference(node)) add(node.expression);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    else if (ts.isCallExpression(node) && /^(import|require)$/.test(node.expression.getText())) add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  return found;
}

/** The file that a relative import means (or its path without an ending if there is none); undefined for packages. */
function resolve(from: string, specifier: string, files: Readonly<Record<string, string>>): string | undefined {
  if (specifier === "curious-inside") return barrel;
  if (!specifier.startsWith(".")) return undefined;
  const path = posix.join(posix.dirname(from), specifier);
  return [`${path}.ts`, posix.join(path, "index.ts")].find((candidate) => candidate in files) ?? path;
}

function folderOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : "";
}

function rankOf(file: string): number | undefined {
  const folder = folderOf(file);
  return folder === "" ? Infinity : ranks[folder];
}

/** What breaks the design in a tree { "core/rng.ts": its text, ... }, one line each. */
function violations(files: Readonly<Record<string, string>>): string[] {
  const found: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [file, text] of Object.entries(files)) {
    const isTest = /\.(test|fixture)\.ts$/.test(file);
    const rank = rankOf(file);
    if (rank === undefined) found.push(`${file}: ${folderOf(file)} is not a folder of the design`);
    if (posix.basename(file) === "index.ts" && file !== barrel) found.push(`${file}: a second barrel`);
    const word = /\b(tslab|plotly)/i.exec(text);
    if (word && folderOf(file) !== "report") found.push(`${file}: mentions ${word[1]!.toLowerCase()}`);
    for (const { specifier, reexport } of importsOf(file, text)) {
      if (diskModules.test(specifier) && !isTest && !mayTouchDisk.test(file))
        found.push(`${file}: imports ${specifier}`);
      const target = resolve(file, specifier, files);
      if (target === undefined) continue;
      edges.set(file, [...(edges.get(file) ?? []), target]);
      const inside = folderOf(target) === folderOf(file);
      if (!inside && !((rankOf(target) ?? Infinity) < (rank ?? Infinity))) found.push(`${file}: imports ${target}`);
      if (!inside && reexport && file !== barrel) found.push(`${file}: re-exports ${target}`);
    }
  }
  return [...found, ...cycles(edges)];
}

/** Import cycles, each as "a -> b -> a". */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    }
  };
  for (const file of edges.keys()) walk(file, []);
  return found;
}

test("violations: finds each breach when the tree is made up to have them", () => {
  const breaches: readonly [file: string, text: string, expected: readonly string[]][] = [
    ["core/up.ts", 'import { x } from "../fl/x";', ["core/up.ts: imports fl/x"]],
    ["data/aside.ts", 'import type { X } from "../model/x";', ["data/aside.ts: imports model/x"]],
    ["metrics/aside.ts", 'type X = import("../theory/x").X;', ["metrics/aside.ts: imports theory/x"]],
    ["fl/late.ts", 'const x = await import("../reconstruction/x");', ["fl/late.ts: imports reconstruction/x"]],
    ["fl/old.ts", 'import x = require("../report/x");', ["fl/old.ts: imports report/x"]],
    ["fl/older.ts", 'const x = require("../experiment/x");', ["fl/older.ts: imports experiment/x"]],
    ["fl/all.ts", 'import { rmse } from "..";', ["fl/all.ts: imports index.ts"]],
    ["report/all.ts", 'import { rmse } from "curious-inside";', ["report/all.ts: imports index.ts"]],
    ["fl/out.ts", 'import { x } from "../../notebooks/x";', ["fl/out.ts: imports ../notebooks/x"]],
    ["utils/x.ts", "export {};", ["utils/x.ts: utils is not a folder of the design"]],
    ["model/index.ts", 'export * from "./x";', ["model/index.ts: a second barrel"]],
    ["fl/again.ts", 'export { x } from "../model/x";', ["fl/again.ts: re-exports model/x"]],
    ["fl/disk.ts", 'import { readFileSync } from "node:fs";', ["fl/disk.ts: imports node:fs"]],
    ["experiment/disk.ts", 'import fs from "fs/promises";', ["experiment/disk.ts: imports fs/promises"]],
    ["fl/plot.ts", 'import Plotly from "plotly.js";', ["fl/plot.ts: mentions plotly"]],
    ["fl/kernel.ts", "// drawn by tslab", ["fl/kernel.ts: mentions tslab"]],
    ["core/self.ts", 'import "./self";', ["cycle: core/self.ts -> core/self.ts"]],
  ];
  for (const [file, text, expected] of breaches) {
    assert.deepEqual(violations({ [barrel]: "", [file]: text }), expected, text);
  }
  const ring = { "core/a.ts": 'import "./b";', "core/b.ts": 'import "./c";', "core/c.ts": 'export * from "./a";' };
  assert.deepEqual(violations(ring), ["cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts"]);
});

test("violations: finds nothing when imports point down, and only text speaks of the rest", () => {
  const tree = {
    "index.ts": 'export { rmse } from "./metrics/rmse"; export * from "./report/figure";',
    "index.test.ts": 'import { rmse } from "./index";',
    "core/types.ts": "export interface X {}",
    "core/paths.ts": 'import { existsSync } from "node:fs";',
    "model/x.ts": 'import type { X } from "../core/types"; export { y } from "./y";',
    "model/y.ts": 'import { z } from "pure-rand"; // import "../report/figure"',
    "metrics/rmse.ts": 'import "../model/x"; const text = `import "../report/figure"`;',
    "metrics/rmse.test.ts": 'import { readFileSync } from "node:fs"; import { rmse } from "./rmse";',
    "jobs/store.ts": 'import { readFileSync } from "node:fs";',
    "report/figure.ts": 'import { x } from "plotly.js"; import { rmse } from "../metrics/rmse";',
  };
  assert.deepEqual(violations(tree), []);
});

test("library: keeps the design's folder order, one barrel and no cycle when its import lines are read", () => {
  const root = join(projectRoot, "lib");
  const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file))
    .filter((file) => file !== "layering.test.ts"); // it names what it forbids
  assert.ok(sources.includes("core/rng.ts"), "the sources were not found");
  assert.deepEqual(
    violations(Object.fromEntries(sources.map((file) => [file, readFileSync(join(root, file), "utf8")]))),
    [],
  );
});
