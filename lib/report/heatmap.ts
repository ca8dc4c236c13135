/** @file Heatmaps of differences: rows × columns, two colours away from zero, the numbers in the cells. */
import { ensure, ensureFinite } from "../core/errors";
import type { Estimate } from "../experiment/statistics";
import { baseLayout, frame, ink, showFigure, textAt, type Figure } from "./figure";
import { containsZero } from "./forest";
import { figureText } from "./markup";
import type { Stamp } from "./stamp";
import { styleOf, type Drawn } from "./style";
import { wrapWords } from "./table";

/** A row or a column: a setting of the style table, or words of its own. */
export type HeatmapLabel = Drawn | { readonly label: string };

/** A table of differences. */
export interface HeatmapSpec {
  /** Above the figure. */
  readonly title: string;
  /** What the numbers are, with their unit; beside the colours. */
  readonly quantity: string;
  /** From top to bottom. */
  readonly rows: readonly HeatmapLabel[];
  /** From left to right. */
  readonly columns: readonly HeatmapLabel[];
  /** [row][column]; null: not run, or nothing to compare. */
  readonly cells: readonly (readonly (Estimate | null)[])[];
  /** Of the numbers in the cells, default 3. */
  readonly decimals?: number;
}

/** Brown below zero, purple above: apart for colour-blind readers, and neither says "good". After ColorBrewer's PuOr. */
const colours = ["#B35806", "#E08214", "#FDB863", "#F7F7F7", "#B2ABD2", "#8073AC", "#542788"] as const;

/**
 * Differences as a table of colours, the same scale on both sides of zero, with the numbers in the cells. A number in
 * parentheses has a 95 % interval that contains zero: undecided. A dash was not run, or has nothing to
 * compare.
 *
 * @returns a plotly figure, 900 px wide
 */
export function heatmapFigure(spec: HeatmapSpec): Figure {
  const { title, quantity, cells, decimals = 3 } = spec;
  const [rows, columns] = [spec.rows.map(labelOf), spec.columns.map(labelOf)];
  check(spec, rows, columns);
  const means = cells.map((row) => row.map((cell) => cell?.mean ?? NaN));
  const largest = Math.max(...means.flat().filter(Number.isFinite).map(Math.abs)) || 1;

  const names = rows.map((label) => wrapWords(label, 24));
  const left = 28 + 7.5 * Math.max(...names.flat().map((line) => line.length));
  const right = frame.width - 110; // of the cells; the colours stand behind
  const width = (right - left) / columns.length;
  const heads = columns.map((label) => wrapWords(label, Math.max(6, Math.floor(width / 7.5))));
  const above = 56 + 17 * Math.max(...heads.map((lines) => lines.length));
  const cellHeight = Math.max(34, Math.ceil(130 / rows.length)); // room for the colours beside a few rows
  const below = above + rows.length * cellHeight;
  const height = below + 34 + frame.footer;

  const data = {
    type: "heatmap",
    x: columns.map((_, c) => c),
    y: rows.map((_, r) => r),
    z: means,
    ...{ zmin: -largest, zmax: largest, xgap: 2, ygap: 2, hoverongaps: false },
    colorscale: colours.map((colour, i) => [i / (colours.length - 1), colour]),
    customdata: cells.map((row, r) => row.map((cell, c) => [figureText(rows[r]!), figureText(columns[c]!), ...(cell?.interval ?? [NaN, NaN]), cell?.n ?? 0])), // prettier-ignore
    hovertemplate: "%{customdata[0]}, %{customdata[1]}: %{z:.3g}  [%{customdata[2]:.3g}, %{customdata[3]:.3g}], n = %{customdata[4]}<extra></extra>", // prettier-ignore
    colorbar: {
      title: { text: figureText(wrapWords(quantity, 28).join("\n")), side: "right", font: { size: 12 } },
      ...{ x: (right + 10) / frame.width, xanchor: "left", xpad: 0 },
      ...{ y: 1 - (above + below) / 2 / height, yanchor: "middle", ypad: 0 },
      ...{ lenmode: "pixels", len: below - above, thickness: 14, outlinewidth: 0, nticks: 6, tickfont: { size: 12 } },
    },
  };
  const centred = { xanchor: "center", align: "center" };
  const base = baseLayout(title, height);
  const numbers = cells.flatMap((row, r) =>
    row.map((cell, c) => {
      const isDark = cell !== null && Math.abs(cell.mean) > 0.55 * largest;
      const font = { color: isDark ? "#FFFFFF" : ink };
      const place = [left + (c + 0.5) * width, above + (r + 0.5) * cellHeight] as const;
      return textAt(inWords(cell, decimals), ...place, height, {
        ...centred,
        yanchor: "middle",
        font,
        bold: cell !== null && !containsZero(cell),
      });
    }),
  );
  const axis = { showgrid: false, zeroline: false, ticks: "", fixedrange: true };
  return {
    data: [data],
    layout: {
      ...base,
      xaxis: {
        ...axis,
        domain: [left / frame.width, right / frame.width],
        range: [-0.5, columns.length - 0.5],
        showticklabels: false,
      },
      yaxis: {
        ...axis,
        domain: [1 - below / height, 1 - above / height],
        range: [rows.length - 0.5, -0.5],
        ...{
          tickmode: "array",
          tickvals: rows.map((_, r) => r),
          ticktext: names.map((lines) => figureText(lines.join("\n"))),
        },
        ticklabelstandoff: 6,
      },
      annotations: [
        ...base.annotations,
        ...heads.map((lines, c) => textAt(lines.join("\n"), left + (c + 0.5) * width, above - 6, height, { ...centred, yanchor: "bottom" })), // prettier-ignore
        ...numbers,
        textAt("in parentheses: the 95 % interval contains 0 (undecided); –: nothing to compare", left, below + 8, height, { font: { size: 12, color: "#666666" } }), // prettier-ignore
      ],
    },
  };
}

