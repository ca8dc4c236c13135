import assert from "node:assert/strict";
import test from "node:test";
import { baseLayout, bandSeries, lineFigure, stampFigure, type Panel, type Series } from "./figure";
import type { Stamp } from "./stamp";
import type { SettingName } from "./style";

const stamp: Stamp = { dataset: "mnist", datasetSource: "folder", backend: "wasm", profile: "quick", seeds: [1, 2] };

const line = (setting: SettingName, more: Partial<Series> = {}): Series => ({
  setting,
  x: [0, 1, 2],
  mean: [1, 2, 3],
  ...more,
});
const panel = (...series: Series[]): Panel => ({ x: "round", y: "rmse", series });

test("bandSeries: walks along the upper edge and back along the lower, under the line", () => {
  const [band, mean, ...rest] = bandSeries(line("probe", { low: [0, 1, 2], high: [2, 3, 4] }), 3);
  assert.deepEqual(rest, []);
  assert.deepEqual(band!["x"], [0, 1, 2, 2, 1, 0]);
  assert.deepEqual(band!["y"], [2, 3, 4, 2, 1, 0]);
  assert.equal(band!["showlegend"], false);
  assert.deepEqual([mean!["xaxis"], mean!["yaxis"], mean!["y"]], ["x3", "y3", [1, 2, 3]]);
});

test("bandSeries: leaves a gap in the band where an end is NaN", () => {
  const x = [0, 1, 2, 3, 4];
  const traces = bandSeries({ setting: "probe", x, mean: [1, 1, NaN, 1, 1], low: [0, 0, NaN, 0, 0], high: [2, 2, NaN, 2, 2] }); // prettier-ignore
  assert.deepEqual(traces.slice(0, -1).map((trace) => trace["x"]), [[0, 1, 1, 0], [3, 4, 4, 3]]); // prettier-ignore
});

test("bandSeries: draws an error bar when there is a single point", () => {
  const [point, ...rest] = bandSeries({ setting: "probe", x: [5], mean: [2], low: [1], high: [4] });
  assert.deepEqual(rest, []);
  const { array, arrayminus } = point!["error_y"] as Record<string, unknown>;
  assert.deepEqual([array, arrayminus], [[2], [1]]);
});

test("bandSeries: refuses lengths that differ, half a band, an x that is no number, an unknown setting", () => {
  assert.throws(() => bandSeries(line("probe", { mean: [1] })), {
    message: 'bandSeries: needs x, mean, low and high of one length >= 1 in "fixed probe", got [3, 1, 3, 3]',
  });
  assert.throws(() => bandSeries(line("probe", { low: [0, 0, 0] })), /needs both of low and high/);
  assert.throws(() => bandSeries(line("probe", { x: [0, NaN, 2] })), /needs finite x/);
  assert.throws(() => bandSeries(line("prob" as SettingName)), /needs a name of the style table, got prob/);
});

test("lineFigure: lists each setting once, in the table's order, whatever the order of panels and series", () => {
  const spec = {
    title: "t",
    panels: [panel(line("floor"), line("trajectory")), panel(line("probe"), line("trajectory"))],
  };
  const { data, layout } = lineFigure(spec);
  const listed = data.filter((trace) => trace["showlegend"] !== false);
  const ranked = listed.sort((a, b) => Number(a["legendrank"]) - Number(b["legendrank"]));
  assert.deepEqual(ranked.map((trace) => trace["name"]), ["fixed probe", "trajectory", "no-information floor"]); // prettier-ignore
  assert.equal(layout["showlegend"], true);
});

test("lineFigure: needs no legend when there is one name", () => {
  assert.equal(lineFigure({ title: "t", panels: [panel(line("probe"))] }).layout["showlegend"], false);
});

test("lineFigure: draws all bands of a panel before its lines", () => {
  const banded = { low: [0, 0, 0], high: [4, 4, 4] };
  const { data } = lineFigure({ title: "t", panels: [panel(line("probe", banded), line("trajectory", banded))] });
  assert.deepEqual(data.map((trace) => trace["fill"] !== undefined), [true, true, false, false]); // prettier-ignore
});

