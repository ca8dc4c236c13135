import assert from "node:assert/strict";
import test from "node:test";
import { curveOf, foundShare, seedMeans } from "./curves";
import type { LeakageStudy } from "./studies";
import { bands } from "./statistics";

/** Two to three seeds whose loss in round k is given; NaN stands for none. */
const studyOf = (...losses: number[][]): LeakageStudy =>
  ({ runs: losses.map((curve, s) => ({ seed: s, rounds: curve.map((loss, round) => ({ round, loss })) })), sources: [] }) as unknown as LeakageStudy; // prettier-ignore
const orNull = ({ loss }: { loss: number }): number | null => (Number.isNaN(loss) ? null : loss);

test("curveOf: equals the bands of all seeds where every seed has a value", () => {
  const losses = Array.from({ length: 12 }, (_, s) => [s, s * s, 3]);
  assert.deepEqual(curveOf(studyOf(...losses), "rounds", ({ loss }) => loss), { x: [0, 1, 2], ...bands(losses) }); // prettier-ignore
});

test("curveOf: averages over the seeds that have a value, and is NaN where fewer than two have", () => {
  const { x, mean, low, high } = curveOf(studyOf([1, 2, NaN], [3, NaN, NaN], [5, 4, 0]), "rounds", orNull);
  assert.deepEqual([x, mean], [[0, 1, 2], [3, 3, NaN]]); // prettier-ignore
  assert.ok(low[1]! < 3 && high[1]! > 3 && Number.isNaN(low[2]) && Number.isNaN(high[2]));
});

test("curveOf: refuses a single seed, no rounds and a value that is not finite", () => {
  const loss = (round: { loss: number }): number => round.loss;
  assert.throws(() => curveOf(studyOf([1]), "rounds", loss), /curveOf: needs at least two seeds for a band, got 1/);
  assert.throws(() => curveOf(studyOf([], []), "rounds", loss), /needs a study with rounds rounds/);
  assert.throws(() => curveOf(studyOf([1], [NaN]), "rounds", loss), /needs finite numbers/);
});

test("seedMeans: averages over the rounds that have a value; a seed without any has none", () => {
  assert.deepEqual(seedMeans(studyOf([1, 3, 9], [2, NaN, 9]), "rounds", [0, 1], orNull), [2, 2]);
  assert.deepEqual(seedMeans(studyOf([1, 3], [NaN, NaN]), "rounds", [0, 1], orNull), [2, null]);
  assert.throws(() => seedMeans(studyOf([1]), "rounds", [1, 2], orNull), /needs a rounds round in 1..2/);
});

test("foundShare: the smallest share over studies and windows, of leaks that say whether they were found", () => {
  const of = (...runs: (boolean | null)[][]): LeakageStudy =>
    ({ runs: runs.map((all, s) => ({ seed: s, probe: all.map((found, round) => ({ round, found })) })), sources: [] }) as unknown as LeakageStudy; // prettier-ignore
  const study = of([true, false, null], [true, true, null]);
  assert.equal(foundShare([study], [[0, 1]]), 0.75);
  assert.equal(foundShare([study], [[0, 0], [1, 1]]), 0.5); // prettier-ignore
  assert.equal(foundShare([study, of([false, true])], [[0, 0]]), 0);
  assert.equal(foundShare([study], [[2, 2]]), null);
  assert.equal(foundShare([study], [[1, 2]]), 0.5);
  assert.throws(() => foundShare([study], [[7, 8]]), /needs a probe round in 7\.\.8/);
});
