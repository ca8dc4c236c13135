/** @file Panels of the theory's notebooks. */
import { ensure } from "../core/errors";
import type { AnalyticLeak } from "../experiment/analyticLeak";
import { bands, estimateMean } from "../experiment/statistics";
import type { Backfire } from "../theory/backfire";
import type { Sweep, SweptQuantity } from "../theory/sweeps";
import type { Panel, Series } from "./figure";
import type { AxisSpec } from "./style";

/** The axis of each swept quantity. */
const sweptAxes: Readonly<Record<SweptQuantity, AxisSpec>> = {
  objectiveGap: { label: "objective gap Δ", scale: "log" },
  effectiveParticipants: { label: "effective participants M_eff" },
  samplingStd: { label: "sampling noise σ", scale: "log" },
  heterogeneity: { label: "heterogeneity ζ", scale: "log" },
  dpStd: { label: "DP noise s per coordinate", scale: "log" },
  scale: { label: "scale κ of a sign flipper, after 30 rounds" },
  localSteps: { label: "local steps τ" },
};

/** Mean and interval of logarithms, so a band on a logarithmic axis never reaches below 0. */
function logBands(perSeed: readonly (readonly number[])[]): { mean: number[]; low: number[]; high: number[] } {
  const { mean, low, high } = bands(perSeed.map((values) => values.map(Math.log)));
  return { mean: mean.map(Math.exp), low: low.map(Math.exp), high: high.map(Math.exp) };
}

/**
 * Measured error and bounds over one quantity: geometric means over federations with 95 % bands, both axes logarithmic.
 *
 * @param quantity what was varied
 * @param perSeed one sweep a federation, at least two, all of that quantity
 * @returns a panel for showLines
 * @throws InputError when there are fewer than two sweeps
 * @example
 * const sweeps = [1, 2].map((seed) => sweepBound("localSteps", 2, createRng(seed)));
 * sweepPanel("localSteps", sweeps).series.map(({ setting }) => setting); // ["measured", "theorem"]
 */
export function sweepPanel(quantity: SweptQuantity, perSeed: readonly Sweep[]): Panel {
  ensure(perSeed.length >= 2, "sweepPanel", "needs at least two sweeps", perSeed.length);
  const { x } = perSeed[0]!;
  const line = (setting: Series["setting"], of: "measured" | "bound" | "proven"): Series[] =>
    perSeed.every((one) => one[of].every(Number.isFinite))
      ? [{ setting, x, ...logBands(perSeed.map((one) => one[of])) }]
      : [];
  const series = [...line("measured", "measured"), ...line("theorem", "bound"), ...line("proven", "proven")];
  return { x: sweptAxes[quantity], y: { label: "squared error", scale: "log" }, series };
}

/**
 * Gap, error, and the ratio of gaps against its threshold, for federations without DP, with noise, and with clipping and noise.
 *
 * @param perSeed one comparison a federation, at least two, of equal rounds
 * @returns three panels for showLines
 * @throws InputError when there are fewer than two
 * @example
 * const quadratic = drawQuadratic({ dimension: 2, numClients: 3, conditionNumber: 1 }, createRng(1));
 * const noises = { samplingStd: 1, dpStd: 1, clipNorm: 1 };
 * const options = { quadratic, start: [5, 5], learningRate: 0.1, ...noises, rounds: 2, runs: 1 };
 * backfirePanels([1, 2].map((seed) => compareBackfire(options, createRng(seed)))).length; // 3
 */
export function backfirePanels(perSeed: readonly Backfire[]): Panel[] {
  ensure(perSeed.length >= 2, "backfirePanels", "needs at least two federations", perSeed.length);
  const x = perSeed[0]!.clean.gap.map((_, k) => k);
  const looks = [
    { of: "clean", setting: "mean", name: "no defense (mean)" },
    { of: "noise", setting: "localDp", name: "DP noise alone", dash: "dot" },
    { of: "clipped", setting: "localDp", name: "local DP: clipping and noise" },
  ] as const;
  const lines = (quantity: "gap" | "error"): Series[] =>
    looks.map(({ of, ...look }) => ({ ...look, x, ...bands(perSeed.map((one) => one[of][quantity])) }));
  const gaps: Series[] = looks.map(({ of, ...look }) => ({
    ...look,
    x,
    ...logBands(perSeed.map((one) => one[of].gap)),
  }));
  const ratios: Series[] = looks.slice(1).map(({ of, ...look }) => ({
    ...look,
    x,
    ...logBands(perSeed.map((one) => one[of].gap.map((gap, k) => gap / one.clean.gap[k]!))),
  }));
  const threshold = perSeed.reduce((sum, one) => sum + one.threshold / perSeed.length, 0);
  ratios.push({
    setting: "theorem",
    name: "ratio from which noise backfires, line (12)",
    x,
    mean: x.map(() => threshold),
  });
  return [
    { title: "Objective gap", x: "round", y: { label: "objective gap Δ", scale: "log" }, series: gaps },
    { title: "Error", x: "round", y: { label: "squared error (at most 4)" }, series: lines("error") },
    { title: "Gap against the clean run's", x: "round", y: { label: "ratio of gaps", scale: "log" }, series: ratios },
  ];
}

