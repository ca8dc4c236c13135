import assert from "node:assert/strict";
import test from "node:test";
import { psnr } from "./psnr";

test("psnr: is 10 log10 of one over the mean square when the images differ (hand-worked)", () => {
  // every pixel off by 1/4: mean square 1/16, 10 log10(16) = 12.0412
  assert.ok(Math.abs(psnr(Float32Array.of(0.5, 1), Float32Array.of(0.75, 0.75)) - 10 * Math.log10(16)) < 1e-12);
  assert.equal(psnr(Float32Array.of(0, 0), Float32Array.of(1, 1)), 0); // mean square 1: 0 dB
});

test("psnr: is Infinity when the images are equal", () => {
  assert.equal(psnr(Float32Array.of(0.1, 0.9), Float32Array.of(0.1, 0.9)), Infinity);
});

test("psnr: refuses when the images differ in length or are not finite", () => {
  assert.throws(() => psnr(new Float32Array(4), new Float32Array(3)), /^InputError: psnr: .* got 4 and 3/);
  assert.throws(() => psnr(Float32Array.of(NaN), new Float32Array(1)), /psnr: needs finite/);
});
