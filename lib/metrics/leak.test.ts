import assert from "node:assert/strict";
import test from "node:test";
import type { Batch } from "../core/types";
import type { Reconstruction } from "../reconstruction/inversion";
import { scoreLeak } from "./leak";

// Images of one pixel, so an RMSE is a difference.
const batch = (pixels: number[], labels: number[]): Batch => ({
  images: Float32Array.from(pixels),
  labels: Int32Array.from(labels),
  size: labels.length,
});
const found = (pixels: number[], labels: number[]): Reconstruction => ({
  round: 7,
  images: Float32Array.from(pixels),
  labels: Int32Array.from(labels),
  matchingLoss: 0.5,
  trace: [],
});
const own = batch([0.25, 0.75], [0, 1]); // class means 0.25 and 0.75, overall mean 0.5
const near = (actual: number | null, expected: number): void =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

test("scoreLeak: scores everybody alike when everybody is in the aggregate (hand-worked)", () => {
  const leak = scoreLeak(found([0.9, 0.1, 0.4], [1, 0, 0]), batch([0, 0.5, 1], [0, 0, 1]), own);
  // class 0: 0 with 0.1 and 0.5 with 0.4; class 1: 1 with 0.9
  leak.perImage.forEach((rmse) => near(rmse, 0.1));
  // guesses: class means 0.25, 0.25, 0.75, each 0.25 off; the overall mean is 0.5, 0, 0.5 off, 0.333 on average
  leak.perImageFloor.forEach((rmse) => near(rmse, 0.25));
  near(leak.leakage, 1 - 0.1 / 0.25);
  near(leak.contributorRmse, 0.1);
  near(leak.contributorLeakage, 0.6);
  assert.deepEqual([leak.effectiveParticipants, leak.labelAccuracy, leak.round, leak.matchingLoss], [3, 1, 7, 0.5]);
  assert.deepEqual([...leak.reconstructions], [0.1, 0.4, 0.9].map(Math.fround));
});

test("scoreLeak: says whether the search found what the private images have, to a tenth and 1e-5", () => {
  const of = (truthLoss?: number): boolean | null =>
    scoreLeak(found([0.9, 0.1, 0.4], [1, 0, 0]), batch([0, 0.5, 1], [0, 0, 1]), own, { truthLoss }).found;
  assert.deepEqual([of(), of(0), of(0.4), of(0.46)], [null, false, false, true]); // its own is 0.5
  assert.throws(() => of(NaN), /scoreLeak: needs truthLoss >= 0, got NaN/);
});

test("scoreLeak: contributors choose first, and those who are out take what is left", () => {
  const truth = batch([0.2, 0.3], [0, 0]);
  const free = scoreLeak(found([0.3, 0.8], [0, 0]), truth, own);
  near(free.rmse, 0.3); // either pairing costs 0.6 in all
  const one = scoreLeak(found([0.3, 0.8], [0, 0]), truth, own, {
    contributed: [true, false],
    effectiveParticipants: 1,
  });
  near(one.perImage[0]!, 0.1); // takes 0.3, which would have fitted the other exactly
  near(one.perImage[1]!, 0.5); // 0.8 is left
  near(one.contributorRmse, 0.1);
  near(one.contributorLeakage, 1 - 0.1 / 0.05); // 0.05 from the class mean: this reconstruction is worse than a guess
  assert.equal(one.effectiveParticipants, 1);
});

test("scoreLeak: an image without a reconstruction gets the best guess without a gradient", () => {
  const truth = batch([0, 0.5, 1], [0, 0, 1]);
  const leak = scoreLeak(found([0.95], [1]), truth, own, {
    contributed: [false, false, true],
    effectiveParticipants: 1,
  });
  near(leak.perImage[0]!, 0.25);
  near(leak.perImage[1]!, 0.25);
  near(leak.perImage[2]!, 0.05);
  near(leak.rmse, 0.55 / 3);
  near(leak.contributorRmse, 0.05);
  assert.deepEqual([...leak.reconstructions], [0.25, 0.25, 0.95].map(Math.fround));
  assert.equal(leak.labelAccuracy, 1);
});

