import assert from "node:assert/strict";
import test from "node:test";
import { settingRows } from "./settingRows";
import { leakOf, roundOf, studyOf } from "./study.fixture";

const rounds = [roundOf(0, 2, { accuracy: 0.1 }), roundOf(1, 1, { accuracy: 0.3 }), roundOf(2, 8, { accuracy: 0.9 })];
const nobody = { contributorRmse: null } as const;
const probe = [leakOf(0, [0.1]), leakOf(1, [0.3], { ...nobody, effectiveParticipants: 1 }), leakOf(2, [0.9])];

test("settingRows: averages over the rounds of the window and the seeds (hand-worked)", () => {
  const other = studyOf(
    { rounds, probe },
    { rounds, probe: probe.map((leak) => ({ ...leak, rmse: leak.rmse + 0.1 })) },
  );
  const [row, ...rest] = settingRows([{ setting: "passive", study: other }], [0, 1]);
  assert.deepEqual(rest, []);
  assert.equal(row!["setting"], "passive");
  const { rmse, low, high, ...values } = row as Record<string, number>;
  assert.ok(Math.abs(rmse! - 0.25) < 1e-12 && low! < 0.25 && high! > 0.25); // seeds 0.2 and 0.3
  assert.ok(Math.abs(values["leakage"]! - 0.6) < 1e-12); // 1 - 0.1 / 0.5 and 1 - 0.3 / 0.5
  assert.equal(values["contributorRmse"], 0.1); // of round 0 alone
  assert.deepEqual([values["effectiveParticipants"], values["objectiveGap"], values["accuracy"]], [2, 1.5, 0.2]);
});

test("settingRows: shows no contributors as NaN, and refuses a window without rounds and no study", () => {
  const none = studyOf(...[0, 1].map(() => ({ rounds, probe: probe.slice(1, 2) })));
  assert.equal(settingRows([{ setting: "krum", study: none }], [0, 2])[0]!["contributorRmse"], NaN);
  assert.throws(
    () => settingRows([{ setting: "krum", study: none }], [2, 2]),
    /seedMeans: needs a probe round in 2..2, got none/,
  );
  assert.throws(() => settingRows([], [0, 2]), /settingRows: needs at least one study, got none/);
});
