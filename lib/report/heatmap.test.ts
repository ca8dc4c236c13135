import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { paths } from "../core/paths";
import type { Estimate } from "../experiment/statistics";
import { closeBrowser, drawSvg } from "./browser";
import { stampFigure, type Figure } from "./figure";
import { heatmapFigure, type HeatmapSpec } from "./heatmap";
import type { Stamp } from "./stamp";
import type { SettingName } from "./style";

const skip = existsSync(join(paths.setup, "browser.json")) ? false : "setup has left no browser";
const stamp: Stamp = { dataset: "mnist", datasetSource: "folder", backend: "wasm", profile: "quick", seeds: [1, 2] };
after(closeBrowser);

const estimate = (mean: number, spread: number): Estimate => ({ mean, interval: [mean - spread, mean + spread], n: 4 });
const spec: HeatmapSpec = {
  title: "t",
  quantity: "change of RMSE",
  rows: ["mean", "krum"],
  columns: ["mean", "localDp", { label: "clamped" }],
  cells: [
    [null, estimate(-0.02, 0.01), estimate(0.01, 0.02)],
    [estimate(0.0501, 0.01), estimate(-0.0001, 0.01), estimate(-0.05, 0.01)],
  ],
};

interface Heat {
  readonly z: number[][];
  readonly zmin: number;
  readonly zmax: number;
  readonly colorscale: [number, string][];
}
const heatOf = ({ data }: Figure): Heat => data[0] as unknown as Heat;
const textsOf = ({ layout }: Figure) => layout["annotations"] as { text: string; x: number; y: number; font?: { color?: string } }[]; // prettier-ignore

test("heatmapFigure: has the means in rows and columns, and a scale as long below zero as above", () => {
  const { z, zmin, zmax, colorscale } = heatOf(heatmapFigure(spec));
  assert.deepEqual(z, [[NaN, -0.02, 0.01], [0.0501, -0.0001, -0.05]]); // prettier-ignore
  assert.deepEqual([zmin, zmax], [-0.0501, 0.0501]);
  assert.deepEqual(colorscale[3], [0.5, "#F7F7F7"]); // zero is the pale middle
});

test("heatmapFigure: prints signed numbers, in parentheses where the interval contains zero, a dash where nothing was run", () => {
  const texts = textsOf(heatmapFigure(spec)).map(({ text }) => text);
  const numbers = ["–", "<b>−0.020</b>", "(+0.010)", "<b>+0.050</b>", "(0.000)", "<b>−0.050</b>"];
  assert.deepEqual(texts.slice(0, 4), ["<b>t</b>", "no defense (mean)", "local DP", "clamped"]);
  assert.deepEqual(texts.slice(4, 10), numbers);
  const whole = textsOf(heatmapFigure({ ...spec, decimals: 0, cells: spec.cells.map((row) => row.map(() => estimate(-12.4, 1))) })); // prettier-ignore
  assert.equal(whole[4]!.text, "<b>−12</b>");
});

test("heatmapFigure: prints white on dark cells and ink on pale ones", () => {
  const colours = textsOf(heatmapFigure(spec)).slice(4, 10).map(({ font }) => font?.color); // prettier-ignore
  assert.deepEqual(colours, ["#222222", "#222222", "#222222", "#FFFFFF", "#222222", "#FFFFFF"]);
});

test("heatmapFigure: puts each number into the middle of its cell", () => {
  const figure = heatmapFigure(spec);
  const [x0, x1] = (figure.layout["xaxis"] as { domain: [number, number] }).domain;
  const [y0, y1] = (figure.layout["yaxis"] as { domain: [number, number] }).domain;
  textsOf(figure).slice(4, 10).forEach(({ x, y }, i) => {
    const [r, c] = [Math.floor(i / 3), i % 3];
    assert.ok(Math.abs(x - (x0 + ((c + 0.5) / 3) * (x1 - x0))) < 1e-9);
    assert.ok(Math.abs(y - (y1 - ((r + 0.5) / 2) * (y1 - y0))) < 1e-9);
  }); // prettier-ignore
});

test("heatmapFigure: draws zeros alone, without dividing by them", () => {
  const { zmin, zmax } = heatOf(
    heatmapFigure({ ...spec, rows: ["krum"], columns: ["mean"], cells: [[estimate(0, 0)]] }),
  );
  assert.deepEqual([zmin, zmax], [-1, 1]);
});

test("heatmapFigure: refuses cells that do not fit, none that was run, and a number that is not finite", () => {
  const short = { ...spec, cells: [spec.cells[0]!.slice(1), spec.cells[1]!] };
  assert.throws(() => heatmapFigure(short), {
    name: "InputError",
    message: "heatmapFigure: needs 2 rows of 3 cells, and at least one, got [2, 3]",
  });
  assert.throws(() => heatmapFigure({ ...spec, cells: [spec.cells[0]!] }), /needs 2 rows of 3 cells.*got \[3\]/);
  assert.throws(() => heatmapFigure({ ...spec, rows: [], cells: [] }), /needs 0 rows of 3 cells, and at least one/);
  const empty = spec.cells.map((row) => row.map(() => null));
  assert.throws(() => heatmapFigure({ ...spec, cells: empty }), /needs a cell that was run, got none/);
  const infinite = spec.cells.map((row) => row.map(() => estimate(1, Infinity)));
  assert.throws(() => heatmapFigure({ ...spec, cells: infinite }), /in the cell "no defense \(mean\)", "no defense \(mean\)", got -Infinity at index 1/); // prettier-ignore
  assert.throws(() => heatmapFigure({ ...spec, rows: ["mean", "krumm" as SettingName] }), /got krumm/);
});

test("heatmapFigure: can be drawn", { skip }, async () => {
  const svg = (await drawSvg(stampFigure(heatmapFigure(spec), stamp), "heatmap"))!;
  for (const text of ["(+0.010)", "−0.050", "clamped", "change of RMSE", "seeds 1–2"]) assert.ok(svg.includes(text), text); // prettier-ignore
});
