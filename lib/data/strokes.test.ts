import assert from "node:assert/strict";
import test from "node:test";
import { createRng } from "../core/rng";
import type { ImageSet } from "../core/types";
import { imageStats } from "./imageStats";
import { drawStrokes } from "./strokes";

const PIXELS = 28 * 28;

/** How often the nearest mean of the training classes is the true one. */
function nearestClassMeanAccuracy(train: ImageSet, test: ImageSet): number {
  const means = Array.from({ length: 10 }, () => new Float64Array(PIXELS));
  const { classCounts } = imageStats(train, 10);
  train.pixels.forEach((byte, at) => {
    const label = train.labels[Math.floor(at / PIXELS)]!;
    means[label]![at % PIXELS]! += byte / classCounts[label]!;
  });
  let right = 0;
  for (let i = 0; i < test.count; i++) {
    const image = test.pixels.subarray(i * PIXELS, (i + 1) * PIXELS);
    const distances = means.map((mean) => mean.reduce((sum, value, p) => sum + (value - image[p]!) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++;
  }
  return right / test.count;
}

test("drawStrokes: draws the same first images when more are asked for", () => {
  const few = drawStrokes(13, createRng("a"));
  const many = drawStrokes(25, createRng("a"));
  assert.deepEqual(few.pixels, many.pixels.slice(0, 13 * PIXELS));
  assert.deepEqual(few.labels, many.labels.slice(0, 13));
  assert.notDeepEqual(drawStrokes(13, createRng("b")).pixels, few.pixels);
});

test("drawStrokes: shows each digit once in every ten, in changing order", () => {
  const { labels } = drawStrokes(100, createRng("strokes"));
  const tens = Array.from({ length: 10 }, (_, i) => [...labels.subarray(10 * i, 10 * i + 10)]);
  for (const ten of tens) assert.deepEqual([...ten].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(new Set(tens.map(String)).size > 5);
});

test("drawStrokes: keeps its ink inside the frame and the paper dark", () => {
  const { pixels, count } = drawStrokes(1000, createRng("strokes"));
  const frame = Array.from({ length: PIXELS }, (_, p) => p).filter(
    (p) => p < 28 || p >= 756 || p % 28 === 0 || p % 28 === 27,
  );
  let [inked, most] = [0, 0];
  for (let i = 0; i < count; i++) {
    const image = pixels.subarray(i * PIXELS, (i + 1) * PIXELS);
    if (frame.some((p) => image[p]! > 128)) inked++;
    most = Math.max(most, image[0]!, image[27]!, image[756]!, image[783]!);
  }
  assert.ok(inked < 0.1 * count, `${inked} of ${count} drawings reach the frame`);
  assert.ok(most < 255 * 6 * 0.03, `a corner has ${most}: more than six standard deviations of the noise`);
  const { mean, std } = imageStats({ pixels, labels: new Uint8Array(0), count }, 10);
  assert.ok(mean > 0.08 && mean < 0.2, `mean ${mean}`); // MNIST: 0.13
  assert.ok(std > 0.2 && std < 0.35, `std ${std}`); // MNIST: 0.31
});

test("drawStrokes: can be told apart, but not without fail, by class means", () => {
  const rng = createRng("strokes");
  const accuracy = nearestClassMeanAccuracy(drawStrokes(2000, rng.split("train")), drawStrokes(500, rng.split("test")));
  assert.ok(accuracy > 0.8 && accuracy < 0.97, `accuracy ${accuracy}`);
});

test("drawStrokes: refuses a count that is not a positive integer", () => {
  for (const count of [0, -1, 1.5, NaN]) {
    const message = `drawStrokes: needs an integer count >= 1, got ${count}`;
    assert.throws(() => drawStrokes(count, createRng(1)), { name: "InputError", message });
  }
});
