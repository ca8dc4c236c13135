import assert from "node:assert/strict";
import { test } from "node:test";
import { normBounding } from "./normBounding";

const updates = [Float32Array.of(3, 4), Float32Array.of(-30, 40), Float32Array.of(0, 1)]; // of length 5, 50 and 1

test("normBounding: shortens what is longer than the bound, by default the median length", () => {
  // (3, 4) + (-3, 4) + (0, 1) over 3; weights 1, 0.1, 1
  const { update, kept, effectiveParticipants } = normBounding.aggregate(updates, { f: 1 });
  assert.deepEqual(update, Float32Array.of(0, 3));
  assert.deepEqual(kept, [0, 1, 2]);
  assert.ok(Math.abs(effectiveParticipants - 2.1 ** 2 / 2.01) < 1e-12);
  // (0.6, 0.8) + (-0.6, 0.8) + (0, 1) over 3
  const tight = normBounding.aggregate(updates, { f: 1, clipNorm: 1 }).update;
  assert.ok(Math.abs(tight[0]!) < 1e-7 && Math.abs(tight[1]! - 2.6 / 3) < 1e-7);
});

test("normBounding: is the mean when the bound is far, and takes the middle of an even number", () => {
  assert.deepEqual(normBounding.aggregate(updates, { f: 1, clipNorm: 1e9 }).update, Float32Array.of(-9, 15));
  const even = [2, 4, 8, 16].map((x) => Float32Array.of(x)); // median (4 + 8)/2 = 6: 2, 4, 6, 6
  assert.deepEqual(normBounding.aggregate(even, { f: 1 }).update, Float32Array.of(4.5));
});

test("normBounding: keeps the zeros when most updates are zero", () => {
  const { update, kept } = normBounding.aggregate([new Float32Array(1), new Float32Array(1), Float32Array.of(7)], {
    f: 1,
  });
  assert.deepEqual(update, Float32Array.of(0));
  assert.deepEqual(kept, [0, 1]);
});

test("normBounding: refuses a bound that is no length", () => {
  for (const clipNorm of [0, -1, NaN, Infinity]) {
    assert.throws(() => normBounding.aggregate(updates, { f: 1, clipNorm }), {
      message: `normBounding: needs a finite clipNorm > 0, got ${clipNorm}`,
    });
  }
});
