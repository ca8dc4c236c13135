import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeakageStudy } from "../experiment/studies";
import { participantPoints, participantRanks, participantRows } from "./participants";

/** Seeds of (M_eff, contributors' RMSE) in round 0. */
const study = (...seeds: [effectiveParticipants: number, contributorRmse: number | null][]): LeakageStudy =>
  ({
    runs: seeds.map(([effectiveParticipants, contributorRmse], s) => ({
      ...{ seed: s + 1, rounds: [], trajectory: [] },
      probe: [{ round: 0, effectiveParticipants, contributorRmse, labelAccuracy: 0.5, labels: [1, 2, 3] }],
    })),
    sources: [],
  }) as unknown as LeakageStudy;

const studies = {
  one: study([1, 0.1], [1, null], [1, 0.2]),
  some: study([4, 0.2], [6, 0.4], [5, 0.15]),
  all: study([9, 0.3], [9, 0.3], [9, 0.4]),
};

test("participantPoints: are means of M_eff with one error a seed that has a contributor", () => {
  assert.deepEqual(participantPoints(studies, 0), [
    { x: 1, values: [0.1, 0.2] },
    { x: 5, values: [0.2, 0.4, 0.15] },
    { x: 9, values: [0.3, 0.3, 0.4] },
  ]);
  assert.deepEqual(participantPoints({ alone: study([1, null], [1, 0.1]) }, 0), []);
  assert.equal(participantPoints(studies, 0, ({ labels }) => labels.length)[0]!.x, 3);
});

test("participantRanks: hold the settings of one seed against one another", () => {
  // seed 1: 0.1 0.2 0.3 for 1 4 9; seed 2: 0.4 0.3 for 6 9; seed 3: 0.2 0.15 0.4 for 1 5 9, ranks 2 1 3: 1 - 12 / 24
  assert.deepEqual(participantRanks(studies, 0).map((r) => Math.round(r * 1e9) / 1e9), [1, -1, 0.5]); // prettier-ignore
  assert.deepEqual(participantRanks({ one: studies.one }, 0), []);
});

test("participantRows: one row per setting and round, a dash where too few seeds have a contributor", () => {
  const [one] = participantRows(studies, [0]);
  assert.deepEqual(
    [one!["setting"], one!["k"], one!["effectiveParticipants"], one!["labelAccuracy"]],
    ["one", 0, 1, 0.5],
  );
  assert.ok(Math.abs((one!["rmse"] as number) - 0.15) < 1e-12);
  assert.ok(Number.isNaN(participantRows({ alone: study([1, null], [1, 0.1]) }, [0])[0]!["rmse"]));
  assert.throws(() => participantRows(studies, [7]), /needs round 7 probed in "one", got \[0\]/);
});
