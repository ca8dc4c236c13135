/** @file A network by its architecture's name, or by its layers. */
import { ensure, ensureCount } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import type { Shape } from "../core/types";
import { architectures, type ArchitectureName } from "./architectures";
import { layerOf, stateOf, type LayerList, type StateEntry } from "./layerList";
import { activationNames } from "./layers/activation";
import { sequence } from "./layers/compose";
import { poolingNames } from "./layers/pooling";
import { normalize, type Normalization } from "./layers/shape";
import { createNetwork, type Network } from "./network";
import type { ArchitectureOptions } from "./options";

/** A model: an architecture's name, or its layers. */
export type ModelSpec = ArchitectureName | LayerList;

/** Of a network. */
export interface NetworkOptions extends ArchitectureOptions {
  /** What the network does to images in [0, 1] before its first layer, (x - mean) / std per channel; default nothing. */
  readonly normalize?: Normalization;
}

/**
 * Builds a network by its architecture's name, or by its layers.
 *
 * @param model see `architectures`, or LayerSpec for a list of layers
 * @param inputShape [C, H, W]
 * @param numClasses K >= 2
 * @param options activation and pooling, which an architecture without the part in question ignores, as every list does; normalize
 * @returns the network: shapes and functions, no weights
 * @throws InputError for an unknown name or option, numClasses < 2, an input that the layers do not fit, or a list that is none of K
 *   logits
 * @example
 * buildNetwork("lenet5", [1, 28, 28], 10).size; // 61706
 * buildNetwork(["flatten", { linear: 10 }], [1, 28, 28], 10, { normalize: { mean: [0.286], std: [0.353] } }).size; // 7850
 */
export function buildNetwork(
  model: ModelSpec,
  inputShape: Shape,
  numClasses: number,
  options: NetworkOptions = {},
): Network {
  const fn = "buildNetwork";
  checkShapes(fn, model, inputShape, numClasses);
  ensureNames(fn, "options", options, ["activation", "pooling", "normalize"]);
  const { activation, pooling, normalize: by } = options;
  if (activation !== undefined) ensureKnown(fn, "an activation", activation, activationNames);
  if (pooling !== undefined) ensureKnown(fn, "a pooling", pooling, poolingNames);
  const layer = isName(model)
    ? architectures[model].build(inputShape, numClasses, options)
    : layerOf(fn, model, inputShape, numClasses);
  const name = isName(model) ? model : "the list of layers";
  if (by === undefined) return createNetwork(name, layer);
  ensureNames(fn, "normalize", by, ["mean", "std"]);
  return createNetwork(name, sequence(inputShape, [(shape) => normalize(shape, by), () => layer]));
}

/**
 * The arrays that PyTorch saves for a model, in its order, by which files are matched to it.
 *
 * The parameters' values, row-major and one after the other, are a weight vector.
 *
 * @param model see buildNetwork; a list's statistics may be missing
 * @param inputShape [C, H, W]
 * @param numClasses K; without it a list may end in anything
 * @returns of a list what nn.Sequential names; of an architecture the shapes, its layers with weights numbered from 0; owned by the caller
 * @throws InputError as buildNetwork
 * @example
 * stateDictOf("softmaxRegression", [1, 28, 28], 10)[0]; // { name: "0.weight", shape: [10, 784], kind: "parameter" }
 * stateDictOf(["flatten", { linear: 10 }], [1, 28, 28]).map(({ name }) => name); // ["1.weight", "1.bias"]
 */
export function stateDictOf(model: ModelSpec, inputShape: Shape, numClasses?: number): StateEntry[] {
  const fn = "stateDictOf";
  checkShapes(fn, model, inputShape, isName(model) ? numClasses! : (numClasses ?? 2));
  if (!isName(model)) return stateOf(fn, model, inputShape, numClasses);
  const { layer } = buildNetwork(model, inputShape, numClasses!);
  let number = -1;
  return layer.parameters.map(({ name, shape }) => {
    if (name === "weight") number++;
    return { name: `${number}.${name}`, shape, kind: "parameter" };
  });
}

/** Whether a model is the name of an architecture. */
export function isName(model: ModelSpec): model is ArchitectureName {
  return !Array.isArray(model);
}

function checkShapes(fn: string, model: ModelSpec, inputShape: Shape, numClasses: number): void {
  if (isName(model)) ensureKnown(fn, "an architecture", model, Object.keys(architectures));
  const isImage = Array.isArray(inputShape) && inputShape.length === 3;
  ensure(isImage && inputShape.every((side) => Number.isInteger(side) && side >= 1), fn, "needs an inputShape [C, H, W]", inputShape); // prettier-ignore
  ensureCount(fn, "numClasses", numClasses, 2);
}
