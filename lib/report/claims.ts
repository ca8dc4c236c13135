/** @file Verdicts: an interval against a threshold, a table for the reader, a record for the scoreboard. */
import { ensure, ensureCount, refuse } from "../core/errors";
import type { Estimate } from "../experiment/statistics";
import { figureFile, writeWhole } from "./file";
import { formatNumber, roundTo } from "./number";
import { currentProfile, type Profile } from "../core/profile";
import type { Stamp } from "./stamp";
import { showTable } from "./table";

/** The closed set of verdicts, and what a smoke run says instead. */
export type Verdict =
  "reproduced" | "contradicted" | "undecided" | "undecided (search)" | "not testable" | "no verdict (smoke)";

const verdicts: readonly string[] = ["reproduced", "contradicted", "undecided", "undecided (search)", "not testable", "no verdict (smoke)"] satisfies readonly Verdict[]; // prettier-ignore

const enoughFound = 0.9; // of the leaks that a claim speaks of: below, it is the search that was measured

/** A claim of the paper as it was announced before the run. */
export interface Claim {
  /** Of the claims table: "C1". */
  readonly id: string;
  /** Where one claim is tested per rule: "krum". */
  readonly setting?: string;
  /** What is tested, in words. */
  readonly statement: string;
  /** In `unit`. */
  readonly threshold: number;
  /** The side of the threshold the claim is on. */
  readonly direction: "above" | "below";
  /** "pixels in [0, 1]". */
  readonly unit: string;
  /** What a reader has to know of it. */
  readonly note?: string;
  /** Share, 0..1, of the leaks behind it of which the search found images as good as the private ones; for claims on errors. */
  readonly found?: number | null;
}

/** A claim with what was measured. */
export interface DecidedClaim extends Claim {
  /** The mean; null when it could not be tested. */
  readonly measured: number | null;
  /** Of 95 %; null when it could not be tested. */
  readonly interval: readonly [number, number] | null;
  /** Seeds. */
  readonly n: number;
  /** Of a closed set, see Verdict. */
  readonly verdict: Verdict;
  /** Empty, or what a reader has to know of it. */
  readonly note: string;
}

/** What a notebook leaves in NN_name.<profile>.json. */
export interface ClaimRecord extends Stamp {
  /** Its name: "03_poisoning". */
  readonly notebook: string;
  /** Plain JSON. */
  readonly config: unknown;
  /** ISO 8601. */
  readonly computedAt: string;
  /** What it took to compute. */
  readonly seconds: number;
  /** Tested, with their verdicts. */
  readonly claims: readonly DecidedClaim[];
}

/**
 * Decides a claim by its interval.
 *
 * reproduced   interval strictly on the claimed side of the threshold
 * contradicted interval strictly on the other side
 * undecided    the threshold lies in the interval, its ends included
 *
 * A claim on errors of which fewer than nine tenths of the leaks were found is "undecided (search)": a search that failed is neither
 * protection nor its absence.
 *
 * A smoke run gets no verdict; a quick run's is called indicative wherever it is shown.
 *
 * @param claim the claim, and estimate: mean, 95 % interval and n (seeds) in the claim's unit
 * @param profile the profile; that of this run unless given
 * @returns the claim with measured, interval, n and verdict
 * @throws InputError when a number is not finite, the interval is reversed, n < 2, or found is no share
 * @example
 * decide({ id: "C2", statement: "early rounds leak most", threshold: 0, direction: "above", unit: "pixels in [0, 1]",
 *   estimate: { mean: 0.05, interval: [0.03, 0.07], n: 3 } }, "quick").verdict; // "reproduced"
 */
