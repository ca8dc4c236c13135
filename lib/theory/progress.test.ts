import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { dispersionOf } from "./bound";
import {
  addedNoiseLaw,
  backdoorLaw,
  chosenClientLaw,
  fedAvgProgress,
  gaussianMedianLaw,
  honestMeanLaw,
  krumSpread,
  localDpLaw,
  medianSpread,
  medianVariance,
  mixture,
  pathwiseBound,
  progressBound,
  progressFloor,
  ruleError,
  signFlipLaw,
  type AggregateLaw,
} from "./progress";
import { combine, normalVector, plus, squaredDistance, squaredNorm, unitVector, type Vector } from "./vectors";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

const [numClients, dimension, samplingStd] = [4, 2, 1.5];
const rng = createRng("progress");
const gradient = normalVector(dimension, rng);
const raw = Array.from({ length: numClients }, () => normalVector(dimension, rng));
const biases = raw.map((b) => plus(b, -1, combine(raw)));
const axes = Array.from({ length: numClients }, () => unitVector(dimension, rng));
const clients = { biases, samplingStd };

/** All outcomes of n coins. */
const coins = (n: number): number[][] => Array.from({ length: 2 ** n }, (_, bits) => Array.from({ length: n }, (_, i) => ((bits >> i) & 1 ? 1 : -1))); // prettier-ignore

/** Mean and variance of an aggregate, counted over all outcomes of coin-flip noise: ±σ of each client, and `extra` more coins. */
function countLaw(
  rule: (sent: readonly Vector[], more: Vector) => Vector,
  extra = 0,
): { mean: Vector; variance: number } {
  // prettier-ignore
  const outcomes = coins(numClients + extra).map((signs) => {
    const sent = biases.map((b, m) => plus(plus(gradient, 1, b), samplingStd * signs[m]!, axes[m]!));
    return rule(sent, signs.slice(numClients));
  });
  const mean = combine(outcomes);
  return { mean, variance: outcomes.reduce((sum, u) => sum + squaredDistance(u, mean) / outcomes.length, 0) };
}

function assertLaw({ rho, bias, variance }: AggregateLaw, counted: { mean: Vector; variance: number }): void {
  gradient.forEach((g, j) => close(rho * g + bias[j]!, counted.mean[j]!));
  close(variance, counted.variance);
}

test("laws: equal what is counted over all outcomes of coin-flip noise", () => {
  assertLaw(
    honestMeanLaw(clients),
    countLaw((sent) => combine(sent)),
  );
  assertLaw(chosenClientLaw(clients, 2), countLaw((sent) => sent[2]!)); // prettier-ignore
  const flip = (scale: number, malicious: readonly number[]) =>
    countLaw((sent) => combine(sent.map((g, m) => (malicious.includes(m) ? g.map((x) => -scale * x) : g))));
  for (const scale of [0, 0.5, 3, 8]) assertLaw(signFlipLaw(clients, { scale }), flip(scale, [0]));
  assertLaw(signFlipLaw(clients, { scale: 2, malicious: [1, 3] }), flip(2, [1, 3]));

  const noiseStd = 0.8;
  const noisy = countLaw((sent, more) => combine([plus(sent[0]!, noiseStd, more), ...sent.slice(1)]), dimension);
  assertLaw(addedNoiseLaw(clients, { noiseStd }), noisy);
  const everybody = countLaw((sent, more) => combine(sent.map((g, m) => plus(g, noiseStd, more.slice(m * dimension, (m + 1) * dimension)))), numClients * dimension); // prettier-ignore
  assertLaw(localDpLaw(clients, { dpStd: noiseStd }), everybody);

  const shift = [3, -1];
  assertLaw(
    backdoorLaw(clients, { shift }),
    countLaw((sent) => combine([plus(sent[0]!, 1, shift), ...sent.slice(1)])),
  );
});

test("signFlipLaw: is the same when colluders send their common mean", () => {
  const malicious = [1, 3];
  const pooled = countLaw((sent) => {
    const common = combine(malicious.map((a) => sent[a]!)); // prettier-ignore
    return combine(sent.map((g, m) => (malicious.includes(m) ? common.map((x) => -2 * x) : g)));
  });
  assertLaw(signFlipLaw(clients, { scale: 2, malicious }), pooled);
});

