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
 * @returns a row a setting
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
 * The settings that notebooks have recorded, so that a summary finds their runs in the store whatever their parameters were. A run
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

/**
 * Refuses a parameter that a notebook cannot run with, in the cell where it stands.
 *
 * @param name of the parameter
 * @param value what it was set to
 * @param possible what it may be
 * @throws InputError with all that is possible
 * @example
 * ensureParameter("underIid", 4, [1, 2, 3]); // throws "parameters: needs underIid of 1, 2, 3, got 4"
 */
export function ensureParameter<Value>(name: string, value: Value, possible: readonly Value[]): void {
  ensure(possible.includes(value), "parameters", `needs ${name} of ${possible.join(", ")}`, value);
}