export function decide(
  { estimate, ...claim }: Claim & { readonly estimate: Estimate },
  profile: Profile = currentProfile(),
): DecidedClaim {
  // prettier-ignore
  const { mean, interval, n } = estimate;
  const [low, high] = interval;
  const { threshold, direction } = claim;
  const isFinite = [mean, low, high, threshold].every(Number.isFinite);
  ensure(isFinite, "decide", `needs finite numbers in ${claim.id}`, `mean ${mean}, interval [${low}, ${high}], threshold ${threshold}`); // prettier-ignore
  ensure(low <= high, "decide", `needs an interval [low, high] in ${claim.id}`, interval);
  ensureCount("decide", "n", n, 2);
  const [isAbove, isBelow] = [low > threshold, high < threshold];
  let verdict: Verdict = "undecided";
  const { found } = claim;
  if (typeof found === "number")
    ensure(found >= 0 && found <= 1, "decide", `needs found in 0..1 in ${claim.id}`, found);
  if (profile === "smoke") verdict = "no verdict (smoke)";
  else if (typeof found === "number" && found < enoughFound) verdict = "undecided (search)";
  else if (isAbove || isBelow) verdict = isAbove === (direction === "above") ? "reproduced" : "contradicted";
  return { ...claim, measured: mean, interval: [low, high], n, verdict, note: claim.note ?? "" };
}

/**
 * A claim that this run cannot test, with the reason.
 *
 * @param claim the claim; note says why
 * @returns the claim without numbers, verdict "not testable"
 * @example
 * const claim = { id: "C8", statement: "…", threshold: 0, direction: "below", unit: "nats", note: "needs 30 seeds" } as const;
 * notTestable(claim).verdict; // "not testable"
 */
export function notTestable(claim: Claim & { readonly note: string }): DecidedClaim {
  return { ...claim, measured: null, interval: null, n: 0, verdict: "not testable" };
}

/**
 * Shows claims as a table: claim, statement, threshold, what was measured with its interval and n, verdict.
 *
 * @param claims as decide or notTestable returned them, at least one
 * @param profile the profile; that of this run unless given. Verdicts of quick runs are marked indicative
 * @throws InputError when there is no claim
 * @example
 * claimTable([c1, c2, c3]);
 */
export function claimTable(claims: readonly DecidedClaim[], profile: Profile = currentProfile()): void {
  const rows = claims.map((claim) => ({
    claim: claim.setting === undefined ? claim.id : `${claim.id} (${claim.setting})`,
    statement: claim.statement,
    threshold: `${claim.direction} ${formatNumber(claim.threshold)}`,
    measured: measuredText(claim),
    ...(claims.some(({ found }) => typeof found === "number") && { found: foundText(claim) }),
    verdict: claim.verdict + (profile === "quick" && claim.n > 0 ? " (indicative)" : ""),
    ...(claims.some(({ note }) => note !== "") && { note: claim.note }),
  }));
  showTable(rows, { title: "Verdicts", headers: { measured: "measured [95 % interval]", found: "found" } });
}

/** "95 %", or a dash for a claim that is on no error. */
function foundText({ found }: DecidedClaim): string {
  return typeof found === "number" ? `${Math.round(100 * found)} %` : "–";
}

function measuredText({ measured, interval, n, unit }: DecidedClaim): string {
  if (measured === null || interval === null) return "–";
  return `${formatNumber(measured)} [${interval.map((end) => formatNumber(end)).join(", ")}] ${unit}, n = ${n}`;
}

/**
 * Writes the record of a notebook: <notebook>.<profile>.json, see figureFile. Scoreboard and summaries read only these, once
 * `npm start -- --write` has taken them into figures/.
 *
 * Numbers are rounded to 4 significant digits and keys stand in a fixed order: unchanged results give unchanged records.
 *
 * @param notebook name of the notebook, "02_passive_listener"
 * @param record the stamp's fields, config, seconds of computation and claims; computedAt, where results came from the store
 * @throws InputError as parseRecord, or when the name has another form
 * @example
 * writeRecord("02_passive_listener", { ...stamp, config, seconds, claims: [c1, c2, c3] });
 */
export function writeRecord(
  notebook: string,
  record: Omit<ClaimRecord, "notebook" | "computedAt"> & { readonly computedAt?: string },
): void {
  // prettier-ignore
  const file = figureFile("writeRecord", notebook, record, "json");
  const computedAt = record.computedAt ?? new Date().toISOString();
  writeWhole(file, JSON.stringify(parseRecord({ ...record, notebook, computedAt }), undefined, 2) + "\n");
}

