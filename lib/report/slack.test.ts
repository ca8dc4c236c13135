import assert from "node:assert/strict";
import { test } from "node:test";
import { slackFigure } from "./slack";

test("slackFigure: shows quartiles, the outer twentieths and the worst, small ratios at the edge", () => {
  // 0, 0.05, 0.10 ... 1.00: the p-th quantile is p
  const ratios = Array.from({ length: 21 }, (_, i) => i / 20);
  const [box, worst] = slackFigure("Slack", [{ label: "a", ratios: [...ratios].reverse() }, { label: "b", ratios: [0] }]).data as Record<string, number[]>[]; // prettier-ignore
  assert.deepEqual([box!["q1"], box!["median"], box!["q3"]], [[0.25, 0.001], [0.5, 0.001], [0.75, 0.001]]); // prettier-ignore
  assert.deepEqual([box!["lowerfence"], box!["upperfence"]], [[0.05, 0.001], [0.95, 0.001]]); // prettier-ignore
  assert.deepEqual(worst!["x"], [1, 0.001]);
  assert.deepEqual(worst!["text"], ["worst 1 of 21", "worst 0 of 1"]);
});

test("slackFigure: refuses no rows, no ratios and ratios that are none", () => {
  assert.throws(() => slackFigure("Slack", []), /slackFigure: needs at least one row, got 0/);
  for (const ratios of [[], [-1], [NaN], [Infinity]]) {
    assert.throws(() => slackFigure("Slack", [{ label: "a", ratios }]), /finite ratios >= 0 in "a"/);
  }
});
