/** @file The scoreboards: what was found, per claim and per test, made only from the records that notebooks leave in figures/. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

/** "(below 0)" behind what is measured. */
const testOf = ({ statement, direction, threshold }) => `${plain(statement)} (${direction} ${formatted(threshold)})`;

const numbersOf = ({ measured, interval, unit, n }) =>
  measured === null ? "–" : `${formatted(measured)} [${interval.map(formatted).join(", ")}] ${plain(unit)}, n = ${n}`;

const formatted = (value) => require(at("lib", "dist", "report", "number.js")).formatNumber(value);

const markdownTable = (head, rows) =>
  rows.length === 0
    ? "*No record yet: `npm start` makes them.*"
    : [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Markdown table of all claims in the records; `link` turns a notebook's name into the place its row points to. */
export function scoreboard(records, link) {
  const rows = records.flatMap(({ notebook, profile, claims }) =>
    claims.map((claim) => [
      `[${title(notebook)}](${link(notebook)})`,
      plain(claim.setting ? `${claim.id} (${claim.setting})` : claim.id),
      testOf(claim),
      numbersOf(claim),
      profile === "quick" && claim.measured !== null ? `${claim.verdict} (indicative)` : claim.verdict,
    ]),
  );
  return markdownTable(["Notebook", "Claim", "Test", "Measured", "Verdict"], rows);
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

/** The words of a claim's verdicts: the one that all its tests share, or how often each fell. */
function verdictOf(tests) {
  const words = tests.map(({ verdict, isQuick }) => (isQuick ? `${verdict} (indicative)` : verdict));
  const kinds = [...new Set(words)].sort();
  return kinds.length === 1
    ? kinds[0]
    : kinds.map((kind) => `${words.filter((w) => w === kind).length} ${kind}`).join(", ");
}

/**
 * Markdown table of the claims in words: a row per claim that a record decides, in the order of `words` (text by id). The numbers are
 * those of its first test; the verdict is that of all of them.
 */
export function claimBoard(records, words, link) {
  const tests = records.flatMap(({ notebook, profile, claims }) =>
    claims.map((claim) => ({ ...claim, notebook, isQuick: profile === "quick" && claim.measured !== null })),
  );
  const strange = tests.find(({ id }) => !Object.hasOwn(words, id));
  if (strange)
    throw new Error(`notebooks/claims.json: needs words for ${strange.id}, which ${strange.notebook} decides`);
  const rows = Object.entries(words).flatMap(([id, text]) => {
    const own = tests.filter((test) => test.id === id);
    if (own.length === 0) return [];
    const first = own.find(({ measured }) => measured !== null) ?? own[0];
    const notebooks = [...new Set(own.map(({ notebook }) => notebook))];
    const links = notebooks.map((name) => `[${name.slice(0, 2)}](${link(name)})`).join(", ");
    const ours = [first.setting && plain(first.setting), numbersOf(first)].filter(Boolean).join(": ");
    return [[`${id} · ${plain(text)}`, testOf(first), ours, `${verdictOf(own)} · ${links}`]];
  });
  return markdownTable(["Claim", "What would show it", "Measured (its first test)", "Verdict"], rows);
}

/** A page with what stands between its markers replaced, laid out as the format check wants it. */
async function between(page, name, marker, content) {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [begin, end] = [open, close].map((text) => page.indexOf(text));
  if (begin < 0 || end < begin) throw new Error(`${name}: needs ${open} … ${close}`);
  const { format } = await import("prettier");
  const formatted = await format([open, content, close].join("\n\n"), { parser: "markdown", printWidth: 120 });
  return page.slice(0, begin) + formatted.trimEnd() + page.slice(end + close.length);
}

/** The README as it has to be for these records. */
export function withClaims(readme, records, words) {
  return between(
    readme,
    "README.md",
    "claims",
    claimBoard(records, words, (name) => `notebooks/${name}.ipynb`),
  );
}

/** figures/README.md as it has to be for these records: every test, a fold per notebook. */
export function withScoreboard(page, records) {
  const { escapeHtml } = require(at("lib", "dist", "report", "markup.js"));
  const link = (notebook) => `../notebooks/${notebook}.ipynb`;
  const folded = records
    .filter(({ claims }) => claims.length > 0)
    .map(
      (record) =>
        `<details>\n<summary><a href="${link(record.notebook)}">${title(record.notebook)}</a>: ${escapeHtml(verdictCounts(record))}</summary>\n\n${scoreboard([record], link)}\n\n</details>`,
    );
  const table = folded.length === 0 ? scoreboard(records, link) : folded.join("\n\n");
  return between(page, "figures/README.md", "scoreboard", table);
}

/** Each page that is made from the records, by its place in the project: [as it is, as it has to be]. */
export async function pages(records = readRecords()) {
  const read = (name) => readFileSync(at(name), "utf8");
  const [readme, board] = ["README.md", "figures/README.md"].map(read);
  const words = readJson(at("notebooks", "claims.json"));
  return {
    "README.md": [readme, await withClaims(readme, records, words)],
    "figures/README.md": [board, await withScoreboard(board, records)],
  };
}
