/** @file One look for every figure: the colour, name and order of each setting, and the label of each quantity. */
import { refuse } from "../core/errors";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { preAggregations, type PreAggregationName } from "../defense/preAggregations";
import { privacies, type PrivacyName } from "../defense/privacies";
import { symbols, type Setting, type SettingValue } from "../experiment/settings";
import { architectures, type ArchitectureName } from "../model/architectures";
import { poisonings, type PoisoningName } from "../poisoning/poisonings";
import { farthestFrom } from "./colour";
import { shade } from "./shade";

/** Line patterns, as plotly calls them. */
export type Dash = "solid" | "dash" | "dot" | "dashdot";

/** How a setting looks, in every figure. */
export interface SettingStyle {
  readonly label: string;
  readonly colour: string; // "#rrggbb"
  readonly dash: Dash;
  readonly family: StyleFamily;
}

/** What is shown together; colours of one family are apart for colour-blind readers too (a test computes it). In the order of legends. */
const families = ["images", "architecture", "poisoning", "defense", "preAggregation", "privacy", "prior", "localSteps", "theory", "reference", "dataset", "partition"] as const; // prettier-ignore

/** A family of settings, or of other things that figures show. */
export type StyleFamily = (typeof families)[number];

/** A look that is fixed: a colour, perhaps a line pattern. */
type Fixed = readonly [colour: string, dash?: Dash];
const style = (family: StyleFamily, label: string, colour: string, dash: Dash = "solid"): SettingStyle => ({ label, colour, dash, family }); // prettier-ignore

/** What stands in no registry. Colours after Okabe and Ito 2008 and Paul Tol's qualitative schemes. */
const looks = {
  probe: style("images", "fixed probe", "#009988"),
  trajectory: style("images", "trajectory", "#EE7733"),
  contributors: style("images", "contributors", "#0077BB"),
  allHonest: style("images", "all honest clients", "#CC3311"),
  secureAggregation: style("images", "secure aggregation", "#882255", "dot"),

  tanhAverage: style("architecture", "LeNet-5, tanh + average pooling", "#5D3A9B"),
  reluMax: style("architecture", "LeNet-5, ReLU + max pooling", "#E66100"),

  passive: style("poisoning", "passive", "#004488"),

  autoencoder: style("prior", "autoencoder prior", "#1B4F9C"),
  bicubic: style("prior", "bicubic prior", "#E7298A"),
  pixel: style("prior", "pixel prior", "#66A61E"),

  matchedMean: style("localSteps", "matched at the broadcast model", "#C1272D"),
  unrolled: style("localSteps", "local steps unrolled", "#0F6FB5"),
  oneStep: style("localSteps", "FedSGD, as many images", "#3B3B3B", "dot"),

  measured: style("theory", "measured", "#222255"),
  theorem: style("theory", "bound, lines (6) and (23)", "#BB5566", "dash"),
  proven: style("theory", "proven for this inversion, line (9)", "#B58900", "dot"),

  floor: style("reference", "no-information floor", "#767676", "dash"),
} as const satisfies Readonly<Record<string, SettingStyle>>;

/** The colours of what the paper names; it stands first in legends. All others get theirs by themselves, see tableOf. */
const named: Readonly<Record<string, Fixed>> = {
  signFlip: ["#D55E00"],
  gaussianNoise: ["#009E73"],
  backdoor: ["#CC79A7"],
  mean: ["#222222"],
  krum: ["#332288"],
  median: ["#117733"],
  dnc: ["#CC6677"],
  freqFed: ["#B8860B"],
  oracle: ["#3399CC", "dashdot"],
  localDp: ["#EE3377"],
  dpSgd: ["#0099AA", "dash"],
};

const registries: readonly (readonly [StyleFamily, Readonly<Record<string, { readonly label: string }>>])[] = [
  ["architecture", architectures],
  ["poisoning", poisonings],
  ["defense", aggregators],
  ["preAggregation", preAggregations],
  ["privacy", privacies],
];

