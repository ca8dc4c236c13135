/** @file Stacked convolutions against loops, exact because integers in float32 are. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { backendReady, tf, tidy, type Tensor } from "./backend";
import { convolvable, imageGradient } from "./groupedConvolution";
import { windowCount, type SlidingWindow } from "./ops";
import { createRng } from "./rng";

before(backendReady);

interface Case {
  readonly window: SlidingWindow;
  readonly replicas: number;
  readonly channels: number; // C
  readonly outputs: number; // O
  readonly batch: number;
  readonly sides: readonly [number, number];
  readonly seed: number;
}

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const cases: fc.Arbitrary<Case> = fc
  .record({
    window: fc.record({ size: small(1, 5), stride: small(1, 3), padding: small(0, 2) }),
    replicas: small(1, 3),
    channels: small(1, 3),
    outputs: small(1, 3),
    batch: small(1, 5),
    sides: fc.oneof(fc.tuple(small(1, 8), small(1, 8)), fc.constantFrom<[number, number]>([4, 8], [12, 4])),
    seed: fc.nat(),
  })
  .filter(({ window, sides }) => sides.every((side) => windowCount(side, window) >= 1));

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Integers in -4..4. */
function integers(shape: readonly number[], seed: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: product(shape) }, () => rng.integer(9) - 4);
}

/** Visits every product filters[u, v, c, s, o] x[b, i', j', s, c] of every output: the flat indices of the three. */
function visit(one: Case, see: (y: number, filter: number, x: number) => void): void {
  const { window, replicas, channels, outputs, batch, sides } = one;
  const { size, stride, padding } = window;
  const [h, w] = sides;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let s = 0; s < replicas; s++)
          for (let o = 0; o < outputs; o++)
            for (let u = 0; u < size; u++)
              for (let v = 0; v < size; v++)
                for (let c = 0; c < channels; c++) {
                  const [row, column] = [i * stride + u - padding, j * stride + v - padding];
                  if (row < 0 || row >= h || column < 0 || column >= w) continue;
                  see(
                    ((b * oh + i) * ow + j) * replicas * outputs + s * outputs + o,
                    ((u * size + v) * channels + c) * replicas * outputs + s * outputs + o,
                    ((b * h + row) * w + column) * replicas * channels + s * channels + c,
                  );
                }
}

function assertEqual(compute: () => Tensor, shape: readonly number[], expected: Float32Array): void {
  const found = tidy(compute);
  assert.deepEqual(found.shape, shape);
  assert.deepEqual(
    found.dataSync<"float32">().map((value) => value + 0),
    expected,
  ); // no negative zeros
  found.dispose();
}

test("convolvable, imageGradient: equal loops over all products whatever window, replicas and sides", () => {
  fc.assert(
    fc.property(cases, (one) => {
      const { window, replicas, channels, outputs, batch, sides, seed } = one;
      const [h, w] = sides;
      const images = [batch, h, w, replicas * channels];
      const filterShape = [window.size, window.size, channels, replicas * outputs];
      const result = [batch, windowCount(h, window), windowCount(w, window), replicas * outputs];
      const [x, filters, d] = [integers(images, seed), integers(filterShape, seed + 1), integers(result, seed + 2)];
      const y = new Float32Array(product(result));
      const [dx, dFilters] = [new Float32Array(x.length), new Float32Array(filters.length)];
      visit(one, (atY, atFilter, atX) => {
        y[atY]! += filters[atFilter]! * x[atX]!;
        dx[atX]! += filters[atFilter]! * d[atY]!;
        dFilters[atFilter]! += x[atX]! * d[atY]!;
      });
      const from = (): ReturnType<typeof convolvable> => convolvable(tf.tensor(x, images), replicas, window);
      assertEqual(() => from().convolve(tf.tensor(filters, filterShape)), result, y);
      assertEqual(() => from().filterGradient(tf.tensor(d, result)), filterShape, dFilters);
      const [t, f] = [() => tf.tensor(d, result), () => tf.tensor(filters, filterShape)];
      assertEqual(() => imageGradient(t(), f(), replicas, sides, window), images, dx);
    }),
    { numRuns: 150 },
  );
});
