/** @file Forest plots: one difference with its interval per row, against zero. */
import { ensure, ensureFinite } from "../core/errors";
import type { Estimate } from "../experiment/statistics";
import { axisLayout, baseLayout, frame, ink, showFigure, textAt, type Figure } from "./figure";
import { figureText } from "./markup";
import { formatReal } from "./number";
import type { Stamp } from "./stamp";
import { axisOf, inOrder, styleOf, type AxisName, type AxisSpec, type Drawn } from "./style";
import { wrapWords } from "./table";

/** One setting's difference. */
export interface ForestRow {
  /** Decides colour, name and place. */
  readonly setting: Drawn;
  /** Instead of the setting's own name. */
  readonly name?: string;
  /** Of a paired difference, or a relative change; null: fewer than two seeds have one. */
  readonly estimate: Estimate | null;
}

/** A table of differences. */
export interface ForestSpec {
  /** Above the figure. */
  readonly title: string;
  /** The difference, with its unit. */
  readonly x: AxisName | AxisSpec;
  /** From top to bottom. */
  readonly rows: readonly ForestRow[];
  /** What lies left and right of zero, in words. */
  readonly ends?: readonly [left: string, right: string];
  /** What a claim says, as a grey field. */
  readonly band?: { readonly range: readonly [number, number]; readonly label: string };
}

const rowHeight = 30;

/**
 * Differences with their 95 % intervals, one per row, in the style table's order; rows of one setting stay in theirs.
 *
 * A filled mark has an interval on one side of zero, a hollow one contains it: undecided. The numbers stand at the right. A row
 * without an estimate keeps its place and says why it has none.
 *
 * @returns a plotly figure, 900 px wide
 */
export function forestFigure(spec: ForestSpec): Figure {
  const { title, ends, band } = spec;
  ensure(spec.rows.length > 0, "forestFigure", "needs at least one row", 0);
  const order = inOrder(spec.rows.map(({ setting }) => setting));
  const rows = [...spec.rows].sort((a, b) => order.indexOf(a.setting) - order.indexOf(b.setting));
  const names = rows.map(({ setting, name }) => wrapWords(name ?? styleOf(setting).label, 40));
  const intervals = rows.flatMap(({ estimate }) => (estimate ? [estimate.interval] : []));
  ensure(intervals.length > 0, "forestFigure", "needs a row with an estimate", "none");
  for (const [i, { estimate }] of rows.entries()) {
    if (estimate === null) continue;
    ensureFinite("forestFigure", `the estimate of "${names[i]!.join(" ")}"`, [estimate.mean, ...estimate.interval]);
  }

  const letters = Math.max(...names.flat().map((line) => line.length));
  const [left, right] = [28 + 7.5 * letters, frame.width - 225]; // of the axes; the numbers stand behind
  const above = 76 + (band ? 20 : 0);
  const below = above + rows.length * rowHeight;
  const height = below + 50 + frame.footer;
  const domains = { x: [left / frame.width, right / frame.width], y: [1 - below / height, 1 - above / height] };
  const reach = [0, ...(band?.range ?? []), ...intervals.flat()];
  const [low, high] = [Math.min(...reach), Math.max(...reach)];
  const margin = 0.04 * (high - low || 1);

  const data = rows.flatMap(({ setting, estimate }, i) => {
    if (estimate === null) return [];
    const { mean, interval, n } = estimate;
    const { colour } = styleOf(setting);
    const errors = { type: "data", symmetric: false, array: [interval[1] - mean], arrayminus: [mean - interval[0]] };
    return {
      type: "scatter",
      mode: "markers",
      name: figureText(names[i]!.join(" ")),
      x: [mean],
      y: [i],
      error_x: { ...errors, color: colour, thickness: 2, width: 5 },
      marker: { color: containsZero({ interval }) ? "#FFFFFF" : colour, size: 10, line: { color: colour, width: 2 } },
      customdata: [[interval[0], interval[1], n]],
      hovertemplate: "%{x:.3g}  [%{customdata[0]:.3g}, %{customdata[1]:.3g}], n = %{customdata[2]}",
    };
  });

  const rowMiddle = (i: number): number => above + (i + 0.5) * rowHeight;
  const middle = { yanchor: "middle" };
  const head = { font: { size: 12, color: "#666666" }, yanchor: "bottom" };
  const endsAt = above - (band ? 22 : 4);
  const bandMiddle = band && (band.range[0] + band.range[1]) / 2;
  const base = baseLayout(title, height);
  const annotations = [
    ...base.annotations,
    ...rows.map(({ estimate }, i) => textAt(inWords(estimate), right + 14, rowMiddle(i), height, middle)),
    textAt("mean [95 % interval], seeds", right + 14, above - 4, height, head),
    ...(ends ? [textAt(`← ${ends[0]}`, left, endsAt, height, head)] : []),
    ...(ends ? [textAt(`${ends[1]} →`, right, endsAt, height, { ...head, xanchor: "right" })] : []),
    ...(band ? [{ ...textAt(band.label, 0, above - 4, height, { ...head, xanchor: "center" }), xref: "x", x: bandMiddle }] : []), // prettier-ignore
  ];
  const field = band && {
    type: "rect",
    layer: "below",
    xref: "x",
    yref: "paper",
    ...{ x0: band.range[0], x1: band.range[1], y0: domains.y[0], y1: domains.y[1] },
    fillcolor: "#EDEDED",
    line: { width: 0 },
  };
  const ticks = { tickmode: "array", tickvals: rows.map((_, i) => i), ticktext: names.map((lines) => figureText(lines.join("\n"))) }; // prettier-ignore
  return {
    data,
    layout: {
      ...base,
      hovermode: "closest",
      shapes: field ? [field] : [],
      xaxis: {
        ...axisLayout(axisOf(spec.x), domains.x, "y"),
        range: [low - margin, high + margin],
        ...{ zeroline: true, zerolinecolor: ink, zerolinewidth: 1.5 },
      },
      yaxis: {
        ...axisLayout({ label: "" }, domains.y, "x"),
        ...ticks,
        range: [rows.length - 0.5, -0.5],
        ...{ showgrid: false, showline: false, ticks: "", ticklabelstandoff: 6 },
      },
      annotations,
    },
  };
}

/**
 * Shows a forest plot: forestFigure and showFigure in one call.
 *
 * @param name file name without profile: "NN_name"
 * @param spec title, axis, rows, and perhaps the ends' meaning and a band
 * @param stamp where the numbers come from
 * @throws InputError as forestFigure and showFigure
 * @example
 * await showForest("04_differences", { title: "Against no defense", x: { label: "difference of RMSE" }, rows }, stamp);
 */
export async function showForest(name: string, spec: ForestSpec, stamp: Stamp): Promise<void> {
  await showFigure(name, forestFigure(spec), stamp);
}

/**
 * Whether an interval leaves the sign open.
 *
 * @returns true where low <= 0 <= high
 */
export function containsZero({ interval: [low, high] }: Pick<Estimate, "interval">): boolean {
  return low <= 0 && high >= 0;
}

function inWords(estimate: Estimate | null): string {
  if (estimate === null) return "fewer than two seeds have one";
  const { mean, interval, n } = estimate;
  const [value, low, high] = [mean, ...interval].map((x) => formatReal(x).replaceAll("-", "−"));
  return `${value} [${low}, ${high}], ${n}`;
}
