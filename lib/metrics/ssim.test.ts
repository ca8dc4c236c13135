import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { projectRoot } from "../core/paths";
import { createRng } from "../core/rng";
import { psnr } from "./psnr";
import { rmse } from "./rmse";
import { ssim } from "./ssim";

const reference = join(projectRoot, "..", "shared", "vectors", "reference.json");
const windows = ["gaussian", "uniform"] as const;

function close(got: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(got - expected) <= tolerance, `got ${got}, expected ${expected}`);
}

test("ssim: is the luminance term alone when both images are constant (hand-worked)", () => {
  // no variance: (2 * 0.5 * 1 + 1e-4)(9e-4) / ((0.25 + 1 + 1e-4)(9e-4)) = 1.0001 / 1.2501
  const gray = new Float32Array(144).fill(0.5);
  const white = new Float32Array(144).fill(1);
  for (const window of windows) close(ssim(gray, white, { shape: [1, 12, 12], window }), 1.0001 / 1.2501, 1e-9);
});

test("ssim: takes the sample covariance when the window is uniform (hand-worked)", () => {
  // one 7x7 window, one pixel of a is 1, b is black: ux = 1/49, vx = 49/48 (1/49 - 1/2401) = 1/49, uy = vy = vxy = 0
  const a = new Float32Array(49);
  a[10] = 1;
  const expected = (1e-4 * 9e-4) / ((1 / 2401 + 1e-4) * (1 / 49 + 9e-4));
  close(ssim(a, new Float32Array(49), { shape: [1, 7, 7], window: "uniform" }), expected, 1e-12);
});

test("ssim: agrees with a sum over every window's pixels when images are random (oracle)", () => {
  const rng = createRng("ssim oracle");
  const [height, width] = [13, 15]; // unequal sides: a swap of rows and columns would show
  const a = rng.uniforms(height * width);
  const b = a.map((value) => 0.7 * value + 0.3 * rng.uniform());
  for (const window of windows) {
    const size = window === "gaussian" ? 11 : 7;
    const half = (size - 1) / 2;
    const weight = (r: number, c: number) => (window === "gaussian" ? Math.exp(-(r * r + c * c) / 4.5) : 1);
    let total = 0;
    let count = 0;
    for (let row = half; row < height - half; row++) {
      for (let column = half; column < width - half; column++) {
        const samples: [number, number, number][] = []; // weight, x, y
        for (let r = -half; r <= half; r++) {
          for (let c = -half; c <= half; c++) {
            const at = (row + r) * width + column + c;
            samples.push([weight(r, c), a[at]!, b[at]!]);
          }
        }
        const mass = samples.reduce((sum, [w]) => sum + w, 0);
        const mean = (f: (x: number, y: number) => number) =>
          samples.reduce((sum, [w, x, y]) => sum + w * f(x, y), 0) / mass;
        const ux = mean((x) => x);
        const uy = mean((_, y) => y);
        const n = size * size;
        const scale = window === "uniform" ? n / (n - 1) : 1;
        const vx = scale * mean((x) => (x - ux) ** 2);
        const vy = scale * mean((_, y) => (y - uy) ** 2);
        const vxy = scale * mean((x, y) => (x - ux) * (y - uy));
        total += ((2 * ux * uy + 1e-4) * (2 * vxy + 9e-4)) / ((ux ** 2 + uy ** 2 + 1e-4) * (vx + vy + 9e-4));
        count++;
      }
    }
    close(ssim(a, b, { shape: [1, height, width], window }), total / count, 1e-10);
  }
});

test("ssim, psnr, rmse: agree with scikit-image when reference.json is there (oracle)", (t) => {
  if (!existsSync(reference)) return t.skip("no ../shared/vectors");
  const { image } = JSON.parse(readFileSync(reference, "utf8")) as {
    image: { vectors: (Record<string, number> & { a: number[][]; b: number[][] })[] };
  };
  for (const entry of image.vectors) {
    const a = Float32Array.from(entry.a.flat());
    const b = Float32Array.from(entry.b.flat());
    const shape = [1, entry.a.length, entry.a[0]!.length];
    close(rmse(a, b), entry["rmse"]!, 1e-6);
    close(psnr(a, b), entry["psnr"]!, 1e-6);
    close(ssim(a, b, { shape }), entry["ssim_gaussian_11_1.5"]!, 1e-6);
    close(ssim(a, b, { shape, window: "uniform" }), entry["ssim_uniform_7"]!, 1e-6);
  }
});

test("ssim: is the mean over channels when images are in colour", () => {
  const rng = createRng("ssim colour");
  const a = rng.uniforms(3 * 144);
  const b = rng.uniforms(3 * 144);
  const channels = [0, 1, 2].map((c) =>
    ssim(a.slice(c * 144, (c + 1) * 144), b.slice(c * 144, (c + 1) * 144), { shape: [1, 12, 12] }),
  );
  close(ssim(a, b, { shape: [3, 12, 12] }), (channels[0]! + channels[1]! + channels[2]!) / 3, 1e-12);
});

test("ssim: is symmetric, at most 1, and 1 when the images are equal (property)", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...windows), (seed, window) => {
      const rng = createRng(seed);
      const a = rng.uniforms(12 * 12);
      const b = rng.uniforms(12 * 12);
      const options = { shape: [1, 12, 12], window };
      close(ssim(a, a, options), 1, 1e-12);
      close(ssim(a, b, options), ssim(b, a, options), 1e-12);
      assert.ok(ssim(a, b, options) < 1);
    }),
    { numRuns: 30 },
  );
});

test("ssim: refuses when shape, size, window or pixels are wrong", () => {
  const image = new Float32Array(100);
  const against = (shape: readonly number[], window?: "gaussian" | "uniform") => () =>
    ssim(image, image, { shape, window });
  assert.throws(against([10, 10]), /ssim: needs a shape \[C, H, W\], got \[10, 10\]/);
  assert.throws(against([1, 10, 11]), /ssim: needs 1x10x11 pixels, got 100/);
  assert.throws(against([1, 10, 10]), /ssim: needs images of at least 11x11, got 10x10/);
  assert.throws(against([1, 20, 5], "uniform"), /at least 7x7, got 20x5/);
  assert.throws(against([1, 10, 10], "box" as "uniform"), /ssim: needs window .* got box/);
  assert.throws(() => ssim(image, new Float32Array(99), { shape: [1, 10, 10] }), /ssim: .* got 100 and 99/);
  const broken = Float32Array.from(image).fill(NaN, 3, 4);
  assert.throws(
    () => ssim(image, broken, { shape: [1, 10, 10] }),
    /ssim: needs finite numbers in b, got NaN at index 3/,
  );
});
