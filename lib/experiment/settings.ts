/** @file A setting: what it changes in a federation, what it is called, and what tells it apart. One record, made in one place. */
import { isDeepStrictEqual } from "node:util";
import { ensure } from "../core/errors";
import { ensureDefined, ensureKnown, ensureNames } from "../core/known";
import { datasets } from "../data/datasets";
import { aggregators } from "../defense/aggregators";
import { preAggregations } from "../defense/preAggregations";
import { privacies } from "../defense/privacies";
import { checkPrivacy } from "../defense/privacy/checkPrivacy";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { architectures } from "../model/architectures";
import { poisonings } from "../poisoning/poisonings";
import type { Poisoning } from "../poisoning/poisoning";

/** Fields of a federation that differ from those of a plan. */
export type Change = Partial<FederationConfig>;

/** One of the things that act in a setting. */
export interface SettingPart {
  /** What it is an example of. */
  readonly family: Family;
  /** In its registry, or words of its own. */
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
}

/** A number, or a word, that a setting is told apart by. */
export interface SettingValue {
  /** Its name in the config. */
  readonly parameter: string;
  /** In labels. */
  readonly symbol: string;
  /** JSON. */
  readonly value: unknown;
}

/** A setting: everything else about it is derived from this. */
export interface Setting {
  /** As it stands in tables and legends: "sign flip + Krum, κ = 1". */
  readonly label: string;
  /** Fields of the federation that it changes. */
  readonly change: Change;
  /** What acts in it. */
  readonly parts: readonly SettingPart[];
  /** What it is told apart by. */
  readonly values: readonly SettingValue[];
}

/** What a part is an example of. */
export type Family = "architecture" | "dataset" | "partition" | "poisoning" | "defense" | "preAggregation" | "privacy";

/** What is known of a parameter besides its name. */
export interface SymbolSpec {
  readonly symbol: string;
  readonly range?: readonly [low: number, high: number]; // over which a larger one is drawn darker
  readonly says?: "always" | "never"; // in labels: a strength always, what goes without saying never; others where not the default
}

/** The parameters that have a symbol: those of rules and mechanisms, then fields of the config. Others go by their names. */
export const symbols: Readonly<Record<string, SymbolSpec>> = {
  scale: { symbol: "κ", range: [1, 10], says: "always" },
  noiseStd: { symbol: "σ_ζ", range: [1e-3, 1e-1], says: "always" },
  clipNorm: { symbol: "C", range: [0.1, 3] },
  noiseMultiplier: { symbol: "σ", range: [0.003, 10], says: "always" },
  delta: { symbol: "δ" },
  batchSize: { symbol: "B", range: [1, 100] },
  numClients: { symbol: "M" },
  localSteps: { symbol: "τ" },
  learningRate: { symbol: "η" },
  alpha: { symbol: "α" },
  rounds: { symbol: "K" },
  assumedMalicious: { symbol: "f", says: "never" },
};

/** How a label is to differ from what the change alone says. */
export interface SettingOptions {
  /** Instead of the names of what acts; symbols with their values stand behind it. */
  readonly label?: string;
  /** Parameters that stand in the label whatever their value. */
  readonly show?: readonly string[];
}

/** Rules and mechanisms whose name stands in a field. */
const named = {
  poisoning: { family: "poisoning", records: { none: { label: "passive" }, ...poisonings } },
  aggregator: { family: "defense", records: aggregators },
  privacy: { family: "privacy", records: { none: { label: "no privacy mechanism" }, ...privacies } },
  architecture: { family: "architecture", records: architectures },
  dataset: { family: "dataset", records: datasets },
  partition: { family: "partition", records: { iid: { label: "IID clients" }, dirichlet: {}, classes: {} } },
} as const satisfies Partial<Record<keyof FederationConfig, { family: Family; records: Record<string, object> }>>;
const nested = ["poisoningParameters", "aggregatorParameters", "privacyParameters"] as const;

