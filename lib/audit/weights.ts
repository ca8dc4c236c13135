/** @file A checkpoint's arrays as the weights of a model, in its order. */
import { ensure, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import type { NamedArray } from "../files/namedArray";
import { readArrays } from "../files/readArrays";
import { stateDictOf } from "../model/buildNetwork";
import type { StateEntry } from "../model/layerList";
import { volume } from "../model/stack";
import type { AuditSpec } from "./spec";

const FN = "audit";

/** What a checkpoint holds. */
export interface Checkpoint {
  /** [d], the parameters one after the other. */
  readonly weights: Float32Array;
  /** Statistics of batch normalisations, by the names of stateDictOf; empty where there are none. */
  readonly buffers: Readonly<Record<string, ArrayLike<number>>>;
  /** Half the distance of neighbouring numbers near 1, as its weights were saved: 2^-24 of float32. */
  readonly rounding: number;
  /** How its arrays were told apart, where that is no matter of course. */
  readonly note: string | null;
}

/**
 * Reads a checkpoint: a flat vector, or one array per parameter, told apart by their names, their order, or their shapes.
 *
 * @param file .npy, .npz or .safetensors
 * @param spec of which the model is read
 * @returns the weights in the model's order, owned by the caller
 * @throws InputError as readArrays, which refuses NaN; for arrays that are not the model's, both lists side by side; for integers
 * @example
 * const spec = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
 * (await readCheckpoint(join(projectRoot, "examples", "flower", "recordings", "one-image-each", "received0.npz"), spec)).weights.length; // 61706
 */
export async function readCheckpoint(file: string, spec: AuditSpec): Promise<Checkpoint> {
  return toCheckpoint(await readArrays(file), stateDictOf(spec.model, spec.inputShape, spec.numClasses), file);
}

/**
 * The same of arrays that are read.
 *
 * @param arrays at least one
 * @param state of the model, see stateDictOf
 * @param file for messages
 * @returns see readCheckpoint
 * @throws InputError see readCheckpoint
 * @example
 * const values = Float32Array.of(1, 2, 3);
 * const arrays = [{ name: "", shape: [3], dtype: "float32", values }];
 * toCheckpoint(arrays, [{ name: "0.weight", shape: [1, 3], kind: "parameter" }], "w.npy").weights; // Float32Array [1, 2, 3]
 */
export function toCheckpoint(arrays: readonly NamedArray[], state: readonly StateEntry[], file: string): Checkpoint {
  const parameters = state.filter(({ kind }) => kind === "parameter");
  const size = parameters.reduce((sum, { shape }) => sum + volume(shape), 0);
  const [only] = arrays;
  const isFlat = arrays.length === 1 && only!.shape.length === 1 && !(parameters.length === 1 && same(only!.shape, parameters[0]!.shape)); // prettier-ignore
  if (isFlat) {
    ensure(only!.values.length === size, FN, `needs the model's ${size} weights in ${file}`, `${only!.values.length} in one vector`, sidesOf(state, arrays)); // prettier-ignore
    const hasStatistics = state.length > parameters.length;
    ensure(!hasStatistics, FN, `needs the statistics of batch normalisations in ${file}`, "a flat vector", "save the state_dict's arrays one by one"); // prettier-ignore
    return { weights: floatsOf(only!, file), buffers: {}, rounding: roundingOf(arrays), note: null };
  }
  const { found, note } = match(arrays, state, file);
  const weights = new Float32Array(size);
  const buffers: Record<string, ArrayLike<number>> = {};
  let at = 0;
  for (const { name, kind } of state) {
    const array = found.get(name);
    if (array === undefined) continue;
    if (kind === "buffer") buffers[name] = array.values;
    else {
      weights.set(floatsOf(array, file), at);
      at += array.values.length;
    }
  }
  return { weights, buffers, rounding: roundingOf(arrays), note };
}

/** Of the coarsest floats among arrays; more than float32 nothing is kept of. */
function roundingOf(arrays: readonly NamedArray[]): number {
  const types = new Set(arrays.map(({ dtype }) => dtype));
  return types.has("bfloat16") ? 2 ** -9 : types.has("float16") ? 2 ** -12 : 2 ** -24;
}

function floatsOf({ name, values, dtype }: NamedArray, file: string): Float32Array {
  if (values instanceof Float32Array) return values;
  return refuse(FN, `needs floats as weights${name && ` in ${name}`} of ${file}`, dtype);
}

/** How arrays are a model's. */
interface Match {
  readonly found: ReadonlyMap<string, NamedArray>;
  readonly note: string | null;
}

/** Which array is which of a model's. */
function match(arrays: readonly NamedArray[], state: readonly StateEntry[], file: string): Match {
  const isCounter = ({ name, shape }: { readonly name: string; readonly shape: Shape }): boolean => shape.length === 0 && name.endsWith("num_batches_tracked"); // prettier-ignore
  const wanted = state.filter((entry) => !isCounter(entry));
  const byName = new Map(arrays.map((array) => [array.name, array]));
  if (wanted.every(({ name }) => byName.has(name))) {
    const names = new Set(state.map(({ name }) => name));
    const odd = arrays.find(({ name }) => !names.has(name));
    if (odd === undefined && wanted.every(({ name, shape }) => same(byName.get(name)!.shape, shape)))
      return { found: byName, note: null };
  }
  const isUnordered = (array: NamedArray, i: number): boolean => i > 0 && array.name < arrays[i - 1]!.name;
  const isSorted =
    arrays.length > 1 && !arrays.some(isUnordered) && !arrays.every(({ name }) => /^arr_\d+$/.test(name));
  const orders: readonly (readonly NamedArray[])[] = isSorted
    ? [byModules(arrays), arrays]
    : [arrays, byModules(arrays)];
  for (const list of orders)
    for (const asked of [state, wanted]) {
      const given = asked === state ? list : list.filter((array) => !isCounter(array));
      if (given.length !== asked.length || !asked.every(({ shape }, i) => same(given[i]!.shape, shape))) continue;
      const note =
        isSorted && !areDifferent(asked)
          ? `arrays of ${file} are sorted by name and some have the same shape: they were taken in the order ${given.map(({ name }) => name).join(", ")}`
          : null;
      return { found: new Map(asked.map(({ name }, i) => [name, given[i]!])), note };
    }
  const others = arrays.filter((array) => !isCounter(array));
  if (others.length === wanted.length && areDifferent(wanted)) {
    const pairs = wanted.map(({ name, shape }) => [name, others.find((array) => same(array.shape, shape))] as const);
    if (pairs.every(([, array]) => array !== undefined))
      return { found: new Map(pairs.map(([name, array]) => [name, array!])), note: null };
  }
  return refuse(FN, `needs the model's ${wanted.length} arrays in ${file}`, `${others.length}, which differ`, sidesOf(state, arrays)); // prettier-ignore
}

/** Whether every shape stands once, so arrays can be told apart by it. */
function areDifferent(state: readonly StateEntry[]): boolean {
  return new Set(state.map(({ shape }) => String(shape))).size === state.length;
}

const inModule = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/** Arrays by the modules in their names, counted as people count, each as PyTorch has it. */
function byModules(arrays: readonly NamedArray[]): NamedArray[] {
  const split = (name: string): [string, string] => {
    const at = name.lastIndexOf(".");
    return [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
  };
  const rank = (last: string): number => (inModule.includes(last) ? inModule.indexOf(last) : inModule.length);
  return [...arrays].sort((a, b) => {
    const [[moduleA, lastA], [moduleB, lastB]] = [split(a.name), split(b.name)];
    return moduleA.localeCompare(moduleB, "en", { numeric: true }) || rank(lastA) - rank(lastB) || lastA.localeCompare(lastB, "en", { numeric: true }); // prettier-ignore
  });
}

function same(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

const mostSides = 40;

/** The model's arrays and a file's, side by side, in one line. */
function sidesOf(state: readonly StateEntry[], arrays: readonly NamedArray[]): string {
  const one = (entry: { readonly name: string; readonly shape: Shape } | undefined): string =>
    entry === undefined ? "nothing" : `${entry.name} [${entry.shape.join(", ")}]`.trim();
  const count = Math.max(state.length, arrays.length);
  const pairs = Array.from({ length: Math.min(count, mostSides) }, (_, i) => {
    const isSame = state[i] !== undefined && arrays[i] !== undefined && same(state[i].shape, arrays[i].shape);
    return `${one(state[i])} ${isSame ? "=" : "≠"} ${one(arrays[i])}`;
  });
  return `the model's and the file's: ${pairs.join("; ")}${count > mostSides ? "; …" : ""}`;
}
