import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { floorRmse } from "./baseline";
import { assignment, matchImages } from "./matching";
import { psnr } from "./psnr";
import { rmse } from "./rmse";
import { ssim } from "./ssim";

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

test("metrics: refuse plain arrays, labels that are none, and options that they do not take", () => {
  const plain = [0, 1] as unknown as Float32Array;
  const two = Float32Array.of(0, 1);
  const floats = (fn: string, name: string): string =>
    `${fn}: needs a Float32Array in ${name}, got Array; convert it by Float32Array.from`;
  const floor = { privateImages: two, privateLabels: [0, 1], ownImages: two, ownLabels: [0, 1], pixels: 1 };
  const shape = [1, 1, 2];
  const refused: readonly [() => unknown, string][] = [
    [() => rmse(plain, two), floats("rmse", "a")],
    [() => psnr(two, plain), floats("psnr", "b")],
    [() => ssim(plain, plain, { shape }), floats("ssim", "a")],
    [
      () => ssim(two, two, { shape, windows: 7 } as never),
      "ssim: needs only known names in options, got windows; did you mean window?",
    ],
    [() => ssim(two, two, {} as never), "ssim: needs a shape [C, H, W], got undefined"],
    [() => matchImages(plain, two, { pixels: 1 }), floats("matchImages", "privateImages")],
    [() => matchImages(two, plain, { pixels: 1 }), floats("matchImages", "reconstructions")],
    [
      () => matchImages(two, two, { pixels: 1, privateLabels: [0, NaN], reconstructionLabels: [0, 1] }),
      "matchImages: needs privateLabels in 0.., got NaN at index 1",
    ],
    [
      () => matchImages(two, two, { pixels: 1, labels: [0, 1] } as never),
      "matchImages: needs only known names in options, got labels; known are: pixels, privateLabels, reconstructionLabels",
    ],
    [() => assignment(undefined as never), "assignment: needs an array of rows, got undefined"],
    [() => floorRmse({ ...floor, ownImages: plain }), floats("floorRmse", "ownImages")],
    [() => floorRmse({ ...floor, decoderMean: [0] as never }), floats("floorRmse", "decoderMean")],
    [
      () => floorRmse({ ...floor, privateLabels: [0, 0.5] }),
      "floorRmse: needs labels of privateImages in 0.., got 0.5 at index 1",
    ],
    [
      () => floorRmse({ ...floor, ownLabels: undefined as never }),
      "floorRmse: needs an array of labels of ownImages, got undefined",
    ],
    [
      () => floorRmse({ ...floor, decoder: two } as never),
      "floorRmse: needs only known names in options, got decoder; did you mean decoderMean?",
    ],
  ];
  for (const [call, message] of refused) assert.throws(call, { name: "InputError", message });
});
