/** @file Inversion in closed form, for models that begin with a dense layer. */
import { ensureNames } from "../core/known";
import { ensure } from "../core/errors";
import { chainOf } from "../model/layers/compose";
import { volume } from "../model/stack";
import { checkView, type AttackerView } from "./view";

/** An image read off one unit's gradient. */
export interface AnalyticReconstruction {
  /** Row of the first dense layer. */
  readonly unit: number;
  /** |dL/db_unit|; the larger, the less float32 rounding is in the image. */
  readonly weight: number;
  /** [C, H, W]; not clipped. */
  readonly image: Float32Array;
}

/**
 * Reads images off the gradient of the first dense layer.
 *
 * With z = W x + b:  dL/dW_i = sum_n d_ni x_n' and dL/db_i = sum_n d_ni, so
 *
 *     dL/dW_i / dL/db_i = sum_n (d_ni / sum_m d_mi) x_n
 *
 * and what the model does to images before is undone. For one private image every row gives that image exactly. For several, a row gives a weighted mean of them, and one image
 * itself where a ReLU unit was active for it alone.
 *
 * @param view of a model whose first layer with weights is dense on the pixels ("mlp", "softmaxRegression")
 * @param options count: how many rows to return, those of the largest |dL/db| first; default 1
 * @returns count reconstructions, owned by the caller
 * @throws InputError when the view is none, the model does not begin with a dense layer, count is no integer of 1..rows, a row's
 *   bias gradient is 0, or the quotient leaves float32
 * @example
 * const [{ image }] = invertAnalytically(view); // the private image itself, were there only one
 * image.length; // 784
 * @source Phong et al. 2018; Geiping et al. 2020, proposition 3.1
 */
export function invertAnalytically(view: AttackerView, options: { count?: number } = {}): AnalyticReconstruction[] {
  const { layer, name } = checkView("invertAnalytically", view);
  ensureNames("invertAnalytically", "options", options, ["count"]);
  const { count = 1 } = options;
  const first = chainOf(layer).find(({ kind }) => !["normalize", "flatten", "identity"].includes(kind));
  const pixels = volume(view.inputShape);
  ensure(
    first?.kind === "dense" && first.parameters.length === 2,
    "invertAnalytically",
    "needs a model that begins with a dense layer on the pixels",
    name,
    'use invert, or the architecture "mlp"',
  );
  const units = first!.outputShape[0]!;
  const possible = Number.isInteger(count) && count >= 1 && count <= units;
  ensure(possible, "invertAnalytically", `needs a count of 1..${units} rows`, count);
  const { observedGradient: g } = view;
  const strength = Array.from({ length: units }, (_, unit) => ({ unit, slope: g[units * pixels + unit]! }));
  strength.sort((a, b) => Math.abs(b.slope) - Math.abs(a.slope) || a.unit - b.unit);
  return strength.slice(0, count).map(({ unit, slope }) => {
    ensure(
      slope !== 0,
      "invertAnalytically",
      "needs rows with a bias gradient other than 0",
      `0 for unit ${unit}`,
      "ask for fewer rows",
    );
    const image = g.slice(unit * pixels, (unit + 1) * pixels).map((value) => value / slope);
    inUnits(image, view);
    ensure(image.every(Number.isFinite), "invertAnalytically", "needs rows whose quotient is finite", `${slope} for dL/db of unit ${unit}`, "ask for fewer rows"); // prettier-ignore
    return { unit, weight: Math.abs(slope), image };
  });
}

/** Undoes the model's normalisation of an image, in place. */
function inUnits(image: Float32Array, { inputShape, normalize }: AttackerView): void {
  if (normalize === undefined) return;
  const area = inputShape[1]! * inputShape[2]!;
  image.forEach((value, i) => {
    const channel = Math.floor(i / area);
    image[i] = value * normalize.std[channel]! + normalize.mean[channel]!;
  });
}
