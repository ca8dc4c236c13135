/** @file From leakage studies to panels and rows of images: what every notebook draws. */
import { ensure } from "../core/errors";
import { curveOf } from "../experiment/curves";
import type { LeakageStudy } from "../experiment/studies";
import type { RoundSummary } from "../experiment/measure";
import type { Leak } from "../metrics/leak";
import type { Panel, Series } from "./figure";
import { asRmse, type ImageRow } from "./imageGrid";
import { axisOf, inOrder, type Drawn } from "./style";

/** A quantity of an inverted round. */
export type LeakQuantity =
  "rmse" | "leakage" | "contributorRmse" | "contributorLeakage" | "matchingLoss" | "found" | "labelAccuracy";

/** A quantity of a training round. */
export type RoundQuantity = "loss" | "objectiveGap" | "accuracy" | "attackSuccess" | "effectiveParticipants";

/** A line of a leak panel: whose leaks, and how they look. */
export interface LeakLine {
  /** Decides colour, name and place in the legend. */
  readonly setting: Drawn;
  /** Whose leaks. */
  readonly study: LeakageStudy;
  /** Default "probe". */
  readonly series?: "probe" | "trajectory";
}

const leakTitles: Readonly<Record<LeakQuantity, string>> = {
  rmse: "Error",
  leakage: "Leakage",
  contributorRmse: "Error, contributors only",
  contributorLeakage: "Leakage, contributors only",
  matchingLoss: "Matching loss",
  found: "Did the inversion converge?",
  labelAccuracy: "Labels",
};
const roundTitles: Readonly<Record<RoundQuantity, string>> = {
  loss: "Training loss",
  objectiveGap: "Objective gap",
  accuracy: "Accuracy",
  attackSuccess: "Does the poisoning reach its own goal?",
  effectiveParticipants: "Who is in the aggregate",
};
const fractions = [0, 1.05] as const; // the axis of a fraction; bands of few seeds reach beyond it

/**
 * Studies in the style table's order.
 *
 * @param lines studies with their settings, as measureSettings gives them
 * @returns a sorted copy
 * @throws InputError when a name is not in the style table
 * @example
 * const flips = [3, 1].map((scale) => ({ setting: setting({ poisoning: "signFlip", poisoningParameters: { scale } }), study }));
 * linesInOrder(flips).map((line) => line.setting.label); // ["sign flip, κ = 1", "sign flip, κ = 3"]
 */
export function linesInOrder<Line extends Pick<LeakLine, "setting">>(lines: readonly Line[]): Line[] {
  const order = inOrder(lines.map(({ setting }) => setting));
  return [...lines].sort((a, b) => order.indexOf(a.setting) - order.indexOf(b.setting));
}

/**
 * A panel of a quantity of the inverted rounds: mean over seeds with its 95 % band, one line per setting.
 *
 * Contributors are the clients in the aggregate other than the attacker. Where a seed has none in a round it is left out of that
 * round, and a round in which fewer than two seeds have any is a gap. A setting that has gaps only is not drawn.
 *
 * @param quantity "rmse", "leakage", "contributorRmse", "contributorLeakage", "matchingLoss", "found" or "labelAccuracy"
 * @param lines at least one; studies of at least two seeds
 * @param options floor: a study whose no-information floor is drawn too; title instead of the quantity's own
 * @returns a panel for showLines
 * @throws InputError when there is no line, none has the quantity, or a study lacks the series
 * @example
 * leakPanel("rmse", [{ setting: "probe", study, series: "probe" }], { floor: study }).series.length; // 2
 */
export function leakPanel(
  quantity: LeakQuantity,
  lines: readonly LeakLine[],
  { floor, title = leakTitles[quantity] }: { floor?: LeakageStudy; title?: string } = {},
): Panel {
  ensure(lines.length > 0, "leakPanel", "needs at least one line", "none");
  const series: Series[] = linesInOrder(lines).map((line) => ({
    setting: line.setting,
    ...curveOf(line.study, line.series ?? "probe", valueIn(quantity)),
  }));
  if (floor !== undefined) series.push({ setting: "floor", ...curveOf(floor, "probe", (leak) => leak.floor) });
  const panel = { title, x: "round", y: quantity, series: withValues("leakPanel", quantity, series) } as const;
  return quantity === "labelAccuracy" || quantity === "found" ? { ...panel, yRange: fractions } : panel;
}

/**
 * A panel of a quantity of the training rounds: mean over seeds with its 95 % band, one line per setting.
 *
 * A setting without the quantity, as the attack success of a poisoning that has no goal of its own, is not drawn.
 *
 * @param quantity "loss", "objectiveGap", "accuracy", "attackSuccess" or "effectiveParticipants" (M_eff, clients)
 * @param lines at least one; studies of at least two seeds
 * @param options title instead of the quantity's own
 * @returns a panel for showLines
 * @throws InputError when there is no line, or none has the quantity
 * @example
 * roundPanel("accuracy", [{ setting: "passive", study }]).title; // "Accuracy"
 */
