import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { bar, clock, jupyterEnvironment, longCells, missingParts } from "./notebooks.mjs";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";

const { python } = await setup({ only: ["kernel"] });
const script = at("scripts", "notebooks.py");
const call = (...args) =>
  spawnSync(python, [script, ...args], { encoding: "utf8", env: jupyterEnvironment({ CURIOUS_PROFILE: "smoke" }) });

const header = `// ---
// jupyter:
//   kernelspec:
//     display_name: TypeScript (curious-inside)
//     language: typescript
//     name: tslab
// ---
`;

/** Writes a notebook of cells and runs it: its events and executed cells. */
function run(t, name, cells) {
  const folder = at("build", "test-notebooks", name); // below the project, as the kernel looks for node_modules above
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = join(folder, `${name}.ts`);
  writeFileSync(source, [header, ...cells.map((cell) => `// %%\n${cell}\n`)].join("\n"));
  const { stdout } = call("run", JSON.stringify({ sources: [source], folder, out: folder }));
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const copy = source.replace(/\.ts$/, ".ipynb");
  return { source, copy, events, last: events.at(-1), cells: JSON.parse(readFileSync(copy, "utf8")).cells };
}

const send = (data, update = false, id = "p") =>
  `require("tslab/dist/jupyter.js").lastWriteDisplayData(${JSON.stringify({ data, metadata: {}, transient: { display_id: id } })}, ${update});`;
const progress = (done) => ({
  "application/x-curious-progress+json": { label: "training", done, total: 2, seconds: done, etaSeconds: 2 - done },
  "text/plain": "bar",
});

test("run: counts cells, joins streams, reports progress and keeps no bar", (t) => {
  const { events, cells } = run(t, "fine", [
    'import { sep } from "node:path";\nconsole.log(1);\nconsole.log(2);',
    [
      send(progress(0)),
      send(progress(1), true),
      send({ "text/plain": "result" }, false, "r"),
      "console.log(sep);",
    ].join("\n"),
    "const later = await Promise.resolve(3);\nlater;",
  ]);
  assert.deepEqual(
    events.map(({ type }) => type),
    ["start", "cell", "cell", "progress", "progress", "cell", "end"],
  );
  assert.deepEqual(
    cells.map((cell) => cell.execution_count),
    [1, 2, 3],
  );
  assert.deepEqual(
    cells.map(({ outputs }) => outputs.map((output) => (output.text ?? output.data["text/plain"]).join(""))),
    [["1\n2\n"], ["result", "/\n"], ["3\n"]],
  );
});

test("run: a variable of an earlier cell is found wherever its name stands", (t) => {
  const { cells, last } = run(t, "shorthand", [
    "let x = 1;\nconst given = { x: 5 };\nconst made = [{ x: 3 }];",
    "const o = { x, y: { x } };\nconst f = ({ x }: { x: number }) => ({ x });\nconsole.log(JSON.stringify([o, f({ x: 2 })]));",
    "({ x } = given);\nconsole.log(x);",
    "({ x = 7 } = {});\nconsole.log(x);",
    "console.log(made.map(({ x: y }) => x + y).join());",
  ]);
  assert.equal(last.type, "end", JSON.stringify(last));
  const printed = cells.flatMap(({ outputs }) => outputs.filter(({ text }) => text).map(({ text }) => text.join("")));
  assert.deepEqual(printed, ['[{"x":1,"y":{"x":1}},{"x":2}]\n', "5\n", "7\n", "10\n"]);
});

test("run: passes on what a cell warns of, and keeps it in the copy", (t) => {
  const { events, cells } = run(t, "warned", ['console.warn("no data at hand");', "1;"]);
  assert.deepEqual(
    events.map(({ type, text }) => (text === undefined ? type : `${type}: ${text}`)),
    ["start", "cell", "warning: no data at hand", "cell", "end"],
  );
  assert.deepEqual(
    cells[0].outputs.map(({ name, text }) => [name, text.join("")]),
    [["stderr", "no data at hand\n"]],
  );
});

test("run: names line and column of a type error, and keeps what was finished", (t) => {
  const { last, cells } = run(t, "typed", ["const a = 1;\na;", 'console.error("careful");\n\nconst b: number = "x";']);
  const { type, number, line, column, message } = last;
  assert.deepEqual(
    { type, number, line, column, message },
    {
      type: "failed",
      number: 2,
      line: 16, // the third line of the second cell
      column: 7,
      message: "3:7 - Type 'string' is not assignable to type 'number'.",
    },
  );
  assert.deepEqual(cells[0].outputs[0].text, ["1\n"]);
  assert.equal(cells[1].outputs[0].output_type, "error");
});

