/** @file What the result of a job may look like. A checksum says that it arrived whole, not that it is one. */
import type { z } from "zod";
import { readGradientPlan } from "./gradientPlan";
import { gradientValueOf } from "./gradientValue";
import type { Job } from "./job";
import { readPlan } from "./leakagePlan";
import { leakageValueOf } from "./leakageValue";
import { checkShape } from "./shape";

const shapes: ReadonlyMap<string, (plan: unknown) => z.ZodType> = new Map<string, (plan: unknown) => z.ZodType>([
  ["leakage", (plan) => leakageValueOf(readPlan(plan))],
  ["gradients", (plan) => gradientValueOf(readGradientPlan(plan))],
]);

/**
 * Refuses what cannot be a job's result. Kinds that no job has (an autoencoder ...) have no shape, and are not looked at.
 *
 * @param job of which kind and plan are read
 * @param value whatever came
 * @throws InputError naming the first place that does not fit, or that of a plan which is none of its kind
 * @example
 * checkValue(job, null); // throws "checkValue: needs an object, got null"
 */
export function checkValue({ kind, plan }: Pick<Job, "kind" | "plan">, value: unknown): void {
  const shapeOf = shapes.get(kind);
  if (shapeOf !== undefined) checkShape("checkValue", shapeOf(plan), value);
}
