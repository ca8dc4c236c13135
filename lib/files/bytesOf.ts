/** @file Opening what a caller gave: a path or bytes, no larger than the caller allows. */
import { readFile, stat } from "node:fs/promises";
import { types } from "node:util";
import { ensure, ensureCount, refuse } from "../core/errors";
import { ensureDefined, ensureNames } from "../core/known";
import { kindOf } from "../core/typed";
import type { ReadOptions } from "./namedArray";

/** A file that is being read. */
export interface Reading {
  /** The public function that was called, for messages. */
  readonly fn: string;
  /** The file's path, or words in its place. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly allowNonFinite: boolean;
  readonly maxBytes: number;
  /** Refuses so many bytes of values where the file's arrays would become more than is allowed; to be asked before they are taken. */
  readonly reserve: (bytes: number) => void;
}

/** Reads a file whole, or takes bytes as they are; refuses what is neither, empty, or too large. */
export async function bytesOf(fn: string, source: unknown, options: ReadOptions): Promise<Reading> {
  ensureNames(fn, "options", options, ["allowNonFinite", "maxBytes"]);
  ensureDefined(fn, "options", options);
  const { allowNonFinite = false, maxBytes = 2e9 } = options;
  ensure(typeof allowNonFinite === "boolean", fn, "needs true or false for allowNonFinite", allowNonFinite);
  ensureCount(fn, "maxBytes", maxBytes);

  const file = typeof source === "string" ? source : "the bytes given";
  const bytes = await load(fn, source, maxBytes);
  ensure(bytes.length > 0, fn, `needs an array in ${file}`, "no bytes");
  ensure(bytes.length <= maxBytes, fn, `needs at most ${maxBytes} bytes in ${file}`, bytes.length, RAISE);
  let reserved = 0;
  const reserve = (more: number): void => {
    reserved += more;
    ensure(reserved <= maxBytes, fn, `needs arrays of at most ${maxBytes} bytes in ${file}`, reserved, RAISE);
  };
  return { fn, file, bytes, allowNonFinite, maxBytes, reserve };
}

/** What to do about a file that is larger than is allowed. */
export const RAISE = "raise maxBytes if it is meant to be that large";

/** The bytes of a file that is one, or those given; each reason why there are none in a line of its own. */
async function load(fn: string, source: unknown, maxBytes: number): Promise<Buffer> {
  if (types.isUint8Array(source)) return Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  if (typeof source !== "string") {
    const remedy = ArrayBuffer.isView(source) || types.isAnyArrayBuffer(source) ? "wrap it in a Uint8Array" : undefined;
    refuse(fn, "needs a path or a Uint8Array", kindOf(source), remedy);
  }
  ensure(source !== "", fn, "needs a path or a Uint8Array", "an empty path");
  try {
    const found = await stat(source);
    ensure(found.isFile(), fn, `needs a file at ${source}`, found.isDirectory() ? "a folder" : "something else");
    ensure(found.size <= maxBytes, fn, `needs at most ${maxBytes} bytes in ${source}`, found.size, RAISE);
    return await readFile(source);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === "ENOENT") refuse(fn, `needs the file ${source}`, "no such file");
    refuse(fn, `needs to read ${JSON.stringify(source)}`, code); // EACCES, ENOTDIR, a path with a null byte, …
  }
}
