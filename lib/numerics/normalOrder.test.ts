import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { nearestVariance, trimmedVariance } from "./normalOrder";

const near = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual / expected - 1) <= tolerance, `${actual} is not ${expected}`);

test("trimmedVariance: equals closed forms, tabulated values and pi/(2n) for many", () => {
  near(trimmedVariance(3, 1), 1 - Math.sqrt(3) / Math.PI, 1e-11);
  near(trimmedVariance(5, 2), 0.2868336616, 1e-9); // Sarhan and Greenberg 1956: the middle of five
  near(trimmedVariance(4, 1), (0.3604553434 + 0.2359438935) / 2, 1e-9); // there: variance and covariance of the middle two of four
  near(trimmedVariance(999, 499), Math.PI / (2 * 999), 2e-3);
  assert.equal(trimmedVariance(7, 0), 1 / 7);
});

test("trimmedVariance: grows with what is left out, from the mean's to the median's, and shrinks with n", () => {
  for (const n of [8, 9, 100]) {
    let before = 1 / n;
    for (let f = 1; 2 * f < n; f++) {
      const variance = trimmedVariance(n, f);
      assert.ok(variance > before && variance < Math.PI / (2 * n), `${f} of ${n}`);
      before = variance;
    }
  }
});

test("nearestVariance: is the mean's where all are averaged, the median's where as few as can be", () => {
  assert.equal(nearestVariance(6, 6), 1 / 6);
  assert.equal(nearestVariance(7, 1), trimmedVariance(7, 3));
  assert.equal(nearestVariance(8, 2), trimmedVariance(8, 3));
  // Two of three: their mean is the mean of all plus R cos(a)/sqrt(6), R and a the polar coordinates of the residuals, a uniform
  // within pi/6 of the one that is left out: 1/3 + 2/6 (1/2 + sin(pi/3)/(2 pi/3)).
  near(nearestVariance(3, 2), 1 / 2 + Math.sqrt(3) / (4 * Math.PI), 1e-5);
});

test("trimmedVariance, nearestVariance: agree with draws, for odd and even n", () => {
  const trials = 60_000; // relative standard error sqrt(2 / 60000) = 0.6 %
  for (const [n, f, count] of [
    [4, 1, 3],
    [9, 3, 6],
    [10, 2, 7],
    [11, 4, 9],
    [24, 5, 15],
  ] as const) {
    // prettier-ignore
    const rng = createRng("normal order").split("n", n);
    let [trimmed, nearest] = [0, 0];
    for (let trial = 0; trial < trials; trial++) {
      const values = rng.normals(n).sort();
      trimmed += values.slice(f, n - f).reduce((sum, x) => sum + x / (n - 2 * f), 0) ** 2 / trials;
      const median = (values[Math.floor((n - 1) / 2)]! + values[Math.floor(n / 2)]!) / 2;
      const chosen = [...values].sort((a, b) => Math.abs(a - median) - Math.abs(b - median)).slice(0, count);
      nearest += chosen.reduce((sum, x) => sum + x / count, 0) ** 2 / trials;
    }
    near(trimmed, trimmedVariance(n, f), 0.025);
    near(nearest, nearestVariance(n, count), 0.025);
  }
});

test("trimmedVariance, nearestVariance: go on beyond the numbers that are integrated over", () => {
  near(trimmedVariance(1001, 200) * 1001, trimmedVariance(1000, 200) * 1000, 1e-3);
  near(trimmedVariance(5001, 2500) * 5001, Math.PI / 2, 2e-3);
  near(nearestVariance(1001, 801) * 1001, nearestVariance(999, 799) * 999, 5e-3);
});

test("trimmedVariance, nearestVariance: refuse what is out of range", () => {
  assert.throws(() => trimmedVariance(4, 2), { message: "trimmedVariance: needs f < n/2, got n = 4, f = 2" });
  assert.throws(() => trimmedVariance(0, 0), { message: "trimmedVariance: needs an integer n >= 1, got 0" });
  assert.throws(() => nearestVariance(4, 1), { message: "nearestVariance: needs an integer count >= 2, got 1" });
  assert.throws(() => nearestVariance(4, 5), { message: "nearestVariance: needs a count of at most n = 4, got 5" });
});
