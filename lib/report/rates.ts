/** @file Remark 1 on runs: rules side by side by the variance that the lemma's table gives them. */
import { ensure } from "../core/errors";
import type { Convergence } from "../experiment/convergence";
import { rankCorrelation } from "../experiment/rank";
import type { Panel } from "./figure";
import { inOrder, styleOf, type SettingName } from "./style";
import type { Row } from "./table";
import { estimateSeries } from "./theory";

/** Seeds of each rule, see convergenceOf. */
export type ConvergenceByRule = Readonly<Record<string, readonly Convergence[]>>;

type Measured = "measured" | "decay" | "late";

/**
 * The rules as rows of a table, means over seeds.
 *
 * @param convergence by rule of the style table
 * @returns one row per rule in the order of the predicted variance: rule, predicted, measured, decay, late
 * @throws InputError when a name is not in the style table
 * @example
 * const seed = { predicted: 4, measured: 5, decay: 0.02, late: 1 };
 * rateRows({ krum: [{ ...seed, predicted: 60 }], mean: [seed] }).map(({ rule }) => rule); // ["no defense (mean)", "Krum"]
 */
export function rateRows(convergence: ConvergenceByRule): Row[] {
  const rows = inOrder(Object.keys(convergence) as SettingName[]).map((rule) => {
    const mean = (of: Measured | "predicted"): number => meanOf(convergence, rule, of);
    const numbers = { measured: mean("measured"), decay: mean("decay"), late: mean("late") };
    return { rule: styleOf(rule).label, predicted: mean("predicted"), ...numbers };
  });
  return rows.sort((a, b) => a.predicted - b.predicted);
}

/**
 * Seed by seed the rank correlation over rules of what was measured with the predicted variance.
 *
 * @param convergence by rule, at least two, on the same seeds
 * @param of "measured" (the aggregate's squared distance from the gradient), "decay" or "late" (loss)
 * @returns one number per seed
 * @throws InputError as rankCorrelation
 * @example
 * const seed = { predicted: 4, measured: 5, decay: 0.02, late: 1 };
 * rateRanks({ mean: [seed], krum: [{ ...seed, predicted: 60, late: 3 }] }, "late"); // [1]
 */
export function rateRanks(convergence: ConvergenceByRule, of: Measured): number[] {
  const rules = Object.values(convergence);
  return (rules[0] ?? []).map((_, s) => rankCorrelation(rules.map((rule) => rule[s]!.predicted), rules.map((rule) => rule[s]![of]))); // prettier-ignore
}

/**
 * Aggregate, late loss and decay against the predicted variance: means over seeds with 95 % intervals, of the first two
 * geometric ones, so no band reaches below 0.
 *
 * @param convergence by rule, of at least two seeds
 * @returns three panels for showLines, rules from left to right in the order of rateRows
 * @throws InputError when there is no rule, or fewer than two seeds
 * @example
 * const seed = { predicted: 4, measured: 5, decay: 0.02, late: 1 };
 * ratePanels({ mean: [seed, seed], krum: [seed, { ...seed, predicted: 60 }] })[0].series.length; // 2; with the line where both are equal
 */
export function ratePanels(convergence: ConvergenceByRule): Panel[] {
  const rules = Object.keys(convergence);
  ensure(rules.length > 0, "ratePanels", "needs at least one rule", "none");
  const x = { label: "variance v that the table predicts", scale: "log" as const };
  const series = (of: Measured) => estimateSeries({ setting: "measured" }, rules.map((rule) => ({ x: meanOf(convergence, rule, "predicted"), values: convergence[rule]!.map((seed) => seed[of]) })), { log: of !== "decay" }); // prettier-ignore
  const places = rules.map((rule) => meanOf(convergence, rule, "predicted")).sort((a, b) => a - b);
  const equal = { setting: "theorem", name: "equal to v", x: places, mean: places } as const;
  return [
    { title: "Aggregate", x, y: { label: "‖u − ∇F‖²" }, series: [series("measured"), equal] },
    { title: "Late loss", x, y: "loss", series: [series("late")] },
    { title: "Decay", x, y: { label: "decay of log F a round" }, series: [series("decay")] },
  ];
}

function meanOf(convergence: ConvergenceByRule, rule: string, of: Measured | "predicted"): number {
  const seeds = convergence[rule]!;
  return seeds.reduce((sum, seed) => sum + seed[of] / seeds.length, 0);
}
