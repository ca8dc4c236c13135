/** @file Names and values as a user writes them: what is misspelt, left undefined or repeated is refused before it computes. */
import { ensure, ensureCount, refuse } from "./errors";

/** Refuses a name that is none of those there are, with the nearest of them. */
export function ensureKnown(fn: string, what: string, name: unknown, known: readonly string[]): void {
  if (!known.includes(name as string)) refuse(fn, `needs ${what} of ${known.join(", ")}`, name, meant(name, known));
}

/**
 * Refuses a record with a field that nobody reads, or one without a value.
 *
 * A field that is undefined is refused too: JSON drops it, and a spread puts it over what stood there.
 */
export function ensureNames(fn: string, what: string, record: object, known: readonly string[]): void {
  const isRecord = typeof record === "object" && record !== null && !Array.isArray(record);
  ensure(isRecord, fn, `needs an object for ${what}`, record);
  for (const name of Object.keys(record)) {
    if (!known.includes(name)) refuse(fn, `needs only known names in ${what}`, name, meantOrAll(name, known));
  }
}

/** Refuses a value in which something is undefined, however deep. */
export function ensureDefined(fn: string, place: string, value: unknown): void {
  if (value === undefined) refuse(fn, `needs a value for ${place}`, value, "leave the field out, or give it one");
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, part] of Object.entries(value)) ensureDefined(fn, `${place}.${name}`, part);
}

/** Refuses seeds that are no integers, or of which one stands twice: it would count as two runs and narrow every interval. */
export function ensureSeeds(fn: string, seeds: readonly number[]): void {
  ensure(
    Array.isArray(seeds) && seeds.length >= 1,
    fn,
    "needs at least one seed",
    Array.isArray(seeds) ? "none" : seeds,
  );
  for (const [i, seed] of seeds.entries()) {
    ensureCount(fn, "seed", seed, Number.MIN_SAFE_INTEGER);
    ensure(seeds.indexOf(seed) === i, fn, "needs seeds that differ", `${seed} again`);
  }
}

/** What to say after a name that is not known: the one that was perhaps meant, or all there are. */
export function meantOrAll(name: string, known: readonly string[]): string {
  return meant(name, known) ?? `known are: ${known.length > 0 ? known.join(", ") : "none"}`;
}

function meant(name: unknown, known: readonly string[]): string | undefined {
  const nearest = nearestOf(String(name), known);
  return nearest === undefined ? undefined : `did you mean ${nearest}?`;
}

/** The name that is nearest, at no more than a third of its letters or shortened; case, hyphens and blanks do not count. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const plain = (word: string): string => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const near = known
    .map((other) => ({ other, distance: edits(plain(name), plain(other)) }))
    .filter(
      ({ other, distance }) => distance <= Math.floor(plain(other).length / 3) || shortens(plain(name), plain(other)),
    )
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.other;
}

/** Whether a word is another one of which letters are left out, but not the first: "avg" of "average". */
function shortens(short: string, word: string): boolean {
  if (short.length < 3 || short[0] !== word[0]) return false;
  let at = 0;
  for (const letter of word) if (letter === short[at]) at++;
  return at === short.length;
}

/** Letters to insert, delete, replace or swap with their neighbour between two words (Damerau 1964). */
function edits(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (__, j) => i + j));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const replaced = table[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? table[i - 2]![j - 2]! + 1 : Infinity;
      table[i]![j] = Math.min(table[i - 1]![j]! + 1, table[i]![j - 1]! + 1, replaced, swapped);
    }
  return table[a.length]![b.length]!;
}
