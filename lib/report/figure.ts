/** @file Line charts with bands, and the way of every figure into the notebook and into its file. */
import { dirname, relative } from "node:path";
import { ensure } from "../core/errors";
import { drawSvg, type Figure } from "./browser";
import { display } from "./display";
import { figureFile, figuresFolder, writeWhole } from "./file";
import { figureText } from "./markup";
import { roundTo } from "./number";
import { stampText, type Stamp } from "./stamp";
import { axisOf, inOrder, styleOf, type AxisName, type AxisSpec, type Dash, type Drawn } from "./style";

export type { Figure } from "./browser";

/** One line of a panel; low and high are its 95 % band. NaN leaves a gap. */
export interface Series {
  /** Decides colour, name and place in the legend. */
  readonly setting: Drawn;
  /** Instead of the setting's own name. */
  readonly name?: string;
  /** Where the points lie. */
  readonly x: readonly number[];
  /** The line, one value per point. */
  readonly mean: readonly number[];
  /** The band's lower edge, one value per point. */
  readonly low?: readonly number[];
  /** Its upper edge. */
  readonly high?: readonly number[];
  /** Instead of the setting's own. */
  readonly dash?: Dash;
}

/** One pair of axes. */
export interface Panel {
  /** Above the panel. */
  readonly title?: string;
  /** Axis: a name of the axis table, or label and scale. */
  readonly x: AxisName | AxisSpec;
  /** As x. */
  readonly y: AxisName | AxisSpec;
  /** The lines. */
  readonly series: readonly Series[];
  /** Of the axis; default: what the lines need. */
  readonly yRange?: readonly [number, number];
}

/** A figure of line charts. */
export interface LineFigureSpec {
  /** Above the figure. */
  readonly title: string;
  /** Row by row. */
  readonly panels: readonly Panel[];
  /** Panels side by side; 2 unless there is only one. */
  readonly columns?: number;
}

/** Measures in px; every figure is this wide, so text has one size everywhere. */
export const frame = { width: 900, fontSize: 13, titleSize: 17, footer: 34 } as const;

const fontFamily = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif";
/** The colour of text and axes. */
export const ink = "#222222";
const grid = "#E6E6E6";

/** As many decimals as the step between ticks needs, trailing zeros kept: 0.20, 0.25. */
const decimals = [1, 2, 3, 4, 5, 6].map((digits) => ({
  dtickrange: [10 ** -digits, 9 * 10 ** -digits],
  value: `.${digits}f`,
}));

/**
 * The layout every figure starts from: white, one font, no margins, so paper coordinates are those of the whole figure;
 * the title at the top left and place for the stamp at the foot.
 *
 * @param title one line; set smaller when it has more than 95 letters
 */
export function baseLayout(
  title: string,
  height: number,
): Figure["layout"] & { readonly annotations: readonly object[] } {
  const size = Math.min(frame.titleSize, Math.floor((frame.titleSize * 95) / title.length)); // 95 letters fill a line
  return {
    width: frame.width,
    height,
    margin: { l: 0, r: 0, t: 0, b: 0 },
    paper_bgcolor: "#FFFFFF",
    plot_bgcolor: "#FFFFFF",
    font: { family: fontFamily, size: frame.fontSize, color: ink },
    hoverlabel: { font: { family: fontFamily }, namelength: -1 },
    showlegend: false,
    meta: title,
    annotations: [textAt(title, 16, 14, height, { bold: true, font: { size } })],
  };
}

/**
 * A text whose top left corner lies at (left, top) px in a figure of that height.
 *
 * @example
 * (textAt("left", 450, 0, 300) as { x: number }).x; // 0.5; of a figure 900 px wide
 */
export function textAt(
  text: string,
  left: number,
  top: number,
  height: number,
  { bold = false, ...style }: Readonly<Record<string, unknown>> & { readonly bold?: boolean } = {},
): object {
  const place = { xref: "paper", yref: "paper", x: left / frame.width, y: 1 - top / height };
  const look = { xanchor: "left", yanchor: "top", align: "left", showarrow: false, borderpad: 0 };
  return { text: figureText(text, { bold }), ...place, ...look, ...style };
}

