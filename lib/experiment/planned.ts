/** @file Settings with their plans, and with what was measured of them: found again by the setting, never by a string. */
import { isDeepStrictEqual } from "node:util";
import { ensure, refuse } from "../core/errors";
import type { Dataset } from "../core/types";
import { defaultFederation } from "../fl/config";
import { vary } from "./commonPlan";
import { measureLeakage, type LeakageStudy } from "./studies";
import type { StudyOptions } from "./study";
import type { LeakagePlan } from "./measure";
import { essenceOf, type Setting } from "./settings";

/** A setting and how it is measured. */
export interface Planned {
  /** What is changed. */
  readonly setting: Setting;
  /** How it is measured. */
  readonly plan: LeakagePlan;
  /** Declared: a second name for a run that stands before it. */
  readonly isAlias?: true;
}

/** A setting, how it was measured, and what that gave. */
export interface Studied extends Planned {
  /** What that gave, one run per seed. */
  readonly study: LeakageStudy;
}

/**
 * Plans that differ from one in their settings alone.
 *
 * @param base to start from
 * @param settings any
 * @returns one plan per setting, in their order
 * @throws InputError as vary
 * @example
 * planEach(plan, [setting({ aggregator: "median" })])[0].plan.federation.aggregator; // "median"
 */
export function planEach(base: LeakagePlan, settings: readonly Setting[]): Planned[] {
  return settings.map((one) => ({ setting: one, plan: vary(base, one.change) }));
}

/**
 * Measures settings: measureLeakage, with every study beside its setting. Two names for one run are refused unless the
 * second is declared (isAlias), and two runs of one name: a figure could not tell which is which.
 *
 * @param planned settings with their plans, as planEach makes them
 * @param dataset as loadDataset gives it
 * @param options force, onProgress
 * @returns each with its study, in the order given
 * @throws InputError naming the settings that are one, or go by one name; as measureLeakage
 * @example
 * const studies = await measureSettings(planEach(plan, [setting({ poisoning: "none" })]), dataset);
 * studies[0].study.runs.length; // plan.seeds.length
 */
export async function measureSettings(
  planned: readonly Planned[],
  dataset: Dataset,
  options?: StudyOptions,
): Promise<Studied[]> {
  checkPlanned(planned);
  const own = planned.filter(({ isAlias }) => !isAlias);
  const plans = Object.fromEntries(own.map(({ setting: { label }, plan }) => [label, plan]));
  const studies = await measureLeakage(plans, dataset, options);
  return planned.map((one) => ({ ...one, study: studies[(one.isAlias ? originalOf(one, own)! : one).setting.label]! }));
}

/**
 * Refuses settings that cannot be told apart.
 *
 * @param planned settings with their plans
 * @throws InputError when there is none, two have one label, two are one run under two labels that are not declared, or one that is
 *   declared has no run before it
 * @example
 * const flips = [{}, { scale: 1 }].map((parameters, i) => setting({ poisoning: "signFlip", poisoningParameters: parameters }, { label: `flip ${i}` }));
 * checkPlanned(planEach(plan, flips)); // throws "measureSettings: needs one name for one run, got flip 0, κ = 1 and flip 1, κ = 1; leave one of them out, or declare the second: isAlias"
 */
export function checkPlanned(planned: readonly Planned[]): void {
  ensure(planned.length > 0, "measureSettings", "needs at least one setting", "none");
  for (const [i, one] of planned.entries()) {
    const before = planned.slice(0, i);
    const isFounded = !one.isAlias || originalOf(one, before) !== undefined;
    ensure(isFounded, "measureSettings", "needs the run that an alias names, of the same seeds, before it", one.setting.label); // prettier-ignore
    for (const other of before) {
      const [ours, theirs] = [one.setting.label, other.setting.label];
      ensure(ours !== theirs, "measureSettings", "needs labels that differ", `${ours} twice`, "leave one out, or show in the labels what differs"); // prettier-ignore
      const same = !one.isAlias && isSameRun(one.plan, other.plan);
      ensure(!same, "measureSettings", "needs one name for one run", `${theirs} and ${ours}`, "leave one of them out, or declare the second: isAlias"); // prettier-ignore
    }
  }
}

