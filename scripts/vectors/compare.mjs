/** @file When a value counts as equal to its reference. */

/** Why an entry is skipped whose rule has no implementation. */
export const MISSING = "not in the library yet";

const SHOWN = 3; // mismatching elements printed of one list

/**
 * Where two values differ, each place with both values.
 *
 * |got - expected| <= tolerance; equal infinities agree, NaN never does
 *
 * @param comparison what: its name; got and expected: a number or (nested) lists of numbers, an infinity as "Infinity" too;
 *   tolerance: absolute
 * @returns lines; none where the values agree
 */
export function differences({ what, got, expected, tolerance }) {
  if (expected === undefined || expected === null) return [`${what}: got ${show(got)}, but the file holds no value`];
  const [ours, theirs] = [flatten(got), flatten(expected)];
  if (ours.length !== theirs.length) return [`${what}: got ${ours.length} numbers, expected ${theirs.length}`];
  const places = theirs.flatMap((value, i) => (agree(ours[i], value, tolerance) ? [] : [i]));
  const lines = places.slice(0, SHOWN).map((i) => {
    const index = typeof expected === "object" ? `[${i}]` : "";
    return `${what}${index}: got ${ours[i]}, expected ${theirs[i]}, tolerance ${Number(tolerance.toPrecision(3))}`;
  });
  return places.length > SHOWN ? [...lines, `${what}: … ${places.length} of ${theirs.length} values differ`] : lines;
}

function agree(got, expected, tolerance) {
  return got === expected || Math.abs(got - expected) <= tolerance;
}

/** Numbers of nested lists, one after the other. JSON has no Infinity, so files write it as a string. */
export function flatten(value) {
  if (typeof value === "number" || typeof value === "string") return [Number(value)];
  return Array.from(value).flatMap(flatten);
}

const show = (value) => (typeof value === "number" ? value : `${flatten(value).length} numbers`);