/**
 * A line with its band, as plotly traces: the band first, so lines lie above it.
 *
 * @param axis number of the pair of axes, from 1
 * @param showLegend whether this line stands in the legend; once per figure is enough
 */
export function bandSeries(series: Series, axis = 1, showLegend = true): Record<string, unknown>[] {
  const { setting, x, mean, low, high } = series;
  const look = styleOf(setting);
  const name = series.name ?? look.label;
  const lengths = [x, mean, low ?? x, high ?? x].map((values) => values.length);
  const fine = lengths.every((length) => length === lengths[0]) && lengths[0]! > 0;
  ensure(fine, "bandSeries", `needs x, mean, low and high of one length >= 1 in "${name}"`, lengths);
  ensure((low === undefined) === (high === undefined), "bandSeries", `needs both of low and high in "${name}"`, "one");
  ensure(x.every(Number.isFinite), "bandSeries", `needs finite x in "${name}"`, [...x]);

  const place = { type: "scatter", xaxis: axisId("x", axis), yaxis: axisId("y", axis), legendgroup: name };
  const isShort = x.length <= 12 && look.family !== "reference"; // few points: show where they are
  const line: Record<string, unknown> = {
    ...place,
    name: figureText(name),
    x,
    y: mean,
    mode: isShort ? "lines+markers" : "lines",
    line: { color: look.colour, width: 2, dash: series.dash ?? look.dash },
    ...(isShort && { marker: { color: look.colour, size: 6 } }),
    showlegend: showLegend,
    hovertemplate: "%{y:.3g}",
  };
  if (low === undefined || high === undefined) return [line];
  line["customdata"] = x.map((_, i) => [low[i], high[i]]);
  line["hovertemplate"] = "%{y:.3g}  [%{customdata[0]:.3g}, %{customdata[1]:.3g}]";
  if (x.length === 1) {
    const errors = { type: "data", symmetric: false, array: [high[0]! - mean[0]!], arrayminus: [mean[0]! - low[0]!] };
    return [{ ...line, error_y: { ...errors, color: look.colour, thickness: 1.5, width: 5 } }];
  }
  const isGap = (i: number): boolean => !Number.isFinite(low[i]) || !Number.isFinite(high[i]);
  const bands = runs(x.length, isGap).map((run) => ({
    ...place,
    x: [...run.map((i) => x[i]), ...run.map((i) => x[i]).reverse()],
    y: [...run.map((i) => high[i]), ...run.map((i) => low[i]).reverse()],
    mode: "lines",
    line: { width: 0 },
    fill: "toself",
    fillcolor: look.colour + "2E", // 18 % opaque
    showlegend: false,
    hoverinfo: "skip",
  }));
  return [...bands, line];
}

/**
 * Line charts with bands: one panel, or several side by side, under one legend in the table's order of settings.
 *
 * @returns a plotly figure, 900 px wide
 */
