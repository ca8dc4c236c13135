/** @file The kinds of entries that stand in sections: how each is computed by the library. A kind without a function is skipped. */
import { flatten, MISSING } from "./compare.mjs";
import { checkGradientMatching } from "./gradientMatching.mjs";

/** Section name -> check(library, entry). */
export const kinds = {
  image: checkImage,
  assignment: checkAssignment,
  gradient_matching: checkGradientMatching,
  privacy: checkPrivacy,
};

/** Image metrics of two images [H][W], or [C][H][W] in colour; a metric that the library lacks is skipped. */
function checkImage({ psnr, rmse, ssim }, { a, b, ...expected }) {
  const [x, y] = [a, b].map((image) => Float32Array.from(flatten(image)));
  const shape = Array.isArray(a[0][0]) ? [a.length, a[0].length, a[0][0].length] : [1, a.length, a[0].length];
  const metrics = {
    rmse: () => rmse(x, y),
    psnr: () => psnr(x, y),
    "ssim_gaussian_11_1.5": () => ssim(x, y, { shape, window: "gaussian" }),
    ssim_uniform_7: () => ssim(x, y, { shape, window: "uniform" }),
  };
  const named = Object.keys(expected);
  return {
    comparisons: named
      .filter((name) => name in metrics)
      .map((name) => ({ what: name, got: metrics[name](), expected: expected[name], tolerance: 1e-6 })),
    skipped: named
      .filter((name) => !(name in metrics) && typeof expected[name] === "number")
      .map((name) => ({ what: name, reason: MISSING })),
  };
}

/** Minimum-cost assignment: each row's column exactly, and the total. */
function checkAssignment({ assignment }, { cost, columns, total }) {
  const found = assignment(cost);
  return {
    comparisons: [
      { what: "columns", got: found.columns, expected: columns, tolerance: 0 },
      { what: "total", got: found.total, expected: total, tolerance: 1e-9 },
    ],
  };
}

/** The budget of T steps of the Poisson-subsampled Gaussian mechanism, to 1e-3 of it. */
function checkPrivacy({ epsilonOf }, { q, sigma, steps, delta, epsilon }) {
  const got = epsilonOf({ samplingRate: q, noiseMultiplier: sigma, steps, delta, accounting: "renyi" });
  return { comparisons: [{ what: "epsilon", got, expected: epsilon, tolerance: 1e-3 * epsilon }] };
}
