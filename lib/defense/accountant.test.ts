import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { epsilonOf, noiseFor, type GaussianSteps } from "./accountant";
import { gaussianEpsilon } from "./gaussian";

const query = (samplingRate: number, noiseMultiplier: number, steps: number, delta: number): GaussianSteps => ({ samplingRate, noiseMultiplier, steps, delta }); // prettier-ignore

function assertRelative(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * expected, `${what}: ${actual}, not ${expected}`);
}

test("epsilonOf: agrees with dp-accounting 0.6.0 under Poisson sampling", () => {
  // RdpAccountant with its default orders, PoissonSampledDpEvent(q, GaussianDpEvent(sigma)) T times
  const cases = [
    [1, 3, 1, 1e-5, 1.3862750468052074],
    [1, 3, 50, 1e-5, 13.131759087881733],
    [0.01, 1, 1000, 1e-5, 2.101366525420273],
    [0.01, 3, 50, 1e-5, 0.12289677076472721],
    [0.1, 10, 200, 1e-3, 0.3589470232818085],
    [0.001, 0.1, 10, 1e-5, 123.24822247103997],
    [0.3, 30, 1, 1e-5, 0.033112943155595084],
    [1e-5, 1, 10, 1e-8, 0.6503328856373263],
    [0.9, 1, 1, 1e-2, 2.618840766925949],
    [1 / 600, 0.6, 500, 1e-5, 2.8295118916395885],
    [1, 0.03, 50, 1e-5, 30667.333813134417],
    [1, 1000, 1, 1e-5, 0.0040134096770715055],
    [1, 100, 1, 0.5, 0],
  ] as const;
  for (const [q, sigma, steps, delta, expected] of cases) {
    assertRelative(epsilonOf(query(q, sigma, steps, delta)), expected, 1e-5, `q ${q}, sigma ${sigma}, T ${steps}`);
  }
});

test("epsilonOf: agrees with dp-accounting 0.6.0 without replacement where theorem 27 adds nothing to theorem 9", () => {
  // RdpAccountant(REPLACE_ONE), SampledWithoutReplacementDpEvent(n, B, GaussianDpEvent(sigma)) T times
  const same = [
    [6000, 1, 1, 50, 0.4819652556472977],
    [6000, 64, 1, 1000, 3.8423063604379752],
    [6000, 1, 0.3, 50, 10.312148995276264],
  ] as const;
  const looser = [
    [600, 6, 3, 50, 0.1857551579768233],
    [6000, 32, 3, 50, 0.12549357734482147],
  ] as const;
  const ours = (n: number, batch: number, sigma: number, steps: number): number => epsilonOf({ ...query(batch / n, sigma, steps, 1e-5), sampling: "withoutReplacement" }); // prettier-ignore
  for (const [n, batch, sigma, steps, expected] of same) assertRelative(ours(n, batch, sigma, steps), expected, 1e-6, `${batch} of ${n}`); // prettier-ignore
  for (const [n, batch, sigma, steps, tighter] of looser) {
    const epsilon = ours(n, batch, sigma, steps);
    assert.ok(
      epsilon > tighter && epsilon < 1.4 * tighter,
      `${batch} of ${n}: ${epsilon}, theorem 27 gives ${tighter}`,
    );
  }
});

/** The same minimum from a sum of the definition's integrand over a fine grid. */
function slowEpsilon({ samplingRate: q, noiseMultiplier: sigma, steps, delta }: GaussianSteps): number {
  let least = Infinity;
  const orders = [...Array.from({ length: 99 }, (_, i) => 1.1 + i / 10), ...Array.from({ length: 53 }, (_, i) => 11 + i), 128]; // prettier-ignore
  for (const a of orders) {
    const logs: number[] = [];
    const step = sigma / 50;
    for (let z = -12 * sigma; z <= a + 12 * sigma; z += step) {
      const w = (2 * z - 1) / (2 * sigma ** 2);
      const logRatio = w > 0 ? w + Math.log(q + (1 - q) * Math.exp(-w)) : Math.log(1 - q + q * Math.exp(w));
      logs.push(a * logRatio - z ** 2 / (2 * sigma ** 2) + Math.log(step / (sigma * Math.sqrt(2 * Math.PI))));
    }
    const top = logs.reduce((x, y) => Math.max(x, y));
    const divergence = (top + Math.log(logs.reduce((sum, x) => sum + Math.exp(x - top), 0))) / (a - 1);
    least = Math.min(least, steps * divergence + Math.log(1 - 1 / a) - Math.log(delta * a) / (a - 1));
  }
  return least;
}

