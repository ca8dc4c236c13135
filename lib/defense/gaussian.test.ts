import assert from "node:assert/strict";
import { test } from "node:test";
import { gaussianEpsilon } from "./gaussian";

test("gaussianEpsilon: agrees with dp-accounting 0.6.0 where noise is small, large and middling", () => {
  // get_epsilon_gaussian(sigma / sqrt(steps), delta)
  const cases = [
    [3, 1, 1e-5, 1.2710877669435992],
    [3, 50, 1e-5, 12.262332118205684],
    [0.03, 50, 1e-5, 28782.03112349274],
    [0.01, 1, 1e-5, 5425.50984614743],
    [1000, 1, 1e-5, 0.0019387249699572456],
    [100, 1, 0.5, 0],
  ] as const;
  for (const [noiseMultiplier, steps, delta, expected] of cases) {
    const epsilon = gaussianEpsilon({ noiseMultiplier, steps, delta });
    assert.ok(Math.abs(epsilon - expected) <= 1e-9 * expected, `${noiseMultiplier}: ${epsilon}, not ${expected}`);
  }
});

test("gaussianEpsilon: is where the integral of p - e^epsilon q over p > e^epsilon q equals delta", () => {
  for (const [sigma, delta] of [
    [0.5, 1e-3],
    [1, 0.01],
    [1, 0.3],
    [2, 1e-6],
    [4, 0.05],
  ] as const) {
    // prettier-ignore
    const epsilon = gaussianEpsilon({ noiseMultiplier: sigma, steps: 1, delta });
    const step = 1e-3;
    let integral = 0;
    for (let x = -20 * sigma; x < 20 * sigma + 1; x += step) {
      const density = (mean: number): number => Math.exp(-((x - mean) ** 2) / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI)); // prettier-ignore
      integral += Math.max(0, density(1) - Math.exp(epsilon) * density(0)) * step;
    }
    assert.ok(Math.abs(integral - delta) <= 1e-3 * delta, `sigma ${sigma}: ${integral}, not ${delta}`);
  }
});

test("gaussianEpsilon: is 0 exactly from the total variation on", () => {
  // sigma = 1: 2 Phi(1/2) - 1 = 0.382925
  assert.equal(gaussianEpsilon({ noiseMultiplier: 1, steps: 1, delta: 0.38293 }), 0);
  assert.ok(gaussianEpsilon({ noiseMultiplier: 1, steps: 1, delta: 0.38292 }) > 0);
});

test("gaussianEpsilon: is infinite without noise, and depends on sigma and steps by sigma / sqrt(steps) alone", () => {
  assert.equal(gaussianEpsilon({ noiseMultiplier: 0, steps: 1, delta: 1e-5 }), Infinity);
  const [one, four] = [[1, 1], [2, 4]].map(([noiseMultiplier, steps]) => gaussianEpsilon({ noiseMultiplier: noiseMultiplier!, steps: steps!, delta: 1e-5 })); // prettier-ignore
  assert.equal(one, four);
});

test("gaussianEpsilon: refuses noise below 0, steps that are no count and a delta outside (0, 1)", () => {
  const fine = { noiseMultiplier: 1, steps: 1, delta: 1e-5 };
  const cases = [
    [{ noiseMultiplier: -1 }, "needs a finite noiseMultiplier >= 0, got -1"],
    [{ noiseMultiplier: NaN }, "needs a finite noiseMultiplier >= 0, got NaN"],
    [{ steps: 0 }, "needs an integer steps >= 1, got 0"],
    [{ delta: 0 }, "needs 0 < delta < 1, got 0"],
    [{ delta: 1 }, "needs 0 < delta < 1, got 1"],
  ] as const;
  for (const [change, message] of cases) {
    assert.throws(() => gaussianEpsilon({ ...fine, ...change }), {
      name: "InputError",
      message: `gaussianEpsilon: ${message}`,
    });
  }
});
