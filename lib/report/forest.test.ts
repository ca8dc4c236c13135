import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { paths } from "../core/paths";
import type { Estimate } from "../experiment/statistics";
import { setting } from "../experiment/settings";
import { closeBrowser, drawSvg } from "./browser";
import { stampFigure, type Figure } from "./figure";
import { containsZero, forestFigure, type ForestRow, type ForestSpec } from "./forest";
import type { Stamp } from "./stamp";
import type { Drawn } from "./style";

const skip = existsSync(join(paths.setup, "browser.json")) ? false : "setup has left no browser";
const stamp: Stamp = { dataset: "mnist", datasetSource: "folder", backend: "wasm", profile: "quick", seeds: [1, 2] };
after(closeBrowser);

const estimate = (mean: number, low: number, high: number): Estimate => ({ mean, interval: [low, high], n: 4 });
const row = (drawn: Drawn, value = estimate(-2, -3, -1), name?: string): ForestRow => ({ setting: drawn, estimate: value, ...(name && { name }) }); // prettier-ignore
const spec = (...rows: ForestRow[]): ForestSpec => ({ title: "t", x: { label: "difference" }, rows });

interface Mark {
  readonly name: string;
  readonly x: number[];
  readonly y: number[];
  readonly error_x: { readonly array: number[]; readonly arrayminus: number[] };
  readonly marker: { readonly color: string; readonly line: { readonly color: string } };
}
const marksOf = ({ data }: Figure): Mark[] => data as unknown as Mark[];
const textsOf = ({ layout }: Figure): string[] => (layout["annotations"] as { text: string }[]).map(({ text }) => text);

test("forestFigure: puts each mean on a row of its own, with the distances to the ends of its interval", () => {
  const [mark, ...rest] = marksOf(forestFigure(spec(row("krum", estimate(-2, -4, 1)))));
  assert.deepEqual(rest, []);
  assert.deepEqual([mark!.x, mark!.y, mark!.error_x.arrayminus, mark!.error_x.array], [[-2], [0], [2], [3]]);
});

test("forestFigure: sorts rows into the table's order and keeps the order within a setting", () => {
  const figure = forestFigure(spec(row("localDp"), row("krum", undefined, "late"), row("krum", undefined, "early"), row("signFlip"))); // prettier-ignore
  const names = ["sign flip", "late", "early", "local DP"];
  assert.deepEqual(marksOf(figure).map(({ name }) => name), names); // prettier-ignore
  assert.deepEqual((figure.layout["yaxis"] as { ticktext: string[] }).ticktext, names);
});

test("forestFigure: fills a mark whose interval is on one side of zero, and hollows one that contains it", () => {
  const rows = [estimate(-2, -3, -1), estimate(-2, -4, 1), estimate(2, 0, 4)].map((value) => row("krum", value));
  const fills = marksOf(forestFigure(spec(...rows))).map(({ marker }) => marker.color);
  assert.deepEqual(fills, ["#332288", "#FFFFFF", "#FFFFFF"]);
});

test("forestFigure: writes the numbers beside the rows, and what lies left and right of zero", () => {
  const figure = forestFigure({ ...spec(row("krum", estimate(-0.01234, -0.02, 0.5))), ends: ["worse", "better"] });
  const [title, numbers, head, ...ends] = textsOf(figure);
  assert.deepEqual([title, numbers], ["<b>t</b>", "−0.0123 [−0.0200, 0.500], 4"]);
  assert.deepEqual([head, ...ends], ["mean [95 % interval], seeds", "← worse", "better →"]);
});

test("forestFigure: shows zero and the band even where no interval reaches them", () => {
  const range = (figure: Figure) => (figure.layout["xaxis"] as { range: [number, number] }).range;
  const [low, high] = range(forestFigure(spec(row("krum", estimate(5, 4, 6)))));
  assert.ok(low < 0 && low > -1 && high > 6);
  const band = { range: [-15, -10], label: "paper" } as const;
  const banded = forestFigure({ ...spec(row("krum")), band });
  assert.ok(range(banded)[0] < -15 && range(banded)[1] > 0);
  const [field] = banded.layout["shapes"] as { x0: number; x1: number }[];
  assert.deepEqual([field!.x0, field!.x1], [-15, -10]);
  assert.ok(textsOf(banded).includes("paper"));
  assert.deepEqual(forestFigure(spec(row("krum"))).layout["shapes"], []);
});

test("forestFigure: keeps the place of a row without an estimate, and says why it has none", () => {
  const none = { setting: "krum", name: "late", estimate: null } as const;
  const figure = forestFigure(spec(none, row("median"), row("krum", undefined, "early")));
  assert.deepEqual(marksOf(figure).map(({ name, y }) => [name, y]), [["early", [1]], ["median", [2]]]); // prettier-ignore
  assert.ok(textsOf(figure).includes("fewer than two seeds have one"));
  assert.throws(() => forestFigure(spec(none)), /forestFigure: needs a row with an estimate, got none/);
});

test("forestFigure: is as high as its rows, and leaves room for names and numbers", () => {
  const heights = [1, 2, 12].map((count) => forestFigure(spec(...Array.from({ length: count }, () => row("krum")))).layout.height); // prettier-ignore
  assert.deepEqual([heights[1]! - heights[0]!, heights[2]! - heights[1]!], [30, 300]);
  const [left, right] = (forestFigure(spec(row("krum", undefined, "a name of about forty letters, just so"))).layout["xaxis"] as { domain: number[] }).domain; // prettier-ignore
  assert.ok(left! * 900 > 38 * 7 && right! * 900 <= 700 && right! - left! > 0.3);
});

test("forestFigure: refuses no rows, a number that is not finite, and an unknown setting", () => {
  assert.throws(() => forestFigure(spec()), /forestFigure: needs at least one row, got 0/);
  const infinite = estimate(1, 0.5, Infinity);
  assert.throws(() => forestFigure(spec(row("krum", infinite))), {
    name: "InputError",
    message: 'forestFigure: needs finite numbers in the estimate of "Krum", got Infinity at index 2',
  });
  assert.throws(() => forestFigure(spec(row("krumm" as Drawn))), /needs a name of the style table, got krumm/);
});

test("containsZero: counts an end at zero as containing it", () => {
  const intervals = [[-1, 1], [0, 1], [-1, 0], [1, 2], [-2, -1]] as const; // prettier-ignore
  assert.deepEqual(intervals.map((interval) => containsZero({ interval })), [true, true, true, false, false]); // prettier-ignore
});

test("forestFigure: can be drawn", { skip }, async () => {
  const band = { range: [-15, -10], label: "paper: 10–15 %" } as const;
  const figure = forestFigure({
    ...spec(row("krum"), row(setting({ aggregator: "krum", privacy: "localDp" }))),
    ends: ["leaks more", "leaks less"],
    band,
  });
  const svg = (await drawSvg(stampFigure(figure, stamp), "forest"))!;
  for (const text of ["Krum + local DP, σ = 3", "leaks less →", "paper: 10–15 %", "seeds 1–2"]) assert.ok(svg.includes(text), text); // prettier-ignore
});
