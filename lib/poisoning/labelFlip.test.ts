import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { round } from "./context.fixture";
import { labelFlip } from "./labelFlip";

const flip = (...labels: number[]): Int32Array => {
  const batch = { images: new Float32Array(16 * labels.length), labels: Int32Array.from(labels), size: labels.length };
  return labelFlip.poisonBatch!(batch, { ...round, numClasses: 10 }, createRng(1)).labels;
};

test("labelFlip: counts labels from the other end", () => {
  assert.deepEqual(flip(0, 3, 9), Int32Array.of(9, 6, 0)); // 9 - y
  assert.deepEqual(flip(...flip(7, 1)), Int32Array.of(7, 1));
});

test("labelFlip: refuses a label that is none of the classes", () => {
  assert.throws(() => flip(1, 10), { message: "labelFlip: needs labels in 0..9, got 10 at image 1" });
  assert.throws(() => flip(-1), /got -1 at image 0/);
});
