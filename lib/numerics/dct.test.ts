import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { lowFrequencies } from "./dct";

const close = (actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void => {
  assert.equal(actual.length, expected.length);
  expected.forEach((x, i) => assert.ok(Math.abs(actual[i]! - x) <= tolerance, `${i}: ${actual[i]} for ${x}`));
};

test("lowFrequencies: equals reference values of a vector and of a matrix", () => {
  // scipy.fft.dctn(x, norm="ortho")
  close(
    lowFrequencies(Float32Array.of(1, 2, 3, 4), [1, 4], [1, 4]),
    [5, -2.2304425, 0, -0.15851267],
    5e-9, // half a unit of the last digit given
  );
  close(lowFrequencies(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], [2, 3]), [8.5732141, -2, 0, -3.67423461, 0, 0], 5e-9);
});

/** The definition, sum by sum. */
function slow(
  x: Float32Array,
  [m, n]: readonly [number, number],
  [rows, columns]: readonly [number, number],
): number[] {
  const scale = (k: number, length: number): number => Math.sqrt((k === 0 ? 1 : 2) / length);
  const cosine = (i: number, k: number, length: number): number => Math.cos((Math.PI * (2 * i + 1) * k) / (2 * length));
  return Array.from({ length: rows * columns }, (_, at) => {
    const [k, l] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) sum += x[i * n + j]! * cosine(i, k, m) * cosine(j, l, n);
    return scale(k, m) * scale(l, n) * sum;
  });
}

test("lowFrequencies: equals the definition for any shape and band", () => {
  const side = fc.integer({ min: 1, max: 24 });
  fc.assert(
    fc.property(side, side, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), (m, n, share, seed) => {
      const x = createRng(seed).normals(m * n);
      const low = [1 + Math.floor(share * (m - 1)), 1 + Math.floor((1 - share) * (n - 1))] as const;
      close(lowFrequencies(x, [m, n], low), slow(x, [m, n], low), 1e-10);
    }),
  );
});

test("lowFrequencies: keeps lengths when all frequencies are asked for", () => {
  const x = createRng(1).normals(12 * 20);
  const square = (values: Float64Array): number => values.reduce((sum, v) => sum + v * v, 0);
  const all = lowFrequencies(x, [12, 20], [12, 20]);
  assert.ok(Math.abs(square(all) - square(new Float64Array(x))) < 1e-9);
});
