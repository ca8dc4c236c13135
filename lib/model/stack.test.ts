/** @file Arrays to stacked tensors and back. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tidy } from "../core/backend";
import { stackImages, stackTargets, unstackImages } from "./stack";

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
