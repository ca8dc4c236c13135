/** @file From leakage studies to panels and rows of images: what every notebook draws. */
import { ensure } from "../core/errors";
import { curveOf } from "../experiment/curves";
import type { LeakageStudy } from "../experiment/leakage";
import type { Leak } from "../metrics/leak";
import type { Panel, Series } from "./figure";
import { asRmse, type ImageRow } from "./imageGrid";
import type { SettingName } from "./style";

/** A quantity of an inverted round. */
export type LeakQuantity = "rmse" | "leakage" | "matchingLoss" | "labelAccuracy";

/** A quantity of a training round. */
export type RoundQuantity = "loss" | "objectiveGap" | "accuracy";

/** A line of a leak panel: whose leaks, and how they look. */
export interface LeakLine {
  readonly setting: SettingName;
  readonly study: LeakageStudy;
  readonly series: "probe" | "trajectory";
}

const leakTitles: Readonly<Record<LeakQuantity, string>> = {
  rmse: "Error",
  leakage: "Leakage",
  matchingLoss: "Did the inversion converge?",
  labelAccuracy: "Labels",
};
const roundTitles: Readonly<Record<RoundQuantity, string>> = {
  loss: "Training loss",
  objectiveGap: "Objective gap",
  accuracy: "Accuracy",
};
const fractions = [0, 1.05] as const; // the axis of a fraction; bands of few seeds reach beyond it

/**
 * A panel of a quantity of the inverted rounds: mean over seeds with its 95 % band, one line a setting.
 *
 * @param quantity "rmse", "leakage", "matchingLoss" or "labelAccuracy"
 * @param lines at least one; studies of at least two seeds
 * @param options floor: a study whose no-information floor is drawn too; title instead of the quantity's own
 * @returns a panel for showLines
 * @throws InputError when there is no line, or a study lacks the series
 * @example
 * leakPanel("rmse", [{ setting: "probe", study, series: "probe" }], { floor: study }).series.length; // 2
 */
export function leakPanel(
  quantity: LeakQuantity,
  lines: readonly LeakLine[],
  { floor, title = leakTitles[quantity] }: { floor?: LeakageStudy; title?: string } = {},
): Panel {
  ensure(lines.length > 0, "leakPanel", "needs at least one line", "none");
  const series: Series[] = lines.map((line) => ({
    setting: line.setting,
    ...curveOf(line.study, line.series, (leak) => leak[quantity]),
  }));
  if (floor !== undefined) series.push({ setting: "floor", ...curveOf(floor, "probe", (leak) => leak.floor) });
  const panel = { title, x: "round", y: quantity, series } as const;
  return quantity === "labelAccuracy" ? { ...panel, yRange: fractions } : panel;
}

/**
 * A panel of a quantity of the training rounds: mean over seeds with its 95 % band, one line a setting.
 *
 * @param quantity "loss", "objectiveGap" or "accuracy"
 * @param lines at least one; studies of at least two seeds
 * @returns a panel for showLines
 * @throws InputError when there is no line
 * @example
 * roundPanel("accuracy", [{ setting: "passive", study }]).title; // "Accuracy"
 */
export function roundPanel(quantity: RoundQuantity, lines: readonly Omit<LeakLine, "series">[]): Panel {
  ensure(lines.length > 0, "roundPanel", "needs at least one line", "none");
  const series = lines.map(({ setting, study }) => ({
    setting,
    ...curveOf(study, "rounds", (round) => round[quantity]),
  }));
  const panel = { title: roundTitles[quantity], x: "round", y: quantity, series } as const;
  return quantity === "accuracy" ? { ...panel, yRange: fractions } : panel;
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
