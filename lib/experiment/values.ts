/** @file What the result of a job may look like. A checksum says that it arrived whole, not that it is one. */
import type { z } from "zod";
import { gradientValue } from "./gradientValue";
import { leakageValue } from "./leakageValue";
import { checkShape } from "./shape";

const shapes: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ["leakage", leakageValue],
  ["gradients", gradientValue],
]);

/**
 * Refuses a result that is none of its kind. Kinds that are no jobs (an autoencoder ...) have no shape, and are not looked at.
 *
 * @param kind of the run, see Run
 * @param value whatever came
 * @throws InputError naming the first place that does not fit
 * @example
 * checkValue("leakage", null); // throws "checkValue: needs an object, got null"
 */
export function checkValue(kind: string, value: unknown): void {
  const shape = shapes.get(kind);
  if (shape !== undefined) checkShape("checkValue", shape, value);
}
