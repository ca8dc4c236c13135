import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jStat } from "jstat";
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
    [1, 100, 1, 0.5, 0],
  ] as const;
  for (const [q, sigma, steps, delta, expected] of cases) {
    assertRelative(
      epsilonOf({ ...query(q, sigma, steps, delta), accounting: "renyi" }),
      expected,
      1e-5,
      `q ${q}, sigma ${sigma}, T ${steps}`,
    );
  }
  // where the best order is none of its: 30667.33 against the exact 28782.03, 0.0040134 against 0.0019387
  assert.ok(epsilonOf(query(1, 0.03, 50, 1e-5)) < 29_500);
  assert.ok(epsilonOf(query(1, 1000, 1, 1e-5)) < 0.00235);
});

test("epsilonOf: is tight where q is tiny, and monotone there", () => {
  // T = 1: epsilon = log(1 + q (e^x - 1)) with q H(x) = delta, the Gaussian mechanism's exact H; by mpmath
  assertRelative(epsilonOf(query(1e-8, 1, 1, 1e-12)), 4.39e-7, 1e-4, "one step");
  // PLDAccountant of dp-accounting and the Gaussian limit: about 1.0e-4 and 2.3e-3; an upper bound is not below
  const many = [epsilonOf(query(1e-6, 50, 1e6, 1e-12)), epsilonOf(query(1e-8, 1, 1e9, 1e-12))] as const;
  assert.ok(many[0] >= 1.0e-4 && many[0] < 1.1e-4, `${many[0]}`);
  assert.ok(many[1] >= 2.3e-3 && many[1] < 2.5e-3, `${many[1]}`);
  const [near, far] = [200, 500].map((sigma) => epsilonOf(query(1e-12, sigma, 1e6, 1e-12))) as [number, number];
  assert.ok(near > far && far > 0, `${near}, ${far}`);
});

test("epsilonOf: is never above the Rényi accountant's, nor below the exact one of a step", () => {
  for (const [q, sigma, delta] of [
    [0.01, 3, 1e-5],
    [0.5, 0.03, 1e-5],
    [0.3, 30, 1e-3],
    [1e-4, 1, 1e-6],
    [0.9, 1, 1e-2],
  ] as const) {
    // prettier-ignore
    for (const steps of [1, 2, 50]) {
      const each = query(q, sigma, steps, delta);
      assert.ok(epsilonOf(each) <= epsilonOf({ ...each, accounting: "renyi" }) * (1 + 1e-12));
      // H of one step, of which more are made: (1 - q) N(0) + q N(1) against N(0), by a sum of 2e5 slices
      const epsilon = epsilonOf(each);
      const [from, width] = [-12 * sigma, (24 * sigma + 1) / 2e5];
      let exact = 0;
      for (let i = 0; i < 2e5; i++) {
        const z = from + (i + 0.5) * width;
        const density = Math.exp(-(z ** 2) / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI));
        const shifted = Math.exp(-((z - 1) ** 2) / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI));
        exact += Math.max(0, (1 - q) * density + q * shifted - Math.exp(epsilon - z ** 2 / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI))) * width;
      }
      assert.ok(exact <= delta * (1 + 1e-3), `q ${q}, sigma ${sigma}, T ${steps}: delta ${exact} at ${epsilon}`);
    }
  }
});