export function roundPanel(
  quantity: RoundQuantity,
  lines: readonly Omit<LeakLine, "series">[],
  { title = roundTitles[quantity] }: { title?: string } = {},
): Panel {
  ensure(lines.length > 0, "roundPanel", "needs at least one line", "none");
  const series = linesInOrder(lines).map(({ setting, study }) => ({
    setting,
    ...curveOf(study, "rounds", valueOf(quantity)),
  }));
  const panel = { title, x: "round", y: quantity, series: withValues("roundPanel", quantity, series) } as const;
  if (quantity === "accuracy" || quantity === "attackSuccess") return { ...panel, yRange: fractions };
  if (quantity !== "effectiveParticipants") return panel;
  const all = lines.flatMap(({ study }) =>
    study.runs.flatMap(({ rounds }) => rounds.map(({ effectiveParticipants }) => effectiveParticipants)),
  );
  return { ...panel, yRange: [0, 1.05 * Math.max(...all)] };
}

/**
 * A panel of the error against the objective gap, one line per setting: if the gap alone explained the error, all would lie on one
 * curve. A point is a round: the means over seeds, of the gap the geometric one since its axis is logarithmic; rounds are joined
 * in their order.
 *
 * @param lines at least one
 * @param options title instead of "Error against the objective gap"
 * @returns a panel for showLines
 * @throws InputError when there is no line, or a gap is not above 0
 * @example
 * gapPanel([{ setting: "passive", study, series: "probe" }]).y; // "rmse"
 */
export function gapPanel(
  lines: readonly LeakLine[],
  { title = "Error against the objective gap" }: { title?: string } = {},
): Panel {
  ensure(lines.length > 0, "gapPanel", "needs at least one line", "none");
  const series = linesInOrder(lines).map(({ setting, study, series: whose = "probe" }) => {
    const x = (study.runs[0]?.[whose] ?? []).map(({ round }) => {
      const gaps = study.runs.map(({ rounds }) => rounds[round]!.objectiveGap);
      ensure(gaps.every((gap) => gap > 0), "gapPanel", `needs objective gaps > 0 in round ${round}`, gaps); // prettier-ignore
      return Math.exp(gaps.reduce((sum, gap) => sum + Math.log(gap) / gaps.length, 0));
    });
    return { setting, x, mean: curveOf(study, whose, (leak) => leak.rmse).mean };
  });
  return { title, x: { ...axisOf("objectiveGap"), scale: "log" }, y: "rmse", series };
}

/** The lines that are not gaps from end to end. */
function withValues(fn: string, quantity: string, all: readonly Series[]): readonly Series[] {
  const series = all.filter(({ mean }) => mean.some(Number.isFinite));
  ensure(series.length > 0, fn, `needs a setting of which two seeds have ${quantity} in one round`, "none");
  return series;
}

/**
 * What a leak has of a quantity; of what was found 1 or 0, whose mean over seeds is a share.
 *
 * @param quantity or "floor"
 * @returns its value in a leak, null where it has none
 * @example
 * valueIn("found")({ ...leak, found: true }); // 1
 */
export function valueIn(quantity: LeakQuantity | "floor"): (leak: Leak) => number | null {
  return (leak) => {
    const value = leak[quantity];
    return typeof value === "boolean" ? Number(value) : value;
  };
}

/** What a round has of a quantity: after the last one nothing is aggregated. */
function valueOf(quantity: RoundQuantity): (round: RoundSummary) => number | null {
  return (round) =>
    quantity === "effectiveParticipants" && round.effectiveParticipants === 0 ? null : round[quantity];
}

/**
 * The private images of a leak as a row of an image grid.
 *
 * @param leak an inverted round
 * @param label left of the row
 * @returns one image a place, in the order of the clients
 * @example
 * privateRow(leak, "private").images.length; // leak.labels.length
 */
export function privateRow(leak: Leak, label: string): ImageRow {
  return { label, images: separate(leak.privateImages, leak.labels.length) };
}

/**
 * The reconstructions of a leak as a row of an image grid, each under the private image it was matched to, with its RMSE.
 *
 * @param leak an inverted round
 * @param label left of the row
 * @returns one image a place, in the order of the private images
 * @example
 * reconstructedRow(leak, "round 0").captions; // leak.perImage.map(asRmse)
 */
export function reconstructedRow(leak: Leak, label: string): ImageRow {
  return { label, images: separate(leak.reconstructions, leak.labels.length), captions: leak.perImage.map(asRmse) };
}

/** A stack of images, one by one. */
function separate(stack: Float32Array, count: number): Float32Array[] {
  const pixels = stack.length / count;
  return Array.from({ length: count }, (_, i) => stack.subarray(i * pixels, (i + 1) * pixels));
}
