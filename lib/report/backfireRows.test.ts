import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { setting, type Setting } from "../experiment/settings";
import { backfireRows } from "./backfireRows";

const noiseOf = (noiseMultiplier: number): Setting =>
  setting({ privacy: "localDp", privacyParameters: { ...defaultPrivacy, noiseMultiplier } });

test("backfireRows: one row per setting and round, with means over seeds", () => {
  const one = { seed: 1, round: 9, ratio: 4, threshold: 3, difference: -0.1, agrees: true };
  const two = { ...one, seed: 2, ratio: 1, difference: 0.3, agrees: false };
  const rows = backfireRows([{ setting: noiseOf(3), rounds: [{ ...one, round: 0 }, { ...two, round: 0 }, one, one] }, { setting: noiseOf(0), rounds: [one, two] }]); // prettier-ignore
  assert.deepEqual(rows.map((row) => [row["setting"], row["k"], row["predicted"]]), [
    ["local DP, σ = 0", 9, "not lower"],
    ["local DP, σ = 3", 0, "not lower"],
    ["local DP, σ = 3", 9, "lower"],
  ]); // prettier-ignore
  assert.deepEqual([rows[0]!["ratio"], rows[0]!["agrees"]], [2.5, 0.5]);
  assert.ok(Math.abs((rows[0]!["difference"] as number) - 0.1) < 1e-12);
});