/** What a figure knows by name: of a registry, or of the table of other looks. */
export type SettingName =
  keyof typeof looks | ArchitectureName | PoisoningName | AggregatorName | PreAggregationName | PrivacyName;

/** What a line, a row or an image is drawn as: a name, or a setting with its parameters. */
export type Drawn = SettingName | Setting;

let table: ReadonlyMap<string, SettingStyle> | undefined;

/**
 * Every look by name, in the order of legends: by family, what the paper names first. A rule without a colour of its own gets the one
 * that is farthest from those of its family before it, so one that is added at a registry's end changes no other.
 *
 * @returns the table; read only
 * @example
 * styles().get("krum").colour; // "#332288"
 */
export function styles(): ReadonlyMap<string, SettingStyle> {
  table ??= new Map(families.flatMap(tableOf));
  return table;
}

/** The looks of a family: the paper's own first, for all others colours far from those before. */
function tableOf(family: StyleFamily): [string, SettingStyle][] {
  const made = Object.entries<SettingStyle>(looks).filter(([, look]) => look.family === family);
  const records = registries.flatMap(([own, registry]) => (own === family ? Object.entries(registry) : []));
  const paper = Object.keys(named);
  const place = ([name]: readonly [string, unknown]): number =>
    paper.includes(name) ? paper.indexOf(name) : paper.length;
  for (const [name, { label }] of records.sort((a, b) => place(a) - place(b))) {
    const look = named[name] ?? [farthestFrom(made.map(([, { colour }]) => colour))];
    made.push([name, style(family, label, ...look)]);
  }
  return made;
}

/**
 * How a setting looks.
 *
 * What acts first gives the colour; where more than one thing acts the line pattern is "dot". A parameter's size gives the shade, light
 * when small and dark when large, and its half decade the line pattern, so 1, 3 and 10 differ in both; of several parameters the
 * first gives the shade and the last the pattern. Without parameters a setting has its own colour.
 *
 * @param drawn a name of a registry or of the table of looks, or a setting
 * @returns label, colour and line pattern
 * @throws InputError when a name is in neither
 * @example
 * styleOf("krum").colour; // "#332288"
 * styleOf(setting({ aggregator: "krum", privacy: "localDp" })).label; // "Krum + local DP, σ = 3"
 */
export function styleOf(drawn: Drawn): SettingStyle {
  if (typeof drawn === "string") return lookOf(drawn);
  const { label, parts, values } = drawn;
  const [first] = parts;
  const own: SettingStyle = first === undefined ? looks.passive : lookOf(first.name, first);
  const sizes = values.filter((one): one is Sized => typeof one.value === "number" && one.value >= 0);
  const [shaded, last] = [sizes.find(({ parameter }) => symbols[parameter]?.range), sizes.at(-1)];
  return {
    family: own.family,
    label,
    colour: shaded ? shade(own.colour, strengthOf(shaded)) : own.colour,
    dash: last ? patternOf(last.value) : parts.length > 1 ? "dot" : own.dash,
  };
}

/** By its table, or by words of its own: then the colour is one that its family has not. */
function lookOf(name: string, part?: Setting["parts"][number]): SettingStyle {
  const known = styles().get(name);
  if (known !== undefined) return known;
  if (part === undefined) refuse("styleOf", "needs a name of the style table", name, `known: ${[...styles().keys()].join(", ")}`); // prettier-ignore
  const { family, label } = part;
  const taken = [...styles().values()].filter((look) => look.family === family);
  return style(family, label, farthestFrom(taken.map(({ colour }) => colour)));
}

type Sized = SettingValue & { readonly value: number };

/** Between the ends of the parameter's range, by its logarithm. */
function strengthOf({ parameter, value }: Sized): number {
  const [low, high] = symbols[parameter]!.range!.map(Math.log) as [number, number];
  return Math.min(1, Math.max(0, (Math.log(value) - low) / (high - low)));
}

