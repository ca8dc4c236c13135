import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Shape } from "../core/types";
import { npyOf } from "../files/files.fixture";
import type { NamedArray } from "../files/namedArray";
import { toNpy } from "../files/writeNpy";
import { bytesOfLabels } from "./federation.fixture";
import { readLabels, imagesIn } from "./images";

const colour: Shape = [3, 2, 2];
const floats = (shape: Shape, ...values: number[]): NamedArray => ({ name: "", shape, dtype: "float32", values: Float32Array.from(values) }); // prettier-ignore
const ramp = Array.from({ length: 12 }, (_, i) => i / 16);

test("imagesIn: bytes and floats, grey without an axis, and channels last", () => {
  assert.deepEqual(imagesIn(floats([1, 3, 2, 2], ...ramp), "x", colour).images, Float32Array.from(ramp));
  const last = Array.from({ length: 12 }, (_, i) => ramp[(i % 3) * 4 + Math.floor(i / 3)]!);
  assert.deepEqual(imagesIn(floats([1, 2, 2, 3], ...last), "x", colour).images, Float32Array.from(ramp));
  const bytes: NamedArray = { name: "", shape: [2, 1, 2], dtype: "uint8", values: Uint8Array.of(0, 255, 51, 102) };
  assert.deepEqual(imagesIn(bytes, "x", [1, 1, 2]), { images: Float32Array.of(0, 1, 0.2, 0.4), count: 2 });
  assert.deepEqual(imagesIn(floats([1, 1, 2], -1e-4, 1.0001), "x", [1, 1, 2]).images, Float32Array.of(0, 1)); // float16
});

const int = (shape: Shape, values: Int32Array): NamedArray => ({ name: "", shape, dtype: "int32", values });
const refused: readonly [what: string, array: NamedArray, shape: Shape, message: RegExp][] = [
  ["floats in 0..255", floats([1, 1, 2], 0, 255), [1, 1, 2], /needs pixels in \[0, 1\] in own.images \(x\), got 0 to 255; divide by 255, or save as uint8$/],
  ["normalised floats", floats([1, 1, 2], -1, 1), [1, 1, 2], /got -1 to 1; save images before they are normalised, and say "normalize"/],
  ["16-bit images", floats([1, 1, 2], 0, 65535), [1, 1, 2], /got 0 to 65540; rescale them/],
  ["integers of another width", int([1, 1, 2], Int32Array.of(0, 255)), [1, 1, 2], /needs uint8 or floats in own.images \(x\), got int32; save images as uint8/],
  ["another shape", floats([1, 4, 3], ...ramp), colour, /needs images of \[N, 3, 2, 2\] in own.images \(x\), got \[1, 4, 3\]; the spec's inputShape is/],
  ["rows of pixels", floats([1, 12], ...ramp), colour, /got \[1, 12\]; reshape it/],
  ["one image without its axis", floats([3, 2, 2], ...ramp), colour, /got \[3, 2, 2\]/],
  ["no image", floats([0, 3, 2, 2]), colour, /needs at least one image/],
]; // prettier-ignore
for (const [what, array, shape, message] of refused)
  test(`imagesIn: refuses ${what}`, () => {
    assert.throws(() => imagesIn(array, "own.images (x)", shape), message);
  });

test("readLabels: reads integers, and refuses others, other counts and other classes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "labels-"));
  const file = join(folder, "labels.npy");
  const read = (bytes: Buffer, count?: number): Promise<Int32Array> => {
    writeFileSync(file, bytes);
    return readLabels(file, "truth.labels", 10, count);
  };
  try {
    assert.deepEqual(await read(bytesOfLabels([3, 0, 9]), 3), Int32Array.of(3, 0, 9));
    assert.deepEqual(await read(npyOf("'|u1'", "(2, 1)", Uint8Array.of(1, 2))), Int32Array.of(1, 2));
    await assert.rejects(read(bytesOfLabels([3, 10])), /needs labels of truth.labels .* in 0..9, got 10 at index 1/);
    await assert.rejects(read(bytesOfLabels([3, -1])), /got -1 at index 1/);
    await assert.rejects(read(bytesOfLabels([3]), 2), /needs 2 labels of truth.labels .*, got 1/);
    await assert.rejects(read(toNpy(Float32Array.of(1), [1])), /needs integers in truth.labels .*, got float32/);
    await assert.rejects(read(npyOf("'|u1'", "(1, 2)", Uint8Array.of(0, 1))), /of one-hot rows save argmax\(1\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
