/** @file Models as lists of layers, in the words of torch.nn, and what PyTorch's state_dict of one holds. */
import { InputError, ensure, ensureCount, refuse } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import type { Shape } from "../core/types";
import { activation } from "./layers/activation";
import { residual, sequence } from "./layers/compose";
import { convolution, filters } from "./layers/convolution";
import { dense } from "./layers/dense";
import { earlyMaxima } from "./layers/earlyMaxima";
import type { Layer } from "./layers/layer";
import { gelu, leakyRelu, silu } from "./layers/pointwise";
import type { PoolingName } from "./layers/pooling";
import { flatten, identity } from "./layers/shape";
import { batchNorm, groupNorm, layerNorm } from "./layers/standardize";
import { adaptivePooling, windowPooling } from "./layers/windows";

/** A layer that is its name: without options, or with all of them at their defaults. */
export type LayerWord =
  | "relu"
  | "tanh"
  | "sigmoid"
  | "leakyRelu"
  | "silu"
  | "gelu"
  | "flatten"
  | "dropout"
  | "layerNorm"
  | "batchNorm1d"
  | "batchNorm2d";

/** Windows of a pooling: their side, or that with PyTorch's other options. */
export type WindowSpec = number | { readonly kernel: number; readonly stride?: number; readonly padding?: number };

/** Of a normalisation by fixed statistics; without mean and variance it must be filled by withStatistics before it computes. */
export interface BatchNormSpec {
  readonly mean?: readonly number[];
  readonly variance?: readonly number[];
  readonly eps?: number;
  readonly affine?: boolean;
}

/** One layer, in the words of torch.nn: a name, or a name with its options. Every option has PyTorch's default. */
export type LayerSpec =
  | LayerWord
  | {
      readonly conv2d: {
        readonly out: number;
        readonly kernel: number;
        readonly stride?: number;
        readonly padding?: number;
        readonly groups?: number;
        readonly bias?: boolean;
      };
    }
  | { readonly linear: number | { readonly out: number; readonly bias?: boolean } }
  | { readonly maxPool2d: WindowSpec }
  | { readonly avgPool2d: WindowSpec }
  | { readonly adaptiveAvgPool2d: number | readonly [height: number, width: number] }
  | { readonly leakyRelu: number | { readonly slope: number } }
  | { readonly groupNorm: number | { readonly groups: number; readonly eps?: number; readonly affine?: boolean } }
  | { readonly layerNorm: true | { readonly eps?: number; readonly affine?: boolean } }
  | { readonly batchNorm1d: BatchNormSpec }
  | { readonly batchNorm2d: BatchNormSpec }
  | { readonly dropout: number }
  | { readonly residual: LayerList | { readonly body: LayerList; readonly shortcut?: LayerList } };

/** A model as its layers one after the other, as JSON has it. */
export type LayerList = readonly LayerSpec[];

/** One array of a state_dict. */
export interface StateEntry {
  /** The layer's number, and what PyTorch calls the array: "0.weight". */
  readonly name: string;
  /** PyTorch's; [] is a single number. */
  readonly shape: Shape;
  /** A parameter is trained and part of weight vectors; a buffer is neither. */
  readonly kind: "parameter" | "buffer";
}

/** A layer with its arrays, whose names stand behind the layer's own. */
interface Part {
  readonly layer: Layer;
  readonly state: readonly StateEntry[];
}

/** Where in a list a layer stands, in whose name errors speak, and whether statistics may be missing (only shapes are asked for). */
interface Place {
  readonly fn: string;
  readonly name: string; // 'layer 3 (conv2d)'
  readonly isDraft: boolean;
}

/** Options as JSON has them: nothing is known of their types. */
type Given = Readonly<Record<string, unknown>>;

/** How a kind of layer is written, and made. */
interface Known {
  readonly options: readonly string[];
  readonly short?: string; // the option that a bare value stands for
  readonly build: (input: Shape, given: Given, place: Place) => Layer | Part;
}

const word = (build: (input: Shape) => Layer): Known => ({ options: [], build });

