/** @file The architectures by name. Each file of the registry builds one. */
import { ensureOneOf, ensureOptions } from "../core/choice";
import { ensure, ensureCount, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import { activations } from "./layers/activation";
import { poolings } from "./layers/pooling";
import { lenet5, lenet5Wide } from "./lenet";
import { mlp, softmaxRegression } from "./mlp";
import type { Network } from "./network";
import type { ArchitectureOptions } from "./options";

/** The architectures by name. */
export const architectures = { lenet5, lenet5Wide, mlp, softmaxRegression } as const satisfies Record<
  string,
  (inputShape: Shape, numClasses: number, options?: ArchitectureOptions) => Network
>;

/** An architecture's name. */
export type ArchitectureName = keyof typeof architectures;

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
  if (!Object.hasOwn(architectures, name)) refuse(fn, `needs one of ${Object.keys(architectures).join(", ")}`, name);
  const isImage = Array.isArray(inputShape) && inputShape.length === 3;
  ensure(isImage && inputShape.every((side) => Number.isInteger(side) && side >= 1), fn, "needs an inputShape [C, H, W]", inputShape); // prettier-ignore
  ensureCount(fn, "numClasses", numClasses, 2);
  ensureOptions(fn, options, ["activation", "pooling"]);
  if (options.activation !== undefined) ensureOneOf(fn, "activation", options.activation, activations);
  if (options.pooling !== undefined) ensureOneOf(fn, "pooling", options.pooling, poolings);
  return architectures[name](inputShape, numClasses, options);
}
