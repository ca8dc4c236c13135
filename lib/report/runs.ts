/** @file What every notebook on settings does around its measurement: run under a progress bar, say where runs came from, leave a record. */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { ensure, refuse } from "../core/errors";
import { isForced } from "../core/profile";
import type { Dataset } from "../core/types";
import { readPlans } from "../experiment/leakagePlan";
import type { LeakagePlan } from "../experiment/measure";
import { measureSettings, type Planned, type Studied } from "../experiment/planned";
import { settingBetween } from "../experiment/settings";
import { sourceText } from "../jobs/store";
import type { Leak } from "../metrics/leak";
import { parseRecord } from "./claims";
import { newestRecord } from "./file";
import type { ImageGridSpec } from "./imageGrid";
import { privateRow, reconstructedRow } from "./leakPanels";
import { progressBar } from "./progressBar";
import { settingRows } from "./settingRows";
import type { Stamp } from "./stamp";
import { showTable, type Row } from "./table";
import { spanOf } from "./verdicts";

/** Studies by what they were made for: "Dirichlet 0.5", "IID". */
export type Groups = Readonly<Record<string, readonly Studied[]>>;

/**
 * Measures settings under a progress bar; what was computed before comes from the store unless the run is forced.
 *
 * @param label of the bar
 * @param planned settings with their plans, as planEach makes them
 * @param dataset as loadDataset gives it
 * @returns each with its study, in the order given
 * @throws as measureSettings
 * @example
 * (await runSettings("passive", planEach(plan, [setting({ poisoning: "none" })]), dataset)).length; // 1
 */
export async function runSettings(label: string, planned: readonly Planned[], dataset: Dataset): Promise<Studied[]> {
  const bar = progressBar(label);
  try {
    return await measureSettings(planned, dataset, { force: isForced(), onProgress: bar.update });
  } finally {
    bar.done();
  }
}

/**
 * Where every run came from, for table().
 *
 * @param groups studies by what they were made for
 * @returns one row per setting
 * @example
 * runRows({ IID: [] }); // []
 */
export function runRows(groups: Groups): Row[] {
  return Object.entries(groups).flatMap(([group, studies]) =>
    studies.map(({ setting, study: { runs, sources } }) => ({
      experiment: group,
      setting: setting.label,
      seeds: runs.length,
      "where from (the first)": sources[0] === undefined ? "–" : sourceText(sources[0]),
    })),
  );
}

/**
 * Shows settingRows as a table.
 *
 * @param studies at least one
 * @param window first and last round, both included
 * @param title in front of the rounds: "Sign flip"
 * @throws InputError as settingRows
 * @example
 * settingTable([{ setting: setting({ poisoning: "none" }), plan, study }], [0, 1], "Poisoning");
 */
export function settingTable(studies: readonly Studied[], window: readonly [number, number], title: string): void {
  showTable(settingRows(studies, window), { title: `${title}, ${spanOf(window)}`, headers: { low: "RMSE, low", high: "RMSE, high" } }); // prettier-ignore
}

/**
 * What a notebook's record says of its runs: their plans by group and label, and how long they took.
 *
 * @param groups studies by what they were made for
 * @returns config and seconds (over all runs, two of them at a time), for writeRecord
 * @example
 * recordOf({ IID: [] }); // { config: { IID: {} }, seconds: 0 }
 */
export function recordOf(groups: Groups): { config: Record<string, Record<string, LeakagePlan>>; seconds: number } {
  const plansOf = (studies: readonly Studied[]): Record<string, LeakagePlan> =>
    Object.fromEntries(studies.map(({ setting, plan }) => [setting.label, plan]));
  const config = Object.fromEntries(Object.entries(groups).map(([group, studies]) => [group, plansOf(studies)]));
  const sources = Object.values(groups).flatMap((studies) => studies.flatMap(({ study }) => study.sources));
  return { config, seconds: sources.reduce((sum, { seconds }) => sum + seconds, 0) };
}

/**
 * The settings that notebooks have recorded, so a summary finds their runs in the store whatever their parameters were. A run
 * that several of them made stands in the first.
 *
 * @param groups by notebook the groups of its record, see recordOf
 * @param base the plan that settings are named from; a run with another attacker, other rounds or another partition is no part of it
 * @param stamp whose profile and data the records are of
 * @returns by notebook its settings with their plans
 * @throws InputError when a notebook has left no record in this profile, or none with such a group
 * @example
 * recordedSettings({}, plan, { profile: "smoke", datasetSource: "folder" }); // {}
 */
export function recordedSettings<Notebook extends string>(
  groups: Readonly<Record<Notebook, readonly string[]>>,
  base: LeakagePlan,
  stamp: Pick<Stamp, "profile" | "datasetSource">,
): Record<Notebook, Planned[]> {
  const seen: Planned[] = [];
  const read = Object.entries<readonly string[]>(groups).map(([notebook, names]) => {
    const found = names.flatMap((name) => Object.values(readGroup(notebook, name, stamp)));
    const fresh: Planned[] = [];
    for (const plan of found.filter((one) => isOfBase(one, base))) {
      const setting = settingBetween(base.federation, plan.federation);
      if (seen.some((one) => one.setting.label === setting.label)) continue;
      fresh.push({ setting, plan });
      seen.push({ setting, plan });
    }
    return [notebook, fresh];
  });
  return Object.fromEntries(read) as Record<Notebook, Planned[]>;
}

