/** @file Errors at public entries: `fn: requirement, got actual[; remedy]`. */

/** Bad input to a public function. Its message names the function, the requirement, what came, and a remedy if there is one. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/**
 * Throws an InputError with the message `fn: requirement, got actual[; remedy]`.
 *
 * @param requirement what it needs, as a clause: "needs n >= 1"
 * @param actual what it got: a value, or words such as "n = 6, f = 2"
 * @param remedy what the caller can do, if there is something
 */
export function refuse(fn: string, requirement: string, actual: unknown, remedy?: string): never {
  throw new InputError(`${fn}: ${requirement}, got ${show(actual)}${remedy ? `; ${remedy}` : ""}`);
}

/**
 * Refuses unless the condition holds; see refuse.
 *
 * @param remedy what the caller can do, if there is something
 */
export function ensure(condition: boolean, fn: string, requirement: string, actual: unknown, remedy?: string): void {
  if (!condition) refuse(fn, requirement, actual, remedy);
}

/**
 * Refuses a number that is not an integer of at least min.
 *
 * @param min smallest value allowed, default 1
 */
export function ensureCount(fn: string, name: string, value: number, min = 1): void {
  ensure(Number.isSafeInteger(value) && value >= min, fn, `needs an integer ${name} >= ${min}`, value);
}

/** Refuses a vector that holds NaN or an infinity, naming the first place. */
export function ensureFinite(fn: string, name: string, values: Float32Array | readonly number[]): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) refuse(fn, `needs finite numbers in ${name}`, `${values[i]} at index ${i}`);
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}
