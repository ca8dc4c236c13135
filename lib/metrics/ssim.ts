/** @file Structural similarity, as scikit-image computes it. */
import { ensureNames } from "../core/known";
import { ensure, ensureCount, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import { ensureComparable } from "./pixels";

/** How ssim weighs the pixels around a point. */
export interface SsimOptions {
  /** [C, H, W] of both images. */
  readonly shape: Shape;
  /** "gaussian" (default): 11x11, sigma 1.5, population covariance (Wang et al.). "uniform": 7x7, sample covariance. */
  readonly window?: "gaussian" | "uniform" | undefined;
}

const C1 = 0.01 ** 2; // (K1 R)^2 with data range R = 1
const C2 = 0.03 ** 2; // (K2 R)^2

/**
 * Mean structural similarity of two images, for a data range of 1.
 *
 *     ssim = mean over channels and windows of
 *            (2 ux uy + C1)(2 vxy + C2) / ((ux^2 + uy^2 + C1)(vx + vy + C2)),  C1 = 0.01^2, C2 = 0.03^2
 *
 * ux, uy, vx, vy and vxy are the window's weighted means, variances and covariance. Only windows that lie inside the
 * image count, which is the border that scikit-image crops.
 *
 * @param a pixels [C, H, W] of an image, in [0, 1]
 * @param b as many pixels, in the same order
 * @param options shape, and window: "gaussian" (11x11) or "uniform" (7x7)
 * @returns the mean in [-1, 1]; 1 for equal images; computed in float64
 * @throws InputError for an unknown option, when lengths disagree with the shape, a pixel is NaN or infinite, or the image is smaller than the window
 * @example
 * ssim(image, image, { shape: [1, 28, 28] }); // 1
 * @source Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
 * structural similarity", 2004. "gaussian" is scikit-image `structural_similarity` with gaussian_weights, sigma 1.5 and
 * use_sample_covariance False; "uniform" is its default. Colour is the mean over channels (channel_axis = 0).
 */
export function ssim(a: Float32Array, b: Float32Array, options: SsimOptions): number {
  ensureComparable("ssim", a, b);
  ensureNames("ssim", "options", options, ["shape", "window"]);
  const { shape, window = "gaussian" } = options;
  ensure(Array.isArray(shape) && shape.length === 3, "ssim", "needs a shape [C, H, W]", shape);
  const [channels, height, width] = shape as [number, number, number];
  for (const side of shape) ensureCount("ssim", "entry of shape", side);
  ensure(a.length === channels * height * width, "ssim", `needs ${channels}x${height}x${width} pixels`, a.length);
  const { taps, covarianceScale } = windowOf(window);
  const size = taps.length;
  ensure(Math.min(height, width) >= size, "ssim", `needs images of at least ${size}x${size}`, `${height}x${width}`);

  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * height * width;
    const x = Float64Array.from(a.subarray(from, from + height * width));
    const y = Float64Array.from(b.subarray(from, from + height * width));
    const average = (values: Float64Array) => windowMeans(values, height, width, taps);
    const ux = average(x);
    const uy = average(y);
    const uxx = average(x.map((value) => value * value));
    const uyy = average(y.map((value) => value * value));
    const uxy = average(x.map((value, i) => value * y[i]!));
    let channelSum = 0;
    for (let i = 0; i < ux.length; i++) {
      const mx = ux[i]!;
      const my = uy[i]!;
      const vx = covarianceScale * (uxx[i]! - mx * mx);
      const vy = covarianceScale * (uyy[i]! - my * my);
      const vxy = covarianceScale * (uxy[i]! - mx * my);
      channelSum += ((2 * mx * my + C1) * (2 * vxy + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2));
    }
    sum += channelSum / ux.length;
  }
  return sum / channels;
}

/** The window's weights along one axis (it is separable), and what turns its covariance into the convention's. */
function windowOf(window: "gaussian" | "uniform"): { taps: Float64Array; covarianceScale: number } {
  switch (window) {
    case "gaussian": {
      const taps = Float64Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
      const total = taps.reduce((sum, tap) => sum + tap, 0);
      return { taps: taps.map((tap) => tap / total), covarianceScale: 1 };
    }
    case "uniform":
      return { taps: new Float64Array(7).fill(1 / 7), covarianceScale: 49 / 48 }; // n / (n - 1) for 7x7 pixels
    default:
      return refuse("ssim", 'needs window "gaussian" or "uniform"', window);
  }
}

/** Weighted means of all windows inside the image, [H - size + 1, W - size + 1]: along the rows, then along the columns. */
function windowMeans(values: Float64Array, height: number, width: number, taps: Float64Array): Float64Array {
  const columns = width - taps.length + 1;
  const rows = height - taps.length + 1;
  const alongRows = new Float64Array(height * columns);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let t = 0; t < taps.length; t++) sum += taps[t]! * values[row * width + column + t]!;
      alongRows[row * columns + column] = sum;
    }
  }
  const means = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let t = 0; t < taps.length; t++) sum += taps[t]! * alongRows[(row + t) * columns + column]!;
      means[row * columns + column] = sum;
    }
  }
  return means;
}
