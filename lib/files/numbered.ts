/** @file Files that differ by a number: "round{k}.npz". */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ensure, refuse } from "../core/errors";

/** Where the number stands in a pattern. */
const PLACE = "{k}";

/**
 * The files of a pattern, by their numbers.
 *
 * @param fn name of the public function that was called
 * @param pattern a path whose last part may have {k} in it, for a number from 0 or any other on
 * @returns the paths in the order of their numbers, at least one; of a path without {k} itself, whether there is such a file or not
 * @throws InputError where a folder cannot be read, no file is called so, or a number is missing between others
 * @example
 * await numberedFiles("f", "round.npz"); // ["round.npz"]
 */
export async function numberedFiles(fn: string, pattern: string): Promise<string[]> {
  const [folder, name] = [dirname(pattern), basename(pattern)];
  if (!pattern.includes(PLACE)) return [pattern];
  const parts = name.split(PLACE);
  ensure(parts.length === 2, fn, `needs ${PLACE} once, in the last part of a path`, pattern);
  const [before, after] = parts as [string, string];
  let there: string[];
  try {
    there = await readdir(folder);
  } catch (error) {
    return refuse(fn, `needs the folder ${folder}`, (error as NodeJS.ErrnoException).code ?? String(error));
  }
  const found = there.flatMap((file) => {
    const middle = file.slice(before.length, file.length - after.length);
    const fits = file.startsWith(before) && file.endsWith(after) && /^\d+$/.test(middle);
    return fits ? [{ number: Number(middle), file: join(folder, file) }] : [];
  });
  found.sort((a, b) => a.number - b.number);
  ensure(found.length > 0, fn, `needs files ${pattern}`, "none");
  for (const [i, { number }] of found.entries()) {
    const next = found[0]!.number + i;
    ensure(number === next, fn, `needs files ${pattern} of consecutive numbers`, `${found[i - 1]?.number ?? "none"} and then ${number}`, number > next ? "a client that missed a round sees two rounds in one: give them apart" : "keep one of the two"); // prettier-ignore
  }
  return found.map(({ file }) => file);
}
