/** @file One look for every figure: the colour, name and order of each setting, and the label of each quantity. */
import { refuse } from "../core/errors";

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
export type Family = "victim" | "architecture" | "poisoning" | "defense" | "privacy" | "prior" | "theory" | "reference";

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

  localDp: style("privacy", "local DP", "#EE3377"),
  dpSgd: style("privacy", "DP-SGD", "#0099AA", "dash"),
  signSgd: style("privacy", "sign SGD", "#663300", "dashdot"),
  stochasticSign: style("privacy", "stochastic sign", "#997700", "dot"),

  autoencoder: style("prior", "autoencoder prior", "#1B4F9C"),
  bicubic: style("prior", "bicubic prior", "#E7298A"),
  pixel: style("prior", "pixel prior", "#66A61E"),

  measured: style("theory", "measured", "#222255"),
  theorem: style("theory", "bound, lines (6) and (23)", "#BB5566", "dash"),
  proven: style("theory", "proven for this inversion, line (9)", "#B58900", "dot"),

  floor: style("reference", "no-information floor", "#767676", "dash"),
} as const satisfies Readonly<Record<string, SettingStyle>>;

/** A row of the table. */
export type Setting = keyof typeof settings;

/** A row, or two that act together: "krum+localDp" has the colour and place of the first and the line pattern "dot". */
export type SettingName = Setting | `${Setting}+${Setting}`;

/**
 * How a setting looks.
 *
 * @param name a row of the table, or two joined by "+"
 * @returns label, colour and line pattern
 * @throws InputError when a name is not in the table: a figure must not invent colours
 * @example
 * styleOf("krum").colour; // "#332288"
 * styleOf("krum+localDp").label; // "Krum + local DP"
 */
export function styleOf(name: SettingName): SettingStyle {
  const [first, ...rest] = name.split("+").map(row);
  if (rest.length === 0) return first!;
  return { ...first!, label: [first!, ...rest].map(({ label }) => label).join(" + "), dash: "dot" };
}

function row(name: string): SettingStyle {
  if (!Object.hasOwn(settings, name)) {
    refuse("styleOf", "needs a setting of the style table", name, `known: ${Object.keys(settings).join(", ")}`);
  }
  return settings[name as Setting];
}

/**
 * Sorts settings into the table's order, single ones before their combinations.
 *
 * @param names settings, in any order
 * @returns a sorted copy
 * @throws InputError when a name is not in the table
 * @example
 * inOrder(["krum", "none", "krum+localDp"]); // ["none", "krum", "krum+localDp"]
 */
export function inOrder<Name extends SettingName>(names: readonly Name[]): Name[] {
  const rank = (name: Name): number => Object.values<SettingStyle>(settings).indexOf(row(name.split("+")[0]!));
  names.forEach(styleOf);
  return [...names].sort((a, b) => rank(a) - rank(b) || a.split("+").length - b.split("+").length);
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
  matchingLoss: { label: "matching loss" },
  labelAccuracy: { label: "labels recovered (fraction)" },
  accuracy: { label: "test accuracy (fraction)" },
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