/** Checks a record and puts it into its canonical form: fixed order of keys, rounded numbers. */
export function parseRecord(value: unknown): ClaimRecord {
  const record = object(value, "record");
  const profile = oneOf(record["profile"], ["smoke", "quick", "paper"], "profile");
  return {
    notebook: text(record["notebook"], "notebook"),
    profile: profile as Profile,
    dataset: text(record["dataset"], "dataset"),
    datasetSource: oneOf(record["datasetSource"], ["folder", "download", "embedded"], "datasetSource") as Stamp["datasetSource"], // prettier-ignore
    ...(record["datasetHash"] !== undefined && { datasetHash: text(record["datasetHash"], "datasetHash") }),
    ...(typeof record["datasetOfficial"] === "boolean" && { datasetOfficial: record["datasetOfficial"] }),
    backend: text(record["backend"], "backend"),
    seeds: list(record["seeds"], "seeds").map((seed, i) => number(seed, `seeds[${i}]`)),
    config: json(record["config"], "config"),
    computedAt: text(record["computedAt"], "computedAt"),
    seconds: roundTo(number(record["seconds"], "seconds"), 3),
    claims: list(record["claims"], "claims").map((claim, i) => parseClaim(claim, `claims[${i}]`, profile as Profile)),
  };
}

/** Checks a decided claim of a record and rounds its numbers. */
function parseClaim(value: unknown, place: string, profile: Profile): DecidedClaim {
  const claim = object(value, place);
  const verdict = oneOf(claim["verdict"], verdicts, `${place}.verdict`) as Verdict;
  const isTested = verdict !== "not testable";
  const fits = !isTested || (verdict === "no verdict (smoke)") === (profile === "smoke");
  ensure(fits, "parseRecord", `needs a verdict of a ${profile} run at ${place}`, verdict);
  const ends = isTested ? list(claim["interval"], `${place}.interval`) : null;
  ensure(ends === null || ends.length === 2, "parseRecord", `needs two ends at ${place}.interval`, claim["interval"]);
  const rounded = (name: string): number => roundTo(number(claim[name], `${place}.${name}`), 4);
  return {
    id: text(claim["id"], `${place}.id`),
    ...(claim["setting"] !== undefined && { setting: text(claim["setting"], `${place}.setting`) }),
    statement: text(claim["statement"], `${place}.statement`),
    threshold: rounded("threshold"),
    direction: oneOf(claim["direction"], ["above", "below"], `${place}.direction`) as Claim["direction"],
    measured: isTested ? rounded("measured") : null,
    interval: ends && [roundTo(number(ends[0], `${place}.interval`), 4), roundTo(number(ends[1], `${place}.interval`), 4)], // prettier-ignore
    n: number(claim["n"], `${place}.n`),
    unit: text(claim["unit"], `${place}.unit`),
    ...(typeof claim["found"] === "number" && { found: rounded("found") }),
    verdict,
    note: claim["note"] === "" ? "" : text(claim["note"], `${place}.note`),
  };
}

function object(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("parseRecord", `needs an object at ${place}`, value); // prettier-ignore
  return value as Record<string, unknown>;
}

function list(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse("parseRecord", `needs a list at ${place}`, value);
  return value as unknown[];
}

function text(value: unknown, place: string): string {
  if (typeof value !== "string" || value === "") refuse("parseRecord", `needs a text at ${place}`, value);
  return value;
}

function number(value: unknown, place: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) refuse("parseRecord", `needs a finite number at ${place}`, value); // prettier-ignore
  return value;
}

function oneOf(value: unknown, allowed: readonly string[], place: string): string {
  if (!allowed.includes(value as string)) refuse("parseRecord", `needs ${allowed.join(", ")} at ${place}`, value);
  return value as string;
}

/** Plain JSON with finite numbers, kept as it is: a config must stay exactly reproducible. */
function json(value: unknown, place: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((entry, i) => json(entry, `${place}[${i}]`));
  if (typeof value !== "object") return number(value, place);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(entries.map(([key, entry]) => [key, json(entry, `${place}.${key}`)]));
}
