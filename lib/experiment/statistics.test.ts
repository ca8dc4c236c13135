import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng, type Rng } from "../core/rng";
import { bands, estimateMean, pairedDifference, seedsNeeded, type Estimate } from "./statistics";

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);
}

function nearEstimate(actual: Estimate, expected: Estimate, tolerance: number): void {
  near(actual.mean, expected.mean, tolerance);
  near(actual.interval[0], expected.interval[0], tolerance);
  near(actual.interval[1], expected.interval[1], tolerance);
  assert.equal(actual.n, expected.n);
}

/** Share of samples whose interval holds the true mean. */
function coverage(n: number, draw: (rng: Rng) => number, truth: number, samples: number, options = {}): number {
  const rng = createRng("coverage").split("sample", n);
  let held = 0;
  for (let s = 0; s < samples; s++) {
    const { interval } = estimateMean(
      Array.from({ length: n }, () => draw(rng)),
      { rng: rng.split("bootstrap", s), ...options },
    );
    if (interval[0] <= truth && truth <= interval[1]) held++;
  }
  return held / samples;
}

test("estimateMean: Student's t interval when n < 10", () => {
  // mean 2, sd 1, se 1/sqrt(3) = 0.577350; t table: t(0.975, 2) = 4.302653; 4.302653 * 0.577350 = 2.484138
  nearEstimate(estimateMean([1, 2, 3]), { mean: 2, interval: [-0.484138, 4.484138], n: 3 }, 1e-6);
  // mean 5, squares 9+1+1+1+0+0+4+16 = 32, sd sqrt(32/7) = 2.138090, se 0.755929; t(0.975, 7) = 2.364624: 1.787488
  const eight = [2, 4, 4, 4, 5, 5, 7, 9];
  nearEstimate(estimateMean(eight), { mean: 5, interval: [3.212512, 6.787488], n: 8 }, 2e-6);
  // t(0.95, 7) = 1.894579; 1.894579 * 0.755929 = 1.432167
  nearEstimate(estimateMean(eight, { confidence: 0.9 }), { mean: 5, interval: [3.567833, 6.432167], n: 8 }, 2e-6);
  // Two seeds: se = 1/sqrt(2) * sqrt(2)/2 = 0.5, t(0.975, 1) = 12.706205
  nearEstimate(estimateMean([0, 1]), { mean: 0.5, interval: [0.5 - 6.353102, 0.5 + 6.353102], n: 2 }, 1e-6);
});

test("estimateMean: covers the mean of normal values at the stated rate for 3 to 30 seeds", () => {
  // 2000 samples: standard error of a share of 0.95 is 0.5 %; the band is ± 1.5 %.
  for (const n of [3, 5, 9])
    near(
      coverage(n, (rng) => rng.normal(), 0, 2000),
      0.95,
      0.015,
    );
  near(
    coverage(4, (rng) => rng.normal(), 0, 2000, { confidence: 0.8 }),
    0.8,
    0.027,
  );
  for (const n of [10, 30])
    near(
      coverage(n, (rng) => rng.normal(), 0, 2000, { resamples: 400 }),
      0.95,
      0.015,
    );
});

test("estimateMean: covers the mean of skewed values from 10 seeds on, where Student's t falls short", () => {
  const exponential = (rng: Rng): number => rng.gamma(1);
  near(coverage(10, exponential, 1, 2000, { resamples: 400 }), 0.94, 0.015); // Student's t: 0.90
  near(coverage(20, exponential, 1, 2000, { resamples: 400 }), 0.945, 0.015); // Student's t: 0.92
});

test("estimateMean: the interval leans towards the long tail when n >= 10", () => {
  const { mean, interval } = estimateMean([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 5]);
  assert.ok(interval[1] - mean > 1.5 * (mean - interval[0]));
});

test("estimateMean: close to Student's t when 40 symmetric values", () => {
  const values = Array.from({ length: 40 }, (_, i) => i - 19.5);
  // Variance (40^2 - 1)/12 * 40/39 = 136.667, se = sqrt(136.667/40) = 1.84842; t(0.975, 39) = 2.022691: 3.7388
  const { mean, interval } = estimateMean(values);
  near(mean, 0, 1e-12);
  near(interval[0], -3.7388, 0.25);
  near(interval[1], 3.7388, 0.25);
});

