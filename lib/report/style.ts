/** @file One look for every figure: the colour, name and order of each setting, and the label of each quantity. */
import { ensure, refuse } from "../core/errors";
import { shade } from "./shade";

/** Line patterns, as plotly calls them. */
export type Dash = "solid" | "dash" | "dot" | "dashdot";

/** How a setting looks, in every figure. */
export interface SettingStyle {
  readonly label: string;
  readonly colour: string; // "#rrggbb"
  readonly dash: Dash;
  readonly family: Family;
}

/** Settings of one family are shown together; their colours must differ for colour-blind readers too (a test computes it). */
export type Family =
  | "victim"
  | "architecture"
  | "poisoning"
  | "defense"
  | "preAggregation"
  | "privacy"
  | "prior"
  | "localSteps"
  | "theory"
  | "reference";

const style = (family: Family, label: string, colour: string, dash: Dash = "solid"): SettingStyle => ({ label, colour, dash, family }); // prettier-ignore
const noDefense = style("defense", "no defense (mean)", "#222222");

/**
 * The table of settings; its order is the order of legends, and later of rows and columns.
 * A new setting is a new row. Colours after Okabe and Ito 2008 and Paul Tol's qualitative schemes.
 */
export const settings = {
  probe: style("victim", "fixed probe", "#009988"),
  trajectory: style("victim", "trajectory", "#EE7733"),
  contributors: style("victim", "contributors", "#0077BB"),
  allHonest: style("victim", "all honest clients", "#CC3311"),
  secureAggregation: style("victim", "secure aggregation", "#882255", "dot"),

  tanhAverage: style("architecture", "LeNet-5, tanh + average pooling", "#5D3A9B"),
  reluMax: style("architecture", "LeNet-5, ReLU + max pooling", "#E66100"),

  passive: style("poisoning", "passive", "#004488"),
  signFlip: style("poisoning", "sign flip", "#D55E00"),
  gaussianNoise: style("poisoning", "Gaussian noise", "#009E73"),
  backdoor: style("poisoning", "backdoor", "#CC79A7"),
  labelFlip: style("poisoning", "label flip", "#88BB66"),
  omniscientSignFlip: style("poisoning", "omniscient sign flip", "#886633"),
  innerProductManipulation: style("poisoning", "inner-product manipulation", "#1177FF"),
  optimalInnerProductManipulation: style("poisoning", "optimal inner-product manipulation", "#000099"),
  alie: style("poisoning", "ALIE", "#66AAFF"),
  optimalAlie: style("poisoning", "optimal ALIE", "#4477BB"),
  minMax: style("poisoning", "Min-Max", "#0000FF"),
  mimic: style("poisoning", "mimic", "#331144"),
  infinity: style("poisoning", "infinity", "#553300"),

  none: noDefense,
  mean: noDefense, // the plain mean is what "no defense" does
  krum: style("defense", "Krum", "#332288"),
  median: style("defense", "median", "#117733"),
  dnc: style("defense", "DnC", "#CC6677"),
  freqFed: style("defense", "FreqFed", "#B8860B"),
  trimmedMean: style("defense", "trimmed mean", "#AA4499"),
  meaMed: style("defense", "MeaMed", "#77BBBB"),
  geometricMedian: style("defense", "geometric median", "#5577FF"),
  multiKrum: style("defense", "Multi-Krum", "#2200FF"),
  bulyan: style("defense", "Bulyan", "#110033"),
  mda: style("defense", "MDA", "#4411BB"),
  moNna: style("defense", "MoNNA", "#EE9977"),
  centeredClipping: style("defense", "centered clipping", "#223300"),
  caf: style("defense", "CAF", "#990055"),
  smea: style("defense", "SMEA", "#7799FF"),
  signGuard: style("defense", "SignGuard", "#5555BB"),
  foolsGold: style("defense", "FoolsGold", "#EE2244"),
  flTrust: style("defense", "FLTrust", "#0055FF"),
  normBounding: style("defense", "norm bounding", "#661166"),
  oracle: style("defense", "oracle filter", "#3399CC", "dashdot"),

  nnm: style("preAggregation", "nearest-neighbour mixing", "#999933"),

  localDp: style("privacy", "local DP", "#EE3377"),
  dpSgd: style("privacy", "DP-SGD", "#0099AA", "dash"),
  authorsDp: style("privacy", "local DP, authors' form", "#5522AA"),
  signSgd: style("privacy", "sign SGD", "#663300", "dashdot"),
  stochasticSign: style("privacy", "stochastic sign", "#997700", "dot"),

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

/** A row of the table. */
export type Setting = keyof typeof settings;

/** What a setting may be varied in: its symbol, and the range over which shades go from light to dark. */
export const parameters = {
  κ: [1, 10], // scale of a poisoning
  σ_ζ: [1e-3, 1e-1], // noiseStd of a poisoning
  σ: [0.003, 10], // noiseMultiplier
  C: [0.1, 3], // clipNorm
  B: [1, 100], // batchSize
} as const satisfies Readonly<Record<string, readonly [low: number, high: number]>>;

/** A symbol of the table of parameters. */
export type Parameter = keyof typeof parameters;

/**
 * A row, or two that act together, or either with parameters: "krum", "krum+localDp", "signFlip κ=3", "krum+localDp σ=3 C=1".
 * What follows the first "+" or "=" is checked when it is drawn: all pairs of rows are more than a type can hold.
 */
export type SettingName = Setting | `${Setting}+${string}` | `${Setting} ${Parameter}=${string}`;

/**
 * How a setting looks.
 *
 * Two that act together have the colour and place of the first and the line pattern "dot". A parameter's size gives the shade,
 * light when small and dark when large, and its half decade the line pattern, so that 1, 3 and 10 differ in both; of several
 * parameters the first gives the shade and the last the pattern. Without parameters a setting has its own colour.
 *
 * @param name a row of the table, or two joined by "+", perhaps with parameters: "signFlip κ=3"
 * @returns label, colour and line pattern
 * @throws InputError when a name is not in the table: a figure must not invent colours; or a value is not a number >= 0
 * @example
 * styleOf("krum").colour; // "#332288"
 * styleOf("krum+localDp").label; // "Krum + local DP"
 * styleOf("signFlip κ=3").label; // "sign flip, κ = 3"
 */
export function styleOf(name: SettingName): SettingStyle {
  const { rows, values } = parse(name);
  const label = [rows.map((row) => row.label).join(" + "), ...values.map(({ text }) => text)].join(", ");
  const [first, size, last] = [rows[0]!, values[0], values.at(-1)];
  return {
    ...first,
    label,
    colour: size ? shade(first.colour, size.strength) : first.colour,
    dash: last ? patternOf(last.value) : rows.length > 1 ? "dot" : first.dash,
  };
}

/** A name taken apart. */
interface Parts {
  readonly rows: readonly SettingStyle[];
  readonly values: readonly { readonly text: string; readonly value: number; readonly strength: number }[];
}

function parse(name: string): Parts {
  const [names, ...values] = name.split(" ");
  return { rows: names!.split("+").map(rowOf), values: values.map(valueOf) };
}

function rowOf(name: string): SettingStyle {
  if (!Object.hasOwn(settings, name)) {
    refuse("styleOf", "needs a setting of the style table", name, `known: ${Object.keys(settings).join(", ")}`);
  }
  return settings[name as Setting];
}

function valueOf(text: string): Parts["values"][number] {
  const [symbol, digits] = text.split("=") as [string, string?];
  if (!Object.hasOwn(parameters, symbol)) {
    refuse("styleOf", "needs a parameter of the style table", text, `known: ${Object.keys(parameters).join(", ")}`);
  }
  const value = Number(digits || NaN);
  ensure(value >= 0 && value < Infinity, "styleOf", `needs a number >= 0 for ${symbol}`, text);
  const [low, high] = parameters[symbol as Parameter].map(Math.log) as [number, number];
  const strength = Math.min(1, Math.max(0, (Math.log(value) - low) / (high - low)));
  return { text: `${symbol} = ${digits}`, value, strength };
}

/** By the half decade, so that neighbours of a usual sweep (1, 3, 10) differ. */
function patternOf(value: number): Dash {
  if (value === 0) return "dashdot";
  const halfDecade = Math.round(2 * Math.log10(value));
  return (["solid", "dash", "dot"] as const)[((halfDecade % 3) + 3) % 3]!;
}

/**
 * Sorts settings into the table's order, single ones before their combinations, and each by its parameters' values.
 *
 * @param names settings, in any order
 * @returns a sorted copy
 * @throws InputError when a name is not in the table
 * @example
 * inOrder(["krum", "none", "krum+localDp"]); // ["none", "krum", "krum+localDp"]
 * inOrder(["signFlip κ=10", "signFlip κ=3", "signFlip"]); // ["signFlip", "signFlip κ=3", "signFlip κ=10"]
 */
export function inOrder<Name extends SettingName>(names: readonly Name[]): Name[] {
  const table = Object.values<SettingStyle>(settings);
  const keys = new Map(
    names.map((name) => {
      const { rows, values } = parse(name);
      const key = [table.indexOf(rows[0]!), rows.length, ...rows.map((row) => table.indexOf(row))];
      return [name, [...key, ...values.map(({ value }) => value)]];
    }),
  );
  return [...names].sort((a, b) => compareLists(keys.get(a)!, keys.get(b)!));
}

/** The first entry that differs decides; a list that goes on comes later. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? -Infinity);
  return a.length - b.length;
}

/** An axis: its label with the unit, and whether it is logarithmic. */
export interface AxisSpec {
  readonly label: string;
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
  labelAccuracy: { label: "labels recovered (fraction)" },
  accuracy: { label: "test accuracy (fraction)" },
  attackSuccess: { label: "attack success (fraction)" },
  effective: { label: "effective participants M_eff" },
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
