import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import type { ImageSet } from "../core/types";
import { gaussianPrior, priorFactor } from "./gaussianPrior";

before(backendReady);

const [pixels, count, classes] = [6, 40, 3];

/** Images of which pixels go together. */
function imagesOf(seed: number): ImageSet {
  const rng = createRng(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2); // none of class 2
  const bytes = Array.from(labels, (label) => {
    const [a, b] = [rng.integer(120), rng.integer(100)];
    return [a, a + b, label * 100 + b, 7, 2 * a, b]; // one pixel is always 7
  });
  return { pixels: Uint8Array.from(bytes.flat()), labels, count };
}

/** (1/N) sum (x - mean)(x - mean)' in double precision. */
function covarianceOf(images: ImageSet, label: number): number[][] {
  const rows = [...images.labels.keys()]
    .filter((i) => images.labels[i] === label)
    .map((i) => [...images.pixels.subarray(i * pixels, (i + 1) * pixels)].map((x) => x / 255));
  const at = (f: (x: number[]) => number): number => rows.reduce((sum, row) => sum + f(row), 0) / rows.length;
  const means = rows[0]!.map((_, k) => at((x) => x[k]!));
  return means.map((a, i) => means.map((b, j) => at((x) => (x[i]! - a) * (x[j]! - b))));
}

test("gaussianPrior: factors each class's covariance, widened by the rounding of bytes", () => {
  const images = imagesOf(1);
  const held = tf.memory().numTensors;
  const { factors } = gaussianPrior(images, classes);
  assert.equal(tf.memory().numTensors, held);
  assert.equal(factors[2], null);
  for (const label of [0, 1]) {
    const [L, right] = [factors[label]!, covarianceOf(images, label)];
    for (let i = 0; i < pixels; i++) {
      for (let j = 0; j < pixels; j++) {
        const product = Array.from({ length: pixels }, (_, k) => L[i * pixels + k]! * L[j * pixels + k]!);
        const is = product.reduce((sum, x) => sum + x, 0);
        const expected = right[i]![j]! + (i === j ? 1 / 12 / 255 ** 2 : 0);
        assert.ok(Math.abs(is - expected) < 2e-7, `${label} ${i} ${j}: ${is}, not ${expected}`);
        assert.ok(j <= i || L[i * pixels + j] === 0);
      }
    }
  }
});

test("priorFactor: is L image by image whatever the order of labels, its adjoint, and its trace", () => {
  const prior = gaussianPrior(imagesOf(2), classes);
  const labels = [1, 0, 1, 1, 0];
  const [n, rng] = [labels.length * pixels, createRng(3)];
  const [y, z] = [rng.normals(2 * n), rng.normals(2 * n)];
  const { forth, back, variance } = tidy(() => {
    const factor = priorFactor("test", prior, labels, pixels);
    const [a, b] = [factor.forward(tf.tensor2d(y, [2, n])), factor.adjoint(tf.tensor2d(z, [2, n]))];
    return { forth: a.dataSync().slice(), back: b.dataSync().slice(), variance: factor.variance };
  });
  let trace = 0;
  for (let row = 0; row < 2; row++) {
    labels.forEach((label, image) => {
      const [L, from] = [prior.factors[label]!, row * n + image * pixels];
      for (let i = 0; i < pixels; i++) {
        const line = Array.from({ length: pixels }, (_, k) => L[i * pixels + k]!);
        const column = Array.from({ length: pixels }, (_, k) => L[k * pixels + i]!);
        const [expected, expectedBack] = [line, column].map((side, which) => side.reduce((sum, x, k) => sum + x * [y, z][which]![from + k]!, 0)); // prettier-ignore
        assert.ok(Math.abs(forth[from + i]! - expected!) < 1e-6 && Math.abs(back[from + i]! - expectedBack!) < 1e-6);
        if (row === 0) trace += line.reduce((sum, x) => sum + x * x, 0);
      }
    });
  }
  assert.ok(Math.abs(variance - trace) < 1e-9 * trace);
  assert.equal(priorFactor("test", 0.5, labels, pixels).variance, n / 4);
});

test("gaussianPrior: refuses what is no set of images", () => {
  const images = imagesOf(1);
  const cases: readonly [ImageSet, number, string][] = [
    [null as never, 3, "needs a set of images with pixels, labels and count, got null; such as dataset.train"],
    [{ ...images, count: 7 }, 3, "needs 7 labels, got 40"],
    [{ ...images, pixels: images.pixels.subarray(1) }, 3, "needs as many pixels for each of 40 images, got 239"],
    [images, 1, "needs labels in 0..0, got 1 at index 1"],
  ];
  for (const [set, numClasses, message] of cases)
    assert.throws(() => gaussianPrior(set, numClasses), {
      name: "InputError",
      message: `gaussianPrior: ${message}`,
    });
});
