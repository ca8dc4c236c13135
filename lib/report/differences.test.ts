import assert from "node:assert/strict";
import test from "node:test";
import { setting } from "../experiment/settings";
import { differenceCells, differencePanel, differenceRows, windowLabel } from "./differences";
import { leakOf, studyOf } from "./study.fixture";

const seed = (early: number[], late: number[], contributed = [true, true]) => ({
  rounds: [],
  probe: [leakOf(0, early, { contributed }), leakOf(9, late, { contributed })],
});
const passive = studyOf(seed([0.2, 0.4], [0.3, 0.3]), seed([0.1, 0.3], [0.3, 0.5]));
const flipped = studyOf(seed([0.1, 0.3], [0.3, 0.3]), seed([0.2, 0.4], [0.2, 0.4]));
const flip = setting({ poisoning: "signFlip", poisoningParameters: { scale: 3 } });
const windows = { early: [0, 4], late: [5, 9] } as const;

test("differenceRows: pairs by seed, window by window, and leaves the baseline out (hand-worked)", () => {
  const rows = differenceRows(
    [
      { setting: "backdoor", study: flipped },
      { setting: "passive", study: passive },
      { setting: flip, study: flipped },
    ],
    passive,
    windows,
  );
  assert.deepEqual(rows.map(({ setting, name }) => [setting, name]), [
    [flip, "sign flip, κ = 3, early (0–4)"],
    [flip, "sign flip, κ = 3, late (5–9)"],
    ["backdoor", "backdoor, early (0–4)"],
    ["backdoor", "backdoor, late (5–9)"],
  ]); // prettier-ignore
  const means = rows.map(({ estimate }) => estimate!.mean);
  [0, -0.05, 0, -0.05].forEach((mean, i) => assert.ok(Math.abs(means[i]! - mean) < 1e-12)); // (-0.1 + 0.1) / 2, (0 - 0.1) / 2
  assert.deepEqual(rows.map(({ estimate }) => estimate!.n), [2, 2, 2, 2]); // prettier-ignore
});

test("differenceRows: a single window is not named, and options reach the comparison", () => {
  const [row] = differenceRows([{ setting: "krum", study: flipped }], passive, { late: [9, 9] }, { relative: true });
  assert.equal(row!.name, "Krum");
  assert.ok(Math.abs(row!.estimate!.mean + 0.125) < 1e-12); // (0 / 0.6 - 0.2 / 0.8) / 2
});

test("differenceRows: has no estimate where fewer than two seeds have contributors", () => {
  const lone = studyOf(seed([0.1, 0.3], [0.3, 0.3]), seed([0.2, 0.4], [0.2, 0.4], [false, false]));
  const estimates = (over: "all" | "contributors") =>
    differenceRows([{ setting: "krum", study: lone }], passive, windows, { over }).map(
      ({ estimate }) => estimate === null,
    );
  assert.deepEqual([estimates("all"), estimates("contributors")], [[false, false], [true, true]]); // prettier-ignore
});

test("differenceCells: pairs each place's study with the baseline; empty where there is none or nothing to compare (hand-worked)", () => {
  const lone = studyOf(seed([0.1, 0.3], [0.3, 0.3]), seed([0.2, 0.4], [0.2, 0.4], [false, false]));
  const cells = differenceCells([[passive, flipped], [undefined, lone]], passive, { rounds: [5, 9], over: "contributors" }); // prettier-ignore
  assert.deepEqual(cells[0]![0], { mean: 0, interval: [0, 0], n: 2 });
  assert.ok(Math.abs(cells[0]![1]!.mean + 0.05) < 1e-12); // ((0.3 + 0.3 - 0.3 - 0.3) / 2 + (0.2 + 0.4 - 0.3 - 0.5) / 2) / 2
  assert.deepEqual(cells[1], [null, null]);
});

test("differencePanel: pairs by seed, round by round; a round that cannot be compared is a gap (hand-worked)", () => {
  const panel = differencePanel(
    [
      { setting: "passive", study: passive },
      { setting: "krum", study: flipped },
    ],
    passive,
  );
  assert.deepEqual([panel.series.map(({ setting }) => setting), panel.series[0]!.x], [["krum"], [0, 9]]); // prettier-ignore
  [0, -0.05].forEach((mean, i) => assert.ok(Math.abs(panel.series[0]!.mean[i]! - mean) < 1e-12)); // seeds -0.1, 0.1; 0, -0.1
  assert.ok(panel.series[0]!.low![1]! < -0.1 && panel.series[0]!.high![1]! > 0); // -0.05 ± 12.7 * 0.05
  const lone = studyOf(seed([0.1, 0.3], [0.3, 0.3]), seed([0.2, 0.4], [0.2, 0.4], [false, false]));
  assert.deepEqual(
    differencePanel([{ setting: "krum", study: lone }], passive, { over: "contributors" }).series[0]!.mean,
    [NaN, NaN],
  );
  assert.throws(
    () => differencePanel([{ setting: "passive", study: passive }], passive),
    /differencePanel: needs a setting other than the baseline/,
  );
});

test("windowLabel: names one round once", () => {
  assert.deepEqual([windowLabel("early", [0, 9]), windowLabel("first", [0, 0])], ["early (0–9)", "first (0)"]);
});
