import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { floorRmse, leakage } from "./baseline";
import { rmse } from "./rmse";

test("floorRmse: guesses each class's own mean when the attacker has the classes (hand-worked)", () => {
  // one pixel. Own class 0: 0.125 and 0.375 (mean 0.25), class 1: 0.75; overall mean 1.25 / 3 = 0.41667.
  // private 0 (class 0) and 1 (class 1): class means err 0.25 and 0.25; overall mean errs 0.41667 and 0.58333, mean 0.5.
  const floor = floorRmse({
    privateImages: Float32Array.of(0, 1),
    privateLabels: [0, 1],
    ownImages: Float32Array.of(0.125, 0.375, 0.75),
    ownLabels: [0, 0, 1],
    pixels: 1,
  });
  assert.equal(floor.guess, "classMeans");
  assert.equal(floor.floor, 0.25);
  assert.deepEqual(floor.perImage, [0.25, 0.25]);
  assert.ok(Math.abs(floor.means.overallMean! - 0.5) < 1e-7);
  assert.equal(floor.means.decoderMean, undefined);
});

test("floorRmse: falls back to the overall mean when the attacker has no image of a class (hand-worked)", () => {
  // own: two images of class 3 only, 0.25 and 0.75: overall mean 0.5. Private 0.375 (class 3), 1 (class 8): 0.125, 0.5.
  const floor = floorRmse({
    privateImages: Float32Array.of(0.375, 1),
    privateLabels: [3, 8],
    ownImages: Float32Array.of(0.25, 0.75),
    ownLabels: [3, 3],
    pixels: 1,
  });
  assert.deepEqual(floor.perImage, [0.125, 0.5]);
  assert.equal(floor.means.classMeans, floor.means.overallMean);
});

test("floorRmse: takes the decoder's mean when it is the best guess (hand-worked)", () => {
  const floor = floorRmse({
    privateImages: Float32Array.of(0.5, 0.5, 0.75, 0.75), // two images of two pixels
    privateLabels: [0, 1],
    ownImages: Float32Array.of(0, 0, 1, 1),
    ownLabels: [0, 1],
    pixels: 2,
    decoderMean: Float32Array.of(0.625, 0.625),
  });
  // class means err 0.5 and 0.25 (mean 0.375), the overall mean 0.5 errs 0 and 0.25 (0.125), the decoder 0.125 twice
  assert.deepEqual(floor.means, { classMeans: 0.375, overallMean: 0.125, decoderMean: 0.125 });
  assert.equal(floor.guess, "overallMean"); // the first of equals
  const closer = floorRmse({
    privateImages: Float32Array.of(0.625, 0.625, 0.75, 0.75),
    privateLabels: [0, 1],
    ownImages: Float32Array.of(0, 0, 1, 1),
    ownLabels: [0, 1],
    pixels: 2,
    decoderMean: Float32Array.of(0.625, 0.625),
  });
  assert.deepEqual([closer.guess, closer.floor, closer.perImage], ["decoderMean", 0.0625, [0, 0.125]]);
});

test("floorRmse: is the lowest mean, made of the images' own errors, whatever the data (property)", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const rng = createRng(seed);
      const [n, m, pixels] = [5, 9, 6];
      const privateImages = rng.uniforms(n * pixels);
      const privateLabels = Array.from({ length: n }, () => rng.integer(3));
      const ownImages = rng.uniforms(m * pixels);
      const ownLabels = Array.from({ length: m }, () => rng.integer(2)); // class 2 is missing
      const decoderMean = rng.uniforms(pixels);
      const floor = floorRmse({ privateImages, privateLabels, ownImages, ownLabels, pixels, decoderMean });
      assert.equal(floor.floor, Math.min(...Object.values(floor.means)));
      assert.ok(Math.abs(floor.perImage.reduce((sum, value) => sum + value, 0) / n - floor.floor) < 1e-12);
      const direct = Array.from({ length: n }, (_, i) =>
        rmse(privateImages.slice(i * pixels, (i + 1) * pixels), decoderMean),
      );
      assert.ok(Math.abs(direct.reduce((sum, value) => sum + value, 0) / n - floor.means.decoderMean!) < 1e-12);
    }),
    { numRuns: 30 },
  );
});

test("floorRmse: refuses when images, labels or the decoder's mean are wrong", () => {
  const good = {
    privateImages: Float32Array.of(0, 1),
    privateLabels: [0, 1],
    ownImages: Float32Array.of(0.5),
    ownLabels: [0],
    pixels: 1,
  };
  assert.throws(
    () => floorRmse({ ...good, pixels: 0.5 }),
    /^InputError: floorRmse: needs an integer pixels >= 1, got 0.5/,
  );
  assert.throws(() => floorRmse({ ...good, privateLabels: [0] }), /in privateImages, got 2 pixels, 1 labels/);
  assert.throws(
    () => floorRmse({ ...good, ownImages: new Float32Array(0), ownLabels: [] }),
    /in ownImages, got 0 pixels/,
  );
  assert.throws(() => floorRmse({ ...good, ownImages: Float32Array.of(NaN) }), /in ownImages, got NaN at index 0/);
  assert.throws(() => floorRmse({ ...good, decoderMean: new Float32Array(2) }), /needs 1 pixels in decoderMean, got 2/);
});

test("leakage: is one minus the share of the floor when below, at and above it (hand-worked)", () => {
  assert.equal(leakage(0.25, 0.5), 0.5);
  assert.equal(leakage(0, 0.5), 1);
  assert.equal(leakage(0.5, 0.5), 0);
  assert.equal(leakage(0.75, 0.5), -0.5);
});

test("leakage: refuses when the error is negative or the floor is not positive", () => {
  assert.throws(() => leakage(-0.1, 0.5), /^InputError: leakage: needs a finite rmse >= 0, got -0.1/);
  assert.throws(() => leakage(NaN, 0.5), /needs a finite rmse/);
  assert.throws(() => leakage(0.1, 0), /needs a finite floor > 0, got 0/);
  assert.throws(() => leakage(0.1, Infinity), /needs a finite floor/);
});
