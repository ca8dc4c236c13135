import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDataset } from "./dataset";

const images = { pixels: Uint8Array.of(0, 255, 7, 9), labels: Uint8Array.of(0, 2), count: 2 };
const good = { inputShape: [1, 1, 2], numClasses: 3, train: images, test: images };

test("checkDataset: takes a user's own dataset, and refuses what it cannot be", () => {
  checkDataset("train", good);
  const cases: readonly [change: object, message: RegExp][] = [
    [{ inputShape: [2] }, /needs images of inputShape \[C, H, W\], got \[2\]$/],
    [{ numClasses: 2 }, /needs labels of the training images in 0\.\.1, got 2 at index 1$/],
    [
      { test: { ...images, labels: Uint8Array.of(0, 10) } },
      /needs labels of the test images in 0\.\.2, got 10 at index 1$/,
    ],
    [
      { train: { ...images, count: 3 } },
      /needs 6 pixels and 3 labels for 3 training images of \[1, 1, 2\], got 4 and 2$/,
    ],
    [{ train: { ...images, pixels: [0, 1, 2, 3] } }, /needs pixels and labels of the training images as Uint8Array/],
    [
      { train: { ...images, pixels: Float32Array.of(0, 1, 0, 1) } },
      /as Uint8Array, got another kind; pixels are 0\.\.255$/,
    ],
  ];
  for (const [change, message] of cases) assert.throws(() => checkDataset("train", { ...good, ...change }), message);
});
