/** @file Reading a file that somebody put there: it may be none, or larger than anything that was meant. */
import { readFileSync, statSync } from "node:fs";
import { ensure } from "../core/errors";

/**
 * Reads a file, unless it is a folder, a pipe (which might never end) or too large.
 *
 * @example
 * readBounded("readIdx", ".", 100); // throws "readIdx: needs a file at ., got a folder"
 */
export function readBounded(fn: string, file: string, most: number): Buffer {
  const found = statSync(file);
  ensure(found.isFile(), fn, `needs a file at ${file}`, found.isDirectory() ? "a folder" : "something else");
  ensure(found.size <= most, fn, `needs at most ${most} bytes in ${file}`, found.size);
  return readFileSync(file);
}