/** The plans of one group in the newest record of a notebook. */
function readGroup(
  notebook: string,
  group: string,
  stamp: Pick<Stamp, "profile" | "datasetSource">,
): Record<string, LeakagePlan> {
  // prettier-ignore
  const file = newestRecord("recordedSettings", notebook, stamp);
  const remedy = `npm start -- --only ${notebook.slice(0, 2)} --profile ${stamp.profile}`;
  if (file === undefined) refuse("recordedSettings", `needs the record of ${notebook}`, `none of a ${stamp.profile} run`, remedy); // prettier-ignore
  const config = parseRecord(JSON.parse(readFileSync(file, "utf8"))).config as Record<string, unknown>;
  ensure(Object.hasOwn(config, group), "recordedSettings", `needs plans called ${group} in the record of ${notebook}`, Object.keys(config).join(", "), remedy); // prettier-ignore
  return readPlans(config[group]);
}

/** Whether a plan differs from the base in what a setting changes, and not in how it is measured. */
function isOfBase(plan: LeakagePlan, base: LeakagePlan): boolean {
  const measured = ({ attacker, probeRounds, probeBatchSize, trajectoryRounds, federation }: LeakagePlan): unknown => [
    ...[
      attacker,
      probeRounds,
      probeBatchSize,
      trajectoryRounds,
      federation.partition,
      federation.alpha,
      federation.rounds,
    ],
  ];
  return isDeepStrictEqual(measured(plan), measured(base));
}

/**
 * The same private images of one round of the fixed probe, and below them what each setting's client made of them.
 *
 * @param studies in the order of their rows; the first one's first seed has the private images
 * @param options at: which of the inverted rounds, from the end where negative; dataset: whose classes the columns are;
 *   names: instead of the settings' labels
 * @returns a grid for showImages
 * @throws InputError when there is no study, or no such round
 * @example
 * probeImages([{ setting: setting({ poisoning: "none" }), plan, study }], { at: -1, dataset }).rows.length; // 2
 */
export function probeImages(
  studies: readonly Studied[],
  {
    at,
    dataset,
    names,
  }: { at: number; dataset: Pick<Dataset, "inputShape" | "classNames">; names?: readonly string[] },
): ImageGridSpec {
  const leaks = studies.map(({ setting, study }, i): [string, Leak] => {
    const leak = study.runs[0]?.probe.at(at);
    return [names?.[i] ?? setting.label, leak ?? refuse("probeImages", "needs an inverted round at that place", at)];
  });
  const [first] = leaks;
  if (first === undefined) return refuse("probeImages", "needs at least one study", "none");
  const [, shown] = first;
  return {
    title: `The fixed probe in round ${shown.round} (seed ${studies[0]!.study.runs[0]!.seed})`,
    shape: dataset.inputShape,
    columns: [...shown.labels].map((label) => dataset.classNames[label]!),
    rows: [privateRow(shown, "private"), ...leaks.map(([name, leak]) => reconstructedRow(leak, name))],
  };
}

/** Numbers that a parameter may be: whole ones from here up, or to there; or any. */
export type ParameterRange =
  { readonly from: number; readonly to?: number } | { readonly above: number } | { readonly atLeast: number };

/** What a parameter that is a list must be besides. */
export interface ParameterListOptions<Value> {
  /** How many there must be at least, default 1. */
  readonly count?: number;
  /** What must be among them. */
  readonly including?: readonly Value[];
}

/**
 * Refuses a parameter that a notebook cannot run with, in the cell where it stands.
 *
 * @param name of the parameter
 * @param value what it was set to; of a list every entry has to be possible, none stands twice, and numbers ascend
 * @param possible what it may be, one by one or as a range
 * @param list what else a list must be
 * @throws InputError with all that is possible
 * @example
 * ensureParameter("underIid", 4, [1, 2, 3]); // throws "parameters: needs underIid of 1, 2, 3, got 4"
 * ensureParameter("instances", 0, { from: 2 }); // throws "parameters: needs instances of at least 2, got 0"
 * ensureParameter("ends", [4, 9], { from: 0, to: 49 }, { including: [0] }); // throws "parameters: needs 0 among ends, got [4, 9]"
 */
export function ensureParameter<Value>(
  name: string,
  value: Value | readonly Value[],
  possible: readonly Value[] | ParameterRange,
  { count = 1, including = [] }: ParameterListOptions<Value> = {},
): void {
  const fn = "parameters";
  const isList = Array.isArray(value);
  const all = (isList ? value : [value]) as readonly Value[];
  for (const one of all) ensure(isPossible(one, possible), fn, `needs ${name} of ${textOf(possible)}`, one);
  if (!isList) return;
  ensure(all.length >= count, fn, `needs at least ${count} of ${name}`, [...all]);
  ensure(new Set(all).size === all.length, fn, `needs ${name} that differ`, [...all]);
  const ascends = all.every((one, i) => typeof one !== "number" || i === 0 || one > (all[i - 1] as number));
  ensure(ascends, fn, `needs ${name} in ascending order`, [...all]);
  for (const one of including) ensure(all.includes(one), fn, `needs ${String(one)} among ${name}`, [...all]);
}

function isPossible(value: unknown, possible: readonly unknown[] | ParameterRange): boolean {
  if (!isRange(possible)) return possible.includes(value);
  if (typeof value !== "number") return false;
  if ("above" in possible) return value > possible.above;
  if ("atLeast" in possible) return value >= possible.atLeast;
  return Number.isSafeInteger(value) && value >= possible.from && value <= (possible.to ?? Infinity);
}

/** "1, 2, 3", "0 to 49", "at least 2", "more than 0" */
function textOf(possible: readonly unknown[] | ParameterRange): string {
  if (!isRange(possible)) return possible.join(", ");
  if ("above" in possible) return `more than ${possible.above}`;
  if ("atLeast" in possible) return `at least ${possible.atLeast}`;
  return possible.to === undefined ? `at least ${possible.from}` : `${possible.from} to ${possible.to}`;
}

const isRange = (possible: readonly unknown[] | ParameterRange): possible is ParameterRange => !Array.isArray(possible);