test("epsilonOf: is the minimum over orders of the definition's integral, low orders included", () => {
  const cases = [
    query(0.5, 0.3, 50, 1e-5), // order 1.1: dp-accounting's series does not get that far, and it gives 300.5
    query(0.02, 0.5, 100, 1e-6),
    query(0.2, 1.5, 30, 1e-4),
    query(0.97, 0.8, 3, 1e-3),
  ];
  for (const each of cases) assertRelative(epsilonOf(each), slowEpsilon(each), 1e-8, JSON.stringify(each));
});

test("epsilonOf: is worked by hand at order 2 when one step without replacement is dominated by it", () => {
  // sigma = 0.3, q = 1e-3, T = 1: at order 2, log(1 + q^2 · 2 e^(1/0.09)) = log(1 + 1e-6 · 2 · 66,910) = 0.12559;
  // - log 2 - log(2 delta) with delta = 0.1: -0.69315 + 1.60944 = 0.91629; together 1.04188
  const epsilon = epsilonOf({ ...query(1e-3, 0.3, 1, 0.1), sampling: "withoutReplacement" });
  assert.ok(Math.abs(epsilon - 1.04188) < 1e-5, `${epsilon}`);
});

const probability = fc.double({ min: 1e-6, max: 1, noNaN: true });
const sigmas = fc.double({ min: -1.5, max: 2, noNaN: true }).map((power) => 10 ** power);
const queries = fc.record({
  samplingRate: probability,
  noiseMultiplier: sigmas,
  steps: fc.integer({ min: 1, max: 2000 }),
  delta: fc.double({ min: -10, max: -0.5, noNaN: true }).map((power) => 10 ** power),
  sampling: fc.constantFrom("poisson", "withoutReplacement"),
}) as fc.Arbitrary<GaussianSteps>;

test("epsilonOf: grows with q and T, shrinks with sigma and delta, and never exceeds what q = 1 spends", () => {
  fc.assert(
    fc.property(queries, (each) => {
      const epsilon = epsilonOf(each);
      const slack = 1 + 1e-9; // of the last digits
      assert.ok(epsilon >= 0 && epsilon < Infinity);
      assert.ok(epsilonOf({ ...each, noiseMultiplier: 1.1 * each.noiseMultiplier }) <= epsilon * slack);
      assert.ok(epsilonOf({ ...each, delta: Math.min(0.9, 2 * each.delta) }) <= epsilon * slack);
      assert.ok(epsilonOf({ ...each, steps: each.steps + 1 }) * slack >= epsilon);
      assert.ok(epsilonOf({ ...each, samplingRate: each.samplingRate / 2 }) <= epsilon * slack);
      assert.ok(epsilon <= epsilonOf({ ...each, samplingRate: 1 }) * slack);
    }),
    { numRuns: 60 },
  );
});

test("epsilonOf: is never below the exact epsilon at q = 1, nor 13 % above while sigma / sqrt(T) <= 16 and delta <= 1e-5", () => {
  fc.assert(
    fc.property(queries, (each) => {
      const whole = { ...each, samplingRate: 1, delta: each.delta * 10 ** -4.5 };
      const [bound, exact] = [epsilonOf(whole), gaussianEpsilon(whole)];
      assert.ok(bound >= exact * (1 - 1e-9), `${bound} < ${exact}`);
      if (whole.noiseMultiplier / Math.sqrt(whole.steps) <= 16) assert.ok(bound <= 1.13 * exact, `${bound} > 1.13 · ${exact}`); // prettier-ignore
    }),
    { numRuns: 200 },
  );
});

