import assert from "node:assert/strict";
import { test } from "node:test";
import { convergenceOf } from "./convergence";
import type { GradientRound } from "./gradients";

const at = (round: number, loss: number, effectiveParticipants: number): GradientRound => ({
  ...{
    round,
    loss,
    lossAfter: loss,
    gradientNorm: 1,
    smoothness: 1,
    aggregateError: round + 1,
    effectiveParticipants,
    peers: [],
  },
  noise: { samplingVariance: 12, largestVariance: 20, heterogeneity: 3 },
});
const of = (rounds: GradientRound[], isMedian = false) =>
  convergenceOf({ runs: [{ seed: 1, rounds }], sources: [] }, { numClients: 4, isMedian })[0]!;

test("convergenceOf: gives the row of the lemma's table, and the run's own error, decay and end", () => {
  // F halves every 10 rounds. Kept 4, 2, 1 of 4: 12/4 = 3;  6 + 3 (2 / 6) = 7;  12 + 3 (3 / 3) = 15
  const found = of([at(0, 4, 4), at(10, 2, 2), at(20, 1, 1)]);
  assert.ok(Math.abs(found.predicted - 25 / 3) < 1e-12);
  assert.ok(Math.abs(found.decay - Math.LN2 / 10) < 1e-12);
  assert.equal(found.measured, 11);
  assert.equal(found.late, 1.5);
});

test("convergenceOf: takes biases for noise under the median, and refuses a run of one round", () => {
  const four = 0.29822; // the variance of the median of four normals: of the mean of the middle two
  assert.ok(Math.abs(of([at(0, 4, 3), at(1, 4, 3)], true).predicted - four * 15) < 1e-3);
  assert.throws(() => of([at(0, 4, 4)]), /at least two rounds, got 1/);
});