export function lineFigure(spec: LineFigureSpec): Figure {
  const { title, panels } = spec;
  ensure(panels.length > 0, "lineFigure", "needs at least one panel", 0);
  const columns = Math.min(spec.columns ?? 2, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const legend = legendOf(panels);
  const { lines } = legendLayout(legend, 1);
  const top = 48 + (lines === 0 ? 0 : 20 * lines + 6);
  const cell = { width: frame.width / columns, height: columns === 1 ? 360 : 290 };
  const inset = { left: 74, right: 18, top: panels.some((panel) => panel.title) ? 34 : 12, bottom: 50 };
  const height = top + rows * cell.height + frame.footer;
  const base = baseLayout(title, height);

  const layout: Record<string, unknown> = {
    ...base,
    hovermode: "x unified",
    showlegend: lines > 0,
    legend: legendLayout(legend, height).layout,
  };
  const annotations = [...base.annotations];
  const listed = new Set<string>();
  const data = panels.flatMap((panel, p) => {
    const left = (p % columns) * cell.width + inset.left;
    const above = top + Math.floor(p / columns) * cell.height + inset.top;
    const right = left + cell.width - inset.left - inset.right;
    const below = above + cell.height - inset.top - inset.bottom;
    const [x, y] = [axisOf(panel.x), axisOf(panel.y)];
    layout[axisKey("x", p + 1)] = {
      ...axisLayout(x, [left / frame.width, right / frame.width], axisId("y", p + 1)),
      ...ticksOf(x, panel.series.flatMap((series) => series.x)), // prettier-ignore
    };
    layout[axisKey("y", p + 1)] = {
      ...axisLayout(y, [1 - below / height, 1 - above / height], axisId("x", p + 1)),
      ...(panel.yRange && { range: panel.yRange }),
    };
    if (panel.title)
      annotations.push(textAt(panel.title, left, above - 24, height, { bold: true, font: { size: 14 } }));
    const traces = panel.series.flatMap((series) => {
      const name = series.name ?? styleOf(series.setting).label;
      const isNew = !listed.has(name);
      listed.add(name);
      return bandSeries(series, p + 1, isNew).map((trace) => ({ ...trace, legendrank: legend.indexOf(name) + 1 }));
    });
    const isBand = (trace: Record<string, unknown>): boolean => trace["fill"] !== undefined;
    return [...traces.filter(isBand), ...traces.filter((trace) => !isBand(trace))]; // no band covers a line
  });
  return { data, layout: { ...(layout as unknown as Figure["layout"]), annotations } };
}

/**
 * Shows a figure in the notebook and writes <name>.<profile>.svg, see figureFile.
 *
 * The output carries plotly's interactive figure, the SVG and a line of text; without a browser there is no SVG and no file.
 *
 * @param name file name without profile: "NN_name", lower case
 * @param figure made by lineFigure or imageGrid, or any with the layout of baseLayout
 * @param stamp where the numbers come from; stands at the foot
 * @throws InputError when the name does not fit or a number is infinite
 * @example
 * await showFigure("02_rmse", lineFigure({ title, panels }), stamp);
 */
export async function showFigure(name: string, figure: Figure, stamp: Stamp): Promise<void> {
  const file = figureFile("showFigure", name, stamp, "svg");
  const stamped = stampFigure(figure, stamp);
  const svg = await drawSvg(stamped, name);
  if (svg !== undefined) writeWhole(file, svg);
  const { meta } = figure.layout; // the title, see baseLayout
  const text = `[figure ${name}${typeof meta === "string" ? `: ${meta}` : ""}]\n${stampText(stamp)}`;
  display({
    "application/vnd.plotly.v1+json": { ...stamped, config: { displaylogo: false, toImageButtonOptions: { format: "svg", filename: name } } }, // prettier-ignore
    ...(svg !== undefined && { "image/svg+xml": svg }),
    "text/plain": svg === undefined ? text : `${text}\n${relative(dirname(figuresFolder()), file)}`,
  });
}

/**
 * Shows line charts: lineFigure and showFigure in one call.
 *
 * @param name file name without profile: "NN_name"
 * @param spec title, panels, columns
 * @param stamp where the numbers come from
 * @throws InputError as lineFigure and showFigure
 * @example
 * await showLines("02_rmse", { title: "Error by round", panels: [{ x: "round", y: "rmse", series }] }, stamp);
 */
export async function showLines(name: string, spec: LineFigureSpec, stamp: Stamp): Promise<void> {
  await showFigure(name, lineFigure(spec), stamp);
}

/**
 * A figure with its stamp at the foot and its numbers rounded to 6 digits, as it is shown and written.
 *
 * @returns another figure; NaN has become null
 */
export function stampFigure(figure: Figure, stamp: Stamp): Figure {
  const { height } = figure.layout;
  const foot = textAt(stampText(stamp), 16, height - 24, height, { font: { size: 12, color: "#666666" } });
  const annotations = [...((figure.layout["annotations"] as object[] | undefined) ?? []), foot];
  return plain({ data: figure.data, layout: { ...figure.layout, annotations } }) as Figure;
}

/** Rounds every number, NaN to null as JSON wants it. */
function plain(value: unknown): unknown {
  if (typeof value === "number") {
    ensure(Number.isFinite(value) || Number.isNaN(value), "showFigure", "needs finite numbers or NaN", value);
    return Number.isNaN(value) ? null : roundTo(value, 6);
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined).map(([key, entry]) => [key, plain(entry)])); // prettier-ignore
}

