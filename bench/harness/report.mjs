/** @file bench/README.md: one generated section a benchmark, between markers. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** A number to three significant digits, without exponent. */
export const digits = (value) => {
  if (!Number.isFinite(value)) return String(value);
  const places = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 8));
};

/** A median with the middle half of the repeats: "1.23 (1.20–1.31)". */
export const spread = ({ median, q1, q3 }) => `${digits(median)} (${digits(q1)}–${digits(q3)})`;

/** The same of a ratio: "**2.31×** (2.20–2.40)". */
export const ratio = ({ median, q1, q3 }) => `**${digits(median)}×** (${digits(q1)}–${digits(q3)})`;

/** A Markdown table. */
export const inTable = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** What computed: no name of the machine, only what the times depend on. */
export const machine = () => ({
  processor: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
});

/** The share of the processors' time that was in use over a while, 0..1: of others, as long as this process only waits. */
export async function busyShare(milliseconds = 2000) {
  const sum = () => {
    const total = { busy: 0, all: 0 };
    for (const { times } of cpus())
      for (const [kind, time] of Object.entries(times)) {
        total.all += time;
        if (kind !== "idle") total.busy += time;
      }
    return total;
  };
  const before = sum();
  await sleep(milliseconds);
  const after = sum();
  return (after.busy - before.busy) / Math.max(1, after.all - before.all);
}

const markers = (name) => [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];

/**
 * The text with the benchmark's section replaced, or appended where it has none yet.
 * @param text of README.md
 * @param name of the benchmark
 * @param body Markdown
 */
export async function withSection(text, name, body) {
  const [begin, end] = markers(name);
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 !== to < 0 || to < from)
    throw new Error(`bench/README.md: needs ${begin} … ${end}, once and in this order`);
  const { format } = await import("prettier");
  const section = (await format([begin, body, end].join("\n\n"), { parser: "markdown", printWidth: 120 })).trimEnd();
  if (from < 0) return `${text.trimEnd()}\n\n${section}\n`;
  return text.slice(0, from) + section + text.slice(to + end.length);
}

/** What is wanted of a key: a number is the least, { atMost } the most. */
export const wantedText = (goal) => (typeof goal === "number" ? `at least ${goal}` : `at most ${goal.atMost}`);

/**
 * A benchmark's whole section: heading, what it says, what was wanted, and where and when it was measured.
 * @param measured of which `spread` says what its numbers are, where they are no medians of repeats
 */
export function sectionOf(measured) {
  const { title, body, keys, goals = {}, machine, versions, date, repeats, seconds, others } = measured;
  const { spread = `medians of ${repeats} repeats with quartiles` } = measured;
  const { processor, cores, memoryGigabytes, platform } = machine;
  const percent = Math.round(100 * others);
  const rows = Object.entries(goals).map(([key, wanted]) => [`\`${key}\``, digits(keys[key]), wantedText(wanted)]);
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const stamp =
    `_${processor}, ${cores} cores, ${memoryGigabytes} GB, ${platform}; ${software.join(", ")}; ${date}; ` +
    `${spread}, ${Math.ceil(seconds / 60)} minutes in all; other programs used ${percent} % of the processors._`;
  return [`## ${title}`, body, rows.length > 0 ? inTable(["key", "measured", "wanted"], rows) : "", stamp].join("\n\n");
}
