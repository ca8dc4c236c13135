import assert from "node:assert/strict";
import test from "node:test";
import { setting } from "../experiment/settings";
import type { Leak } from "../metrics/leak";
import type { Panel } from "./figure";
import { gapPanel, leakPanel, linesInOrder, roundPanel } from "./leakPanels";
import type { Drawn } from "./style";
import { leakOf, roundOf, studyOf } from "./study.fixture";

const nobody: Partial<Leak> = { contributorRmse: null, contributorLeakage: null };
/** Two seeds; in round 1 the second kept nobody but the attacker, in round 2 both. */
const kept = studyOf(
  { rounds: [roundOf(0, 1), roundOf(1, 4)], probe: [leakOf(0, [0.2]), leakOf(1, [0.3]), leakOf(2, [0.4], nobody)] },
  { rounds: [roundOf(0, 4), roundOf(1, 9)], probe: [leakOf(0, [0.4]), leakOf(1, [0.5], nobody), leakOf(2, [0.6], nobody)] }, // prettier-ignore
);
const lines = [{ setting: "krum", study: kept, series: "probe" }] as const;
const settingsOf = ({ series }: Panel): Drawn[] => series.map(({ setting }) => setting);

test("linesInOrder: sorts studies into the style table's order, strengths by their size; panels draw them so", () => {
  const flipBy = (scale: number) => setting({ poisoning: "signFlip", poisoningParameters: { scale } });
  const given = [setting({ poisoning: "backdoor" }), flipBy(10), flipBy(3), setting({ poisoning: "none" })];
  const all = given.map((one) => ({ setting: one, study: kept }));
  const [backdoor, ten, three, passive] = given;
  assert.deepEqual(linesInOrder(all).map(({ setting }) => setting), [passive, three, ten, backdoor]); // prettier-ignore
  assert.deepEqual(settingsOf(leakPanel("rmse", all)), [passive, three, ten, backdoor]);
  assert.throws(() => linesInOrder([{ setting: "pasive" as "passive" }]), /needs a name of the style table, got pasive/); // prettier-ignore
});

test("leakPanel: leaves a seed without contributors out of its round; a round without two seeds is a gap", () => {
  const [series] = leakPanel("contributorRmse", lines).series;
  assert.deepEqual(series!.x, [0, 1, 2]);
  assert.ok(Math.abs(series!.mean[0]! - 0.3) < 1e-12); // (0.2 + 0.4) / 2
  for (const values of [series!.mean, series!.low!, series!.high!]) assert.deepEqual(values.slice(1), [NaN, NaN]);
  assert.ok(leakPanel("rmse", lines).series[0]!.mean.every(Number.isFinite));
});

test("leakPanel: draws no line without any value, and refuses to draw none", () => {
  const probe = [leakOf(0, [0.2], nobody)];
  const none = studyOf({ rounds: [], probe }, { rounds: [], probe });
  const both = [...lines, { setting: "median", study: none, series: "probe" }] as const;
  assert.deepEqual(settingsOf(leakPanel("contributorRmse", both)), ["krum"]);
  assert.throws(() => leakPanel("contributorRmse", both.slice(1)), /leakPanel: needs a setting of which two seeds have contributorRmse in one round, got none/); // prettier-ignore
  assert.throws(() => leakPanel("rmse", []), /leakPanel: needs at least one line/);
});

test("roundPanel: shows attack success of poisonings that have it only, between 0 and 1", () => {
  const rounds = [roundOf(0, 1, { attackSuccess: 0.1 }), roundOf(1, 1, { attackSuccess: 0.3 })];
  const backdoored = studyOf({ rounds, probe: [] }, { rounds, probe: [] });
  const all = [...lines, { setting: "backdoor", study: backdoored, series: "probe" }] as const;
  const panel = roundPanel("attackSuccess", all);
  assert.deepEqual([settingsOf(panel), panel.series[0]!.mean, panel.yRange], [["backdoor"], [0.1, 0.3], [0, 1.05]]);
  assert.throws(() => roundPanel("attackSuccess", lines), /roundPanel: needs a setting of which two seeds have attackSuccess in one round/); // prettier-ignore
});

test("roundPanel: effective participants end with the last round that was aggregated", () => {
  const rounds = [
    roundOf(0, 1, { effectiveParticipants: 1 }),
    roundOf(1, 1, { effectiveParticipants: 2 }),
    roundOf(2, 1, { effectiveParticipants: 0 }),
  ];
  const study = studyOf({ rounds, probe: [] }, { rounds, probe: [] });
  const panel = roundPanel("effectiveParticipants", [{ setting: "krum", study }]);
  assert.deepEqual([panel.series[0]!.mean, panel.yRange], [[1, 2, NaN], [0, 2.1]]); // prettier-ignore
});

test("gapPanel: joins rounds by the geometric mean of the gap and the mean of the error (hand-worked)", () => {
  const twoRounds = studyOf(...kept.runs.map(({ rounds, probe }) => ({ rounds, probe: probe.slice(0, 2) })));
  const panel = gapPanel([{ setting: "krum", study: twoRounds, series: "probe" }]);
  const [series] = panel.series;
  const near = (a: readonly number[], b: readonly number[]): boolean => a.every((value, i) => Math.abs(value - b[i]!) < 1e-12); // prettier-ignore
  assert.ok(near(series!.x, [2, 6])); // sqrt(1 * 4), sqrt(4 * 9)
  assert.ok(near(series!.mean, [0.3, 0.4])); // (0.2 + 0.4) / 2, (0.3 + 0.5) / 2
  assert.deepEqual(panel.x, { label: "objective gap Δ (nats)", scale: "log" });
});

test("gapPanel: refuses a gap that has no logarithm", () => {
  const zero = studyOf(...[0, 1].map(() => ({ rounds: [roundOf(0, 0)], probe: [leakOf(0, [0.1])] })));
  const line = { setting: "krum", study: zero, series: "probe" } as const;
  assert.throws(() => gapPanel([line]), /gapPanel: needs objective gaps > 0 in round 0, got \[0, 0\]/);
});

test("leakPanel: the share of views found runs from 0 to 1; leaks that do not say are left out", () => {
  const found = (value: boolean | null): Partial<Leak> => ({ found: value });
  const study = studyOf(
    {
      rounds: [],
      probe: [leakOf(0, [0.2], found(true)), leakOf(1, [0.3], found(false)), leakOf(2, [0.3], found(null))],
    },
    {
      rounds: [],
      probe: [leakOf(0, [0.2], found(true)), leakOf(1, [0.3], found(true)), leakOf(2, [0.3], found(null))],
    },
  );
  const panel = leakPanel("found", [{ setting: "krum", study, series: "probe" }]);
  assert.deepEqual([panel.series[0]!.mean, panel.yRange], [[1, 0.5, NaN], [0, 1.05]]); // prettier-ignore
});