test("lineFigure: panels do not overlap each other, the title, the legend or the stamp", () => {
  for (const [count, columns] of [
    [1, 1],
    [2, 2],
    [4, 2],
    [5, 3],
    [3, 1],
  ] as const) {
    // prettier-ignore
    const panels = Array.from({ length: count }, () => panel(line("probe"), line("floor")));
    const { layout } = lineFigure({ title: "t", panels, columns });
    const boxes = panels.map((_, p) => {
      const domain = (letter: string) =>
        (layout[`${letter}axis${p === 0 ? "" : p + 1}`] as { domain: number[] }).domain;
      const [x, y] = [domain("x"), domain("y")];
      return { left: 900 * x[0]!, right: 900 * x[1]!, low: layout.height * y[0]!, high: layout.height * y[1]! };
    });
    for (const a of boxes) {
      assert.ok(a.left >= 60 && a.right <= 900 && a.low >= 70 && layout.height - a.high >= 60);
      for (const b of boxes) {
        const apart = a === b || a.right + 60 <= b.left || b.right + 60 <= a.left || a.high + 45 <= b.low || b.high + 45 <= a.low; // prettier-ignore
        assert.ok(apart, `${count} panels in ${columns} columns overlap`);
      }
    }
  }
});

test("lineFigure: labels axes by the quantity, with its unit", () => {
  const { layout } = lineFigure({ title: "t", panels: [{ x: "round", y: "rmse", series: [line("probe")] }] });
  const label = (axis: string) => (layout[axis] as { title: { text: string } }).title.text;
  assert.deepEqual([label("xaxis"), label("yaxis")], ["round k", "RMSE (pixels in [0, 1])"]);
});

test("lineFigure: sets ticks at integers only when there are few rounds", () => {
  const ticks = (x: number[]) => {
    const series = [{ setting: "probe", x, mean: x } as const];
    return (
      lineFigure({ title: "t", panels: [{ x: "round", y: "rmse", series }] }).layout["xaxis"] as { dtick?: number }
    ).dtick;
  };
  assert.deepEqual([[0, 1, 2], [3], [0, 49], [0, 0.5, 1]].map(ticks), [1, 1, undefined, undefined]);
});

test("lineFigure: has ticks within decades when a logarithmic axis spans less than one and a half", () => {
  const ticks = (x: number[]) => {
    const series = [{ setting: "probe", x, mean: x } as const];
    const { layout } = lineFigure({ title: "t", panels: [{ x: { label: "Δ", scale: "log" }, y: "rmse", series }] });
    return (layout["xaxis"] as { dtick?: number }).dtick;
  };
  assert.deepEqual([[1, 2, 3], [0.1, 100]].map(ticks), [undefined, 1]); // prettier-ignore
});

test("lineFigure: refuses to draw nothing", () => {
  assert.throws(() => lineFigure({ title: "t", panels: [] }), /lineFigure: needs at least one panel/);
});

test("baseLayout: sets a long title smaller", () => {
  const size = (title: string) => (baseLayout(title, 300).annotations[0] as { font: { size: number } }).font.size;
  assert.equal(size("t".repeat(95)), 17);
  assert.equal(size("t".repeat(120)), 13); // 17 · 95 / 120 = 13.5
});

test("stampFigure: puts the stamp at the foot, rounds to 6 digits, makes NaN null", () => {
  const figure = lineFigure({ title: "t", panels: [panel(line("probe", { mean: [0.123456789, NaN, 1] }))] });
  const { data, layout } = stampFigure(figure, stamp);
  assert.deepEqual(data[0]!["y"], [0.123457, null, 1]);
  const texts = (layout["annotations"] as { text: string }[]).map(({ text }) => text);
  assert.deepEqual(texts, ["<b>t</b>", "mnist · wasm · quick (indicative) · seeds 1–2"]);
  assert.equal((figure.layout["annotations"] as unknown[]).length, 1); // the argument is left alone
});

test("stampFigure: takes typed arrays and refuses an infinity", () => {
  const figure = { data: [{ y: Float32Array.of(0.1, 2) }], layout: baseLayout("t", 300) };
  assert.deepEqual(stampFigure(figure, stamp).data[0]!["y"], [0.1, 2]); // 0.1 as float32 is 0.100000001…
  const infinite = { ...figure, data: [{ y: [Infinity] }] };
  assert.throws(() => stampFigure(infinite, stamp), /showFigure: needs finite numbers or NaN, got Infinity/);
});
