/** @file The scoreboard: one row per claim, made only from the records that notebooks leave in figures/. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { at, readJson } from "./steps/common.mjs";

const require = createRequire(import.meta.url);

/** A paper record speaks before a quick one; a smoke run only tests the wiring and never speaks. */
const profiles = ["paper", "quick"];

/**
 * The record of each notebook in its best profile, in reading order.
 * @throws an error that names the file and the place that does not fit
 */
export function readRecords(figures = at("figures")) {
  const { parseRecord } = require(at("lib", "dist", "report", "claims.js"));
  const files = existsSync(figures) ? readdirSync(figures) : [];
  const names = files.map((file) => /^(\d\d_\w+)\.(?:paper|quick)\.json$/.exec(file)?.[1]).filter(Boolean);
  return [...new Set(names)].sort().map((name) => {
    const file = join(
      figures,
      profiles.map((profile) => `${name}.${profile}.json`).find((file) => files.includes(file)),
    );
    try {
      const record = parseRecord(readJson(file));
      if (record.notebook !== name) throw new Error(`needs the record of ${name}, got that of ${record.notebook}`);
      return record;
    } catch (error) {
      throw new Error(`${file}: ${error.message}`, { cause: error });
    }
  });
}

/** "02_passive_listener" -> "02 passive listener" */
export const title = (notebook) => notebook.replaceAll("_", " ");

/** A record's words in a cell of a Markdown table, which then shows just them: no tag, code, formula or link begins in them. */
const plain = (text) =>
  text
    .replace(/\s+/g, " ")
    .replace(/[\\`*{}[\]<>|$~&]|\b_\B|\B_/g, "\\$&")
    .trim();

/** Markdown table of all claims in the records; `link` turns a notebook's name into the place its row points to. */
export function scoreboard(records, link) {
  const { formatNumber } = require(at("lib", "dist", "report", "number.js"));
  const rows = records.flatMap(({ notebook, profile, claims }) =>
    claims.map(({ id, setting, statement, direction, threshold, measured, interval, unit, n, verdict }) => [
      `[${title(notebook)}](${link(notebook)})`,
      plain(setting ? `${id} (${setting})` : id),
      `${plain(statement)} (${direction} ${formatNumber(threshold)})`,
      measured === null
        ? "–"
        : `${formatNumber(measured)} [${interval.map((end) => formatNumber(end)).join(", ")}] ${plain(unit)}, n = ${n}`,
      profile === "quick" && measured !== null ? `${verdict} (indicative)` : verdict,
    ]),
  );
  if (rows.length === 0) return "*No record yet: `npm start` makes them.*";
  const head = ["Notebook", "Claim", "Paper", "Measured", "Verdict"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** "C4 1 reproduced, 2 undecided; C6 2 undecided": how often each verdict fell, claim by claim. */
export function verdictCounts({ claims }) {
  const ids = [...new Set(claims.map(({ id }) => id))];
  return ids
    .map((id) => {
      const verdicts = claims.filter((claim) => claim.id === id).map(({ verdict }) => verdict);
      const counts = [...new Set(verdicts)].sort().map((one) => `${verdicts.filter((v) => v === one).length} ${one}`);
      return `${id} ${counts.join(", ")}`;
    })
    .join("; ");
}

const markers = ["<!-- scoreboard -->", "<!-- /scoreboard -->"];

/** The README as it has to be for these records: what stands between the scoreboard markers is replaced, a fold a notebook. */
export async function withScoreboard(readme, records) {
  const { escapeHtml } = require(at("lib", "dist", "report", "markup.js"));
  const [begin, end] = markers.map((marker) => readme.indexOf(marker));
  if (begin < 0 || end < begin) throw new Error(`README.md: needs ${markers.join(" … ")} around the scoreboard`);
  const link = (notebook) => `notebooks/${notebook}.ipynb`;
  const folded = records
    .filter(({ claims }) => claims.length > 0)
    .map(
      (record) =>
        `<details>\n<summary><a href="${link(record.notebook)}">${title(record.notebook)}</a>: ${escapeHtml(verdictCounts(record))}</summary>\n\n${scoreboard([record], link)}\n\n</details>`,
    );
  const table = folded.length === 0 ? scoreboard(records, link) : folded.join("\n\n");
  const { format } = await import("prettier");
  const formatted = await format([markers[0], table, markers[1]].join("\n\n"), { parser: "markdown" });
  return readme.slice(0, begin) + formatted.trimEnd() + readme.slice(end + markers[1].length);
}
