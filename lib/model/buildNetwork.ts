/** @file A network by its architecture's name. */
import { ensure, ensureCount } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import type { Shape } from "../core/types";
import { architectures, type ArchitectureName } from "./architectures";
import { activationNames } from "./layers/activation";
import { poolingNames } from "./layers/pooling";
import { createNetwork, type Network } from "./network";
import type { ArchitectureOptions } from "./options";

/**
 * Builds a network by its architecture's name.
 *
 * @param name see `architectures`
 * @param inputShape [C, H, W]
 * @param numClasses K >= 2
 * @param options activation and pooling; an architecture without the part in question ignores it
 * @returns the network: shapes and functions, no weights
 * @throws InputError for an unknown name or option, numClasses < 2, or an input that the layers do not fit
 * @example
 * buildNetwork("lenet5", [1, 28, 28], 10).size; // 61706
 */
export function buildNetwork(
  name: ArchitectureName,
  inputShape: Shape,
  numClasses: number,
  options: ArchitectureOptions = {},
): Network {
  const fn = "buildNetwork";
  ensureKnown(fn, "an architecture", name, Object.keys(architectures));
  const isImage = Array.isArray(inputShape) && inputShape.length === 3;
  ensure(isImage && inputShape.every((side) => Number.isInteger(side) && side >= 1), fn, "needs an inputShape [C, H, W]", inputShape); // prettier-ignore
  ensureCount(fn, "numClasses", numClasses, 2);
  ensureNames(fn, "options", options, ["activation", "pooling"]);
  if (options.activation !== undefined) ensureKnown(fn, "an activation", options.activation, activationNames);
  if (options.pooling !== undefined) ensureKnown(fn, "a pooling", options.pooling, poolingNames);
  return createNetwork(name, architectures[name].build(inputShape, numClasses, options));
}