test("epsilonOf: is below theorem 27 of Wang et al. without replacement, as dp-accounting 0.6.0 has it", () => {
  // RdpAccountant(REPLACE_ONE), SampledWithoutReplacementDpEvent(n, B, GaussianDpEvent(sigma)) T times
  const cases = [
    [600, 6, 10, 50, 0.047498962044105086],
    [600, 6, 50, 1000, 0.040531559565829475],
    [6000, 1, 1, 50, 0.4819652556472977],
    [6000, 64, 1, 1000, 3.8423063604379752],
    [6000, 1, 0.3, 50, 10.312148995276264],
    [600, 6, 3, 50, 0.1857551579768233],
    [6000, 32, 3, 50, 0.12549357734482147],
  ] as const;
  for (const [n, batch, sigma, steps, theorem27] of cases) {
    const each = query(batch / n, sigma, steps, 1e-5);
    const epsilon = epsilonOf({ ...each, sampling: "withoutReplacement" });
    assert.ok(epsilon < theorem27, `${batch} of ${n}: ${epsilon}, theorem 27 gives ${theorem27}`);
  }
  const [ten, fifty] = cases.map(([n, batch, sigma, steps]) => epsilonOf({ ...query(batch / n, sigma, steps, 1e-5), sampling: "withoutReplacement" })) as [number, number]; // prettier-ignore
  assertRelative(ten, 0.022124, 1e-3, "sigma 10");
  assertRelative(fifty, 0.018772, 1e-3, "sigma 50");
});

