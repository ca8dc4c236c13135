/** @file Each setting's paired difference to a baseline: window by window for a forest plot, round by round for a panel. */
import { ensure } from "../core/errors";
import { leakDifferences, type LeakComparison } from "../experiment/compare";
import type { LeakageStudy } from "../experiment/studies";
import { estimateMean, type Estimate } from "../experiment/statistics";
import type { Panel } from "./figure";
import type { ForestRow } from "./forest";
import { linesInOrder, type LeakLine } from "./leakPanels";
import { styleOf, type Drawn } from "./style";

/** Stretches of rounds by what they are called, e.g. { early: [0, 9], late: [35, 49] }; first and last round are both included. */
export type Windows = Readonly<Record<string, readonly [first: number, last: number]>>;

/**
 * How much larger each setting's error is than a baseline's, paired by seed and private image: the rows of a forest plot.
 *
 * A setting of which fewer than two seeds can be compared, since nobody but the attacker was in the aggregate, has a row without
 * an estimate, which showForest says.
 *
 * @param studies with their settings; the baseline itself, where it is among them, gets no row
 * @param baseline run on the same seeds and rounds
 * @param windows at least one; their names stand behind the setting's unless there is only one
 * @param options over: "all" honest clients' images (default) or the "contributors"'; relative: as a fraction of the baseline's
 *   error; series: "probe" (default) or "trajectory"
 * @returns one row per setting and window, settings in the style table's order
 * @throws InputError as leakDifferences and styleOf
 * @example
 * const rows = differenceRows([{ setting: "passive", study }, { setting: "krum", study: { ...study } }], study, { early: [0, 0], late: [1, 1] });
 * rows.map(({ name }) => name); // ["Krum, early (0)", "Krum, late (1)"]
 * rows[0].estimate.mean; // 0; the same runs
 * @source our choice (design: measuring honestly)
 */
export function differenceRows(
  studies: readonly LeakLine[],
  baseline: LeakageStudy,
  windows: Windows,
  options: Omit<LeakComparison, "rounds"> = {},
): ForestRow[] {
  const named = Object.entries(windows);
  return others(studies, baseline).flatMap(({ setting, study }) =>
    named.map(([name, rounds]) => {
      const differences = leakDifferences(study, baseline, { ...options, rounds });
      const { label } = styleOf(setting);
      return {
        setting,
        name: named.length === 1 ? label : `${label}, ${windowLabel(name, rounds)}`,
        estimate: estimateOf(differences),
      };
    }),
  );
}

/**
 * The same differences as a table: the cells of a heatmap.
 *
 * @param studies [row][column]; undefined leaves the cell empty
 * @param baseline run on the same seeds and rounds; its own cell is 0
 * @param comparison rounds, and perhaps series, over and relative
 * @returns [row][column]; null without a study, or where fewer than two of its seeds can be compared
 * @throws InputError as leakDifferences
 * @example
 * differenceCells([[study, undefined]], study, { rounds: [0, 1] })[0].map((cell) => cell?.mean); // [0, undefined]
 * @source our choice (design: measuring honestly)
 */
export function differenceCells(
  studies: readonly (readonly (LeakageStudy | undefined)[])[],
  baseline: LeakageStudy,
  comparison: LeakComparison,
): (Estimate | null)[][] {
  return studies.map((row) =>
    row.map((study) => (study === undefined ? null : estimateOf(leakDifferences(study, baseline, comparison)))),
  );
}

function others<Line extends LeakLine>(studies: readonly Line[], baseline: LeakageStudy): Line[] {
  return linesInOrder(studies.filter(({ study }) => study !== baseline));
}

/**
 * A row of a forest plot for a difference that is made elsewhere.
 *
 * @param setting decides colour and place
 * @param name instead of the setting's own: what is compared with what
 * @param differences one per seed
 * @returns a row; without an estimate where fewer than two seeds can be compared, which showForest says
 * @example
 * differenceRow("passive", "passive − floor", [-0.1, -0.3]).estimate.mean; // -0.200
 */
export function differenceRow(setting: Drawn, name: string, differences: readonly number[]): ForestRow {
  return { setting, name, estimate: estimateOf(differences) };
}

/** Null of fewer than two seeds, which have no interval. */
function estimateOf(differences: readonly number[]): Estimate | null {
  return differences.length < 2 ? null : estimateMean(differences);
}

/**
 * The same differences round by round, as a panel: since image and seed cancel, its bands are narrower than those of the errors.
 *
 * @param studies with their settings; the baseline itself, where it is among them, gets no line
 * @param baseline run on the same seeds and rounds
 * @param options as differenceRows; title instead of "Paired difference"
 * @returns a panel for showLines; a round in which fewer than two seeds can be compared is a gap
 * @throws InputError when there is no setting but the baseline, and as leakDifferences and styleOf
 * @example
 * differencePanel([{ setting: "krum", study: { ...study } }], study).series[0].mean; // [0, 0]; the same runs
 * @source our choice (design: measuring honestly)
 */
export function differencePanel(
  studies: readonly LeakLine[],
  baseline: LeakageStudy,
  { title = "Paired difference", ...options }: Omit<LeakComparison, "rounds"> & { readonly title?: string } = {},
): Panel {
  const compared = others(studies, baseline);
  ensure(compared.length > 0, "differencePanel", "needs a setting other than the baseline", "none");
  const x = baseline.runs[0]![options.series ?? "probe"].map(({ round }) => round);
  const series = compared.map(({ setting, study }) => {
    const points = x.map((round) => {
      const differences = leakDifferences(study, baseline, { ...options, rounds: [round, round] });
      return estimateOf(differences) ?? { mean: NaN, interval: [NaN, NaN] as const };
    });
    const [low, high] = [points.map(({ interval }) => interval[0]), points.map(({ interval }) => interval[1])];
    return { setting, x, mean: points.map(({ mean }) => mean), low, high };
  });
  const label = options.relative ? "relative RMSE difference" : "RMSE difference (pixels)";
  return { title, x: "round", y: { label }, series };
}

/**
 * A window in words.
 *
 * @param name as a notebook calls it
 * @param rounds first and last, both included
 * @returns name and rounds
 * @example
 * windowLabel("early", [0, 9]); // "early (0–9)"
 */
export function windowLabel(name: string, [first, last]: readonly [number, number]): string {
  return `${name} (${first === last ? first : `${first}–${last}`})`;
}
