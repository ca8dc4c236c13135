import assert from "node:assert/strict";
import { test } from "node:test";
import { analyticLeakPanels, backfirePanels, estimateSeries, sweepPanel } from "./theory";

const one = { x: [1, 2], driver: [1, 2], measured: [1, 4], bound: [2, 8], proven: [NaN, NaN] };

test("sweepPanel: shows geometric means with bands above 0, and no line that was not computed", () => {
  const { series, x } = sweepPanel("objectiveGap", [one, { ...one, measured: [100, 4] }]);
  assert.deepEqual(series.map(({ setting }) => setting), ["measured", "theorem"]); // prettier-ignore
  const [measured] = series;
  // sqrt(1 * 100) = 10; the arithmetic band of 1 and 100 would reach below 0
  assert.ok(Math.abs(measured!.mean[0]! - 10) < 1e-9 && Math.abs(measured!.mean[1]! - 4) < 1e-9);
  assert.ok(measured!.low![0]! > 0 && measured!.low![0]! < 1);
  assert.deepEqual(x, { label: "objective gap Δ", scale: "log" });
  assert.equal(
    sweepPanel("dpStd", [
      { ...one, proven: [3, 9] },
      { ...one, proven: [3, 9] },
    ]).series.length,
    3,
  );
  assert.throws(() => sweepPanel("dpStd", [one]), /sweepPanel: needs at least two sweeps, got 1/);
});

test("backfirePanels: divides gaps by the clean run's of the same federation", () => {
  const course = (gap: number) => ({ gap: [gap, gap], error: [0.5, 0.7] });
  const federation = (clean: number) => ({ clean: course(clean), noise: course(2 * clean), clipped: course(10 * clean), threshold: 3 }); // prettier-ignore
  const [gap, error, ratio] = backfirePanels([federation(1), federation(5)]);
  assert.ok(Math.abs(gap!.series[0]!.mean[0]! - Math.sqrt(5)) < 1e-9);
  assert.deepEqual(error!.series.map(({ mean }) => mean[1]), [0.7, 0.7, 0.7]); // prettier-ignore
  const means = ratio!.series.map(({ mean }) => mean[0]!);
  [2, 10, 3].forEach((expected, i) => assert.ok(Math.abs(means[i]! - expected) < 1e-9));
  assert.throws(() => backfirePanels([federation(1)]), /at least two federations, got 1/);
});

test("analyticLeakPanels: puts each number of peers on a line of its own", () => {
  const leak = (seed: number, round: number, effectiveParticipants: number) => ({ seed, round, effectiveParticipants, objectiveGap: 1, rmse: effectiveParticipants + round + seed / 10, bound: 50, dispersion: 3, relativeDispersion: 4 }); // prettier-ignore
  const leaks = [1, 3].flatMap((seed) => [0, 5].flatMap((round) => [2, 9].map((count) => leak(seed, round, count))));
  const [errors, bounds, relative, dispersion] = analyticLeakPanels(leaks, [9, 2]);
  assert.deepEqual(errors!.series.map(({ x, mean }) => [x, mean.map((m) => Number(m.toFixed(6)))]), [[[0, 5], [9.2, 14.2]], [[0, 5], [2.2, 7.2]]]); // prettier-ignore
  assert.deepEqual([bounds, relative, dispersion].map((panel) => panel!.series[0]!.mean), [[50, 50], [4, 4], [3, 3]]); // prettier-ignore
  assert.throws(() => analyticLeakPanels(leaks, [4]), /needs leaks of every count, got none of 4/);
});

test("estimateSeries: puts estimates from left to right", () => {
  const points = [3, 1].map((x) => ({ x, values: [x, x + 2] }));
  const { x, mean, low, high, name } = estimateSeries({ setting: "measured", name: "first round" }, points);
  assert.deepEqual([x, mean, name], [[1, 3], [2, 4], "first round"]); // prettier-ignore
  assert.ok(low!.every((value, i) => value < mean[i]!) && high!.every((value, i) => value > mean[i]!));
});
