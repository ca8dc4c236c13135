/** @file Shapes as files state them. */
import { refuse } from "../core/errors";
import type { Shape } from "../core/types";

const MOST_AXES = 64; // as numpy

/** Whether a value that was read is a list of lengths. */
export function isShape(value: unknown): value is Shape {
  return (
    Array.isArray(value) &&
    value.length <= MOST_AXES &&
    value.every((length) => Number.isSafeInteger(length) && length >= 0)
  );
}

/** How many numbers a shape has; one whose count no number holds is refused. */
export function lengthOf(fn: string, place: string, shape: Shape): number {
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(count)) refuse(fn, `needs a shape that can be counted in ${place}`, shape);
  return count;
}
