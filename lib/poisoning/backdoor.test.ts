import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { backdoor, backdoorTest, stampTrigger } from "./backdoor";
import { own, round } from "./context.fixture";
import type { PoisoningParameters } from "./poisoning";

/** Gray images of labels 1, 2, 1, 2, … */
const grayBatch = (size: number): Batch => ({
  images: new Float32Array(16 * size).fill(0.5),
  labels: Int32Array.from({ length: size }, (_, b) => 1 + (b % 2)),
  size,
});
const poison = (batch: Batch, parameters: PoisoningParameters, seed = 1): Batch =>
  backdoor.poisonBatch!(batch, { ...round, parameters }, createRng(seed));

test("stampTrigger: fills the lower right corner of every channel", () => {
  const images = Float32Array.from({ length: 2 * 2 * 6 }, (_, i) => i / 100); // two images [2, 2, 3]
  const stamped = stampTrigger(images, [2, 2, 3], { triggerSize: 2, triggerValue: 1 }, [1]);
  // image 1 begins at 12; of each channel's rows (0 1 2), (3 4 5) the last two columns are set
  const expected = images.map((x, i) => ([13, 14, 16, 17, 19, 20, 22, 23].includes(i) ? 1 : x));
  assert.deepEqual(stamped, expected);
});

test("stampTrigger: marks all images when none are named, and is idempotent", () => {
  const images = createRng(1).uniforms(3 * 16);
  const once = stampTrigger(images, [1, 4, 4]);
  for (let image = 0; image < 3; image++) assert.equal(once[image * 16 + 15], 1);
  assert.deepEqual(stampTrigger(once, [1, 4, 4]), once);
});

test("stampTrigger: refuses a trigger that does not fit, a value that is no pixel, images of another shape", () => {
  const stamp = (parameters: PoisoningParameters, count = 16, which?: number[]): Float32Array =>
    stampTrigger(new Float32Array(count), [1, 4, 4], parameters, which);
  assert.throws(() => stamp({ triggerSize: 5 }), {
    message: "stampTrigger: needs a trigger that fits into 4×4 pixels, got 5",
  });
  assert.throws(() => stamp({ triggerSize: 0 }), /needs an integer triggerSize >= 1, got 0/);
  assert.throws(() => stamp({ triggerValue: 1.1 }), /needs a triggerValue in \[0, 1\], as pixels are, got 1.1/);
  assert.throws(() => stamp({}, 17), /needs images of 16 numbers each, got 17 numbers/);
  assert.throws(() => stamp({}, 16, [1]), /needs indices in 0..0, got \[1\]/);
  assert.throws(() => stampTrigger(new Float32Array(4), [4]), /needs images \[C, H, W\], got \[4\]/);
});

test("backdoor: gives as many images as asked the trigger and the target, at least one, and leaves the rest", () => {
  const parameter = fc.record({
    size: fc.integer({ min: 1, max: 12 }),
    fraction: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(parameter, fc.integer(), ({ size, fraction }, seed) => {
      const batch = grayBatch(size);
      const { images, labels } = poison(batch, { fraction, targetLabel: 0, triggerSize: 2 }, seed);
      const hit = [...labels.keys()].filter((b) => labels[b] === 0);
      assert.equal(hit.length, Math.max(1, Math.round(fraction * size)));
      for (let b = 0; b < size; b++) {
        const white = images.subarray(16 * b, 16 * b + 16).filter((x) => x === 1).length;
        assert.equal(white, hit.includes(b) ? 4 : 0);
        if (!hit.includes(b)) assert.equal(labels[b], batch.labels[b]);
      }
    }),
  );
});

test("backdoor: poisons the lone image of a batch of one, however small the fraction", () => {
  const { images, labels } = poison(grayBatch(1), { fraction: 0.001, targetLabel: 2 });
  assert.deepEqual(labels, Int32Array.of(2));
  assert.deepEqual([...images.subarray(0, 8)], [0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1]); // side 3 leaves the first row and column
});

test("backdoor: draws other images from another stream", () => {
  const chosen = (seed: number): string => poison(grayBatch(12), {}, seed).labels.join();
  assert.equal(chosen(1), chosen(1));
  assert.ok(new Set([1, 2, 3, 4].map(chosen)).size > 1);
});

test("backdoor: boosts the update", () => {
  const boosted = (parameters: PoisoningParameters): Float32Array =>
    backdoor.poisonUpdate!(own, { ...round, parameters }, createRng(1));
  assert.deepEqual(boosted({}), own);
  assert.deepEqual(boosted({ boost: 4 }), Float32Array.of(4, -8));
  assert.throws(() => boosted({ boost: NaN }), { message: "backdoor: needs a finite boost, got NaN" });
});

test("backdoor: refuses a fraction outside (0, 1], and a target that is no class", () => {
  for (const fraction of [0, -0.1, 1.01, NaN]) {
    assert.throws(() => poison(grayBatch(2), { fraction }), {
      message: `backdoor: needs a fraction in (0, 1], got ${fraction}`,
    });
  }
  assert.throws(() => poison(grayBatch(2), { targetLabel: 3 }), /backdoor: needs a targetLabel in 0..2, got 3/);
  assert.throws(() => poison(grayBatch(2), { targetLabel: 0.5 }), /needs an integer targetLabel >= 0, got 0.5/);
});

test("backdoorTest: keeps the images of other classes, with the trigger, labelled as the target", () => {
  const batch = grayBatch(3); // labels 1, 2, 1
  const { images, labels, size } = backdoorTest(batch, [1, 4, 4], { targetLabel: 1, triggerSize: 1, triggerValue: 0 });
  assert.equal(size, 1);
  assert.deepEqual(labels, Int32Array.of(1));
  assert.deepEqual(
    images,
    Float32Array.from({ length: 16 }, (_, i) => (i === 15 ? 0 : 0.5)),
  );
});

test("backdoorTest: refuses a batch of the target's class alone", () => {
  const batch = grayBatch(1);
  assert.throws(() => backdoorTest(batch, [1, 4, 4], { targetLabel: 1 }), {
    message: "backdoorTest: needs images of other classes than 1, got none",
  });
});