/**
 * A setting: what it changes, what it is called, what tells it apart. Its name follows from the change, so no run can stand
 * under another's: rules and mechanisms by their own labels, then strengths, and every parameter that is not at its default.
 *
 * A change must say something: the plain run is `{ poisoning: "none" }`, and no defense `{ aggregator: "mean" }`.
 *
 * @param change fields of the federation
 * @param options label, show; see SettingOptions
 * @returns the setting
 * @throws InputError for an empty change, a field or name that there is not, or one without a value, however deep
 * @example
 * setting({ poisoning: "signFlip", poisoningParameters: { scale: 3 } }).label; // "sign flip, κ = 3"
 * setting({ aggregator: "krum", preAggregations: ["nnm"], assumedMalicious: 1 }).label; // "Krum + nearest-neighbour mixing"
 * setting({ poisoning: "signFlip", poisoningParameters: { scale: [1, 3][2] } }); // throws "setting: needs a value for change.poisoningParameters.scale, got undefined; leave the field out, or give it one"
 */
export function setting(change: Change, { label, show = [] }: SettingOptions = {}): Setting {
  check(change);
  const acting = partsOf(change);
  const family = acting[0]?.family ?? "poisoning";
  const parts = label === undefined ? acting : [{ family, name: label, label }];
  const all = valuesOf(change);
  const values = all.filter(({ parameter, value, usual }) => {
    if (show.includes(parameter)) return true;
    const { says } = symbols[parameter] ?? {};
    if (says !== undefined) return says === "always";
    return !isDeepStrictEqual(value, usual) && (label === undefined || parameter in symbols);
  });
  const missing = show.find((name) => !values.some(({ parameter }) => parameter === name));
  ensure(missing === undefined, "setting", "needs parameters of the change to show", missing);
  const texts = values.map(({ symbol, value }) => `${symbol} = ${typeof value === "string" ? value : JSON.stringify(value)}`); // prettier-ignore
  const called = [...(parts.length > 0 ? [parts.map((part) => part.label).join(" + ")] : []), ...texts].join(", ");
  ensure(called !== "", "setting", "needs a change that a label can name", change, "give it a label");
  return { label: called, change, parts, values: values.map(({ usual: _, ...value }) => value) };
}

/** Refuses a change that names what there is not, or says nothing. */
function check(change: Change): void {
  ensureNames("setting", "the change", change, Object.keys(defaultFederation));
  ensureDefined("setting", "change", change);
  const isEmpty = Object.keys(change).length === 0;
  ensure(!isEmpty, "setting", "needs a change", "none", 'the plain run is { poisoning: "none" }');
  for (const [field, { records }] of Object.entries(named)) {
    const name = change[field as keyof typeof named];
    if (name !== undefined) ensureKnown("setting", `the ${field}`, name, Object.keys(records));
  }
  for (const name of change.preAggregations ?? [])
    ensureKnown("setting", "a pre-aggregation", name, Object.keys(preAggregations));
  const { poisoning, poisoningParameters, privacy, privacyParameters } = change;
  if (poisoning !== undefined) {
    const reads = poisoning === "none" ? [] : poisonings[poisoning].reads;
    ensureNames("setting", `poisoningParameters of ${poisoning}`, poisoningParameters ?? {}, reads);
  }
  if (privacyParameters !== undefined) {
    ensureNames("setting", "privacyParameters", privacyParameters, Object.keys(defaultPrivacy));
    if (privacy !== undefined && privacy !== "none") checkPrivacy("setting", privacy, privacyParameters);
  }
}

/** What acts in a change: poisoning, rule, pre-aggregations, privacy, then model and data. */
function partsOf(change: Change): SettingPart[] {
  const partOf = (field: keyof typeof named): SettingPart[] => {
    const name = change[field];
    if (name === undefined) return [];
    const { family, records } = named[field];
    const { label = name } = (records as Record<string, { readonly label?: string }>)[name]!;
    return [{ family, name: family === "poisoning" && name === "none" ? "passive" : name, label }];
  };
  const mixing = (change.preAggregations ?? []).map((name): SettingPart => ({ family: "preAggregation", name, label: preAggregations[name].label })); // prettier-ignore
  const [poison, rule, noise] = [partOf("poisoning"), partOf("aggregator"), partOf("privacy")];
  return [
    ...poison,
    ...rule,
    ...mixing,
    ...noise,
    ...(["architecture", "dataset", "partition"] as const).flatMap(partOf),
  ];
}