const known: Readonly<Record<string, Known>> = {
  conv2d: {
    options: ["out", "kernel", "stride", "padding", "groups", "bias"],
    build(input, given, place) {
      const options = {
        channels: count(place, given, "out"),
        size: count(place, given, "kernel"),
        stride: count(place, given, "stride", 1),
        padding: count(place, given, "padding", 0, 0),
        groups: count(place, given, "groups", 1),
      };
      return (flag(place, given, "bias") ? convolution : filters)(input, options);
    },
  },
  linear: {
    options: ["out", "bias"],
    short: "out",
    build: (input, given, place) => dense(input, count(place, given, "out"), flag(place, given, "bias")),
  },
  relu: word((input) => activation(input, "relu")),
  tanh: word((input) => activation(input, "tanh")),
  sigmoid: word((input) => activation(input, "sigmoid")),
  leakyRelu: {
    options: ["slope"],
    short: "slope",
    build: (input, { slope = 0.01 }, place) => {
      ensure(typeof slope === "number", place.fn, `needs a number as slope of ${place.name}`, slope);
      return leakyRelu(input, slope as number);
    },
  },
  silu: word(silu),
  gelu: word(gelu),
  maxPool2d: pool("max"),
  avgPool2d: pool("average"),
  adaptiveAvgPool2d: {
    options: ["output"],
    short: "output",
    build(input, { output }, place) {
      const sides = Array.isArray(output) ? (output as number[]) : [output as number, output as number];
      ensure(sides.length === 2, place.fn, `needs one output side or two in ${place.name}`, output);
      for (const side of sides) ensureCount(place.fn, `output side of ${place.name}`, side);
      return adaptivePooling(input, sides as [number, number]);
    },
  },
  groupNorm: {
    options: ["groups", "eps", "affine"],
    short: "groups",
    build: (input, given, place) => groupNorm(input, count(place, given, "groups"), normOptions(place, given)),
  },
  layerNorm: {
    options: ["eps", "affine"],
    build: (input, given, place) => layerNorm(input, normOptions(place, given)),
  },
  batchNorm1d: batchNormOn(1),
  batchNorm2d: batchNormOn(3),
  flatten: word((input) => (input.length === 1 ? identity(input) : flatten(input))),
  dropout: {
    options: ["p"],
    short: "p",
    build(input, { p = 0.5 }, { fn, name }) {
      ensure(typeof p === "number" && p >= 0 && p <= 1, fn, `needs p of ${name} in 0..1`, p);
      return identity(input); // in evaluation mode, whatever p is
    },
  },
  residual: {
    options: ["body", "shortcut"],
    short: "body",
    build(input, { body, shortcut = [] }, place) {
      const inside = (list: unknown, name: string): readonly Part[] =>
        partsOf({ ...place, name: `${name} of ${place.name}` }, list, input);
      const [main, side] = [inside(body, "body"), Array.isArray(shortcut) && shortcut.length === 0 ? [] : inside(shortcut, "shortcut")]; // prettier-ignore
      ensure(main.length > 0, place.fn, `needs at least one layer in the body of ${place.name}`, "none");
      const builders = (parts: readonly Part[]): (() => Layer)[] => layersOf(parts).map((layer) => () => layer);
      return {
        layer: residual(input, builders(main), builders(side)),
        state: [...numbered(main, "body."), ...numbered(side, "shortcut.")],
      };
    },
  },
};

/** The names of layers that a list may have. */
export const layerNames: readonly string[] = Object.keys(known);

/**
 * Builds the layer that a list describes, from images to logits.
 *
 * @param fn name of the public function that was called
 * @param list see LayerSpec; layers are counted from 0, as in a state_dict
 * @param inputShape [C, H, W]
 * @param numClasses K, what the list must end in
 * @returns the layer: shapes and functions, no weights
 * @throws InputError for a list that is none or empty, a layer or option that there is not, layers that do not fit one another, and an
 *   end that is not K logits
 * @example
 * layerOf("layerOf", ["flatten", { linear: 10 }], [1, 28, 28], 10).outputShape; // [10]
 */
export function layerOf(fn: string, list: LayerList, inputShape: Shape, numClasses: number): Layer {
  const layers = layersOf(partsOf({ fn, name: "", isDraft: false }, list, inputShape));
  ensureEnd(fn, layers.at(-1)!.outputShape, numClasses);
  const whole = sequence(inputShape, layers.map((layer) => () => layer)); // prettier-ignore
  ensure(whole.parameters.length > 0, fn, "needs a list of layers of which one has weights", "none");
  return whole;
}

/** Refuses a list that ends in another shape than K logits. */
function ensureEnd(fn: string, shape: Shape, numClasses: number): void {
  const ends = shape.length === 1 && shape[0] === numClasses;
  ensure(ends, fn, `needs a list of layers that ends in ${numClasses} logits`, shape, `end it with { "linear": ${numClasses} }`); // prettier-ignore
}

