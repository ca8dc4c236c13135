import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { medianVariance } from "./medianVariance";
import { normalVector } from "./vectors";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

test("medianVariance: equals tabulated values, closed forms and π / (2 n) for many", () => {
  close(medianVariance(2), 1 / 2, 1e-6);
  close(medianVariance(3), 1 - Math.sqrt(3) / Math.PI, 1e-6);
  close(medianVariance(5), 0.286834, 1e-5); // 0.28683: the middle order statistic of five normals, as tabulated
  close((medianVariance(999) * 2 * 999) / Math.PI, 1, 2e-3);
  for (let n = 1; n <= 40; n++) assert.ok(medianVariance(n) <= Math.PI / (2 * n) && medianVariance(n) >= 1 / n - 1e-9);
});

test("medianVariance: agrees with draws, for odd and even n", () => {
  for (const n of [4, 7]) {
    const stream = createRng(n);
    const squares = Array.from({ length: 40000 }, () => {
      const values = normalVector(n, stream).sort((a, b) => a - b);
      return ((values[Math.floor((n - 1) / 2)]! + values[Math.ceil((n - 1) / 2)]!) / 2) ** 2;
    });
    // relative standard error sqrt(2 / 40000) = 0.7 %
    close(squares.reduce((sum, x) => sum + x / squares.length, 0) / medianVariance(n), 1, 0.03);
  }
});

test("medianVariance: refuses more than it integrates well", () => {
  assert.throws(() => medianVariance(1001), /n <= 1000/);
});