/** The setting whose run an alias names. */
function originalOf(alias: Planned, planned: readonly Planned[]): Planned | undefined {
  const { plan } = alias;
  return planned.find((one) => !one.isAlias && isSameRun(one.plan, plan) && isDeepStrictEqual(one.plan.seeds, plan.seeds)); // prettier-ignore
}

/** Whether two plans measure the same; how many seeds they have does not count. */
function isSameRun(a: LeakagePlan, b: LeakagePlan): boolean {
  const of = (plan: LeakagePlan): unknown => ({ ...plan, seeds: [], federation: { ...essenceOf(plan.federation), seed: 0 } }); // prettier-ignore
  return isDeepStrictEqual(of(a), of(b));
}

/**
 * What was planned or measured of settings, in the order in which they are asked for.
 *
 * @param all where to look
 * @param settings found by what they change; one made anew finds the one that was measured
 * @returns their entries
 * @throws InputError for a setting that is not among them, with those that are
 * @example
 * const all = planEach(plan, [setting({ aggregator: "mean" }), setting({ aggregator: "median" })]);
 * pick(all, [setting({ aggregator: "median" })])[0].setting.label; // "median"
 * pick(all, [setting({ aggregator: "mda" })]); // throws "pick: needs a setting that was measured, got MDA; there are: no defense (mean); median"
 */
export function pick<One extends Planned>(all: readonly One[], settings: readonly Setting[]): One[] {
  return settings.map((wanted) => {
    const known = all.map(({ setting: { label } }) => label).join("; ");
    const found = all.find((one) => isSameSetting(one.setting, wanted));
    return found ?? refuse("pick", "needs a setting that was measured", wanted.label, `there are: ${known || "none"}`);
  });
}

/**
 * What was planned or measured of all other settings.
 *
 * @param all where to look
 * @param settings that are left out, whether or not they are there
 * @returns the rest, in its order
 * @example
 * const all = planEach(plan, [setting({ aggregator: "mean" }), setting({ aggregator: "median" })]);
 * without(all, [setting({ aggregator: "mean" })]).length; // 1
 */
export function without<One extends Planned>(all: readonly One[], settings: readonly Setting[]): One[] {
  return all.filter((one) => !settings.some((other) => isSameSetting(one.setting, other)));
}

/**
 * The study of a setting.
 *
 * @param all what was measured
 * @param setting found by what it changes
 * @returns its study
 * @throws InputError as pick
 * @example
 * const studies = await measureSettings(planEach(plan, [setting({ poisoning: "none" })]), dataset);
 * studyOf(studies, setting({ poisoning: "none" })).runs.length; // plan.seeds.length
 */
export function studyOf(all: readonly Studied[], setting: Setting): LeakageStudy {
  return pick(all, [setting])[0]!.study;
}

/**
 * The study of a setting that was perhaps not measured: a cell of a table with gaps.
 *
 * @param all what was measured
 * @param setting found by what it changes
 * @returns its study; undefined where it is not there
 * @example
 * findStudy([], setting({ poisoning: "none" })); // undefined
 */
export function findStudy(all: readonly Studied[], setting: Setting): LeakageStudy | undefined {
  return all.find((one) => isSameSetting(one.setting, setting))?.study;
}

/**
 * Settings without those that stand twice: a list of strengths and the one that verdicts are about.
 *
 * @param settings any; of equal ones the first stays
 * @returns the distinct ones, in their order
 * @example
 * distinct([1, 3, 1].map((scale) => setting({ poisoning: "signFlip", poisoningParameters: { scale } }))).length; // 2
 */
export function distinct(settings: readonly Setting[]): Setting[] {
  return settings.filter((one, i) => settings.findIndex((other) => isSameSetting(one, other)) === i);
}

/** By what they change, whether or not defaults are spelt out. */
function isSameSetting(a: Setting, b: Setting): boolean {
  const [ours, theirs] = [a, b].map(({ change }) => essenceOf({ ...defaultFederation, ...change }));
  return a === b || (a.label === b.label && isDeepStrictEqual(ours, theirs));
}
