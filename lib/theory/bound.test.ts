import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import {
  backfireRatio,
  dispersionOf,
  driftBound,
  effectiveParticipants,
  expectedDispersion,
  fedAvgBound,
  fedAvgYoungBound,
  reconstructionBound,
  reconstructionFloor,
  scaleFreeDispersion,
  youngBound,
} from "./bound";
import { combination, normalVector, plus, squaredDistance, unitVector } from "./vectors";

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

/** All sign patterns of n coins. */
const coins = (n: number): number[][] => Array.from({ length: 2 ** n }, (_, bits) => Array.from({ length: n }, (_, i) => ((bits >> i) & 1 ? 1 : -1))); // prettier-ignore

test("expectedDispersion: equals the mean over all outcomes of coin-flip noise, weights and DP noise included", () => {
  // Noise of client m: ±σ along a direction of its own; DP noise: ±s in each coordinate of each client.
  const [n, d, sigma, s] = [3, 2, 1.5, 0.7];
  const rng = createRng(1);
  const biases = Array.from({ length: n }, () => normalVector(d, rng));
  const axes = Array.from({ length: n }, () => unitVector(d, rng));
  const weights = [0.5, 0.3, 0.2];
  let mean = 0;
  const outcomes = coins(n + n * d);
  for (const signs of outcomes) {
    const clean = biases.map((b, m) => plus(b, sigma * signs[m]!, axes[m]!));
    const sent = clean.map((g, m) => g.map((x, j) => x + s * signs[n + m * d + j]!));
    const observed = combination(sent, weights);
    clean.forEach((g, i) => (mean += (weights[i]! * squaredDistance(observed, g)) / outcomes.length));
  }
  const heterogeneity = Math.sqrt(dispersionOf(biases, weights));
  const participants = effectiveParticipants(weights);
  close(expectedDispersion({ samplingStd: sigma, heterogeneity, effectiveParticipants: participants, dpStd: s, dimension: d }), mean); // prettier-ignore
});

test("scaleFreeDispersion: bounds the direction error over all outcomes of coin-flip noise", () => {
  const [n, d, sigma] = [3, 2, 1];
  for (let seed = 0; seed < 50; seed++) {
    const rng = createRng(seed);
    const gradient = normalVector(d, rng).map((x) => 3 * x);
    const biases = Array.from({ length: n }, () => normalVector(d, rng));
    const axes = Array.from({ length: n }, () => unitVector(d, rng));
    const direction = (g: readonly number[]): number[] => g.map((x) => x / Math.hypot(...g));
    let error = 0;
    for (const signs of coins(n)) {
      const sent = biases.map((b, m) => plus(plus(gradient, 1, b), sigma * signs[m]!, axes[m]!));
      const seen = direction(combination(sent));
      for (const g of sent) error += squaredDistance(seen, direction(g)) / n / 2 ** n;
    }
    const offset = Math.hypot(...combination(biases));
    const heterogeneity = Math.sqrt(dispersionOf(biases));
    const dispersion = scaleFreeDispersion({ samplingStd: sigma, heterogeneity, effectiveParticipants: n, offset });
    assert.ok(error <= (4 * dispersion) / Math.hypot(...gradient) ** 2, `seed ${seed}`);
  }
});

const positive = fc.double({ min: 0.01, max: 100, noNaN: true });
const terms = fc.record({
  objectiveGap: positive,
  plConstant: positive,
  lipschitz: positive,
  inversionError: positive,
  dispersion: positive,
});

test("reconstructionBound: falls with the gap, grows with dispersion, and lies between half its first form and all of it", () => {
  fc.assert(
    fc.property(terms, fc.double({ min: 1.01, max: 10, noNaN: true }), (t, factor) => {
      const bound = reconstructionBound(t);
      assert.ok(reconstructionBound({ ...t, objectiveGap: t.objectiveGap * factor }) < bound);
      assert.ok(reconstructionBound({ ...t, dispersion: t.dispersion * factor }) > bound);
      const young = youngBound(t);
      assert.ok(bound <= young * (1 + 1e-12) && young <= 2 * bound * (1 + 1e-12));
    }),
  );
});

test("reconstructionBound: is the least of (1 + t) ε0^2 + (1 + 1/t) L_R^2 B / (2 μ Δ) over t", () => {
  // Young's inequality with every t; the first form is t = 1.
  const t = { objectiveGap: 2, plConstant: 1, lipschitz: 3, inversionError: 0.5, dispersion: 4 };
  const young = Array.from({ length: 100000 }, (_, i) => (i + 1) / 10000).map((x) => (1 + x) * 0.25 + (1 + 1 / x) * 9);
  assert.ok(Math.abs(Math.min(...young) - reconstructionBound(t)) < 1e-6);
});

