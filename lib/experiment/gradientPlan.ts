/** @file The shape of a gradient plan, for one that comes from elsewhere. */
import { z } from "zod";
import type { GradientPlan } from "./gradients";
import { attackShape, federationShape } from "./leakagePlan";
import { checkShape } from "./shape";

const shape = z.strictObject({
  federation: federationShape,
  seeds: z.array(z.int()),
  rounds: z.array(z.int()),
  objectiveImages: z.int(),
  batches: z.int(),
  attack: attackShape.nullable(),
}) satisfies z.ZodType<GradientPlan>;

/**
 * Reads a gradient plan that came from another process.
 *
 * @param value a whole plan
 * @param fn name of the public function that was called
 * @returns the plan
 * @throws InputError naming the place that is not as it should be
 * @example
 * const looked = { federation: config, seeds: [1], rounds: [0], objectiveImages: 5, batches: 2, attack: null };
 * readGradientPlan({ ...looked, rounds: "all" }); // throws "readGradientPlan: needs an array at rounds, got all"
 */
export function readGradientPlan(value: unknown, fn = "readGradientPlan"): GradientPlan {
  return checkShape(fn, shape, value);
}