/** Every parameter of a change with the value that it has where nothing is said. */
function valuesOf(change: Change): (SettingValue & { readonly usual: unknown })[] {
  const { poisoning = "none", privacy = "none" } = change;
  const rule: Partial<Poisoning> = poisoning === "none" ? {} : poisonings[poisoning];
  const usual = { poisoningParameters: rule.defaults ?? {}, aggregatorParameters: {}, privacyParameters: privacy === "none" ? {} : defaultPrivacy }; // prettier-ignore
  const deep = nested.flatMap((field) =>
    Object.entries({ ...usual[field], ...change[field] }).map(([parameter, value]) => ({
      parameter,
      value: value,
      usual: (usual[field] as Record<string, unknown>)[parameter],
    })),
  );
  const own = Object.entries(change)
    .filter(
      ([field]) => !(field in named) && field !== "preAggregations" && !nested.includes(field as "poisoningParameters"),
    ) // prettier-ignore
    .map(([parameter, value]) => ({ parameter, value: value, usual: undefined }));
  return [...deep, ...own].map((one) => ({ ...one, symbol: symbols[one.parameter]?.symbol ?? one.parameter }));
}

/**
 * What a federated run really depends on: what is left out has its default, and what nobody reads is put aside, so two
 * configs are equal exactly where their runs are.
 *
 * @param config a whole one
 * @returns a config that trains the same; its seed is kept
 * @example
 * const plain = { ...defaultFederation, poisoning: "signFlip" } as const;
 * essenceOf(plain).poisoningParameters; // { scale: 1 }
 */
export function essenceOf(config: FederationConfig): FederationConfig {
  const isMean = config.aggregator === "mean" && config.preAggregations.length === 0;
  const { alpha, classesPerClient } = defaultFederation;
  const rule: Partial<Poisoning> = config.poisoning === "none" ? {} : poisonings[config.poisoning];
  const isOpen = config.privacy === "none" || config.poisoning === "none";
  return {
    ...config,
    ...(isMean && undefended),
    ...(config.partition !== "dirichlet" && { alpha }),
    ...(config.partition !== "classes" && { classesPerClient }),
    ...(isOpen && { poisonerFollowsPrivacy: true }),
    poisoningParameters: config.poisoning === "none" ? {} : { ...rule.defaults, ...config.poisoningParameters },
    privacyParameters: config.privacy === "none" ? defaultPrivacy : { ...defaultPrivacy, ...config.privacyParameters },
  };
}

/** What the plain mean does not read stands at its default. */
const undefended = { aggregator: "mean", aggregatorParameters: {}, preAggregations: [], assumedMalicious: 0 } as const;

/**
 * The setting that leads from one federation to another, named by all that differs: of plans that come from elsewhere.
 *
 * @param base where it begins
 * @param config another; seeds do not count
 * @returns a setting; of equal federations the one whose change is what the client does
 * @throws as setting
 * @example
 * settingBetween(defaultFederation, { ...defaultFederation, poisoning: "backdoor" }).label; // "backdoor"
 * settingBetween(defaultFederation, { ...defaultFederation, batchSize: 4 }).label; // "passive, B = 4"
 */
export function settingBetween(base: FederationConfig, config: FederationConfig): Setting {
  const [from, to] = [essenceOf(base), essenceOf(config)];
  const fields = (Object.keys(to) as (keyof FederationConfig)[]).filter((field) => field !== "seed" && !isDeepStrictEqual(from[field], to[field])); // prettier-ignore
  const whole = fields.flatMap((field) => [ownerOf(field) ?? field, field]);
  const says = whole.some((field) => field in named || field === "preAggregations");
  const all = says ? whole : (["poisoning", "poisoningParameters", ...whole] as const);
  return setting(Object.fromEntries(all.map((field) => [field, to[field]])));
}

/** The field without which a field of parameters says nothing. */
function ownerOf(field: keyof FederationConfig): keyof FederationConfig | undefined {
  if (field === "aggregatorParameters" || field === "assumedMalicious") return "aggregator";
  return field === "poisoningParameters" ? "poisoning" : field === "privacyParameters" ? "privacy" : undefined;
}