test("scoreLeak: the attacker's own images take part in the matching and are not scored", () => {
  const truth = batch([0.1], [0]);
  const ownBatch = batch([0.6], [0]);
  const inverted = found([0.6, 0.2], [0, 0]);
  const leak = scoreLeak(inverted, truth, own, { ownBatch });
  assert.equal(leak.perImage.length, 1);
  near(leak.rmse, 0.1);
  // Krum took the attacker's update alone: its image takes the one reconstruction, and the victim is left with a guess.
  const alone = scoreLeak(found([0.1], [0]), truth, own, { ownBatch, contributed: [false] });
  near(alone.rmse, 0.15);
  assert.deepEqual([alone.contributorRmse, alone.contributorLeakage], [null, null]);
});

test("scoreLeak: counts as recovered the labels of images in the aggregate", () => {
  const truth = batch([0, 0.5, 1], [0, 0, 1]);
  near(scoreLeak(found([0, 0.5, 1], [0, 1, 1]), truth, own).labelAccuracy, 2 / 3);
  near(scoreLeak(found([0, 0.5, 1], [0, 1, 1]), truth, own, { contributed: [true, false, true] }).labelAccuracy, 1);
});

test("scoreLeak: of fewer reconstructions than contributors every one gets the image it fits best, of its class first; the rest are guesses", () => {
  const truth = batch([0.1, 0.9, 0.8], [0, 1, 1]);
  const { perImage, perImageFloor, labelAccuracy } = scoreLeak(found([0.8], [1]), truth, own);
  near(perImage[2]!, 0);
  assert.deepEqual(perImage.slice(0, 2), perImageFloor.slice(0, 2));
  near(labelAccuracy, 1 / 3);
  near(scoreLeak(found([0.2], [5]), truth, own).perImage[0]!, 0.1);
});

test("scoreLeak: refuses another number of flags than images", () => {
  const truth = batch([0, 1], [0, 1]);
  assert.throws(
    () => scoreLeak(found([0, 1], [0, 1]), truth, own, { contributed: [true] }),
    /^InputError: scoreLeak: needs contributed for each of 2 private images, got 1/,
  );
});

test("scoreLeak: refuses pixels, labels, flags and options that cannot be", () => {
  const truth = batch([0, 1], [0, 1]);
  const inverted = found([0, 1], [0, 1]);
  const refused: readonly [unknown[], string][] = [
    [[{ ...inverted, images: Float32Array.of(0) }, truth, own], "needs 2 numbers in images of reconstruction, got 1"],
    [
      [{ ...inverted, images: Float32Array.of(0, NaN) }, truth, own],
      "needs finite numbers in images of reconstruction, got NaN at index 1",
    ],
    [[{ ...inverted, labels: [0.5, 1] }, truth, own], "needs labels of reconstruction in 0.., got 0.5 at index 0"],
    [[inverted, { ...truth, labels: Int32Array.of(0) }, own], "needs 2 labels of truth, got 1"],
    [[inverted, { ...truth, size: 0 }, own], "needs an integer size of truth >= 1, got 0"],
    [
      [inverted, truth, { ...own, images: [...own.images] }],
      "needs a Float32Array in images of own, got Array; convert it by Float32Array.from",
    ],
    [[inverted, truth, own, { ownBatch: { ...truth, size: 3 } }], "needs 3 numbers in images of ownBatch, got 2"],
    [
      [inverted, truth, own, { contributed: [1, 0] }],
      "needs true or false in contributed, got [1, 0], ownContributed true",
    ],
    [[inverted, truth, own, { effectiveParticipants: NaN }], "needs effectiveParticipants >= 0, got NaN"],
    [
      [inverted, truth, own, { contributors: [true, true] }],
      "needs only known names in options, got contributors; did you mean contributed?",
    ],
  ];
  for (const [args, message] of refused) {
    const call = (): unknown => scoreLeak(...(args as Parameters<typeof scoreLeak>));
    assert.throws(call, { name: "InputError", message: `scoreLeak: ${message}` });
  }
});
