import assert from "node:assert/strict";
import { test } from "node:test";
import { backfireRows } from "./backfireRows";

test("backfireRows: a row a setting and round, with means over seeds", () => {
  const one = { seed: 1, round: 9, ratio: 4, threshold: 3, difference: -0.1, agrees: true };
  const two = { ...one, seed: 2, ratio: 1, difference: 0.3, agrees: false };
  const rows = backfireRows({ "localDp σ=3": [{ ...one, round: 0 }, { ...two, round: 0 }, one, one], "localDp σ=0": [one, two] }); // prettier-ignore
  assert.deepEqual(rows.map(({ setting, k, predicted }) => [setting, k, predicted]), [
    ["local DP, σ = 0", 9, "not lower"],
    ["local DP, σ = 3", 0, "not lower"],
    ["local DP, σ = 3", 9, "lower"],
  ]); // prettier-ignore
  assert.deepEqual([rows[0]!["ratio"], rows[0]!["agrees"]], [2.5, 0.5]);
  assert.ok(Math.abs((rows[0]!["difference"] as number) - 0.1) < 1e-12);
});