/** By the half decade, so neighbours of a usual sweep (1, 3, 10) differ. */
function patternOf(value: number): Dash {
  if (value === 0) return "dashdot";
  const halfDecade = Math.round(2 * Math.log10(value));
  return (["solid", "dash", "dot"] as const)[((halfDecade % 3) + 3) % 3]!;
}

/**
 * Sorts into the table's order, single things before their combinations, and each by its parameters' values.
 *
 * @param drawn names or settings, in any order
 * @returns a sorted copy
 * @throws InputError when a name is not in the table
 * @example
 * inOrder(["krum", "mean", "floor"]); // ["mean", "krum", "floor"]
 */
export function inOrder<One extends Drawn>(drawn: readonly One[]): One[] {
  const names = [...styles().keys()];
  const rank = (name: string, family: StyleFamily): number => {
    const at = names.indexOf(name);
    return at >= 0 ? at : names.findLastIndex((other) => styles().get(other)!.family === family) + 0.5; // behind its family
  };
  const keyOf = (one: Drawn): number[] => {
    if (typeof one === "string") return [rank(one, lookOf(one).family), 1];
    const ranks = one.parts.map(({ name, family }) => rank(name, family));
    const sizes = one.values.map(({ value }) => (typeof value === "number" ? value : 0));
    return [ranks[0] ?? -1, ranks.length, ...ranks.slice(1), ...sizes];
  };
  const keys = new Map(drawn.map((one) => [one, keyOf(one)]));
  return [...drawn].sort((a, b) => compareLists(keys.get(a)!, keys.get(b)!));
}

/** The first entry that differs decides; a list that goes on comes later. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? -Infinity);
  return a.length - b.length;
}

/** An axis: its label with the unit, and whether it is logarithmic. */
export interface AxisSpec {
  /** With the unit. */
  readonly label: string;
  /** Default "linear". */
  readonly scale?: "linear" | "log";
}

/** The label of each quantity, the same on every axis and in every table. */
export const axes = {
  round: { label: "round k" },
  step: { label: "reconstruction step" },
  rmse: { label: "RMSE (pixels in [0, 1])" },
  floor: { label: "floor (RMSE)" },
  leakage: { label: "leakage, 1 − RMSE / floor" },
  psnr: { label: "PSNR (dB)" },
  ssim: { label: "SSIM" },
  contributorRmse: { label: "RMSE, contributors (pixels in [0, 1])" },
  contributorLeakage: { label: "leakage, contributors" },
  matchingLoss: { label: "matching loss" },
  found: { label: "views found (fraction)" },
  labelAccuracy: { label: "labels recovered (fraction)" },
  accuracy: { label: "test accuracy (fraction)" },
  attackSuccess: { label: "attack success (fraction)" },
  effectiveParticipants: { label: "effective participants M_eff" },
  loss: { label: "training loss (nats)" },
  objectiveGap: { label: "objective gap Δ (nats)" },
  numClients: { label: "clients M" },
  batchSize: { label: "batch size B (images)" },
  localSteps: { label: "local steps τ" },
  epsilon: { label: "privacy budget ε", scale: "log" },
  seconds: { label: "time (s)" },
} as const satisfies Readonly<Record<string, AxisSpec>>;

/** A quantity with a fixed label. */
export type AxisName = keyof typeof axes;

/**
 * The axis of a quantity.
 *
 * @param axis a name of the table, or an axis of its own for what only one notebook shows
 * @returns label and scale
 * @throws InputError when a name is not in the table
 * @example
 * axisOf("rmse").label; // "RMSE (pixels in [0, 1])"
 */
export function axisOf(axis: AxisName | AxisSpec): AxisSpec {
  if (typeof axis === "object") return axis;
  if (!Object.hasOwn(axes, axis)) {
    refuse("axisOf", "needs a quantity of the axis table or { label }", axis, `known: ${Object.keys(axes).join(", ")}`);
  }
  return axes[axis];
}