/**
 * RMSE of the analytic leak, its bound, and the relative dispersion along the run: means over seeds with 95 % bands.
 *
 * @param leaks as followAnalyticLeak returns them, of at least two seeds
 * @param counts which numbers of peers to show
 * @returns four panels for showLines, the last of the dispersion itself
 * @throws InputError when the leaks hold fewer than two seeds, or none of a count
 * @example
 * const leak = { round: 0, effectiveParticipants: 2, objectiveGap: 1, rmse: 0.3, bound: 2, dispersion: 1, relativeDispersion: 2 };
 * analyticLeakPanels([{ ...leak, seed: 1 }, { ...leak, seed: 2 }], [2]).length; // 4
 */
export function analyticLeakPanels(leaks: readonly AnalyticLeak[], counts: readonly number[]): Panel[] {
  const seeds = [...new Set(leaks.map(({ seed }) => seed))];
  const looks = {
    rmse: { setting: "measured", name: "measured" },
    bound: { setting: "theorem", name: "bound" },
    relativeDispersion: { setting: "measured", name: "measured" },
    dispersion: { setting: "measured", name: "measured" },
  } as const;
  const dashes = ["solid", "dot", "dashdot", "dash"] as const;
  const line = (of: keyof typeof looks, count: number, place: number): Series => {
    const shown = leaks.filter(({ effectiveParticipants }) => effectiveParticipants === count);
    ensure(shown.length > 0, "analyticLeakPanels", "needs leaks of every count", `none of ${count}`);
    const perSeed = seeds.map((seed) => shown.filter((leak) => leak.seed === seed));
    const x = perSeed[0]!.map(({ round }) => round);
    const { setting, name } = looks[of];
    const values = bands(perSeed.map((run) => run.map((leak) => leak[of])));
    return { setting, name: `${name}, mean of ${count}`, dash: dashes[place % 4]!, x, ...values };
  };
  const panel = (of: keyof typeof looks, title: string, y: Panel["y"]): Panel => ({ title, x: "round", y, series: counts.map((count, i) => line(of, count, i)) }); // prettier-ignore
  return [
    panel("rmse", "RMSE of the leak", "rmse"),
    panel("bound", "Its bound, line (10)", "rmse"),
    panel("relativeDispersion", "Relative dispersion", { label: "V / ‖mean gradient‖²" }),
    panel("dispersion", "Dispersion, line (3)", { label: "V" }),
  ];
}

/**
 * A line through estimates: at every x the mean over seeds with its 95 % interval.
 *
 * @param look setting, and perhaps name and dash
 * @param points x and one number per seed; drawn from left to right
 * @param options log: geometric means, for a logarithmic axis, which numbers that are not above 0 leave
 * @returns a series of a panel; a gap where fewer than two seeds have a number
 * @example
 * estimateSeries({ setting: "measured" }, [{ x: 2, values: [1, 3] }, { x: 1, values: [0, 0] }]).mean; // [0, 2]
 * estimateSeries({ setting: "measured" }, [{ x: 1, values: [1, 4] }], { log: true }).mean; // [2]
 */
export function estimateSeries(
  look: Pick<Series, "setting" | "name" | "dash">,
  points: readonly { readonly x: number; readonly values: readonly number[] }[],
  { log = false } = {},
): Series {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const back = log ? Math.exp : (value: number): number => value;
  const estimates = sorted.map(({ values }) => {
    const usable = log ? values.filter((value) => value > 0).map(Math.log) : values;
    return usable.length < 2 ? { mean: NaN, interval: [NaN, NaN] as const } : estimateMean(usable);
  });
  return {
    ...look,
    x: sorted.map(({ x }) => x),
    mean: estimates.map(({ mean }) => back(mean)),
    low: estimates.map(({ interval }) => back(interval[0])),
    high: estimates.map(({ interval }) => back(interval[1])),
  };
}
