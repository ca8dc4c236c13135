import assert from "node:assert/strict";
import { test } from "node:test";
import type { Leak } from "../metrics/leak";
import { fitConstants, observations, testAssumptions, type AssumptionTest, type Observation } from "./assumptions";
import type { GradientRound, LoneInversion } from "./gradients";
import type { GradientStudy } from "./studies";
import type { LeakageStudy } from "./studies";

const peer: LoneInversion = { contributed: true, gradientDistance: 2, rmse: 0.1, image: Float32Array.of(0.5, 0.5) };
const round: GradientRound = {
  ...{ round: 0, loss: 2, lossAfter: 1.5, gradientNorm: 2, smoothness: 4, aggregateError: 1, effectiveParticipants: 3 },
  noise: { samplingVariance: 9, largestVariance: 10, heterogeneity: 3 },
  peers: [peer, { ...peer, contributed: false, rmse: 9 }, { ...peer, rmse: 0.3, gradientDistance: 0 }],
};
const leak = {
  round: 0,
  labels: [1, 2, 3],
  privateImages: new Float32Array(6),
  reconstructions: Float32Array.of(0.5, 0.9, 7, 7, 0.2, 0.1),
  perImage: [0.2, 9, 0.4],
  perImageFloor: [0.5, 9, 0.5],
} as unknown as Leak;
const study = (rounds: readonly GradientRound[]): GradientStudy => ({ runs: [{ seed: 1, rounds }], sources: [] });
const leaks = { runs: [{ seed: 1, rounds: [], probe: [leak], trajectory: [] }], sources: [] } as LeakageStudy;

test("observations: are of contributors alone, with the gap above the least loss seen", () => {
  const [[seen]] = observations(study([round]), leaks, [[0.5, 0.7]]) as [[Observation]];
  assert.equal(seen.gap, 1.5);
  assert.equal(seen.contributors, 2);
  // images (0.5, 0.9) and (0.5, 0.5): 0.4 apart; (0.2, 0.1) and (0.5, 0.5): 0.5 apart
  const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}`);
  near(seen.pairs[0]!.errorNorm, 0.4);
  near(seen.pairs[1]!.errorNorm, 0.5);
  near(seen.squaredInversionError, 2 * (0.01 + 0.09) / 2); // prettier-ignore
  near(seen.error, 2 * (0.04 + 0.16) / 2); // prettier-ignore
  near(seen.floor, 2 * 0.25);
});

test("observations: leave out rounds of which the theorem does not speak, and ask for the same seeds and rounds", () => {
  const alone = { ...round, peers: round.peers.map((one) => ({ ...one, contributed: false })) };
  assert.deepEqual(observations(study([alone]), leaks, [[0.5]]), [[]]);
  assert.deepEqual(observations(study([round]), leaks, [[2]]), [[]]); // the least loss is its own
  assert.throws(() => observations(study([round]), { runs: [], sources: [] }, [[1]]), /needs seeds 1 of all/);
  assert.throws(() => observations(study([{ ...round, round: 7 }]), leaks, [[1]]), /needs round 7 probed, got \[0\]/);
});

const pair = { errorNorm: 1, gradientDistance: 2, gradientNorm: 2 }; // L_R = 1
const one: Observation = {
  ...round,
  gap: 2,
  contributors: 9,
  pairs: [pair],
  squaredInversionError: 1,
  error: 4,
  floor: 9,
};

test("fitConstants: takes the largest, and the smallest μ", () => {
  const other = { ...one, smoothness: 5, gradientNorm: 4, pairs: [{ ...pair, errorNorm: 3 }], noise: { ...one.noise, heterogeneity: -1 } }; // prettier-ignore
  assert.deepEqual(fitConstants([one, other]), {
    ...{ smoothness: 5, plConstant: 1, samplingVariance: 10, heterogeneity: 3, lipschitz: 3, squaredInversionError: 1 },
  }); // μ = min(4 / 4, 16 / 4)
});

const find = (tests: readonly AssumptionTest[], constant: string): AssumptionTest =>
  tests.find((test) => test.constant === constant)!;

test("testAssumptions: breaks each constant where the other half of the seeds has a smaller one, and only there", () => {
  assert.deepEqual(testAssumptions([[one], [one]], { pixels: 1 }).map(({ broken }) => broken), [0, 0, 0, 0, 0, 0, 0]); // prettier-ignore
  const cases: readonly [constant: string, worse: Partial<Observation>][] = [
    ["L", { smoothness: 4.1 }],
    ["μ", { gradientNorm: 1.9 }],
    ["σ²", { noise: { ...one.noise, largestVariance: 11 } }],
    ["ζ²", { noise: { ...one.noise, heterogeneity: 3.1 } }],
    ["L_R", { pairs: [pair, { ...pair, errorNorm: 1.1 }] }],
    ["ε₀", { squaredInversionError: 1.1 }],
    ["RMSE", { error: 100 }],
  ];
  for (const [constant, worse] of cases) {
    const tests = testAssumptions([[one], [{ ...one, ...worse }]], { pixels: 1 });
    assert.deepEqual(tests.filter(({ broken }) => broken > 0).map((test) => [test.constant, test.broken]), [[constant, 1]]); // prettier-ignore
  }
});

test("testAssumptions: bounds the error by line (6) with the other half's constants", () => {
  // B = 10 (1 - 1/9) + 3; μ = 4 / 4; ε0 = 1, L_R = 1: 1 + sqrt(B / 4); with DP noise of d s^2 = 18 two more in B
  const rmse = (noiseVariance: number): number => find(testAssumptions([[one], [one]], { pixels: 1, noiseVariance }), "RMSE").fitted; // prettier-ignore
  assert.ok(Math.abs(rmse(0) - (1 + Math.sqrt((10 * (8 / 9) + 3) / 4))) < 1e-12);
  assert.ok(Math.abs(rmse(18) - (1 + Math.sqrt((10 * (8 / 9) + 5) / 4))) < 1e-12);
});

test("testAssumptions: counts inversions of equal gradients that differ, as where the rule keeps one client", () => {
  const krum = { ...one, contributors: 1, pairs: [{ ...pair, gradientDistance: 0 }] };
  const tests = testAssumptions([[krum], [krum]], { pixels: 1 });
  assert.deepEqual([find(tests, "L_R").broken, find(tests, "L_R").fitted], [2, 0]);
  assert.equal(find(tests, "RMSE").fitted, 1); // ε0: the bound of a lone client
  assert.throws(() => testAssumptions([[one]], { pixels: 1 }), /both halves of the seeds, got 1 and 0/);
});
