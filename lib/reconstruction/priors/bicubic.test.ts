import assert from "node:assert/strict";
import { test } from "node:test";
import { cubicMatrix } from "./bicubic";

/** The rows of a matrix. */
function rowsOf(matrix: Float32Array, columns: number): number[][] {
  return Array.from({ length: matrix.length / columns }, (_, i) => [
    ...matrix.subarray(i * columns, (i + 1) * columns),
  ]);
}

test("cubicMatrix: equals Keys' kernel worked by hand from 2 to 4 samples", () => {
  // Output 0 lies at 0.5 · 2 / 4 - 0.5 = -0.25, output 1 at 0.25. With a = -0.75:
  // k(1.25) = -0.75 (1.953125 - 7.8125 + 10 - 4) = -0.10546875, which is all that sample 1 gives output 0.
  // k(0.75) = 1.25 · 0.421875 - 2.25 · 0.5625 + 1 = 0.26171875, k(1.75) = -0.75 (5.359375 - 15.3125 + 14 - 4) = -0.03515625:
  // sample 1 and its repetition give output 1 0.2265625. The rest mirrors that.
  const expected = [1.10546875, -0.10546875, 0.7734375, 0.2265625, 0.2265625, 0.7734375, -0.10546875, 1.10546875];
  assert.deepEqual([...cubicMatrix(2, 4)], expected);
});

test("cubicMatrix: equals the published cubic resize of the ONNX standard from 4x4 to 8x8", () => {
  // Resize operator, example resize_upsample_scales_cubic: the image 1..16, half-pixel centres, a = -0.75, as in PyTorch.
  const rows = rowsOf(cubicMatrix(4, 8), 4);
  const pixel = (i: number, j: number): number => 4 * i + j + 1;
  const at = (i: number, j: number): number => {
    let sum = 0;
    for (let k = 0; k < 4; k++) for (let l = 0; l < 4; l++) sum += rows[i]![k]! * pixel(k, l) * rows[j]![l]!;
    return sum;
  };
  const first = [0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375];
  const sixth = [10.22265625, 10.51953125, 10.99609375, 11.625, 12.03125, 12.66015625, 13.13671875, 13.43359375];
  assert.deepEqual(
    first.map((_, j) => at(0, j)),
    first,
  );
  assert.deepEqual(
    sixth.map((_, j) => at(5, j)),
    sixth,
  );
});

test("cubicMatrix: rows add up to 1, and a constant stays constant", () => {
  for (const [from, to] of [
    [1, 4],
    [2, 8],
    [7, 28],
    [8, 32],
    [5, 7],
  ] as const) {
    const rows = rowsOf(cubicMatrix(from, to), from);
    assert.equal(rows.length, to);
    for (const row of rows) assert.ok(Math.abs(row.reduce((a, b) => a + b, 0) - 1) < 1e-6);
  }
});

test("cubicMatrix: keeps a linear ramp between two samples on average, and bends it as a = -0.75 does", () => {
  // Only a = -0.5 keeps a ramp at every place. A quarter of the way from one sample to the next, a = -0.75 gives
  // 0.10546875 + 0.26171875 - 2 · 0.03515625 = 0.296875 (the kernel's values above) instead of 0.25; three quarters mirror it.
  const ramp = [0, 1, 2, 3, 4, 5, 6];
  const double = rowsOf(cubicMatrix(7, 14), 7).map((row) => row.reduce((sum, weight, j) => sum + weight * ramp[j]!, 0));
  for (let sample = 1; sample <= 4; sample++) {
    const [quarter, rest] = [double[2 * sample + 1]! - sample, double[2 * sample + 2]! - sample];
    assert.ok(Math.abs(quarter - 0.296875) < 1e-6 && Math.abs(rest - 0.703125) < 1e-6, `after sample ${sample}`);
  }
  const fourfold = rowsOf(cubicMatrix(7, 28), 7).map((row) =>
    row.reduce((sum, weight, j) => sum + weight * ramp[j]!, 0),
  );
  for (let sample = 1; sample <= 4; sample++) {
    const between = fourfold.slice(4 * sample + 2, 4 * sample + 6); // an eighth, three eighths, ... of the way
    assert.ok(Math.abs(between.reduce((a, b) => a + b, 0) / 4 - (sample + 0.5)) < 1e-6, `after sample ${sample}`);
  }
});

test("cubicMatrix: is the identity when nothing is resized", () => {
  assert.deepEqual([...cubicMatrix(3, 3)], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
});
