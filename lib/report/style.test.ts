import assert from "node:assert/strict";
import test from "node:test";
import { aggregators } from "../defense/aggregators";
import { poisonings } from "../poisoning/poisonings";
import { axes, axisOf, inOrder, parameters, settings, styleOf } from "./style";
import type { AxisName, Parameter, Setting, SettingName, SettingStyle } from "./style";

const distinct = [...new Set<SettingStyle>(Object.values(settings))]; // none and mean are one setting

test("settings: every colour and every label stands for one setting only", () => {
  assert.equal(new Set(distinct.map(({ colour }) => colour)).size, distinct.length);
  assert.equal(new Set(distinct.map(({ label }) => label)).size, distinct.length);
  for (const { colour } of distinct) assert.match(colour, /^#[0-9A-F]{6}$/);
});

test("settings: colours of a family differ for readers with normal, protan and deutan sight, and from white", () => {
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

test("settings: references, which stand beside every family, have a line pattern of their own", () => {
  const patterns = distinct.filter(({ family }) => family === "reference").map(({ dash }) => dash);
  assert.ok(!patterns.includes("solid"));
});

test("settings: every aggregation rule has a style", () => {
  for (const name of Object.keys(aggregators) as Setting[]) assert.ok(styleOf(name).colour);
});

test("settings: every poisoning rule has a style", () => {
  for (const name of Object.keys(poisonings)) assert.equal(styleOf(name as Setting).family, "poisoning");
});

test("parameters: values a half decade apart differ in pattern and in lightness, whatever the setting and the sight", () => {
  const withValues = (Object.keys(parameters) as Parameter[]).flatMap((symbol) => {
    const [low, high] = parameters[symbol];
    const values = [1, 3, 10, 30, 100, 300, 1000].map((factor) => low * factor).filter((value) => value <= 1.01 * high);
    return Object.keys(settings).map((row) => values.map((value) => styleOf(`${row as Setting} ${symbol}=${value}`)));
  });
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

test("styleOf: parameters stand in the label, shade the row's colour, and set the pattern by the half decade", () => {
  assert.deepEqual(styleOf("signFlip κ=1"), { ...settings.signFlip, label: "sign flip, κ = 1", colour: "#E3A898" });
  // log10(3) = 0.48, half decade 1; log10(0.03) = -1.52, half decade -3; log10(6) = 0.78, half decade 2
  assert.deepEqual(
    (["signFlip κ=3", "localDp σ=0.03", "signFlip κ=6", "localDp σ=0"] as const).map((name) => styleOf(name).dash),
    ["dash", "solid", "dot", "dashdot"],
  );
  const pair = styleOf("krum+localDp σ=3 C=1");
  assert.equal(pair.label, "Krum + local DP, σ = 3, C = 1");
  assert.deepEqual([pair.colour, pair.dash], [styleOf("krum σ=3").colour, "solid"]); // the shade of σ, the pattern of C
});

test("styleOf: refuses an unknown parameter and a value that is no number >= 0", () => {
  assert.throws(() => styleOf("signFlip kappa=3" as SettingName), /styleOf: needs a parameter of the style table, got kappa=3; known: κ/); // prettier-ignore
  for (const wrong of ["signFlip κ=", "signFlip κ=x", "signFlip κ=-1", "signFlip κ=Infinity"] as const) {
    assert.throws(() => styleOf(wrong), /^InputError: styleOf: needs a number >= 0 for κ, got κ=/);
  }
  assert.throws(() => styleOf("signFlip  κ=1" as SettingName), /needs a parameter/); // two spaces
});

test("styleOf: a combination takes the colour of its first part and is dotted", () => {
  assert.deepEqual(styleOf("krum+localDp"), { ...settings.krum, label: "Krum + local DP", dash: "dot" });
});

test("styleOf: refuses what is not in the table, alone or in a combination, and inherited names", () => {
  for (const wrong of ["crum", "krum+crum", "toString", ""]) {
    assert.throws(() => styleOf(wrong as Setting), /^InputError: styleOf: needs a setting of the style table, got .*; known: probe/); // prettier-ignore
  }
});

test("inOrder: sorts into the table's order, combinations after their first part, and leaves its input alone", () => {
  const names = ["floor", "krum+localDp", "median", "krum", "none"] as const;
  assert.deepEqual(inOrder(names), ["none", "krum", "krum+localDp", "median", "floor"]);
  assert.equal(names[0], "floor");
  assert.throws(() => inOrder(["krum", "crum" as Setting]), /InputError/);
});

test("inOrder: sorts by the parameters' values as numbers, after the setting without any", () => {
  const names = ["krum+localDp", "krum σ=10", "krum σ=3", "krum", "krum σ=3 C=1", "krum σ=3 C=0.1"] as const;
  const sorted = ["krum", "krum σ=3", "krum σ=3 C=0.1", "krum σ=3 C=1", "krum σ=10", "krum+localDp"];
  assert.deepEqual(inOrder(names), sorted);
  assert.deepEqual(inOrder([...names].reverse()), sorted);
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