test("estimateMean: equal calls give equal intervals and other streams give others", () => {
  const values = Array.from(createRng(1).normals(12));
  assert.deepEqual(estimateMean(values), estimateMean(values));
  const rng = createRng(5);
  assert.deepEqual(estimateMean(values, { rng }), estimateMean(values, { rng }));
  assert.notDeepEqual(estimateMean(values, { rng }), estimateMean(values));
});

test("estimateMean: shifts and scales with its values, mirrored by a negative scale", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 15 }),
      fc.constantFrom(-3, -0.5, 1e-6, 2),
      fc.integer({ min: -100, max: 100 }),
      (values, scale, shift) => {
        const plain = estimateMean(values, { resamples: 200 });
        const moved = estimateMean(
          values.map((x) => scale * x + shift),
          { resamples: 200 },
        );
        const ends = plain.interval.map((x) => scale * x + shift) as [number, number];
        if (scale < 0) ends.reverse();
        // Resamples without spread count as infinite by a threshold, which rounding can cross only in exact ties.
        nearEstimate(
          moved,
          { mean: scale * plain.mean + shift, interval: ends, n: plain.n },
          1e-7 * (1 + Math.abs(ends[1] - ends[0])),
        );
      },
    ),
    { numRuns: 100, seed: 3 },
  );
});

test("estimateMean: finite when values are equal or nearly all equal", () => {
  assert.deepEqual(estimateMean(new Array<number>(12).fill(0.5)), { mean: 0.5, interval: [0.5, 0.5], n: 12 });
  // A third of the resamples miss the single 1 and have no spread; then Student's: mean 0.1, se 0.1, t(0.975, 9) = 2.262157
  const lone = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  nearEstimate(estimateMean(lone), { mean: 0.1, interval: [-0.126216, 0.326216], n: 10 }, 1e-6);
  const tenths = new Array<number>(11).fill(0.1); // their sum is not exactly 1.1
  nearEstimate(estimateMean(tenths), { mean: 0.1, interval: [0.1, 0.1], n: 11 }, 1e-15);
});

test("estimateMean: refuses one seed, none, NaN and options out of range", () => {
  assert.throws(
    () => estimateMean([1]),
    /^InputError: estimateMean: needs at least 2 seeds for an interval, got n = 1; run more seeds$/,
  );
  assert.throws(() => estimateMean([]), /got n = 0/);
  assert.throws(() => estimateMean([1, NaN]), /estimateMean: needs finite numbers in values, got NaN at index 1/);
  assert.throws(() => estimateMean([1, 2], { confidence: 95 }), /needs 0 < confidence < 1, got 95/);
  assert.throws(() => estimateMean([1, 2], { confidence: NaN }), /needs 0 < confidence < 1, got NaN/);
  assert.throws(() => estimateMean([1, 2], { resamples: 1 }), /needs an integer resamples >= 100, got 1/);
});

test("pairedDifference: pairs by index, so what a seed shares cancels", () => {
  // Differences 0.01, 0.02, 0.03: mean 0.02, sd 0.01, se 0.0057735, t 4.302653: 0.0248414
  const paired = pairedDifference([0.21, 0.34, 0.25], [0.2, 0.32, 0.22]);
  nearEstimate(paired, { mean: 0.02, interval: [-0.0048414, 0.0448414], n: 3 }, 1e-7);
  // The same numbers in another order: the mean stays, the interval does not.
  const shuffled = pairedDifference([0.21, 0.34, 0.25], [0.32, 0.22, 0.2]);
  near(shuffled.mean, paired.mean, 1e-12);
  assert.ok(shuffled.interval[1] - shuffled.interval[0] > 5 * (paired.interval[1] - paired.interval[0]));
});