test("run: fails a cell that throws, without the kernel's own frames", (t) => {
  const { last, cells } = run(t, "thrown", [
    'console.error("careful");\nthrow new RangeError("krum: needs n >= 2f + 3");',
  ]);
  assert.equal(last.message, "RangeError: krum: needs n >= 2f + 3");
  const [warning, error] = cells[0].outputs;
  assert.deepEqual(warning.text, ["careful\n"]);
  assert.deepEqual([error.ename, error.evalue], ["RangeError", "krum: needs n >= 2f + 3"]);
});

test("run: fails a cell whose rejection nobody awaited", (t) => {
  const { last } = run(t, "unawaited", ['Promise.reject(new Error("lost"));\nconsole.log("on it goes");', "1;"]);
  assert.deepEqual([last.type, last.number], ["failed", 1]);
  assert.match(last.message, /lost/);
});

test("run: says how the kernel ended when a cell ends it", (t) => {
  const { last } = run(t, "ended", ['require("node:fs").writeSync(2, "last words\\n");\nprocess.exit(3);']);
  assert.equal(last.message, "the kernel's process ended (exit code 3)\nlast words");
});

test("drift: notices another source, and a notebook that is not executed", (t) => {
  const { source, copy } = run(t, "drift", ["const a = 1;", "a;"]);
  assert.equal(call("drift", source).stdout.trim(), "");
  const notebook = JSON.parse(readFileSync(copy, "utf8"));
  notebook.cells[1].execution_count = null;
  writeFileSync(copy, JSON.stringify(notebook));
  assert.match(call("drift", source).stdout, /not executed in order/);
  writeFileSync(source, readFileSync(source, "utf8").replace("a = 1", "a = 2"));
  assert.match(call("drift", source).stdout, /cell 1 differs from the source, where it begins 'const a = 2;'/);
  writeFileSync(source, readFileSync(source, "utf8").replace(header, ""));
  assert.match(call("drift", source).stdout, /its header does not name the kernel/);
});

test("bar: shows part, count and time left", () => {
  const state = { label: "training", done: 25, total: 50, etaSeconds: 65 };
  assert.equal(bar(state, 4), "██░░ training 25/50, 1:05 left");
  assert.equal(bar({ ...state, etaSeconds: null }, 4), "██░░ training 25/50");
});

test("clock: has hours only when there are some", () => {
  assert.deepEqual([clock(5.4), clock(65), clock(3665)], ["0:05", "1:05", "1:01:05"]);
});

test("missingParts: a notebook has parameters, verdicts or the word that there are none, and its own record", () => {
  const sourceOf = (...cells) => [header, ...cells.map((cell) => `// %%${cell}\n`)].join("\n");
  const tagged = ' tags=["parameters"]\nconst steps = 1;';
  const deciding = '\nclaimTable(claims);\nwriteRecord("02_x", { claims });';
  assert.deepEqual(missingParts("02_x", sourceOf(tagged, deciding)), []);
  assert.deepEqual(missingParts("02_x", sourceOf(tagged, '\nwriteRecord("02_x", { claims: [] });')), []);
  const told = ' [markdown]\n// claimTable(claims); writeRecord("02_x") tags=["parameters"]';
  const [parameters, verdicts, record, ...rest] = missingParts("02_x", sourceOf("\nconst steps = 1;", told));
  assert.deepEqual(rest, []);
  assert.match(parameters, /^notebooks\/02_x\.ts: needs a cell tagged "parameters"$/);
  assert.match(verdicts, /needs a cell that shows its verdicts with claimTable/);
  assert.match(record, /needs a cell that writes its record: writeRecord\("02_x", …\)/);
  assert.equal(missingParts("03_y", sourceOf(tagged, deciding)).length, 1, "another notebook's record");
});

test("longCells: names code cells of more than 15 lines, imports of more than 12, and no text", () => {
  const lines = (count, text) => Array.from({ length: count }, () => text).join("\n");
  const cells = [lines(15, "1;"), lines(16, "2;"), lines(12, 'import "a";'), lines(13, 'import "b";')];
  const source = [
    header,
    ...cells.map((cell) => `// %%\n${cell}\n`),
    `// %% [markdown]\n${lines(40, "// text")}\n`,
  ].join("\n");
  const [first, second, ...rest] = longCells("01_x", source);
  assert.deepEqual(rest, []);
  assert.match(first, /^notebooks\/01_x\.ts:26: 16 lines in a cell, at most 15; /);
  assert.match(second, /^notebooks\/01_x\.ts:58: 13 lines in a cell, at most 12; /);
});
