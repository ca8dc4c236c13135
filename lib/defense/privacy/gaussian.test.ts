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

test("gaussianEpsilon: is the root to 1e-12 of itself, for noise from 1e-8 to 1e50 and delta from 1e-300 to 0.9", () => {
  // mpmath 1.4.1, 80 digits and twice those of sigma more: bisection of Phi(-a) - e^epsilon Phi(-b) = delta down to 1e-25 of itself
  const cases = [
    [1e-8, 1, 1e-5, 5.000000426489078e15],
    [0.03, 50, 1e-5, 28782.03112349273],
    [0.2, 1, 1e-300, 197.4481048807885],
    [1, 1, 1e-12, 7.238494420178858],
    [1, 1, 0.3, 0.27661739889684955],
    [0.3, 1, 0.9, 0.09091277525683945],
    [3, 50, 1e-5, 12.262332118205721],
    [37, 1, 1e-250, 0.9081552420928544],
    [1000, 1, 1e-5, 0.00193872496986011],
    [1e5, 1, 1e-10, 3.923565897214771e-5],
    [1e10, 1, 1e-12, 1.9383563073269673e-10],
    [1e10, 1, 2e-11, 4.928873272226646e-11],
    [1e10, 1e6, 1e-9, 1.938356344155163e-7],
    [1e15, 1, 1e-17, 1.9383563072901027e-15],
    [1e15, 1, 3e-16, 2.1651349769209784e-16],
    [1e15, 7, 1e-200, 7.661695356452762e-14],
    [1e50, 1, 1e-60, 6.070461369085981e-50],
  ] as const;
  for (const [noiseMultiplier, steps, delta, expected] of cases) {
    const epsilon = gaussianEpsilon({ noiseMultiplier, steps, delta });
    assert.ok(
      Math.abs(epsilon - expected) <= 1e-12 * expected,
      `${noiseMultiplier}, ${delta}: ${epsilon}, not ${expected}`,
    );
  }
});

test("gaussianEpsilon: falls with sigma and delta over 300 orders of magnitude, without a jump", () => {
  let last = Infinity;
  for (let power = -149; power <= 150; power += 0.37) {
    const query = { noiseMultiplier: 10 ** power, steps: 1, delta: 1e-160 };
    const epsilon = gaussianEpsilon(query);
    assert.ok(epsilon > 0 && epsilon < last, `sigma 1e${power}: ${epsilon} after ${last}`);
    assert.ok(gaussianEpsilon({ ...query, delta: 1e-161 }) >= epsilon);
    last = epsilon;
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
    [{ noiseMultiplier: undefined as unknown as number }, "needs a finite noiseMultiplier >= 0, got undefined"],
    [{ noiseMultiplier: "1" as unknown as number }, "needs a finite noiseMultiplier >= 0, got 1"],
    [{ delta: "0.1" as unknown as number }, "needs 0 < delta < 1, got 0.1"],
    [{ delta: undefined as unknown as number }, "needs 0 < delta < 1, got undefined"],
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