test("pairedDifference: refuses unequal lengths and NaN by name", () => {
  assert.throws(
    () => pairedDifference([1, 2], [1, 2, 3]),
    /^InputError: pairedDifference: needs a and b paired by seed, got 2 and 3 values$/,
  );
  assert.throws(() => pairedDifference([1, 2], [1, Infinity]), /needs finite numbers in b, got Infinity at index 1/);
  assert.throws(() => pairedDifference([1], [1]), /pairedDifference: needs at least 2 seeds/);
});

for (const seeds of [3, 12]) {
  test(`bands: each round as estimateMean of that round when ${seeds} seeds`, () => {
    const rng = createRng(6);
    const perSeed = Array.from({ length: seeds }, () => Array.from(rng.normals(5)));
    const { mean, low, high } = bands(perSeed, { resamples: 500 });
    for (let round = 0; round < 5; round++) {
      const expected = estimateMean(
        perSeed.map((curve) => curve[round]!),
        { resamples: 500 },
      );
      assert.deepEqual([mean[round], [low[round], high[round]]], [expected.mean, expected.interval]);
    }
    assert.deepEqual([mean.length, low.length, high.length], [5, 5, 5]);
  });
}

test("bands: refuses curves of unequal length, no curves, one curve and NaN", () => {
  assert.throws(() => bands([[1, 2], [1]]), /^InputError: bands: needs 2 rounds in every curve, got 1 in curve 1$/);
  assert.throws(() => bands([]), /bands: needs at least one curve with at least one round, got 0 curves/);
  assert.throws(() => bands([[], []]), /bands: needs at least one curve with at least one round/);
  assert.throws(() => bands([[1, 2]]), /bands: needs at least 2 seeds for an interval, got n = 1/);
  assert.throws(
    () =>
      bands([
        [1, NaN],
        [1, 2],
      ]),
    /bands: needs finite numbers in values, got NaN at index 0/,
  );
});

test("seedsNeeded: the sample sizes of Cohen's tables for the paired t test", () => {
  // Two-sided 5 %, G*Power 3.1 "means: difference from constant" at effect sizes d = effect / sd.
  const paired = [-1, 1, -1, 1, -1, 1, -1, 1]; // sd = sqrt(8/7)
  const sd = Math.sqrt(8 / 7);
  for (const [d, n] of [
    [0.2, 199],
    [0.5, 34],
    [0.8, 15],
    [1, 10],
  ] as const)
    assert.equal(seedsNeeded(paired, d * sd), n);
  assert.equal(seedsNeeded(paired, 0.5 * sd, 0.95), 54);
  assert.equal(seedsNeeded(paired, -0.5 * sd), 34); // the sign does not matter
});

test("seedsNeeded: the power it promises is what simulated experiments have, and one seed fewer has less", () => {
  const sd = Math.sqrt(8 / 7);
  const n = seedsNeeded([-1, 1, -1, 1, -1, 1, -1, 1], sd); // d = 1: 10
  const found = (size: number): number => {
    const rng = createRng("power").split("n", size);
    let count = 0;
    for (let s = 0; s < 4000; s++) {
      const values = Array.from({ length: size }, () => 1 + rng.normal());
      const mean = values.reduce((sum, x) => sum + x, 0) / size;
      const se = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (size - 1) / size);
      if (Math.abs(mean / se) > (size === 10 ? 2.262157 : 2.306004)) count++; // t(0.975, 9), t(0.975, 8)
    }
    return count / 4000; // standard error 0.6 %
  };
  assert.equal(n, 10);
  near(found(10), 0.803, 0.02);
  assert.ok(found(9) < 0.78);
});

test("seedsNeeded: two when differences have no spread, and refuses no effect", () => {
  assert.equal(seedsNeeded([0.01, 0.01], 0.001), 2);
  assert.throws(() => seedsNeeded([1, 2], 0), /^InputError: seedsNeeded: needs a finite effect other than 0, got 0$/);
  assert.throws(() => seedsNeeded([1, 2], NaN), /needs a finite effect other than 0, got NaN/);
  assert.throws(() => seedsNeeded([1], 1), /seedsNeeded: needs at least 2 seeds/);
  assert.throws(() => seedsNeeded([1, 2], 1, 80), /needs 0.5 <= power < 1, got 80/);
});
