import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { compareBackfire } from "./backfire";
import { checks, checkTheory, sampleTheory } from "./check";
import { drawInstance, drawSamplingNoise, instanceAt } from "./instances";
import { drawQuadratic, expectedGaps } from "./quadratic";
import { powerSlope, predictedSlopes, sweepBound, type SweptQuantity } from "./sweeps";
import { attained, tightness } from "./tightness";
import { form, plus, squaredNorm, unitVector } from "./vectors";

test("checkTheory: finds no violation, and every line is checked", () => {
  const found = checkTheory(60, createRng("check"));
  assert.deepEqual(found.map(({ check }) => check), Object.keys(checks)); // prettier-ignore
  for (const { check, violations, ratios, worst } of found) {
    assert.equal(violations, 0, `${check}: ${worst}`);
    assert.ok(ratios.length >= 40, `${check}: ${ratios.length} instances`);
    assert.ok(worst > 0.01, `${check}: a bound that is never within a factor of 100 checks nothing`);
  }
});

test("checkTheory: finds the violations of a bound that is 10 % too small", () => {
  const progress = checks["honest mean"]!;
  const wrong = {
    "honest mean": {
      ...progress,
      compare: (...given: Parameters<typeof progress.compare>) => {
        const { smaller, larger } = progress.compare(...given)!;
        return { smaller, larger: 0.9 * larger };
      },
    },
  };
  const [found] = checkTheory(200, createRng("wrong"), { lines: wrong });
  assert.ok(found!.violations > 5 && found!.worst > 1, `${found!.violations}`);
});

test("checkTheory: depends on its stream alone, and tells how far it is", () => {
  const told: string[] = [];
  const once = checkTheory(3, createRng(1), { onProgress: (done, total) => told.push(`${done}/${total}`) });
  assert.deepEqual(checkTheory(3, createRng(1)), once);
  assert.deepEqual(told, ["1/3", "2/3", "3/3"]);
  assert.throws(() => checkTheory(0, createRng(1)), /count >= 1, got 0/);
});

test("sampleTheory: draws agree with the closed forms", () => {
  for (const { check, largest, outside, instances } of sampleTheory(8, 400, createRng("sample"))) {
    assert.ok(largest < 4.5 && outside <= 4 && instances >= 6, `${check}: ${largest}, ${outside} of ${instances}`);
  }
});

test("drawSamplingNoise: has E||n||^2 = σ^2 and the curvature that the instance states", () => {
  const instance = drawInstance(createRng(8));
  const { samplingStd } = instance.clients;
  const rng = createRng("noise");
  const draws = Array.from({ length: 20000 }, () => drawSamplingNoise(instance, rng));
  const mean = (f: (n: number[]) => number): number => draws.reduce((sum, n) => sum + f(n) / draws.length, 0);
  // relative standard errors below 2 %
  assert.ok(Math.abs(mean(squaredNorm) / samplingStd ** 2 - 1) < 0.06);
  const curved = mean((n) => form(instance.quadratic.hessian, n));
  assert.ok(Math.abs(curved / (instance.curvature * samplingStd ** 2) - 1) < 0.06);
});

test("sweepBound: error and bound have the predicted slopes", () => {
  for (const [quantity, slope] of Object.entries(predictedSlopes) as [SweptQuantity, number][]) {
    const { driver, measured, bound, proven } = sweepBound(quantity, 400, createRng(1));
    // along the flipped path the ratio ||grad F||^2 / Δ moves too
    const tolerance = quantity === "scale" ? 0.7 : 0.15;
    assert.ok(Math.abs(powerSlope(driver, measured, { below: 0.5 }) - slope) < tolerance, quantity);
    assert.ok(Math.abs(powerSlope(driver, bound) - slope) < 0.02, quantity);
    measured.forEach((error, i) => assert.ok(error <= bound[i]! && !(error > proven[i]!), `${quantity} ${i}`));
  }
});

test("powerSlope: leaves out what has saturated, and refuses what has no slope", () => {
  assert.ok(Math.abs(powerSlope([1, 10, 100], [1, 100, 100], { below: 100 }) - 1) < 1e-9);
  assert.ok(Math.abs(powerSlope([1, 10, 100], [1, 5, 5], { below: 2 ** 3 }) - Math.log10(5) / 2) < 1e-9);
  assert.throws(() => powerSlope([1, 1], [1, 2]), /two different x/);
  assert.throws(() => powerSlope([1, 2], [1, 0]), /positive finite/);
  assert.throws(() => powerSlope([1], [1, 2]), /as many/);
});

test("tightness: line (6) is attained whatever ε0, line (7) where both errors are equal", () => {
  const { sharp, young } = tightness([0, 0.5, 1, 4], createRng(1));
  assert.deepEqual(sharp, [1, 1, 1, 1]);
  // (1 + r)^2 / (2 + 2 r^2): 1/2, 2.25/2.5, 1, 25/34
  [0.5, 0.9, 1, 25 / 34].forEach((expected, i) => assert.ok(Math.abs(young[i]! - expected) < 1e-9));
  for (const { line, filled } of attained(createRng(1))) assert.ok(filled > 0.999 && filled <= 1 + 1e-9, line);
});

test("compareBackfire: gaps agree with the exact expectations, and clipping keeps the gap open", () => {
  const quadratic = drawQuadratic({ dimension: 3, numClients: 4, conditionNumber: 3 }, createRng(1));
  const start = plus(quadratic.minimizer, 10, unitVector(3, createRng(2)));
  const options = { quadratic, start, learningRate: 0.2, samplingStd: 3, dpStd: 1, clipNorm: 2, rounds: 20, runs: 400 };
  const { clean, noise, clipped } = compareBackfire(options, createRng(3));
  const covariance = (variance: number) => start.map((_, i) => start.map((_, j) => (i === j ? variance / 4 : 0)));
  // noise per coordinate: 9 on average over the axis-less law 9/3 = 3; DP adds 1
  const exact = expectedGaps(quadratic, start, { learningRate: 0.2, noise: covariance(3), rounds: 20 });
  const exactNoisy = expectedGaps(quadratic, start, { learningRate: 0.2, noise: covariance(4), rounds: 20 });
  clean.gap.forEach((gap, k) => assert.ok(Math.abs(gap / exact[k]! - 1) < 0.15, `${k}: ${gap}, ${exact[k]}`));
  noise.gap.forEach((gap, k) => assert.ok(Math.abs(gap / exactNoisy[k]! - 1) < 0.15, `${k}: ${gap}, ${exactNoisy[k]}`));
  assert.ok(clipped.gap[19]! > 5 * noise.gap[19]!);
  assert.throws(() => compareBackfire({ ...options, clipNorm: 0 }, createRng(1)), /clipNorm > 0, got 0/);
});

test("instanceAt: has isotropic noise where no axis is given", () => {
  const quadratic = drawQuadratic({ dimension: 4, numClients: 2, conditionNumber: 8 }, createRng(1));
  const { curvature } = instanceAt(quadratic, [1, 0, 0, 0], { samplingStd: 1, learningRate: 0.1 });
  const trace = quadratic.hessian.reduce((sum, row, i) => sum + row[i]!, 0);
  assert.ok(Math.abs(curvature - trace / 4) < 1e-12);
});
