import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { imageStats } from "./imageStats";

test("imageStats: counts classes and takes moments of pixels in [0, 1] (hand-worked)", () => {
  // 0, 1, 1, 0.2: mean 0.55, mean square 0.51, variance 0.51 - 0.3025 = 0.2075
  const stats = imageStats({ pixels: Uint8Array.of(0, 255, 255, 51), labels: Uint8Array.of(2, 0), count: 2 }, 4);
  assert.ok(Math.abs(stats.mean - 0.55) < 1e-12);
  assert.ok(Math.abs(stats.std - Math.sqrt(0.2075)) < 1e-12);
  assert.deepEqual(stats.classCounts, [1, 0, 1, 0]);
});

test("imageStats: agrees with two passes over the pixels (oracle)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), (pixels) => {
      const x = [...pixels].map((byte) => byte / 255);
      const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
      const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
      const stats = imageStats({ pixels, labels: Uint8Array.of(0), count: 1 }, 1);
      assert.ok(Math.abs(stats.mean - mean) < 1e-12);
      assert.ok(Math.abs(stats.std ** 2 - variance) < 1e-12);
    }),
  );
});
