/** @file Arrays at public entries: TypeScript knows what they are, JavaScript does not. */
import { types } from "node:util";
import { ensure, ensureFinite, refuse } from "./errors";

/**
 * Refuses what is no Float32Array: the engine reads plain arrays and other typed ones wrongly, or not at all.
 *
 * @example
 * ensureFloats("rmse", "a", [0, 1]); // throws "rmse: needs a Float32Array in a, got Array; convert it by Float32Array.from"
 */
export function ensureFloats(fn: string, name: string, values: unknown): asserts values is Float32Array {
  if (types.isFloat32Array(values)) return; // also one of another realm, as a notebook's may be
  const isList = Array.isArray(values) || ArrayBuffer.isView(values);
  refuse(fn, `needs a Float32Array in ${name}`, kindOf(values), isList ? "convert it by Float32Array.from" : undefined);
}

/**
 * Refuses what is no vector of so many finite numbers in float32.
 *
 * @example
 * ensureVector("invert", "weights", new Float32Array(3), 4); // throws "invert: needs 4 numbers in weights, got 3"
 */
export function ensureVector(fn: string, name: string, values: unknown, length: number): void {
  ensureFloats(fn, name, values);
  ensure(values.length === length, fn, `needs ${length} numbers in ${name}`, values.length);
  ensureFinite(fn, name, values);
}

/**
 * Refuses what are no labels: integers from 0 on, in an array of any kind.
 *
 * @example
 * ensureLabels("invert", "labels", [0, 1.5], 2, 10); // throws "invert: needs labels in 0..9, got 1.5 at index 1"
 */
export function ensureLabels(fn: string, name: string, labels: unknown, count: number, numClasses = Infinity): void {
  const isList = Array.isArray(labels) || (ArrayBuffer.isView(labels) && "length" in labels);
  if (!isList) refuse(fn, `needs an array of ${name}`, kindOf(labels));
  const list = labels as ArrayLike<number>;
  ensure(list.length === count, fn, `needs ${count} ${name}`, list.length);
  for (let i = 0; i < count; i++) {
    const label = list[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= numClasses)
      refuse(fn, `needs ${name} in 0..${numClasses === Infinity ? "" : numClasses - 1}`, `${label} at index ${i}`);
  }
}

/**
 * Refuses images that are not in [0, 1], as private images are.
 *
 * @example
 * ensurePixels("presentProbe", "images", [0, 255]); // throws "presentProbe: needs pixels of images in [0, 1], got 255 at index 1; divide bytes by 255"
 */
export function ensurePixels(fn: string, name: string, images: ArrayLike<number>): void {
  for (let i = 0; i < images.length; i++) {
    const pixel = images[i]!;
    if (!(pixel >= 0 && pixel <= 1))
      refuse(fn, `needs pixels of ${name} in [0, 1]`, `${pixel} at index ${i}`, "divide bytes by 255");
  }
}

/** What a value is, in a word: what to say of one that is too long to show. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
