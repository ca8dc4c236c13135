import assert from "node:assert/strict";
import test from "node:test";
import type { Leak } from "../metrics/leak";
import { leakDifferences } from "./compare";
import type { LeakageStudy } from "./studies";

/** A leak of which the comparison reads round, perImage and contributed. */
const leak = (round: number, perImage: number[], contributed = perImage.map(() => true)): Leak =>
  ({ round, perImage, contributed }) as unknown as Leak;
const study = (...seeds: Leak[][]): LeakageStudy => ({
  runs: seeds.map((probe, s) => ({ seed: s + 1, rounds: [], probe, trajectory: probe })),
  sources: [],
});
const near = (actual: readonly number[], expected: readonly number[]): void => {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-12, `${value} is not ${expected[i]}`));
};

const baseline = study([leak(0, [0.2, 0.4]), leak(5, [0.3, 0.5])], [leak(0, [0.1, 0.1]), leak(5, [0.2, 0.2])]);
const setting = study(
  [leak(0, [0.1, 0.5], [true, false]), leak(5, [0.3, 0.1], [true, true])],
  [leak(0, [0.2, 0.2], [false, false]), leak(5, [0.3, 0.3], [false, false])],
);

test("leakDifferences: averages over rounds and images of a window (hand-worked)", () => {
  near(leakDifferences(setting, baseline, { rounds: [0, 0] }), [0, 0.1]); // (-0.1 + 0.1) / 2
  near(leakDifferences(setting, baseline, { rounds: [0, 9] }), [-0.1, 0.1]); // (-0.1 + 0.1 + 0 - 0.4) / 4
  near(leakDifferences(setting, baseline, { rounds: [0, 9], relative: true }), [-0.4 / 1.4, 0.4 / 0.6]);
  near(leakDifferences(setting, baseline, { rounds: [5, 5], series: "trajectory" }), [-0.2, 0.1]);
});

test("leakDifferences: counts contributors' images on both sides, and leaves out a seed that has none", () => {
  const over = "contributors" as const;
  near(leakDifferences(setting, baseline, { rounds: [0, 9], over }), [(-0.1 + 0 - 0.4) / 3]);
  near(leakDifferences(setting, baseline, { rounds: [0, 9], over, relative: true }), [-0.5 / (0.2 + 0.3 + 0.5)]);
});

test("leakDifferences: pairs by seed where the baseline has more of them, in any order", () => {
  const [one, two] = baseline.runs;
  const more: LeakageStudy = { runs: [{ ...two!, seed: 3 }, two!, one!], sources: [] };
  near(leakDifferences(setting, more, { rounds: [0, 9] }), [-0.1, 0.1]);
});

test("leakDifferences: refuses other seeds, other rounds, other images and an empty window", () => {
  assert.throws(
    () => leakDifferences(setting, { runs: baseline.runs.slice(0, 1), sources: [] }, { rounds: [0, 9] }),
    /needs a baseline with seed 2, got 1/,
  );
  const later = study([leak(1, [0.2, 0.4])], [leak(1, [0.2, 0.4])]);
  assert.throws(
    () => leakDifferences(setting, later, { rounds: [0, 9] }),
    /needs the same rounds and images of both, got round 0/,
  );
  const fewer = study([leak(0, [0.2])], [leak(0, [0.2])]);
  assert.throws(() => leakDifferences(setting, fewer, { rounds: [0, 9] }), /needs the same rounds and images of both/);
  assert.throws(() => leakDifferences(setting, baseline, { rounds: [1, 4] }), /needs a probe round in 1..4, got none/);
});
