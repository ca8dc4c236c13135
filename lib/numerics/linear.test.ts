import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { combine, participationRatio, shortened, squaredNorms } from "./linear";

const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("linear").split("update", i).normals(d));

test("combine: is the sum coordinate by coordinate, whatever the lengths", () => {
  for (const n of [1, 2, 5, 9]) {
    for (const d of [0, 1, 7, 8, 1023, 1024, 1025, 2100]) {
      const vectors = draw(n, d);
      const weights = vectors.map((_, i) => (i % 3 === 1 ? 0 : i - 1.5));
      const sums = Array.from({ length: d }, (_, k) => vectors.reduce((sum, x, i) => sum + weights[i]! * x[k]!, 0) / 3);
      const found = combine(vectors, weights, 3);
      assert.equal(found.length, d);
      found.forEach((x, k) => assert.ok(Math.abs(x - sums[k]!) <= 1e-6, `n = ${n}, d = ${d}, k = ${k}`));
    }
  }
});

test("combine: passes a single vector on bit by bit, and does not read those of weight 0", () => {
  const [only] = draw(1, 1500);
  const poison = new Float32Array(1500).fill(NaN);
  const found = combine([poison, only!], [0, 1]);
  assert.deepEqual(found, only);
  assert.notEqual(found, only);
  assert.deepEqual(combine([poison], [0]), new Float32Array(1500));
});

test("effectiveCount: counts equal weights, and less where they differ", () => {
  assert.equal(participationRatio([0.25, 0.25, 0.25, 0]), 3);
  assert.ok(Math.abs(participationRatio([2, 1, 1]) - 16 / 6) < 1e-12); // (2 + 1 + 1)^2 / (4 + 1 + 1)
});

test("squaredNorms: are the sums of squares, from 0 and from elsewhere, whatever the lengths", () => {
  for (const d of [0, 1, 7, 8, 9, 1030]) {
    const [origin, ...vectors] = draw(4, d) as [Float32Array, ...Float32Array[]];
    const oracle = (from: Float32Array): number[] =>
      vectors.map((x) => x.reduce((s, v, k) => s + (v - from[k]!) ** 2, 0));
    squaredNorms(vectors).forEach((s, i) => assert.ok(Math.abs(s - oracle(new Float32Array(d))[i]!) < 1e-9));
    squaredNorms(vectors, origin).forEach((s, i) => assert.ok(Math.abs(s - oracle(origin)[i]!) < 1e-9));
  }
});

test("squaredNorms: neither overflows where float32 would, nor loses a small difference to a large offset", () => {
  assert.ok(Math.abs(squaredNorms([Float32Array.of(1e30, 0)])[0]! / 1e60 - 1) < 1e-6);
  const [offset, moved] = [new Float32Array(100).fill(65536), new Float32Array(100).fill(65536 + 2 ** -7)];
  assert.equal(squaredNorms([moved], offset)[0], 100 * 2 ** -14);
  assert.ok(!Number.isFinite(squaredNorms([Float32Array.of(1, NaN)])[0]));
  assert.ok(!Number.isFinite(squaredNorms([Float32Array.of(1, -Infinity)])[0]));
});

test("shortened: multiplies by the factor in double precision, whatever the length, and passes short vectors on", () => {
  for (const d of [1, 7, 8, 9, 1030]) {
    const [x] = draw(1, d) as [Float32Array];
    const before = x.slice();
    const squared = x.reduce((sum, value) => sum + value ** 2, 0);
    const longest = 0.3 * Math.sqrt(squared);
    const found = shortened(x, longest);
    assert.ok(Math.abs(found.factor - 0.3) < 1e-12 && Math.abs(found.squared / squared - 1) < 1e-12);
    assert.deepEqual(
      found.vector,
      x.map((value) => value * found.factor),
    );
    assert.deepEqual(x, before);
    assert.equal(shortened(x, 2 * Math.sqrt(squared)).vector, x);
  }
  assert.deepEqual(shortened(new Float32Array(3), 1), { vector: new Float32Array(3), squared: 0, factor: 1 });
  assert.deepEqual(shortened(new Float32Array(0), 1), { vector: new Float32Array(0), squared: 0, factor: 1 });
  assert.ok(!Number.isFinite(shortened(Float32Array.of(1, NaN), 1).squared));
});
