import assert from "node:assert/strict";
import { test } from "node:test";
import { honestMeanLaw, signFlipLaw } from "./laws";
import { fedAvgProgress, pathwiseBound, progressBound, progressFloor } from "./progress";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

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
});
