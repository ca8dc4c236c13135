import assert from "node:assert/strict";
import { test } from "node:test";
import { backfireRounds } from "./backfireRounds";
import type { GradientStudy } from "./studies";
import type { LeakageStudy } from "./studies";

const leaks = (gap: number, rmse: number): LeakageStudy =>
  ({ runs: [{ seed: 1, rounds: [{ objectiveGap: gap }], probe: [{ round: 0, rmse }], trajectory: [] }], sources: [] }) as unknown as LeakageStudy; // prettier-ignore
const gradients = {
  runs: [{ seed: 1, rounds: [{ round: 0, noise: { samplingVariance: 9, heterogeneity: 1 } }, { round: 5 }] }],
  sources: [],
} as unknown as GradientStudy;
const noise = { dpStd: 3, dimension: 18, effectiveParticipants: 9 };

test("backfireRounds: compares the ratio of gaps with line (12), and the prediction with what was seen", () => {
  // B = 9 (8/9) + 1 = 9, threshold 1 + 162 / 81 = 3
  const [round] = backfireRounds(leaks(8, 0.1), leaks(2, 0.3), gradients, noise);
  assert.deepEqual({ ...round, difference: 0 }, { seed: 1, round: 0, ratio: 4, threshold: 3, difference: 0, agrees: true }); // prettier-ignore
  const agrees = (gap: number, rmse: number): boolean => backfireRounds(leaks(gap, rmse), leaks(2, 0.3), gradients, noise)[0]!.agrees; // prettier-ignore
  assert.deepEqual([agrees(8, 0.4), agrees(4, 0.1), agrees(4, 0.4)], [false, false, true]);
});

test("backfireRounds: refuses studies of other seeds or rounds", () => {
  const none = { runs: [], sources: [] };
  assert.throws(() => backfireRounds(none, leaks(2, 0.3), gradients, noise), /needs seeds {2}of all, got 1 and 1/);
  const later = { runs: [{ seed: 1, rounds: [{ round: 5 }] }], sources: [] } as unknown as GradientStudy;
  assert.throws(() => backfireRounds(leaks(1, 1), leaks(1, 1), later, noise), /a round of seed 1 that all three know/);
});
