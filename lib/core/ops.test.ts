import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { backendReady, tf, tidy, type Tensor } from "./backend";
import { col2im, im2col, sumPerReplica, windowCount, windowMaxima, type SlidingWindow } from "./ops";
import { createRng } from "./rng";

before(backendReady);

type Sizes = readonly [s: number, c: number, b: number, h: number, w: number];

/** Windows that fit, on odd and even images; the sizes are small because a column depends on few pixels. */
const cases = fc
  .record({
    size: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 2 }),
    sizes: fc.tuple(
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
    ),
    seed: fc.nat(),
  })
  .filter(({ sizes: [, , , h, w], ...window }) => windowCount(h, window) >= 1 && windowCount(w, window) >= 1);

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}

/** Integers in -9..9: sums and products of them are exact in float32, so results must agree to the bit. */
function integers(count: number, seed: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => rng.integer(19) - 9);
}

function run(compute: () => Tensor): { shape: number[]; values: Float32Array } {
  const result = tidy(compute);
  const found = { shape: result.shape, values: result.dataSync<"float32">() };
  result.dispose();
  return found;
}

/** Every number of the patches, looked up where it came from. */
function slowPatches(x: Float32Array, [s, c, b, h, w]: Sizes, { size, stride, padding }: SlidingWindow): number[] {
  const [oh, ow] = [h, w].map((side) => Math.floor((side + 2 * padding - size) / stride) + 1) as [number, number];
  const found: number[] = [];
  for (let replica = 0; replica < s; replica++)
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        for (let channel = 0; channel < c; channel++)
          for (let image = 0; image < b; image++)
            for (let row = 0; row < oh; row++)
              for (let column = 0; column < ow; column++) {
                const [y, z] = [row * stride + i - padding, column * stride + j - padding];
                const inside = y >= 0 && y < h && z >= 0 && z < w;
                found.push(inside ? x[(((replica * c + channel) * b + image) * h + y) * w + z]! : 0);
              }
  return found;
}

test("windowCount: counts the places where a window fits", () => {
  // 28 + 2·2 - 5 = 27, 27 / 1 + 1 = 28;  7 - 3 = 4, 4 / 2 + 1 = 3;  8 - 3 = 5, floor(5 / 2) + 1 = 3;  2 - 3 < 0
  assert.equal(windowCount(28, { size: 5, stride: 1, padding: 2 }), 28);
  assert.equal(windowCount(7, { size: 3, stride: 2, padding: 0 }), 3);
  assert.equal(windowCount(8, { size: 3, stride: 2, padding: 0 }), 3);
  assert.equal(windowCount(2, { size: 3, stride: 1, padding: 0 }), 0);
});

test("im2col: rows are window offsets and columns places when the image is 1..9", () => {
  // Two by two windows of [1 2 3; 4 5 6; 7 8 9]: the top left corners of the four places are 1 2 4 5, and so on.
  const window = { size: 2, stride: 1, padding: 0 };
  const { shape, values } = run(() => im2col(tf.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 3, 3]), window));
  assert.deepEqual(shape, [1, 4, 4]);
  assert.deepEqual([...values], [1, 2, 4, 5, 2, 3, 5, 6, 4, 5, 7, 8, 5, 6, 8, 9]);
});

test("im2col: equals a loop over places and offsets whatever the window, stride, padding and sides", () => {
  fc.assert(
    fc.property(cases, ({ sizes, seed, ...window }) => {
      const x = integers(product(sizes), seed);
      const { shape, values } = run(() => im2col(tf.tensor(x, [...sizes]), window));
      const [s, c, b, h, w] = sizes;
      const places = b * windowCount(h, window) * windowCount(w, window);
      assert.deepEqual(shape, [s, window.size ** 2 * c, places]);
      assert.deepEqual([...values], slowPatches(x, sizes, window));
    }),
    { numRuns: 150 },
  );
});

test("col2im: is the adjoint of im2col whatever the window, stride, padding and sides", () => {
  fc.assert(
    fc.property(cases, ({ sizes, seed, ...window }) => {
      const [s, c, b, h, w] = sizes;
      const shape = [s, window.size ** 2 * c, b * windowCount(h, window) * windowCount(w, window)];
      const [x, y] = [integers(product(sizes), seed), integers(product(shape), seed + 1)];
      const back = run(() => col2im(tf.tensor(y, shape), sizes, window));
      assert.deepEqual(back.shape, [...sizes]);
      // <im2col x, y> = <x, col2im y>, each replica for itself
      const patches = slowPatches(x, sizes, window);
      for (let replica = 0; replica < s; replica++) {
        const inPatches = dot(patches, y, replica, s);
        assert.equal(dot(x, back.values, replica, s), inPatches);
      }
    }),
    { numRuns: 150 },
  );
});

test("col2im: counts how many windows cover a pixel when every patch is 1", () => {
  // Windows of 3 with stride 2 on 5 pixels start at 0 and 2: pixel 2 is covered twice along an axis, the others once.
  const { values } = run(() => col2im(tf.ones([1, 9, 4]), [1, 1, 1, 5, 5], { size: 3, stride: 2, padding: 0 }));
  const along = [1, 1, 2, 1, 1];
  assert.deepEqual(
    [...values],
    along.flatMap((row) => along.map((column) => row * column)),
  );
});

/** <a, b> over one replica's part of two stacks of s replicas. */
function dot(a: ArrayLike<number>, b: ArrayLike<number>, replica: number, s: number): number {
  const length = a.length / s;
  let sum = 0;
  for (let i = replica * length; i < (replica + 1) * length; i++) sum += a[i]! * b[i]!;
  return sum;
}

test("windowMaxima: chooses the first maximum of each window in reading order, across batch and channels", () => {
  // Two images of two by four pixels with two channels, in windows of two by two. Channel 1 is constant: its maxima are where
  // the windows begin.
  const rows = [
    [-3, 7, -2, 7, 9, 7, 4, 7],
    [-1, 7, -1, 7, 8, 7, 9, 7], // window 0: the first -1; window 1: the 9 of the row above
    [5, 7, 5, 7, 0, 7, 0, 7],
    [5, 7, 5, 7, 0, 7, 6, 7],
  ];
  const { output, chosen } = tidy(() => windowMaxima(tf.tensor(rows.flat(), [2, 2, 4, 2]), 2));
  assert.deepEqual(output.shape, [2, 1, 2, 2]);
  assert.deepEqual(chosen.shape, [2, 2, 2, 2, 2]);
  assert.deepEqual([...output.dataSync()], [-1, 7, 9, 7, 5, 7, 6, 7]);
  const expected = [
    [0, 1, 0, 0, 1, 1, 0, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0],
  ];
  assert.deepEqual([...chosen.dataSync()], expected.flat());
  tf.dispose([output, chosen]);
});

test("sumPerReplica: adds up each replica for itself", () => {
  // Two pixels of two replicas with two channels each: 1+2 + 5+6 = 14 and 3+4 + 7+8 = 22
  const { shape, values } = run(() => sumPerReplica(tf.tensor([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]), 2));
  assert.deepEqual([shape, [...values]], [[2], [14, 22]]);
});
