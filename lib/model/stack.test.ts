/** @file Arrays to stacked tensors and back. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tidy } from "../core/backend";
import { stackImages, stackTargets, stackVectors, unstackImages } from "./stack";

before(backendReady);

test("stackImages, unstackImages: put channels last and replicas side by side, and back", () => {
  // Two images of two channels of one row: [[1 2], [3 4]] and [[5 6], [7 8]].
  const images = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const stacked = tidy(() => stackImages([images, images.map((x) => -x)], [2, 1, 2]));
  assert.deepEqual(stacked.shape, [2, 1, 2, 4]);
  assert.deepEqual([...stacked.dataSync()].slice(0, 8), [1, 3, -1, -3, 2, 4, -2, -4]); // the first image's two pixels
  assert.deepEqual(unstackImages(stacked, 2), [images, images.map((x) => -x)]);
  stacked.dispose();
});

test("stackTargets: holds one 1 a row when labels differ per replica", () => {
  const labels = [Int32Array.of(0, 2), Int32Array.of(1, 1)];
  const targets = stackTargets(labels, 3);
  assert.deepEqual(targets.shape, [2, 2, 3]);
  assert.deepEqual([...targets.dataSync()], [1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0]);
  targets.dispose();
});

test("stackTargets, stackVectors: refuse what would be written into the next replica, or nowhere", () => {
  for (const label of [3, -1, 1.5, NaN])
    assert.throws(
      () =>
        stackTargets(
          [
            [0, label],
            [1, 1],
          ],
          3,
        ),
      {
        // prettier-ignore
        name: "InputError",
        message: `stackTargets: needs labels in 0..2, got ${label} at index 1`,
      },
    );
  assert.throws(() => stackTargets([[0], [1, 1]], 3), /^InputError: stackTargets: needs 1 labels, got 2$/);
  for (const other of [Float32Array.of(1), Float32Array.of(1, 2, 3)])
    assert.throws(() => stackVectors([Float32Array.of(1, 2), other]), {
      message: `stackVectors: needs vectors of one length (the first has 2), got ${other.length} in vector 1`,
    });
});
