import assert from "node:assert/strict";
import { test } from "node:test";
import { ratePanels, rateRanks, rateRows } from "./rates";

const of = (predicted: number, measured: number, decay: number, late: number) => ({ predicted, measured, decay, late });
const convergence = {
  krum: [of(50, 30, 0, 3), of(70, 50, 0.01, 2)],
  mean: [of(4, 3, 0.02, 1), of(2, 5, 0.03, 1.2)],
  median: [of(6, 2, 0.01, 1.5), of(5, 4, 0.02, 1.1)],
};

test("rateRows, ratePanels: put rules in the order of the predicted variance, means over seeds", () => {
  assert.deepEqual(rateRows(convergence)[0], { rule: "no defense (mean)", ...of(3, 4, 0.025, 1.1) });
  assert.deepEqual(rateRows(convergence).map(({ rule }) => rule), ["no defense (mean)", "median", "Krum"]); // prettier-ignore
  const [aggregate, late] = ratePanels(convergence);
  assert.deepEqual(aggregate!.series.map(({ x }) => x), [[3, 5.5, 60], [3, 5.5, 60]]); // prettier-ignore
  const near = (values: readonly number[]): number[] => values.map((x) => Math.round(x * 1e9) / 1e9);
  assert.deepEqual(aggregate!.series.map(({ mean }) => near(mean)), [near([15, 8, 1500].map(Math.sqrt)), [3, 5.5, 60]]); // prettier-ignore
  assert.deepEqual(near(late!.series[0]!.mean), near([1.2, 1.65, 6].map(Math.sqrt))); // geometric
  assert.throws(() => ratePanels({}), /needs at least one rule, got none/);
});

test("rateRanks: hold the rules of one seed against one another", () => {
  // late: 3 1 1.5 for v 50 4 6; seed 2: 2 1.2 1.1 for 70 2 5, ranks 3 2 1 and 3 1 2
  assert.deepEqual(rateRanks(convergence, "late").map((r) => Math.round(r * 1e9) / 1e9), [1, 0.5]); // prettier-ignore
});