/**
 * Shows a heatmap: heatmapFigure and showFigure in one call.
 *
 * @param name file name without profile: "NN_name"
 * @param spec title, quantity, rows, columns and cells
 * @param stamp where the numbers come from
 * @throws InputError as heatmapFigure and showFigure
 * @example
 * await showHeatmap("06_pairs", { title: "Rule and noise", quantity: "change of RMSE", rows, columns, cells }, stamp);
 */
export async function showHeatmap(name: string, spec: HeatmapSpec, stamp: Stamp): Promise<void> {
  await showFigure(name, heatmapFigure(spec), stamp);
}

/** Refuses cells that do not fit rows and columns, or of which none was run. */
function check({ cells }: HeatmapSpec, rows: readonly string[], columns: readonly string[]): void {
  const fn = "heatmapFigure";
  const lengths = cells.map((row) => row.length);
  const fits = rows.length > 0 && columns.length > 0 && cells.length === rows.length && lengths.every((length) => length === columns.length); // prettier-ignore
  ensure(fits, fn, `needs ${rows.length} rows of ${columns.length} cells, and at least one`, lengths);
  for (const [r, row] of cells.entries()) {
    for (const [c, cell] of row.entries()) {
      if (cell !== null) ensureFinite(fn, `the cell "${rows[r]}", "${columns[c]}"`, [cell.mean, ...cell.interval]);
    }
  }
  ensure(cells.flat().some((cell) => cell !== null), fn, "needs a cell that was run", "none"); // prettier-ignore
}

function labelOf(label: HeatmapLabel): string {
  return typeof label === "string" ? styleOf(label).label : label.label; // a setting has one too
}

function inWords(cell: Estimate | null, decimals: number): string {
  if (cell === null) return "–";
  const rounded = cell.mean.toFixed(decimals);
  const sign = Number(rounded) > 0 ? "+" : Number(rounded) < 0 ? "−" : "";
  const text = sign + rounded.replace("-", "");
  return containsZero(cell) ? `(${text})` : text;
}
