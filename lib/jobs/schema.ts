/** @file JSON from elsewhere, held against a schema. */
import { z } from "zod";
import { refuse } from "../core/errors";
import { meantOrAll } from "../core/known";

/**
 * Holds a value against a schema.
 *
 * @param value whatever came
 * @example
 * checkShape("read", z.object({ x: z.number() }), { x: "1" }); // throws "read: needs a number at x, got 1"
 */
export function checkShape<Value>(fn: string, schema: z.ZodType<Value>, value: unknown): Value {
  const odd = protoIn(value);
  if (odd !== null) refuse(fn, `needs names that an object can have${odd && ` at ${odd}`}`, "__proto__", "call it something else"); // prettier-ignore
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const place = issue.path.length > 0 ? ` at ${issue.path.join(".")}` : "";
  const found = issue.path.reduce<unknown>((at, name) => (at as Record<PropertyKey, unknown>)?.[name], value);
  if (issue.code === "unrecognized_keys")
    refuse(fn, `needs only known names${place}`, issue.keys.join(", "), meantOrAll(issue.keys[0]!, namesAt(schema, issue.path))); // prettier-ignore
  if (issue.code === "too_small" && issue.origin !== "array")
    refuse(fn, `needs a number ${issue.inclusive ? ">=" : ">"} ${issue.minimum}${place}`, found);
  const needs: Readonly<Record<string, string>> = {
    array: "an array",
    object: "an object",
    record: "an object",
    int: "an integer",
  };
  if (issue.code === "invalid_type")
    refuse(fn, `needs ${needs[issue.expected] ?? `a ${issue.expected}`}${place}`, found);
  if (issue.code === "invalid_value") refuse(fn, `needs one of ${issue.values.join(", ")}${place}`, found);
  refuse(fn, `needs what fits${place} (${issue.message})`, found);
}

/** Where a property is called __proto__, which JSON can hold and zod drops without a word; null where none is. */
function protoIn(value: unknown, place = ""): string | null {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return null;
  if (Object.hasOwn(value, "__proto__")) return place;
  for (const [name, part] of Object.entries(value)) {
    const found = protoIn(part, place === "" ? name : `${place}.${name}`);
    if (found !== null) return found;
  }
  return null;
}

/** The names that a schema knows at a place. */
function namesAt(schema: unknown, [name, ...rest]: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return namesAt(schema.unwrap(), name === undefined ? [] : [name, ...rest]);
  if (schema instanceof z.ZodRecord && name !== undefined) return namesAt(schema.valueType, rest);
  if (schema instanceof z.ZodArray && name !== undefined) return namesAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  const shape = schema.shape as Readonly<Record<PropertyKey, unknown>>;
  return name === undefined ? Object.keys(shape) : namesAt(shape[name], rest);
}
