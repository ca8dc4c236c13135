import assert from "node:assert/strict";
import test from "node:test";
import { batchOf } from "./batch";

const images = { pixels: Uint8Array.of(0, 255, 51, 102, 1, 254), labels: Uint8Array.of(4, 7, 9), count: 3 };

test("batchOf: scales the chosen images in the given order (hand-worked)", () => {
  // image 2 = bytes 1, 254; image 0 = bytes 0, 255
  assert.deepEqual(batchOf(images, [2, 0, 2]), {
    images: Float32Array.of(1 / 255, 254 / 255, 0, 1, 1 / 255, 254 / 255),
    labels: Int32Array.of(9, 4, 9),
    size: 3,
  });
  assert.deepEqual(batchOf(images, Int32Array.of(1)).images, Float32Array.of(51 / 255, 102 / 255));
});

test("batchOf: names the index and its place when it is no image of the set", () => {
  for (const index of [3, -1, 0.5, NaN]) {
    const message = `batchOf: needs indices in 0..2, got ${index} at position 1`;
    assert.throws(() => batchOf(images, [0, index]), { name: "InputError", message });
  }
  const floats = { ...images, pixels: Float32Array.of(0, 1, 0, 1, 0, 1) as unknown as Uint8Array };
  assert.throws(() => batchOf(floats, [0]), {
    message: "batchOf: needs pixels 0..255 as a Uint8Array, got another kind",
  });
  assert.throws(() => batchOf(images, []), { message: "batchOf: needs at least one index, got none" });
});