test("epsilonOf: gives large likelihood ratios up without replacement too, where they decide", () => {
  // Composed on a grid of losses, the pair that bounds a step has a delta of 4.2e-10, 1.3e-6 and 9.6e-8 at the epsilons below.
  const cases = [
    [query(1e-4, 1, 10_000, 1e-8), 0.8623, 0.08947],
    [query(0.01, 1, 16, 1e-5), 1.0644, 0.62656],
    [query(0.001, 0.8, 100, 1e-6), 1.3721, 0.4469],
  ] as const;
  for (const [each, renyi, tightest] of cases) {
    const fixed = { ...each, sampling: "withoutReplacement" } as const;
    assertRelative(epsilonOf({ ...fixed, accounting: "renyi" }), renyi, 1e-3, "renyi");
    assertRelative(epsilonOf(fixed), tightest, 1e-3, "tightest");
    assert.ok(epsilonOf(each) <= epsilonOf(fixed) * (1 + 1e-9), "Poisson sampling never costs more");
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
  for (const each of cases)
    assertRelative(epsilonOf({ ...each, accounting: "renyi" }), slowEpsilon(each), 1e-8, JSON.stringify(each));
});

const powers = (low: number, high: number) => fc.double({ min: low, max: high, noNaN: true }).map((x) => 10 ** x);
const queries = fc.record({
  samplingRate: powers(-14, 0),
  noiseMultiplier: powers(-3, 5),
  steps: powers(0, 12).map(Math.round),
  delta: powers(-15, -0.3),
  sampling: fc.constantFrom("poisson", "withoutReplacement"),
}) as fc.Arbitrary<GaussianSteps>;

/** A lower bound on the total variation of T releases: that of one, q (2 Phi(1 / (2 sigma)) - 1). */
const leastVariation = ({ samplingRate: q, noiseMultiplier: sigma }: GaussianSteps): number =>
  q * jStat.erf(1 / (2 * Math.SQRT2 * sigma));

test("epsilonOf: grows with q and T, shrinks with sigma and delta, and never exceeds what q = 1 spends", () => {
  fc.assert(
    fc.property(queries, (each) => {
      const epsilon = epsilonOf(each);
      const slack = 1 + 1e-9; // of the last digits
      assert.ok(epsilon >= 0 && epsilon < Infinity);
      if (epsilon === 0) assert.ok(leastVariation(each) <= each.delta, "0 where the outputs differ by more than delta");
      assert.ok(epsilonOf({ ...each, noiseMultiplier: 1.1 * each.noiseMultiplier }) <= epsilon * slack);
      assert.ok(epsilonOf({ ...each, delta: Math.min(0.9, 2 * each.delta) }) <= epsilon * slack);
      assert.ok(epsilonOf({ ...each, steps: each.steps + 1 }) * slack >= epsilon);
      assert.ok(epsilonOf({ ...each, steps: 3 * each.steps }) * slack >= epsilon);
      assert.ok(epsilonOf({ ...each, samplingRate: each.samplingRate / 2 }) <= epsilon * slack);
      assert.ok(epsilon <= epsilonOf({ ...each, samplingRate: 1 }) * slack);
    }),
    { numRuns: 100 },
  );
});

test("epsilonOf: is never below the exact epsilon at q = 1, nor 20 % above where delta is small and that epsilon no tiny rest", () => {
  fc.assert(
    fc.property(queries, (each) => {
      const whole = { ...each, samplingRate: 1, delta: each.delta * 10 ** -4.7 };
      const [bound, exact] = [epsilonOf(whole), gaussianEpsilon(whole)];
      assert.ok(bound >= exact * (1 - 1e-9), `${bound} < ${exact}`);
      const isApart = jStat.erf(Math.sqrt(whole.steps) / (2 * Math.SQRT2 * whole.noiseMultiplier)) > 10 * whole.delta;
      if (isApart) assert.ok(bound <= 1.2 * exact, `${bound} > 1.2 · ${exact}`);
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
    fc.property(queries, fc.double({ min: 0.05, max: 50, noNaN: true }), ({ noiseMultiplier, ...steps }, other) => {
      for (const epsilon of [other, epsilonOf({ ...steps, noiseMultiplier })].filter((each) => each > 0)) {
        const sigma = noiseFor({ ...steps, epsilon });
        assert.ok(epsilonOf({ ...steps, noiseMultiplier: sigma }) <= epsilon);
        assert.ok(epsilonOf({ ...steps, noiseMultiplier: sigma / (1 + 2e-6) }) > epsilon);
        if (epsilon !== other) assert.ok(sigma <= noiseMultiplier * (1 + 2e-6), `${sigma} for ${noiseMultiplier}`);
      }
    }),
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
    [{ samplingRate: undefined as unknown as number }, "needs 0 < samplingRate <= 1, got undefined"],
    [{ samplingRate: "0.1" as unknown as number }, "needs 0 < samplingRate <= 1, got 0.1"],
    [{ steps: "10" as unknown as number }, "needs an integer steps >= 1, got 10"],
    [{ delta: undefined as unknown as number }, "needs 0 < delta < 1, got undefined"],
    [{ delta: "0.5" as unknown as number }, "needs 0 < delta < 1, got 0.5"],
    [{ sampling: null as unknown as "poisson" }, "needs sampling of poisson, withoutReplacement, got null"],
    [{ sampling: "shuffled" as "poisson" }, "needs sampling of poisson, withoutReplacement, got shuffled"],
  ] as const;
  const noise = [
    [{ noiseMultiplier: -0.1 }, "needs a finite noiseMultiplier >= 0, got -0.1"],
    [{ noiseMultiplier: NaN }, "needs a finite noiseMultiplier >= 0, got NaN"],
    [{ noiseMultiplier: undefined as unknown as number }, "needs a finite noiseMultiplier >= 0, got undefined"],
    [{ noiseMultiplier: "1" as unknown as number }, "needs a finite noiseMultiplier >= 0, got 1"],
  ] as const;
  for (const [change, message] of [...common, ...noise]) {
    assert.throws(() => epsilonOf({ ...fine, ...change }), { name: "InputError", message: `epsilonOf: ${message}` });
  }
  const budgets = [
    [{ epsilon: 0 }, "needs a finite epsilon > 0, got 0"],
    [{ epsilon: Infinity }, "needs a finite epsilon > 0, got Infinity"],
    [{ epsilon: undefined as unknown as number }, "needs a finite epsilon > 0, got undefined"],
    [{ epsilon: "1" as unknown as number }, "needs a finite epsilon > 0, got 1"],
  ] as const;
  for (const [change, message] of [...common, ...budgets]) {
    const call = () => noiseFor({ ...fine, epsilon: 1, ...change });
    assert.throws(call, { name: "InputError", message: `noiseFor: ${message}` });
  }
  const nothing = undefined as never;
  assert.throws(() => epsilonOf(nothing), { name: "InputError", message: "epsilonOf: needs a query with steps and delta, got undefined" }); // prettier-ignore
  assert.throws(() => noiseFor(nothing), { name: "InputError", message: /^noiseFor: needs/ });
});