/**
 * The arrays that PyTorch saves for a list: those of nn.Sequential, in its order.
 *
 * The parameters' values, row-major and one after the other, are a weight vector. A residual's layers are named as if it had two
 * Sequentials, "body" and "shortcut".
 *
 * @param fn name of the public function that was called
 * @param list see LayerSpec; statistics may be missing
 * @param inputShape [C, H, W]
 * @param numClasses K; without it the list may end in anything
 * @returns names, shapes and kinds, owned by the caller
 * @throws InputError as layerOf
 * @example
 * stateOf("stateOf", ["flatten", { linear: 10 }], [1, 28, 28]).map(({ name }) => name); // ["1.weight", "1.bias"]
 */
export function stateOf(fn: string, list: LayerList, inputShape: Shape, numClasses?: number): StateEntry[] {
  const parts = partsOf({ fn, name: "", isDraft: true }, list, inputShape);
  if (numClasses !== undefined) ensureEnd(fn, parts.at(-1)!.layer.outputShape, numClasses);
  return numbered(parts, "");
}

/**
 * A list with the statistics of its batch normalisations, as a checkpoint has them.
 *
 * @param list see LayerSpec
 * @param buffers by the names that stateDictOf gives, e.g. "1.running_mean" and "1.running_var"; others are not read
 * @returns a copy with mean and variance in every batch normalisation that had none
 * @throws InputError for statistics that neither the list nor the buffers have
 * @example
 * const filled = withStatistics([{ batchNorm2d: {} }], { "0.running_mean": [0.5], "0.running_var": [2] });
 * JSON.stringify(filled); // '[{"batchNorm2d":{"mean":[0.5],"variance":[2]}}]'
 */
export function withStatistics(list: LayerList, buffers: Buffers): LayerList {
  const isRecord = typeof buffers === "object" && (buffers as Buffers | null) !== null;
  ensure(isRecord, "withStatistics", "needs an object of buffers by their names", buffers);
  return filled(list, buffers, "");
}

/** Arrays by their names in a state_dict. */
type Buffers = Readonly<Record<string, ArrayLike<number>>>;

/** The list inside a model, or inside the residuals that prefix names, with its statistics. */
function filled(list: unknown, buffers: Buffers, prefix: string): LayerList {
  const fn = "withStatistics";
  const taken = (name: string): number[] => {
    if (!Object.hasOwn(buffers, name)) refuse(fn, `needs ${name} among the buffers`, Object.keys(buffers));
    return Array.from(buffers[name]!);
  };
  return listed(fn, prefix === "" ? "" : ` as ${prefix.slice(0, -1)}`, list).map((spec, i): LayerSpec => {
    const at = `${prefix}${i}.`;
    const { name, value } = read(fn, `layer ${at.slice(0, -1)}`, spec);
    if (!["residual", "batchNorm1d", "batchNorm2d"].includes(name)) return spec as LayerSpec;
    const given = optionsOf(fn, `layer ${at.slice(0, -1)} (${name})`, known[name]!, value);
    if (name === "residual") {
      const { body, shortcut } = given;
      return {
        residual: {
          body: filled(body, buffers, `${at}body.`),
          ...(shortcut !== undefined && { shortcut: filled(shortcut, buffers, `${at}shortcut.`) }),
        },
      };
    }
    const { mean, variance } = given as BatchNormSpec;
    const statistics = {
      ...given,
      mean: mean ?? taken(`${at}running_mean`),
      variance: variance ?? taken(`${at}running_var`),
    };
    return name === "batchNorm1d" ? { batchNorm1d: statistics } : { batchNorm2d: statistics };
  });
}

/** A list, of whatever it may hold. */
function listed(fn: string, place: string, list: unknown): readonly unknown[] {
  if (!Array.isArray(list)) refuse(fn, `needs a list of layers${place}`, list);
  return list as unknown[];
}

/** The parts of a list, each on the output of the one before. */
function partsOf(place: Place, list: unknown, inputShape: Shape): readonly Part[] {
  const { fn } = place;
  const inside = place.name === "" ? "" : ` in the ${place.name}`;
  const specs = listed(fn, inside, list);
  ensure(specs.length > 0, fn, `needs at least one layer${inside}`, "none");
  const parts: Part[] = [];
  for (const [i, spec] of specs.entries()) {
    const { name, value } = read(fn, `layer ${i}${inside}`, spec);
    const there = { ...place, name: `layer ${i} (${name})${inside}` };
    parts.push(partOf(there, known[name]!, value, parts.at(-1)?.layer.outputShape ?? inputShape));
  }
  return parts;
}

