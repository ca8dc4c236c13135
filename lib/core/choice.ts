/** @file Words at public entries: a name out of a set, and the options that a function takes. */
import { ensure, refuse } from "./errors";

/**
 * Refuses a value that is none of the known names.
 *
 * @param fn name of the public function that was called
 * @param what the value is: "activation"
 * @param value what was given for it
 * @param known the names there are
 * @throws InputError listing the names
 * @example
 * ensureOneOf("invert", "objective", "cos", ["squared", "cosine"]); // throws "invert: needs objective of squared, cosine, got cos"
 */
export function ensureOneOf(fn: string, what: string, value: unknown, known: readonly string[]): void {
  ensure(known.includes(value as string), fn, `needs ${what} of ${known.join(", ")}`, value);
}

/**
 * Refuses options that are no plain record, or hold one that the function does not take: misspelt, it would not be heard.
 *
 * @param fn name of the public function that was called
 * @param options what was given
 * @param known the options there are
 * @throws InputError listing the options
 * @example
 * ensureOptions("invert", { step: 2 }, ["steps", "seed"]); // throws "invert: needs options of steps, seed, got step"
 */
export function ensureOptions(fn: string, options: object, known: readonly string[]): void {
  const given: unknown = options; // from JavaScript, anything
  if (typeof given !== "object" || given === null) refuse(fn, `needs options of ${known.join(", ")}`, given);
  for (const name of Object.keys(options)) ensureOneOf(fn, "options", name, known);
}
