import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import {
  addedNoiseLaw,
  backdoorLaw,
  chosenClientLaw,
  chosenMeanVariance,
  gaussianMedianLaw,
  honestMeanLaw,
  localDpLaw,
  mixture,
  signFlipLaw,
  type AggregateLaw,
} from "./laws";
import { combination, normalVector, plus, squaredDistance, squaredNorm, unitVector, type Vector } from "./vectors";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

const [numClients, dimension, samplingStd] = [4, 2, 1.5];
const rng = createRng("progress");
const gradient = normalVector(dimension, rng);
const raw = Array.from({ length: numClients }, () => normalVector(dimension, rng));
const biases = raw.map((b) => plus(b, -1, combination(raw)));
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
  const mean = combination(outcomes);
  return { mean, variance: outcomes.reduce((sum, u) => sum + squaredDistance(u, mean) / outcomes.length, 0) };
}

function assertLaw({ rho, bias, variance }: AggregateLaw, counted: { mean: Vector; variance: number }): void {
  gradient.forEach((g, j) => close(rho * g + bias[j]!, counted.mean[j]!));
  close(variance, counted.variance);
}

test("laws: equal what is counted over all outcomes of coin-flip noise", () => {
  assertLaw(
    honestMeanLaw(clients),
    countLaw((sent) => combination(sent)),
  );
  assertLaw(chosenClientLaw(clients, 2), countLaw((sent) => sent[2]!)); // prettier-ignore
  const flip = (scale: number, malicious: readonly number[]) =>
    countLaw((sent) => combination(sent.map((g, m) => (malicious.includes(m) ? g.map((x) => -scale * x) : g))));
  for (const scale of [0, 0.5, 3, 8]) assertLaw(signFlipLaw(clients, { scale }), flip(scale, [0]));
  assertLaw(signFlipLaw(clients, { scale: 2, malicious: [1, 3] }), flip(2, [1, 3]));

  const noiseStd = 0.8;
  const noisy = countLaw((sent, more) => combination([plus(sent[0]!, noiseStd, more), ...sent.slice(1)]), dimension);
  assertLaw(addedNoiseLaw(clients, { noiseStd }), noisy);
  const everybody = countLaw((sent, more) => combination(sent.map((g, m) => plus(g, noiseStd, more.slice(m * dimension, (m + 1) * dimension)))), numClients * dimension); // prettier-ignore
  assertLaw(localDpLaw(clients, { dpStd: noiseStd }), everybody);

  const shift = [3, -1];
  assertLaw(
    backdoorLaw(clients, { shift }),
    countLaw((sent) => combination([plus(sent[0]!, 1, shift), ...sent.slice(1)])),
  );
});

test("signFlipLaw: is the same when colluders send their common mean", () => {
  const malicious = [1, 3];
  const pooled = countLaw((sent) => {
    const common = combination(malicious.map((a) => sent[a]!)); // prettier-ignore
    return combination(sent.map((g, m) => (malicious.includes(m) ? common.map((x) => -2 * x) : g)));
  });
  assertLaw(signFlipLaw(clients, { scale: 2, malicious }), pooled);
});

test("localDpLaw: has the clipped mean, and at least its variance", () => {
  const clip = (g: Vector): number[] => g.map((x) => x * Math.min(1, 1 / Math.sqrt(squaredNorm(g))));
  const counted = countLaw((sent) => combination(sent.map(clip)));
  const means = biases.map((b, m) => combination([1, -1].map((s) => clip(plus(plus(gradient, 1, b), s * samplingStd, axes[m]!))))); // prettier-ignore
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
  const parts = biases.map((_, a) => countLaw((sent) => combination(sent.map((g, m) => (m === a ? g.map((x) => -1.5 * x) : g))))); // prettier-ignore
  const mean = combination(parts.map((part) => part.mean));
  const variance = parts.reduce((sum, part) => sum + (part.variance + squaredDistance(part.mean, mean)) / parts.length, 0); // prettier-ignore
  assertLaw(mixture(laws), { mean, variance });
  mixture(laws).bias.forEach((x) => close(x, 0));
});

test("chosenMeanVariance: is the variance of the mixture over all sets of m clients", () => {
  const heterogeneity = biases.reduce((sum, b) => sum + squaredNorm(b) / numClients, 0);
  const given = { samplingVariance: samplingStd ** 2, heterogeneity, numClients };
  const sets = coins(numClients).map((signs) => signs.flatMap((sign, m) => (sign > 0 ? m : [])));
  for (let m = 1; m <= numClients; m++) {
    const of = sets.filter(({ length }) => length === m);
    const bias = (chosen: readonly number[]): Vector => combination(chosen.map((i) => biases[i]!));
    const laws = of.map((chosen) => ({ rho: 1, bias: bias(chosen), variance: samplingStd ** 2 / m }));
    close(chosenMeanVariance(given, m), mixture(laws).variance);
  }
  assert.throws(() => chosenMeanVariance(given, 5), /at most M = 4 chosen clients, got 5/);
  assert.throws(() => chosenMeanVariance({ ...given, heterogeneity: -1 }, 1), /finite variances >= 0/);
});

test("laws: refuse what is no client, no scale and no mixture", () => {
  const flat = { biases: [[0], [0], [0], [0]], samplingStd: 1 };
  const [honest, stalled] = [honestMeanLaw(flat), signFlipLaw(flat, { scale: 3 })];
  assert.throws(() => signFlipLaw(flat, { scale: -1 }), /scale >= 0, got -1/);
  assert.throws(() => signFlipLaw(flat, { scale: 1, malicious: [1, 1] }), /needs different clients of 0..3/);
  assert.throws(() => chosenClientLaw(flat, 4), /clients of 0..3, got \[4\]/);
  assert.throws(() => honestMeanLaw({ biases: [], samplingStd: 1 }), /at least one client/);
  assert.throws(() => gaussianMedianLaw({ ...flat, biases: [[1], [-1]] }), /equal gradients/);
  assert.throws(() => mixture([honest, stalled]), /one ρ/);
  assert.throws(
    () => localDpLaw(flat, { dpStd: 0, clipped: { gradient: [0], means: [[0]] } }),
    /gradient other than 0/,
  );
});
