/** @file Dataframes: a danfo frame to query, shown as a table with sensible numbers. */
import type * as Danfo from "danfojs-node";
import { ensure } from "../core/errors";
import { display } from "./display";
import { escapeHtml } from "./markup";
import { formatNumber, formatReal } from "./number";
import { axes } from "./style";

/** One line of a table; every row has the same keys. */
export type Row = Readonly<Record<string, string | number>>;

/** How a table is shown. */
export interface TableOptions {
  /** Above the table. */
  readonly title?: string;
  /** By key, with the unit; quantities of the axis table have theirs already. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Significant digits of what is not an integer; default 3. */
  readonly digits?: number;
}

/**
 * Shows rows as a table and returns them as a danfo dataframe to query, group or export.
 *
 * A NaN is shown as "–". Beware of danfo 1.2: describe() and groupby().mean() give NaN for a column or group that holds a NaN;
 * and round is a method of a frame, so take that column by frame.column("round").
 *
 * @param rows at least one; numbers in the units the headers say
 * @param options title, headers, digits
 * @returns a danfojs-node DataFrame of the unrounded rows
 * @throws InputError when there is no row or rows differ in their keys
 * @example
 * const frame = table([{ round: 0, rmse: 0.2099 }, { round: 1, rmse: 0.2213 }]);
 * frame.query(frame.column("rmse").gt(0.21)).shape; // [1, 2]
 */
export function table(rows: readonly Row[], options: TableOptions = {}): Danfo.DataFrame {
  showTable(rows, options);
  require("../core/backend"); // danfo requires TensorFlow, which needs the preparations made there
  const danfo = require("danfojs-node") as typeof Danfo; // takes a second to load
  const frame = new danfo.DataFrame(rows.map((row) => ({ ...row })));
  // A cell that ends in table(…) would print the frame's insides.
  const summary = (): string => `DataFrame of ${frame.shape[0]} rows and ${frame.shape[1]} columns`;
  Object.defineProperty(frame, Symbol.for("nodejs.util.inspect.custom"), { value: summary });
  return frame;
}

/**
 * Shows rows as a table, without a dataframe.
 *
 * @example
 * showTable([{ round: 0, rmse: 0.21 }], { title: "Errors" });
 */
export function showTable(rows: readonly Row[], options: TableOptions = {}): void {
  const { html, text } = formatTable(rows, options);
  display({ "text/html": html, "text/plain": text });
}

/** A table as HTML and as plain text of at most 100 letters per line where the words allow it. */
export function formatTable(
  rows: readonly Row[],
  options: TableOptions = {},
): { readonly html: string; readonly text: string } {
  const { title, headers = {}, digits = 3 } = options;
  ensure(rows.length > 0, "table", "needs at least one row", 0);
  const keys = Object.keys(rows[0]!);
  for (const [i, row] of rows.entries()) {
    const same = Object.keys(row).length === keys.length && keys.every((key) => Object.hasOwn(row, key));
    ensure(same, "table", `needs the columns ${keys.join(", ")} in every row`, `${Object.keys(row).join(", ")} in row ${i}`); // prettier-ignore
  }
  const columns = keys.map((key): Column => {
    const values = rows.map((row) => row[key]!);
    const numbers = values.filter((value) => typeof value === "number");
    const format = numbers.every((value) => Number.isInteger(value) || Number.isNaN(value)) ? formatNumber : formatReal;
    const cells = values.map((value) => (typeof value === "number" ? format(value, digits) : value));
    return { header: headers[key] ?? labelOf(key), isNumeric: numbers.length > 0, cells };
  });
  const head = title === undefined ? "" : `<p><b>${escapeHtml(title)}</b></p>\n`;
  const text = toText(columns, rows.length);
  return { html: head + toHtml(columns, rows.length), text: title === undefined ? text : `${title}\n${text}` };
}

interface Column {
  readonly header: string;
  readonly isNumeric: boolean;
  readonly cells: readonly string[];
}

function labelOf(key: string): string {
  return Object.hasOwn(axes, key) ? axes[key as keyof typeof axes].label : key;
}

/** align, not style: the page that shows a committed notebook may strip styles. */
function toHtml(columns: readonly Column[], count: number): string {
  const line = (tag: string, text: (column: Column) => string): string =>
    `<tr>${columns.map((column) => `<${tag} align="${column.isNumeric ? "right" : "left"}">${escapeHtml(text(column))}</${tag}>`).join("")}</tr>`; // prettier-ignore
  const body = Array.from({ length: count }, (_, r) => line("td", (column) => column.cells[r]!));
  return `<table>\n<thead>${line("th", ({ header }) => header)}</thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table>`;
}

/** The table as text, broken at words to 100 columns. */
function toText(columns: readonly Column[], count: number): string {
  const gap = 2;
  const widths = columns.map(({ header, cells }) => Math.max(...[header, ...cells].map((text) => text.length)));
  const least = columns.map(({ header, cells }) => Math.max(...[header, ...cells].flatMap((text) => text.split(" ")).map((word) => word.length))); // prettier-ignore
  const total = (): number => widths.reduce((sum, width) => sum + width + gap, -gap);
  while (total() > 100 && widths.some((width, c) => width > least[c]!)) {
    const slack = widths.map((width, c) => (width > least[c]! ? width : 0)); // shorten the widest that can be broken
    widths[slack.indexOf(Math.max(...slack))]!--;
  }
  const line = (texts: readonly string[]): string => {
    const broken = texts.map((text, c) => wrapWords(text, widths[c]!));
    const height = Math.max(...broken.map((lines) => lines.length));
    return Array.from({ length: height }, (_, i) =>
      broken
        .map((lines, c) =>
          columns[c]!.isNumeric ? (lines[i] ?? "").padStart(widths[c]!) : (lines[i] ?? "").padEnd(widths[c]!),
        ) // prettier-ignore
        .join(" ".repeat(gap))
        .trimEnd(),
    ).join("\n");
  };
  const rows = Array.from({ length: count }, (_, r) => line(columns.map(({ cells }) => cells[r]!)));
  return [line(columns.map(({ header }) => header)), ...rows].join("\n");
}

/**
 * Breaks a text at spaces into lines of at most that many letters; a longer word has a line of its own, and "κ = 3" is a word.
 *
 * @param letters per line, at least 1
 */
export function wrapWords(text: string, letters: number): string[] {
  return text.split("\n").flatMap((part) => {
    const lines: string[] = [];
    for (const word of part.split(/(?<! =) (?!= )/)) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}
