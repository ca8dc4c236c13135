/** @file How much of each bound was used: one box a bound, on a logarithmic axis that ends where the bound is. */
import { ensure } from "../core/errors";
import { baseLayout, frame, textAt, type Figure } from "./figure";
import { figureText } from "./markup";
import { formatNumber } from "./number";

/** A bound and how it fared. */
export interface SlackRow {
  /** e.g. "honest mean (17)". */
  readonly label: string;
  /** Measured / bound, one an instance; above 1 the bound is violated. */
  readonly ratios: readonly number[];
}

const least = 1e-3; // the axis begins here: what is smaller stands at its edge

/**
 * Boxes of measured / bound: quartiles, whiskers from the 5th to the 95th percentile, a point for the worst.
 *
 * @param title of the figure
 * @param rows from top to bottom, at least one
 * @returns a plotly figure, 900 px wide
 * @throws InputError when there is no row, a row has no ratio, or a ratio is negative or not finite
 * @example
 * slackFigure("Slack", [{ label: "honest mean (17)", ratios: [0.2, 0.5, 0.9] }]).data.length; // 2
 */
export function slackFigure(title: string, rows: readonly SlackRow[]): Figure {
  ensure(rows.length > 0, "slackFigure", "needs at least one row", 0);
  const sorted = rows.map(({ label, ratios }) => {
    const isFine = ratios.length > 0 && ratios.every((ratio) => ratio >= 0 && Number.isFinite(ratio));
    ensure(isFine, "slackFigure", `needs finite ratios >= 0 in "${label}", at least one`, `${ratios.length} of which some are not`); // prettier-ignore
    return [...ratios].sort((a, b) => a - b);
  });
  const shown = (values: readonly number[], p: number): number =>
    Math.max(least, values[Math.round(p * (values.length - 1))]!);
  const height = 44 + rows.length * 24 + 64 + frame.footer;
  const base = baseLayout(title, height);
  const labels = rows.map(({ label }) => figureText(label));
  const box = {
    type: "box",
    orientation: "h",
    y: labels,
    q1: sorted.map((values) => shown(values, 0.25)),
    median: sorted.map((values) => shown(values, 0.5)),
    q3: sorted.map((values) => shown(values, 0.75)),
    lowerfence: sorted.map((values) => shown(values, 0.05)),
    upperfence: sorted.map((values) => shown(values, 0.95)),
    line: { color: "#222255", width: 1.5 },
    fillcolor: "#22225522",
    hoverinfo: "x",
  };
  const worst = {
    type: "scatter",
    mode: "markers",
    x: sorted.map((values) => shown(values, 1)),
    y: labels,
    marker: { color: "#BB5566", size: 7, symbol: "diamond" },
    text: sorted.map((values) => `worst ${formatNumber(values.at(-1)!, 4)} of ${values.length}`),
    hovertemplate: "%{text}<extra></extra>",
  };
  const [left, right, top, bottom] = [250, 880, 44, height - frame.footer - 50];
  const axis = { showline: true, linecolor: "#222222", ticks: "outside", ticklen: 4, gridcolor: "#E6E6E6" };
  const layout = {
    ...base,
    xaxis: {
      ...axis,
      type: "log",
      range: [Math.log10(least), Math.log10(1.5)],
      domain: [left / frame.width, right / frame.width],
      dtick: 1,
      tickformat: "~r",
      title: { text: "smaller side / larger side (box: quartiles; whiskers: 5 to 95 %; diamond: worst)", standoff: 8 },
    },
    yaxis: { ...axis, ticks: "", autorange: "reversed", domain: [1 - bottom / height, 1 - top / height] },
    shapes: [{ type: "line", x0: 1, x1: 1, y0: 0, y1: 1, yref: "y domain", line: { color: "#BB5566", dash: "dash" } }],
    annotations: [...base.annotations, textAt("bound", right - 44, top - 20, height, { font: { color: "#BB5566" } })],
  };
  return { data: [box, worst], layout };
}