test("localDpLaw: has the clipped mean, and at least its variance", () => {
  const clip = (g: Vector): number[] => g.map((x) => x * Math.min(1, 1 / Math.sqrt(squaredNorm(g))));
  const counted = countLaw((sent) => combine(sent.map(clip)));
  const means = biases.map((b, m) => combine([1, -1].map((s) => clip(plus(plus(gradient, 1, b), s * samplingStd, axes[m]!))))); // prettier-ignore
  const law = localDpLaw(clients, { dpStd: 0, clipped: { gradient, means } });
  gradient.forEach((g, j) => close(law.rho * g + law.bias[j]!, counted.mean[j]!));
  close(law.bias[0]! * gradient[0]! + law.bias[1]! * gradient[1]!, 0); // the split leaves nothing along grad F
  assert.ok(law.variance >= counted.variance);
});

test("localDpLaw: ρ exceeds 1 when clipping shortens those who held the mean back", () => {
  // gradients 1, 1, 1, -2 have the mean 1/4; clipped to length 1: (1 + 1 + 1 - 1) / 4 = 1/2
  const four = { biases: [[0.75], [0.75], [0.75], [-2.25]], samplingStd: 0 };
  assert.equal(localDpLaw(four, { dpStd: 0, clipped: { gradient: [0.25], means: [[1], [1], [1], [-1]] } }).rho, 2);
});

test("mixture: equals the law counted over who is malicious too", () => {
  const laws = biases.map((_, a) => signFlipLaw(clients, { scale: 1.5, malicious: [a] }));
  const parts = biases.map((_, a) => countLaw((sent) => combine(sent.map((g, m) => (m === a ? g.map((x) => -1.5 * x) : g))))); // prettier-ignore
  const mean = combine(parts.map((part) => part.mean));
  const variance = parts.reduce((sum, part) => sum + (part.variance + squaredDistance(part.mean, mean)) / parts.length, 0); // prettier-ignore
  assertLaw(mixture(laws), { mean, variance });
  mixture(laws).bias.forEach((x) => close(x, 0));
});

test("medianVariance: equals tabulated values, closed forms and π / (2 n) for many", () => {
  close(medianVariance(2), 1 / 2, 1e-6);
  close(medianVariance(3), 1 - Math.sqrt(3) / Math.PI, 1e-6);
  close(medianVariance(5), 0.286834, 1e-5); // 0.28683: the middle order statistic of five normals, as tabulated
  close((medianVariance(999) * 2 * 999) / Math.PI, 1, 2e-3);
  for (let n = 1; n <= 40; n++) assert.ok(medianVariance(n) <= Math.PI / (2 * n) && medianVariance(n) >= 1 / n - 1e-9);
});

test("medianVariance: agrees with draws, for odd and even n", () => {
  for (const n of [4, 7]) {
    const stream = createRng(n);
    const squares = Array.from({ length: 40000 }, () => {
      const values = normalVector(n, stream).sort((a, b) => a - b);
      return ((values[Math.floor((n - 1) / 2)]! + values[Math.ceil((n - 1) / 2)]!) / 2) ** 2;
    });
    // relative standard error sqrt(2 / 40000) = 0.7 %
    close(squares.reduce((sum, x) => sum + x / squares.length, 0) / medianVariance(n), 1, 0.03);
  }
});

const number = fc.double({ min: -100, max: 100, noNaN: true });

