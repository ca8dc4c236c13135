import assert from "node:assert/strict";
import test from "node:test";
import { aggregators } from "../defense/aggregators";
import { preAggregations } from "../defense/preAggregations";
import { privacies } from "../defense/privacies";
import { setting, symbols, type Setting } from "../experiment/settings";
import { architectures } from "../model/architectures";
import { poisonings } from "../poisoning/poisonings";
import { axes, axisOf, inOrder, styleOf, styles, type AxisName, type SettingName } from "./style";

const distinct = [...styles().values()];
const flipBy = (scale: number): Setting => setting({ poisoning: "signFlip", poisoningParameters: { scale } });
const noiseOf = (noiseMultiplier: number, clipNorm = 1): Setting =>
  setting({ privacy: "localDp", privacyParameters: { clipNorm, noiseMultiplier, delta: 1e-5 } });

test("styles: no name stands in two registries, and no label for two things", () => {
  const names = [architectures, poisonings, aggregators, preAggregations, privacies].flatMap((all) => Object.keys(all));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.ok(styles().has(name), name);
  assert.equal(new Set(distinct.map(({ label }) => label)).size, distinct.length);
  for (const { colour } of distinct) assert.match(colour, /^#[0-9A-F]{6}$/);
});

test("styles: colours of a family differ for readers with normal, protan and deutan sight, and from white", () => {
  // CIE 1976 distance; 2.3 is just noticeable on touching patches, thin lines need several times that.
  for (const sight of Object.keys(sights) as (keyof typeof sights)[]) {
    for (const a of distinct) {
      for (const b of distinct) {
        if (a === b || a.family !== b.family) continue;
        const distance = Math.hypot(...lab(a.colour, sight).map((value, i) => value - lab(b.colour, sight)[i]!));
        assert.ok(distance > 15, `${a.label} and ${b.label} are ${distance.toFixed(1)} apart (${sight})`);
      }
      assert.ok(100 - lab(a.colour, sight)[0]! > 25, `${a.label} is too pale (${sight})`);
    }
  }
});

test("styles: references, which stand beside every family, have a line pattern of their own", () => {
  const patterns = distinct.filter(({ family }) => family === "reference").map(({ dash }) => dash);
  assert.ok(!patterns.includes("solid"));
});

test("parameters: values a half decade apart differ in pattern and in lightness, whatever the setting and the sight", () => {
  const withValues = Object.entries(symbols).flatMap(([parameter, { symbol, range }]) => {
    if (range === undefined) return [];
    const [low, high] = range;
    const values = [1, 3, 10, 30, 100, 300, 1000].map((factor) => low * factor).filter((value) => value <= 1.01 * high);
    return [...styles()].map(
      ([name, { family, label }]) =>
      values.map((value) => styleOf({ label: `${label}, ${symbol} = ${value}`, change: {}, parts: [{ family: family as "poisoning", name, label }], values: [{ parameter, symbol, value }] })), // prettier-ignore
    );
  });
  assert.ok(withValues.length > 100);
  for (const sweep of withValues) {
    for (const [i, { label, colour, dash }] of sweep.entries()) {
      for (const sight of Object.keys(sights) as (keyof typeof sights)[]) {
        const light = lab(colour, sight)[0]!;
        assert.ok(light > 15 && light < 85, `${label} is too pale or too dark (${sight})`);
        const next = sweep[i + 1];
        if (next === undefined) continue;
        assert.notEqual(dash, next.dash, label);
        assert.ok(light - lab(next.colour, sight)[0]! > 3, `${label} and ${next.label} are alike (${sight})`);
      }
    }
  }
});

test("styleOf: parameters shade the colour, and set the pattern by the half decade", () => {
  const { label, colour, dash } = styleOf(flipBy(1));
  assert.deepEqual([label, colour, dash], ["sign flip, κ = 1", "#E3A898", "solid"]);
  // log10(3) = 0.48, half decade 1; log10(0.03) = -1.52, half decade -3; log10(6) = 0.78, half decade 2
  assert.deepEqual(
    [flipBy(3), noiseOf(0.03), flipBy(6), noiseOf(0)].map((one) => styleOf(one).dash),
    ["dash", "solid", "dot", "dashdot"],
  );
  const both = styleOf(noiseOf(3, 0.1));
  assert.equal(both.label, "local DP, C = 0.1, σ = 3");
  assert.deepEqual([both.colour, both.dash], [styleOf(noiseOf(0.003)).colour, "dash"]); // C at its least, the pattern of σ = 3
});

test("styleOf: several that act together have the colour of the first and are dotted", () => {
  const both = styleOf(setting({ aggregator: "krum", preAggregations: ["nnm"] }));
  assert.deepEqual(both, { ...styleOf("krum"), label: "Krum + nearest-neighbour mixing", dash: "dot" });
});

test("styleOf: words of one's own have a colour that the family has not", () => {
  const own = styleOf(setting({ privacy: "localDp" }, { label: "local DP, another form" }));
  assert.ok(!distinct.some(({ colour }) => colour === own.colour));
});

test("styleOf: refuses what is not in the table, and inherited names", () => {
  for (const wrong of ["crum", "krum+localDp", "signFlip κ=3", "toString", ""]) {
    assert.throws(() => styleOf(wrong as SettingName), /^InputError: styleOf: needs a name of the style table, got .*; known: probe/); // prettier-ignore
  }
});

test("inOrder: sorts into the table's order, combinations after their first part, and leaves its input alone", () => {
  const pair = setting({ aggregator: "krum", privacy: "localDp" });
  const drawn = ["floor", pair, "median", "krum", "mean"] as const;
  assert.deepEqual(inOrder(drawn), ["mean", "krum", pair, "median", "floor"]);
  assert.equal(drawn[0], "floor");
  assert.throws(() => inOrder(["krum", "crum" as SettingName]), /InputError/);
});

test("inOrder: sorts by the parameters' values as numbers", () => {
  const sorted = [noiseOf(0), noiseOf(0.3), noiseOf(3), noiseOf(10)];
  assert.deepEqual(inOrder([...sorted].reverse()), sorted);
});

test("axisOf: known quantities have one label each; an axis of its own passes; other names are refused", () => {
  assert.equal(axisOf("rmse").label, "RMSE (pixels in [0, 1])");
  assert.equal(axisOf("round").label, "round k");
  const labels = Object.values(axes).map(({ label }) => label);
  assert.equal(new Set(labels).size, labels.length);
  assert.deepEqual(axisOf({ label: "κ", scale: "log" }), { label: "κ", scale: "log" });
  assert.throws(
    () => axisOf("rsme" as AxisName),
    /axisOf: needs a quantity of the axis table or \{ label \}, got rsme/,
  );
});

/** Colour vision in linear RGB; dichromats after Machado, Oliveira and Fernandes 2009, table 1, severity 1. */
const sights = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], // prettier-ignore
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]], // prettier-ignore
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]], // prettier-ignore
};

/** CIE L*a*b* (D65) of "#rrggbb" as that sight sees it. */
function lab(colour: string, sight: keyof typeof sights): number[] {
  const rgb = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const times = (row: readonly number[], v: readonly number[]): number => row.reduce((sum, x, i) => sum + x * v[i]!, 0);
  const seen = sights[sight].map((row) => Math.min(1, Math.max(0, times(row, rgb))));
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f(times([0.4124, 0.3576, 0.1805], seen) / 0.95047);
  const y = f(times([0.2126, 0.7152, 0.0722], seen));
  const z = f(times([0.0193, 0.1192, 0.9505], seen) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
