/** @file The shape of a gradient plan, for one that comes from elsewhere. */
import { z } from "zod";
import type { GradientPlan } from "./gradients";
import { attackerShape, federationShape } from "./leakagePlan";

/** See GradientPlan. */
export const gradientPlan = z.strictObject({
  federation: federationShape,
  seeds: z.array(z.int()),
  rounds: z.array(z.int()),
  objectiveImages: z.int(),
  batches: z.int(),
  attacker: attackerShape.nullable(),
}) satisfies z.ZodType<GradientPlan>;