/** A layer's name and what stands behind it. */
function read(fn: string, place: string, spec: unknown): { name: string; value: unknown } {
  const names = typeof spec === "object" && spec !== null && !Array.isArray(spec) ? Object.keys(spec) : [];
  if (typeof spec !== "string")
    ensure(names.length === 1, fn, `needs a name, or an object with one, as ${place}`, spec, 'e.g. "relu", or { "linear": 10 }'); // prettier-ignore
  const name = typeof spec === "string" ? spec : names[0]!;
  ensureKnown(fn, `${place} to be one`, name, layerNames);
  return { name, value: typeof spec === "string" ? true : (spec as Given)[name] };
}

/** A layer's options by their names, from what stands behind its own. */
function optionsOf(fn: string, name: string, { options, short }: Known, value: unknown): Given {
  const isBare = value !== true && (typeof value !== "object" || value === null || Array.isArray(value));
  if (isBare) ensure(short !== undefined, fn, `needs an object of options for ${name}`, value, options.length > 0 ? `options are: ${options.join(", ")}` : "it takes none"); // prettier-ignore
  const given = (value === true ? {} : isBare ? { [short!]: value } : value) as Given;
  ensureNames(fn, name, given, options);
  return given;
}

/** A layer from what is given for it; what the layer itself refuses is said with its place. */
function partOf(place: Place, kind: Known, value: unknown, input: Shape): Part {
  const { fn, name } = place;
  const given = optionsOf(fn, name, kind, value);
  try {
    const built = kind.build(input, given, place);
    if ("layer" in built) return built;
    return { layer: built, state: built.parameters.map(entryOf) };
  } catch (error) {
    if (error instanceof InputError && !error.message.startsWith(`${fn}: `))
      throw new InputError(`${fn}: ${name} ${error.message.replace(/^\w+: /, "")}`);
    throw error;
  }
}

function entryOf({ name, shape }: Layer["parameters"][number]): StateEntry {
  return { name, shape, kind: "parameter" };
}

/** The entries of parts, with their numbers before the names. */
function numbered(parts: readonly Part[], prefix: string): StateEntry[] {
  return parts.flatMap(({ state }, i) => state.map((entry) => ({ ...entry, name: `${prefix}${i}.${entry.name}` })));
}

/** The layers of parts as they are computed. */
function layersOf(parts: readonly Part[]): Layer[] {
  return earlyMaxima(parts.map(({ layer }) => layer));
}

function count(place: Place, given: Given, name: string, byDefault?: number, least = 1): number {
  const value = given[name] === undefined ? byDefault : given[name];
  ensureCount(place.fn, `${name} of ${place.name}`, value as number, least);
  return value as number;
}

function flag(place: Place, given: Given, name: string): boolean {
  const { [name]: value = true } = given;
  ensure(typeof value === "boolean", place.fn, `needs true or false as ${name} of ${place.name}`, value);
  return value as boolean;
}

function normOptions(place: Place, given: Given): { eps: number; affine: boolean } {
  const { eps = 1e-5 } = given;
  ensure(typeof eps === "number" && eps > 0, place.fn, `needs eps > 0 of ${place.name}`, eps);
  return { eps: eps as number, affine: flag(place, given, "affine") };
}

/** Pooling by a rule. */
function pool(name: PoolingName): Known {
  return {
    options: ["kernel", "stride", "padding"],
    short: "kernel",
    build(input, given, place) {
      const size = count(place, given, "kernel");
      const [stride, padding] = [count(place, given, "stride", size), count(place, given, "padding", 0, 0)];
      return windowPooling(input, name, { size, stride, padding });
    },
  };
}

/** Batch normalisation of features (1 axis) or images (3). */
function batchNormOn(axes: 1 | 3): Known {
  return {
    options: ["mean", "variance", "eps", "affine"],
    build(input, given, place) {
      const { fn, name, isDraft } = place;
      ensure(input.length === axes, fn, `needs ${axes === 1 ? "features [F]" : "images [C, H, W]"} before ${name}`, input); // prettier-ignore
      const channels = input[0]!;
      const { mean, variance } = isDraft
        ? { mean: new Array<number>(channels).fill(0), variance: new Array<number>(channels).fill(1) }
        : (given as { mean?: number[]; variance?: number[] });
      if (mean === undefined || variance === undefined)
        return refuse(
          fn,
          `needs mean and variance of ${name}`,
          "none",
          "read them from a checkpoint by withStatistics",
        );
      const layer = batchNorm(input, { mean, variance }, normOptions(place, given));
      const buffer = (what: string, shape: Shape): StateEntry => ({ name: what, shape, kind: "buffer" });
      return {
        layer,
        state: [
          ...layer.parameters.map(entryOf),
          buffer("running_mean", [channels]),
          buffer("running_var", [channels]),
          buffer("num_batches_tracked", []),
        ],
      };
    },
  };
}
