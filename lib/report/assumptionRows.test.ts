import assert from "node:assert/strict";
import { test } from "node:test";
import type { Observation } from "../experiment/assumptions";
import { assumptionRows, observationPanel } from "./assumptionRows";

test("observationPanel: means over seeds, and a gap where only one has the round", () => {
  const at = (round: number, gap: number): Observation => ({ round, gap }) as Observation;
  const observed = [
    { setting: "krum", perSeed: [[at(0, 1), at(9, 5)], [at(0, 3)]] },
    { setting: "passive", perSeed: [[at(0, 2)], [at(0, 2)]] },
  ] as const;
  const { series } = observationPanel(observed, ({ gap }) => gap, { title: "Gap", y: "objectiveGap" });
  assert.deepEqual(series.map(({ setting, x }) => [setting, x]), [["passive", [0]], ["krum", [0, 9]]]); // prettier-ignore
  assert.deepEqual(series[1]!.mean, [2, NaN]);
  assert.ok(series[1]!.low![0]! < 2 && series[1]!.high![0]! > 2);
});

test("observationPanel: is geometric on a logarithmic axis, and leaves out what is not above 0", () => {
  const seeds = [2, 8].map((gap) => [{ round: 0, gap }, { round: 9, gap: 0 }] as Observation[]); // prettier-ignore
  const { series } = observationPanel([{ setting: "passive", perSeed: seeds }], ({ gap }) => gap, { title: "Gap", y: { label: "Δ", scale: "log" } }); // prettier-ignore
  assert.ok(Math.abs(series[0]!.mean[0]! - 4) < 1e-12 && Number.isNaN(series[0]!.mean[1]!));
});

test("assumptionRows: say how each assumption fared, in the style table's order", () => {
  const held = { assumption: "line (6)", constant: "RMSE", fitted: 2, measured: 0.2, tested: 8, broken: 0 } as const;
  const rows = assumptionRows([
    { setting: "krum", tests: [held] },
    { setting: "passive", tests: [held, { ...held, assumption: "A4", broken: 3 }] },
  ]);
  assert.deepEqual(rows.map(({ setting, verdict }) => [setting, verdict]), [["passive", "held in 8"], ["passive", "broken in 3 of 8"], ["Krum", "held in 8"]]); // prettier-ignore
});