test("epsilonOf: is infinite without noise, and a number or infinite whatever the size of the noise", () => {
  for (const sampling of ["poisson", "withoutReplacement"] as const) {
    for (const q of [1e-9, 0.5, 1]) {
      assert.equal(epsilonOf({ ...query(q, 0, 10, 1e-5), sampling }), Infinity);
      let last = Infinity;
      for (const sigma of [1e-300, 1e-160, 1e-154, 1e-100, 1e-9, 1e-3, 0.03, 1, 1e3, 1e9, 1e200]) {
        const epsilon = epsilonOf({ ...query(q, sigma, 10, 1e-5), sampling });
        assert.ok(epsilon >= 0 && epsilon <= last, `q ${q}, sigma ${sigma}: ${epsilon} after ${last}`); // NaN is not
        last = epsilon;
      }
    }
  }
});

test("noiseFor: is the least noise within the budget", () => {
  fc.assert(
    fc.property(
      queries,
      fc.double({ min: 0.05, max: 50, noNaN: true }),
      ({ noiseMultiplier: _, ...steps }, epsilon) => {
        const sigma = noiseFor({ ...steps, epsilon });
        assert.ok(epsilonOf({ ...steps, noiseMultiplier: sigma }) <= epsilon);
        assert.ok(epsilonOf({ ...steps, noiseMultiplier: sigma / (1 + 2e-6) }) > epsilon);
      },
    ),
    { numRuns: 10 },
  );
});

test("noiseFor: ends when delta is so small that its square is 0", () => {
  const query = { samplingRate: 1, steps: 1, delta: 1e-200, epsilon: 1e-6 };
  assert.ok(noiseFor(query) > 1e3);
});

test("epsilonOf, noiseFor: refuse what is out of range, naming it", () => {
  const fine = { samplingRate: 0.1, noiseMultiplier: 1, steps: 10, delta: 1e-5 };
  const common = [
    [{ samplingRate: 0 }, "needs 0 < samplingRate <= 1, got 0"],
    [{ samplingRate: 1.01 }, "needs 0 < samplingRate <= 1, got 1.01"],
    [{ samplingRate: NaN }, "needs 0 < samplingRate <= 1, got NaN"],
    [{ steps: 0 }, "needs an integer steps >= 1, got 0"],
    [{ steps: 1.5 }, "needs an integer steps >= 1, got 1.5"],
    [{ delta: 0 }, "needs 0 < delta < 1, got 0"],
    [{ delta: 1 }, "needs 0 < delta < 1, got 1"],
    [{ delta: -1e-5 }, "needs 0 < delta < 1, got -0.00001"],
    [{ delta: NaN }, "needs 0 < delta < 1, got NaN"],
    [{ sampling: "shuffled" as "poisson" }, "needs sampling of poisson, withoutReplacement, got shuffled"],
  ] as const;
  const noise = [
    [{ noiseMultiplier: -0.1 }, "needs a finite noiseMultiplier >= 0, got -0.1"],
    [{ noiseMultiplier: NaN }, "needs a finite noiseMultiplier >= 0, got NaN"],
  ] as const;
  for (const [change, message] of [...common, ...noise]) {
    assert.throws(() => epsilonOf({ ...fine, ...change }), { name: "InputError", message: `epsilonOf: ${message}` });
  }
  const budgets = [
    [{ epsilon: 0 }, "needs a finite epsilon > 0, got 0"],
    [{ epsilon: Infinity }, "needs a finite epsilon > 0, got Infinity"],
  ] as const;
  for (const [change, message] of [...common, ...budgets]) {
    const call = () => noiseFor({ ...fine, epsilon: 1, ...change });
    assert.throws(call, { name: "InputError", message: `noiseFor: ${message}` });
  }
});
