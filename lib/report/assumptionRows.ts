/** @file The theorem's assumptions on runs: panels along the rounds, rows of a table. */
import { ensure } from "../core/errors";
import type { AssumptionTest, Observation } from "../experiment/assumptions";
import type { Panel } from "./figure";
import { linesInOrder } from "./leakPanels";
import { axisOf, styleOf, type AxisName, type AxisSpec, type Drawn } from "./style";
import type { Row } from "./table";
import { estimateSeries } from "./theory";

/** A setting and what was observed of it, [seeds][rounds]. */
export interface Observed {
  /** Decides colour and name. */
  readonly setting: Drawn;
  /** [seeds][rounds], see observations. */
  readonly perSeed: readonly (readonly Observation[])[];
}

/**
 * A quantity of the observations along the rounds: mean over seeds with its 95 % band, one line per setting; geometric on
 * a logarithmic axis, which what is not above 0 leaves.
 *
 * @param observed at least one setting
 * @param quantity what to take from an observation
 * @param look title and y axis
 * @returns a panel for showLines; a gap where fewer than two seeds have an observation in a round
 * @throws InputError when there is no setting, or a name is not in the style table
 * @example
 * observationPanel([{ setting: "passive", perSeed: [] }], ({ gap }) => gap, { title: "Gap", y: "objectiveGap" }).series.length; // 1
 */
export function observationPanel(
  observed: readonly Observed[],
  quantity: (one: Observation) => number,
  { title, y }: { title: string; y: AxisName | AxisSpec },
): Panel {
  ensure(observed.length > 0, "observationPanel", "needs at least one setting", "none");
  const log = axisOf(y).scale === "log";
  const series = linesInOrder(observed).map(({ setting, perSeed: seeds }) => {
    const rounds = [...new Set(seeds.flatMap((seen) => seen.map(({ round }) => round)))];
    const valuesAt = (round: number): number[] => seeds.flatMap((seen) => seen.filter((one) => one.round === round).map(quantity)); // prettier-ignore
    return estimateSeries({ setting }, rounds.map((round) => ({ x: round, values: valuesAt(round) })), { log }); // prettier-ignore
  });
  return { title, x: "round", y, series };
}

const words = { A1: "A1, smooth", A2: "A2, Polyak–Łojasiewicz", A3: "A3, noise", A4: "A4, inversion" } as const;

/**
 * The assumptions of each setting as rows of a table, each with a word for how it fared: "held" where no held-out case breaks the
 * constant of the other half of the seeds, "broken" where one does.
 *
 * @param settings with their tests, see testAssumptions
 * @returns one row per setting and assumption, settings in the style table's order
 * @throws InputError when a name is not in the style table
 * @example
 * const test = { assumption: "A1", constant: "L", fitted: 7, measured: 5, tested: 12, broken: 1 };
 * assumptionRows([{ setting: "passive", tests: [test] }])[0].verdict; // "broken in 1 of 12"
 */
export function assumptionRows(settings: readonly { setting: Drawn; tests: readonly AssumptionTest[] }[]): Row[] {
  return linesInOrder(settings).flatMap(({ setting, tests }) =>
    tests.map(({ assumption, constant, fitted, measured, tested, broken }) => ({
      setting: styleOf(setting).label,
      assumption: assumption in words ? words[assumption as keyof typeof words] : assumption,
      constant,
      fitted,
      measured,
      verdict: broken > 0 ? `broken in ${broken} of ${tested}` : `held in ${tested}`,
    })),
  );
}
