import assert from "node:assert/strict";
import { test } from "node:test";
import { jStat } from "jstat";
import { createRng } from "../../core/rng";
import { clipElementwise, clipToNorm } from "../../numerics/clip";
import { localDp } from "./localDp";
import { defaultPrivacy, type PrivacyParameters } from "./privacy";

const forms: readonly Partial<PrivacyParameters>[] = [
  { clipping: "norm", noiseScale: "clipNorm" },
  { clipping: "norm", noiseScale: "sensitivityOverBatch" },
  { clipping: "elementwise", noiseScale: "clipNorm" },
  { clipping: "elementwise", noiseScale: "sensitivityOverBatch" },
];

test("localDp: is the clipped update when there is no noise, and draws nothing", () => {
  const update = Float32Array.of(3, -0.1, 4);
  for (const form of forms) {
    const rng = createRng("noise");
    const sent = localDp(update, { ...defaultPrivacy, ...form, clipNorm: 0.5, noiseMultiplier: 0 }, 8, rng);
    assert.deepEqual(sent, (form.clipping === "norm" ? clipToNorm : clipElementwise)(update, 0.5));
    assert.equal(rng.uniform(), createRng("noise").uniform());
  }
  assert.deepEqual(update, Float32Array.of(3, -0.1, 4));
});

test("localDp: adds noise of the variance its form says, without a mean", () => {
  // sum (noise / s)^2 is chi-square with d degrees of freedom: outside this interval once in 10,000 seeds
  const d = 20_000;
  const interval = [0.00005, 0.99995].map((p) => jStat.chisquare.inv(p, d)) as [number, number];
  assert.ok(interval[0] > 0.95 * d && interval[1] < 1.05 * d);
  const update = createRng("update").normals(d);
  const [clipNorm, noiseMultiplier, batchSize] = [0.7, 3, 5];
  const std = { clipNorm: 3 * 0.7, sensitivityOverBatch: (3 * 2 * 0.7) / 5 };
  for (const form of forms) {
    const parameters = { ...defaultPrivacy, ...form, clipNorm, noiseMultiplier };
    const sent = localDp(update, parameters, batchSize, createRng("noise"));
    const quiet = localDp(update, { ...parameters, noiseMultiplier: 0 }, batchSize, createRng("noise"));
    const standard = Array.from(sent, (x, i) => (x - quiet[i]!) / std[form.noiseScale!]);
    const squares = standard.reduce((sum, x) => sum + x * x, 0);
    assert.ok(squares > interval[0] && squares < interval[1], `${JSON.stringify(form)}: ${squares}, not in ${String(interval)}`); // prettier-ignore
    const sum = standard.reduce((total, x) => total + x, 0);
    assert.ok(Math.abs(sum) < 4 * Math.sqrt(d), `${JSON.stringify(form)}: mean ${sum / d}`);
  }
});

test("localDp: is sigma C with norm clipping when nothing is said", () => {
  const update = createRng("update").normals(50);
  const { clipNorm, noiseMultiplier, delta } = defaultPrivacy;
  const sent = localDp(update, { clipNorm, noiseMultiplier, delta }, 5, createRng("noise"));
  const said = localDp(update, { ...defaultPrivacy, clipping: "norm", noiseScale: "clipNorm" }, 5, createRng("noise"));
  assert.deepEqual(sent, said);
});

test("localDp: depends on its own stream alone", () => {
  const update = createRng("update").normals(10);
  const [a, b, c] = ["one", "one", "two"].map((seed) => localDp(update, defaultPrivacy, 1, createRng(seed)));
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
});

test("localDp: refuses an update that is not finite, bad parameters and a batch of none", () => {
  const rng = createRng(1);
  const update = Float32Array.of(1, Infinity);
  assert.throws(
    () => localDp(update, defaultPrivacy, 1, rng),
    /needs finite numbers in vector, got Infinity at index 1/,
  );
  const negative = { ...defaultPrivacy, noiseMultiplier: -1 };
  assert.throws(() => localDp(Float32Array.of(1), negative, 1, rng), {
    name: "InputError",
    message: "localDp: needs a finite noiseMultiplier >= 0, got -1",
  });
  assert.throws(() => localDp(Float32Array.of(1), defaultPrivacy, 0, rng), {
    name: "InputError",
    message: "localDp: needs an integer batchSize >= 1, got 0",
  });
});
