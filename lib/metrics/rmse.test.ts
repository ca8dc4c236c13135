import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { rmse } from "./rmse";

const pixels = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
const twoImages = pixels.chain((a) =>
  fc.tuple(
    fc.constant(Float32Array.from(a)),
    fc
      .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: a.length, maxLength: a.length })
      .map((b) => Float32Array.from(b)),
  ),
);

test("rmse: is the root of the mean square when the images differ (hand-worked)", () => {
  // differences 0.5, 0, -0.25, 0: squares 0.25 + 0 + 0.0625 + 0 = 0.3125, mean 0.078125
  assert.equal(rmse(Float32Array.of(1, 0.25, 0.5, 0), Float32Array.of(0.5, 0.25, 0.75, 0)), Math.sqrt(0.078125));
  assert.equal(rmse(Float32Array.of(0, 0, 0), Float32Array.of(1, 1, 1)), 1);
});

test("rmse: sums in float64 when float32 would lose the small squares", () => {
  // 2^20 squares of 2^-13 after one of 1: in float32 1 + 2^-26 = 1, the sum would stay 1; really it is 1 + 2^-6
  const a = new Float32Array(2 ** 20 + 1).fill(2 ** -13);
  a[0] = 1;
  assert.equal(rmse(a, new Float32Array(a.length)), Math.sqrt((1 + 2 ** -6) / a.length));
});

test("rmse: is symmetric, zero for equal images and at most the largest difference (property)", () => {
  fc.assert(
    fc.property(twoImages, ([a, b]) => {
      assert.equal(rmse(a, b), rmse(b, a));
      assert.equal(rmse(a, a), 0);
      assert.ok(rmse(a, b) <= Math.max(...a.map((value, i) => Math.abs(value - b[i]!))) * (1 + 1e-6));
    }),
  );
});

test("rmse: refuses when the images are empty, differ in length or are not finite", () => {
  assert.throws(() => rmse(new Float32Array(0), new Float32Array(0)), /^InputError: rmse: needs two images of equal/);
  assert.throws(() => rmse(new Float32Array(4), new Float32Array(3)), /rmse: .* got 4 and 3/);
  assert.throws(
    () => rmse(Float32Array.of(0, NaN), new Float32Array(2)),
    /rmse: needs finite .* in a, got NaN at index 1/,
  );
  assert.throws(() => rmse(new Float32Array(1), Float32Array.of(Infinity)), /in b, got Infinity at index 0/);
});