test("reconstructionFloor: meets the bound at L = μ without an inversion error, and is 0 where that error covers it", () => {
  const t = { objectiveGap: 2, plConstant: 0.7, lipschitz: 3, dispersion: 4 };
  close(reconstructionFloor({ ...t, smoothness: 0.7 }), reconstructionBound(t));
  assert.equal(reconstructionFloor({ ...t, smoothness: 0.7, inversionError: 1e3 }), 0);
});

test("backfireRatio: is the ratio of gaps at which the bounds with and without noise agree", () => {
  const clean = { samplingStd: 2, heterogeneity: 1, effectiveParticipants: 5 };
  const noisy = { ...clean, dpStd: 0.5, dimension: 40 };
  const ratio = backfireRatio(noisy);
  const rest = { plConstant: 0.3, lipschitz: 2, inversionError: 0.1 };
  const quiet = reconstructionBound({ ...rest, objectiveGap: 3, dispersion: expectedDispersion(clean) });
  close(reconstructionBound({ ...rest, objectiveGap: 3 * ratio, dispersion: expectedDispersion(noisy) }), quiet);
  assert.equal(backfireRatio(clean), 1);
  assert.equal(backfireRatio({ ...noisy, effectiveParticipants: 1, heterogeneity: 0 }), Infinity); // Krum: nothing left to lose
});

test("fedAvgBound: is that of FedSGD at τ = 1, and below its first form", () => {
  const drift = driftBound({ localSteps: 1, learningRate: 0.1, smoothness: 2, stepNorm: 3 });
  assert.equal(drift, 0);
  const t = { objectiveGap: 2, plConstant: 1, lipschitz: 3, inversionError: 0.5, dispersion: 4 };
  assert.equal(fedAvgBound({ ...t, drift }), reconstructionBound(t));
  fc.assert(fc.property(terms, positive, (u, d) => assert.ok(fedAvgBound({ ...u, drift: d }) <= fedAvgYoungBound({ ...u, drift: d }) * (1 + 1e-12)))); // prettier-ignore
});

test("fedAvgBound: dispersion and drift add up as squares, for any gradients and any drift common to them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(positive, positive), { minLength: 1, maxLength: 6 }),
      positive,
      positive,
      (g, a, b) => {
        const observed = plus(combination(g), 1, [a, -b]);
        const distance = g.reduce((sum, own) => sum + squaredDistance(observed, own) / g.length, 0);
        const t = {
          objectiveGap: 1,
          plConstant: 0.5,
          lipschitz: 1,
          dispersion: dispersionOf(g),
          drift: Math.hypot(a, b),
        };
        close(fedAvgBound(t) / distance, 1);
      },
    ),
  );
});

test("driftBound: grows as the sum 0 + 1 + ... + (τ - 1) of the steps walked", () => {
  // each of the τ gradients is t steps of length η B1 away: (L / τ) (0 + 1 + 2 + 3) η B1 = 2 / 4 * 6 * 0.1 * 3 = 0.9
  close(driftBound({ localSteps: 4, learningRate: 0.1, smoothness: 2, stepNorm: 3 }), 0.9);
});

test("bounds: refuse M_eff < 1, τ < 1, Δ <= 0 and negative terms", () => {
  const noise = { samplingStd: 1, heterogeneity: 1, effectiveParticipants: 0.9 };
  assert.throws(() => expectedDispersion(noise), {
    name: "InputError",
    message: "expectedDispersion: needs a finite effectiveParticipants (M_eff) >= 1, got 0.9",
  });
  assert.throws(() => backfireRatio(noise), /M_eff/);
  assert.throws(() => scaleFreeDispersion(noise), /M_eff/);
  assert.throws(() => expectedDispersion({ ...noise, effectiveParticipants: 2, dpStd: 1 }), /integer dimension >= 1 with dpStd > 0, got 0/); // prettier-ignore
  assert.throws(() => effectiveParticipants([0.5, -0.5]), /weights >= 0/);
  assert.throws(() => driftBound({ localSteps: 0.5, learningRate: 1, smoothness: 1, stepNorm: 1 }), /localSteps >= 1, got 0.5/); // prettier-ignore
  const t = { objectiveGap: 0, plConstant: 1, lipschitz: 1, dispersion: 1 };
  assert.throws(
    () => reconstructionBound(t),
    /reconstructionBound: needs a finite objectiveGap > 0, got 0; at the minimum/,
  );
  assert.throws(() => youngBound({ ...t, objectiveGap: 1, plConstant: -1 }), /curvature > 0, got -1/);
  assert.throws(() => reconstructionBound({ ...t, objectiveGap: 1, dispersion: -1 }), /dispersion >= 0, got -1/);
  assert.throws(() => fedAvgBound({ ...t, objectiveGap: 1, drift: NaN }), /drift >= 0, got NaN/);
});
