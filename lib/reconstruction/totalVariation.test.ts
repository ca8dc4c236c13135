import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import { totalVariation } from "./totalVariation";

before(backendReady);

const [S, C, B, H, W] = [2, 2, 2, 4, 3] as const;
const length = C * B * H * W; // of a replica
const EPSILON = 1e-3;

/** The formula in double precision, for one replica [C, B, H, W]. */
function slow(x: Float64Array): number {
  const smooth = (difference: number): number => Math.sqrt(difference ** 2 + EPSILON ** 2);
  let sum = 0;
  for (let image = 0; image < C * B; image++) {
    for (let i = 0; i < H; i++) {
      for (let j = 0; j < W; j++) {
        const at = (image * H + i) * W + j;
        if (i + 1 < H) sum += smooth(x[at + W]! - x[at]!);
        if (j + 1 < W) sum += smooth(x[at + 1]! - x[at]!);
      }
    }
  }
  return sum / length;
}

/** Of replicas one after the other, each [C, B, H, W] (or one channel of one image). */
function compute(values: ArrayLike<number>, shape: number[]): { value: number[]; gradient: Float32Array } {
  const [s, c, b, h, w] = shape as [number, number, number, number, number];
  const found = tidy(() => {
    const first = tf.tensor(Float32Array.from(values), shape);
    const images = tf.reshape(tf.transpose(first, [2, 3, 4, 0, 1]), [b, h, w, s * c]);
    const { value, gradient } = totalVariation(images, s);
    assert.deepEqual(gradient.shape, images.shape);
    return { value: value(), gradient: tf.transpose(tf.reshape(gradient, [b, h, w, s, c]), [3, 4, 0, 1, 2]) };
  });
  const result = { value: [...found.value.dataSync()], gradient: found.gradient.dataSync<"float32">() };
  dispose(found);
  return result;
}

test("totalVariation: is the mean step between neighbours worked by hand", () => {
  // [0 1; 3 1]: down 3 and 0, right 1 and 2; sum 6 over 4 pixels (0 counts eps = 1e-3).
  const { value } = compute([0, 1, 3, 1], [1, 1, 1, 2, 2]);
  assert.ok(Math.abs(value[0]! - 6.001 / 4) < 1e-5);
});

test("totalVariation: is eps alone, with no gradient, when images are constant", () => {
  // Two by two: four pairs of eps over four pixels.
  const { value, gradient } = compute([5, 5, 5, 5], [1, 1, 1, 2, 2]);
  assert.ok(Math.abs(value[0]! - EPSILON) < 1e-8);
  assert.ok(gradient.every((x) => x === 0));
});

test("totalVariation: value equals a slow loop and gradient its central differences, per replica", () => {
  // Steps are of the order of 1: the square root is smooth over 1e-5, and differences in doubles are good to 1e-9.
  const x = Float64Array.from(createRng("images").normals(S * length));
  const { value, gradient } = compute(x, [S, C, B, H, W]);
  for (let s = 0; s < S; s++) {
    const own = x.subarray(s * length, (s + 1) * length);
    assert.ok(Math.abs(value[s]! - slow(own)) < 1e-5);
    own.forEach((_, k) => {
      const at = (t: number): number => slow(own.map((one, i) => (i === k ? one + t : one)));
      const measured = (at(1e-5) - at(-1e-5)) / 2e-5;
      assert.ok(Math.abs(gradient[s * length + k]! - measured) < 1e-5, `replica ${s}, place ${k}`);
    });
  }
});

test("totalVariation: has a smooth gradient where neighbours are nearly equal", () => {
  // One step of eps: sqrt(2) eps, slope 1 / sqrt(2) per pixel, and 2 pixels.
  const { gradient } = compute([0, EPSILON], [1, 1, 1, 1, 2]);
  assert.ok(Math.abs(gradient[1]! - Math.SQRT1_2 / 2) < 1e-4);
  assert.ok(Math.abs(gradient[0]! + Math.SQRT1_2 / 2) < 1e-4);
});
