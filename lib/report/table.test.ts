import assert from "node:assert/strict";
import test from "node:test";
import { inspect } from "node:util";
import { formatTable, table, wrapWords } from "./table";

const rows = [
  { rule: "krum", round: 0, rmse: 0.20991 },
  { rule: "median <b>", round: 10, rmse: NaN },
  { rule: "mean", round: 20, rmse: 1 },
];

test("formatTable: aligns text left and numbers right, three digits, units in the headers", () => {
  const expected = [
    "rule        round k  RMSE (pixels in [0, 1])",
    "krum              0                    0.210",
    "median <b>       10                        –",
    "mean             20                     1.00",
  ];
  assert.equal(formatTable(rows).text, expected.join("\n"));
});

test("formatTable: HTML carries the same cells, escaped, aligned without styles", () => {
  const { html } = formatTable(rows, { title: "A & B", headers: { rule: "aggregation rule" } });
  assert.ok(html.startsWith("<p><b>A &amp; B</b></p>"));
  assert.ok(html.includes('<th align="left">aggregation rule</th><th align="right">round k</th>'));
  assert.ok(html.includes('<td align="left">median &lt;b&gt;</td><td align="right">10</td><td align="right">–</td>'));
  assert.ok(!html.includes("style="));
});

test("formatTable: title above, digits and headers as asked", () => {
  const { text } = formatTable([{ rmse: 0.123456 }], { title: "Errors", headers: { rmse: "E" }, digits: 2 });
  assert.equal(text, "Errors\n   E\n0.12");
});

test("formatTable: breaks the widest texts until lines have at most 100 letters", () => {
  const long = "a client can reconstruct the images of its peers from broadcasts alone ".repeat(3).trim();
  const { text } = formatTable([{ claim: "C1", statement: long, note: long, rmse: 0.2 }]);
  const lines = text.split("\n");
  assert.ok(lines.length > 3);
  assert.ok(lines.every((line) => line.length <= 100));
  const words = (from: string): string[] => from.split(/\s+/).filter((word) => word !== "").sort(); // prettier-ignore
  assert.deepEqual(words(text), words(`claim statement note RMSE (pixels in [0, 1]) C1 0.200 ${long} ${long}`));
});

test("formatTable: refuses no rows, and rows with other columns", () => {
  assert.throws(() => formatTable([]), /table: needs at least one row/);
  assert.throws(() => formatTable([{ a: 1 }, { b: 1 }]), /table: needs the columns a in every row, got b in row 1/);
  assert.throws(() => formatTable([{ a: 1 }, { a: 1, b: 1 }]), /got a, b in row 1/);
});

test("table: shows the rows and returns a dataframe of the unrounded numbers", (t) => {
  const write = t.mock.method(process.stdout, "write", () => true);
  const frame = table(rows);
  write.mock.restore();
  assert.ok(write.mock.calls.some((call) => String(call.arguments[0]).startsWith("rule        round k")));
  assert.deepEqual(frame.shape, [3, 3]);
  assert.deepEqual(frame.columns, ["rule", "round", "rmse"]);
  const late = frame.query(frame.column("round").gt(5));
  assert.deepEqual(late.column("rule").values, ["median <b>", "mean"]);
  assert.equal(frame.column("rmse").values[0], 0.20991);
  const means = frame.groupby(["rule"]).col(["round"]).mean();
  assert.deepEqual(means.shape, [3, 2]);
  assert.equal(inspect(frame), "DataFrame of 3 rows and 3 columns"); // what a cell that ends in table(…) prints
});

test("wrapWords: breaks at spaces and newlines, never inside a word", () => {
  assert.deepEqual(wrapWords("not in the aggregate", 12), ["not in the", "aggregate"]);
  assert.deepEqual(wrapWords("a b\nreconstruction", 3), ["a b", "reconstruction"]);
  assert.deepEqual(wrapWords("", 5), [""]);
});

test("wrapWords: keeps a parameter and its value together", () => {
  assert.deepEqual(wrapWords("sign flip, κ = 3, C = 1", 12), ["sign flip,", "κ = 3, C = 1"]);
  assert.deepEqual(wrapWords("a =b", 1), ["a", "=b"]);
});
