import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divergenceOf, type Sampling } from "./renyi";

function assertRelative(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * expected, `${what}: ${actual}, not ${expected}`);
}

test("divergenceOf: agrees with an integration in 60 and more digits, where r is tiny, where it is large, between integers", () => {
  // mpmath 1.4.1: E[g(rho)] as in the docstring by 24 nodes of Gauss and Legendre on pieces of 1/2 and finer ones about the corner,
  // with 60 + 2 log10(1/q) digits, then log1p(E) / (a - 1)
  const cases: readonly (readonly [a: number, q: number, sigma: number, sampling: Sampling, r: number])[] = [
    [2, 1e-8, 1, "poisson", 1.718281828459045e-16], // q^2 (e - 1)
    [64, 1e-8, 1, "poisson", 13.28692749820712],
    [1.5, 1e-12, 50, "poisson", 3.000600080008e-28],
    [30000, 1e-6, 50, "poisson", 6.001272194706848e-12],
    [1.1, 0.01, 1, "poisson", 9.241471084686959e-5],
    [7.3, 0.9, 0.4, "poisson", 22.69041559296791],
    [1.0001, 0.001, 0.05, "poisson", 0.1939875411703317],
    [1e6, 1e-9, 30000, "poisson", 5.555555558648149e-22],
    [12.7, 0.3, 2000, "poisson", 1.428750965121362e-7],
    [2, 1e-8, 1, "withoutReplacement", 2.924587145669167e-16],
    [2.5, 0.01, 10, "withoutReplacement", 1.355172230922344e-6],
    [100, 0.001, 2, "withoutReplacement", 5.522469433164149],
    [1.3, 0.6, 0.5, "withoutReplacement", 1.49695156911629],
    [1.001, 1e-5, 0.1, "withoutReplacement", 0.0003928943618863103],
    [20000, 1e-7, 300, "withoutReplacement", 1.11407242399222e-15],
    [20000, 0.5, 100000, "withoutReplacement", 2.500010023381317e-7],
  ];
  for (const [a, q, sigma, sampling, r] of cases) {
    assertRelative(divergenceOf(a, q, sigma, sampling), r, 1e-12, `order ${a}, q ${q}, sigma ${sigma}, ${sampling}`);
  }
});

/** log of the sum over k >= 2 of C(a, k) q^k (1 - q)^(a - k) (e^(k (k - 1) / (2 sigma^2)) - 1): A(a) - 1 for an integer order. */
function logBinomial(a: number, q: number, sigma: number): number {
  const logs: number[] = [];
  let logChoose = Math.log(a);
  for (let k = 2; k <= a; k++) {
    logChoose += Math.log(a - k + 1) - Math.log(k);
    const x = (k * (k - 1)) / (2 * sigma ** 2);
    logs.push(logChoose + k * Math.log(q) + (a - k) * Math.log1p(-q) + x + Math.log(-Math.expm1(-x)));
  }
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

const power = (low: number, high: number) => fc.double({ min: low, max: high, noNaN: true }).map((x) => 10 ** x);

test("divergenceOf: is the binomial sum at integer orders under Poisson sampling", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), power(-14, -0.01), power(-3, 5), (a, q, sigma) => {
      const log = logBinomial(a, q, sigma);
      const expected = (log > 30 ? log : Math.log1p(Math.exp(log))) / (a - 1);
      assertRelative(divergenceOf(a, q, sigma, "poisson"), expected, 1e-10, `order ${a}, q ${q}, sigma ${sigma}`);
    }),
    { numRuns: 150 },
  );
});

/** The Rényi divergence of (1 - q) N(0) + q N(v) from (1 - q) N(0) + q N(w), by the trapezoidal rule. */
function between(a: number, q: number, sigma: number, v: number, w: number): number {
  const step = sigma / 20;
  let sum = 0;
  for (let z = -14 * sigma - a; z <= 14 * sigma + a; z += step) {
    const mixture = (mean: number): number => {
      const [out, taken] = [
        Math.log1p(-q) - z ** 2 / (2 * sigma ** 2),
        Math.log(q) - (z - mean) ** 2 / (2 * sigma ** 2),
      ];
      return Math.max(out, taken) + Math.log1p(Math.exp(-Math.abs(out - taken)));
    };
    sum += Math.exp(a * mixture(v) + (1 - a) * mixture(w)) * step;
  }
  return Math.log(sum / (sigma * Math.sqrt(2 * Math.PI))) / (a - 1);
}

test("divergenceOf: bounds every pair of replaced examples without replacement, and none of them is far below it", () => {
  fc.assert(
    fc.property(power(-2, -0.1), power(-0.2, 1), fc.double({ min: 1.5, max: 12, noNaN: true }), (q, sigma, a) => {
      const bound = divergenceOf(a, q, sigma, "withoutReplacement");
      const pairs = [[1, 0], [0, 1], [0.5, -0.5], [-0.5, 0.5], [1, 0.3], [0.2, -0.8]] as const; // prettier-ignore
      const each = pairs.map(([v, w]) => between(a, q, sigma, v, w));
      for (const [i, actual] of each.entries()) {
        assert.ok(actual <= bound * (1 + 1e-6) + 1e-12, `${pairs[i]!.join(", ")}: ${actual} above ${bound}`);
      }
      assert.ok(bound <= 2.1 * Math.max(...each), `${bound} is loose: ${each.join(", ")}`);
    }),
    { numRuns: 100 },
  );
});

test("divergenceOf: without replacement is never below Poisson sampling, and tends to that of q = 1", () => {
  fc.assert(
    fc.property(power(-14, -0.01), power(-3, 5), power(-6, 3), (q, sigma, above) => {
      const [poisson, fixed] = (["poisson", "withoutReplacement"] as const).map((s) => divergenceOf(1 + above, q, sigma, s)) as [number, number]; // prettier-ignore
      assert.ok(poisson > 0 && poisson <= fixed * (1 + 1e-9), `${poisson} above ${fixed}`);
      assert.ok(fixed <= (1 + above) / (2 * sigma ** 2));
    }),
    { numRuns: 150 },
  );
  for (const sampling of ["poisson", "withoutReplacement"] as const) {
    for (const [a, sigma] of [
      [1.2, 0.3],
      [2, 1],
      [7.7, 3],
      [40, 100],
    ] as const) {
      // prettier-ignore
      assertRelative(divergenceOf(a, 1 - 1e-12, sigma, sampling), a / (2 * sigma ** 2), 1e-9, `${a}, ${sigma}`);
    }
  }
});