function axisId(letter: "x" | "y", axis: number): string {
  return axis === 1 ? letter : `${letter}${axis}`;
}

function axisKey(letter: "x" | "y", axis: number): string {
  return `${letter}axis${axis === 1 ? "" : axis}`;
}

/**
 * An axis in the common look: outside ticks, light grid, no zero line of plotly's own.
 *
 * @param domain [from, to] in paper coordinates
 * @param anchor the other axis: "y", "x2", ...
 * @example
 * axisLayout(axisOf("round"), [0, 1], "y").type; // "linear"
 */
export function axisLayout(axis: AxisSpec, domain: readonly number[], anchor: string): Record<string, unknown> {
  return {
    title: { text: figureText(axis.label), standoff: 8, font: { size: 14 } },
    type: axis.scale ?? "linear",
    domain,
    anchor,
    gridcolor: grid,
    zeroline: false,
    showline: true,
    linecolor: ink,
    ticks: "outside",
    tickcolor: ink,
    ticklen: 4,
    tickfont: { size: frame.fontSize },
    nticks: 7,
    exponentformat: "e",
    ...(axis.scale === "log" ? { dtick: 1, tickformat: "~r" } : { tickformatstops: decimals }),
    automargin: false,
  };
}

/** Few rounds, clients or steps: no ticks between integers. Less than a decade and a half: ticks within decades. */
function ticksOf({ scale }: AxisSpec, x: readonly number[]): object {
  const [low, high] = [Math.min(...x), Math.max(...x)];
  if (scale === "log") return high / low < 30 ? { dtick: undefined, nticks: 5 } : {};
  return x.every(Number.isInteger) && high - low <= 7 ? { dtick: 1, tickformat: "d" } : {};
}

/** The names in the order of the style table; one name counts once. */
function legendOf(panels: readonly Panel[]): string[] {
  const settingOf = new Map<string, Drawn>();
  for (const { setting, name = styleOf(setting).label } of panels.flatMap((panel) => panel.series)) {
    if (!settingOf.has(name)) settingOf.set(name, setting);
  }
  const order = inOrder([...settingOf.values()]);
  return [...settingOf.keys()].sort((a, b) => order.indexOf(settingOf.get(a)!) - order.indexOf(settingOf.get(b)!));
}

/**
 * A legend in columns of one width under the title, with room for wider fonts than ours; none where one name needs none.
 * Its lines are counted here because the panels begin below it.
 */
function legendLayout(names: readonly string[], height: number): { readonly lines: number; readonly layout: object } {
  const entrywidth = Math.ceil(7.5 * Math.max(...names.map((name) => name.length)));
  const perLine = Math.max(1, Math.floor((frame.width - 16) / (entrywidth + 45))); // plotly: 40 px of line sample, 5 px of gap
  const place = { x: 12 / frame.width, y: 1 - 44 / height, xanchor: "left", yanchor: "top" };
  const layout = { orientation: "h", ...place, traceorder: "normal", entrywidth, font: { size: frame.fontSize } };
  return { lines: names.length < 2 ? 0 : Math.ceil(names.length / perLine), layout };
}

/** Stretches of consecutive indices without gaps. */
function runs(length: number, isGap: (i: number) => boolean): number[][] {
  const found: number[][] = [[]];
  for (let i = 0; i < length; i++) {
    if (isGap(i)) found.push([]);
    else found.at(-1)!.push(i);
  }
  return found.filter((run) => run.length > 1);
}