test("medianSpread: holds for arbitrary honest and malicious numbers", () => {
  const values = fc.array(number, { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(values, fc.array(number, { maxLength: 4 }), (honest, malicious) => {
      fc.pre(malicious.length < honest.length);
      const sorted = [...honest, ...malicious].sort((a, b) => a - b);
      const n = sorted.length;
      const median = (sorted[Math.floor((n - 1) / 2)]! + sorted[Math.ceil((n - 1) / 2)]!) / 2;
      const mean = honest.reduce((sum, x) => sum + x / honest.length, 0);
      const spread = dispersionOf(honest.map((x) => [x]));
      assert.ok((median - mean) ** 2 <= medianSpread(n, malicious.length) * spread * (1 + 1e-9) + 1e-9);
    }),
    { numRuns: 500 },
  );
});

test("krumSpread: holds for arbitrary honest and malicious points", () => {
  const point = fc.tuple(number, number);
  const points = fc.array(point, { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(points, fc.array(point, { maxLength: 3 }), (honest, malicious) => {
      const [n, f] = [honest.length + malicious.length, malicious.length];
      fc.pre(n >= 2 * f + 3);
      const all = [...honest, ...malicious];
      const scores = all.map((p, i) => {
        const distances = all.filter((_, j) => j !== i).map((q) => squaredDistance(p, q));
        return distances.sort((a, b) => a - b).slice(0, n - f - 2).reduce((sum, x) => sum + x, 0); // prettier-ignore
      });
      const choice = all[scores.indexOf(Math.min(...scores))]!;
      assert.ok(
        squaredDistance(choice, combine(honest)) <= krumSpread(n, f) * dispersionOf(honest) * (1 + 1e-9) + 1e-9,
      );
    }),
    { numRuns: 500 },
  );
});

test("progressBound: takes the second form without bias, the first with the least of it", () => {
  const round = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.25 };
  // (1 - 2/4 (1 - 1/4)) 8 = 5;  (1 - 1/4) 8 = 6
  close(progressBound({ rho: 1, bias: [0], variance: 0 }, round), 5);
  close(progressBound({ rho: 1, bias: [1e-9], variance: 0 }, round), 6);
  close(progressBound({ rho: 1, bias: [2], variance: 3 }, round), 6 + 0.5 + 0.1875);
  // b = 0 bears twice the learning rate
  assert.ok(progressBound({ rho: 1, bias: [0], variance: 0 }, { ...round, learningRate: 1 }) >= 8);
});

test("fedAvgProgress: is the pathwise bound of one step of τ times the length", () => {
  const round = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.1 };
  const averaged = pathwiseBound((1.5 + 0.5) ** 2, { ...round, learningRate: 0.4 });
  assert.equal(fedAvgProgress({ ...round, localSteps: 4, drift: 0.5, meanVariance: 2.25 }), averaged);
});

test("lemma: refuses κ >= M - 1 from above, too large a step, and what is not a law", () => {
  const round = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 };
  const flat = { biases: [[0], [0], [0], [0]], samplingStd: 1 };
  const stalled = signFlipLaw(flat, { scale: 3 }); // κ = M - 1
  assert.equal(stalled.rho, 0);
  assert.throws(() => progressBound(stalled, round), {
    name: "InputError",
    message: "progressBound: needs ρ > 0, got 0; with ρ <= 0 there is no progress: see progressFloor",
  });
  assert.ok(progressFloor(stalled, round) >= 8);
  const honest = honestMeanLaw(flat);
  assert.throws(() => progressBound(honest, { ...round, learningRate: 1.1 }), /needs η ρ <= 2\/L, got η ρ = 1.1, L = 2; use a smaller/); // prettier-ignore
  assert.throws(() => progressBound({ ...honest, bias: [1] }, { ...round, learningRate: 0.6 }), /needs η ρ <= 1\/L/);
  assert.throws(() => pathwiseBound(1, { ...round, learningRate: 0.6 }), /needs η <= 1\/L, got η = 0.6, L = 2/);
  assert.throws(() => fedAvgProgress({ ...round, localSteps: 2, drift: 0, meanVariance: 0 }), /needs η <= 1\/L/);
  assert.throws(() => fedAvgProgress({ ...round, localSteps: 0, drift: 0, meanVariance: 0 }), /localSteps >= 1, got 0/);
  assert.throws(() => progressFloor({ ...honest, bias: [1] }, round), /needs b = 0/);
  assert.throws(() => progressBound(honest, { ...round, smoothness: 0.5 }), /smoothness \(L\) >= μ/);
  assert.throws(() => progressBound(honest, { ...round, objectiveGap: -1 }), /objectiveGap >= 0/);
  assert.throws(() => signFlipLaw(flat, { scale: -1 }), /scale >= 0, got -1/);
  assert.throws(() => signFlipLaw(flat, { scale: 1, malicious: [1, 1] }), /needs different clients of 0..3/);
  assert.throws(() => chosenClientLaw(flat, 4), /clients of 0..3, got \[4\]/);
  assert.throws(() => honestMeanLaw({ biases: [], samplingStd: 1 }), /at least one client/);
  assert.throws(() => gaussianMedianLaw({ ...flat, biases: [[1], [-1]] }), /equal gradients/);
  assert.throws(() => mixture([honest, stalled]), /one ρ/);
  assert.throws(() => medianVariance(1001), /n <= 1000/);
  assert.throws(() => medianSpread(4, 2), /needs 2f < n, got n = 4, f = 2/);
  assert.throws(() => krumSpread(6, 2), /needs n >= 2f \+ 3, got n = 6, f = 2/);
  assert.throws(() => ruleError(-1, flat), /spread >= 0/);
  assert.throws(
    () => localDpLaw(flat, { dpStd: 0, clipped: { gradient: [0], means: [[0]] } }),
    /gradient other than 0/,
  );
});
