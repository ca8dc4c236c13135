/** @file Folders of files, never seen half written. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ensure } from "../core/errors";

/**
 * Writes a folder by writing another beside it and renaming that: an interrupted run leaves the old one whole.
 *
 * @param fn name of the public function that was called
 * @param folder that is made, or replaced where `marker` in it says that it was written by this function
 * @param files by their names, at least the marker
 * @param marker a file's name
 * @throws InputError where something else is in the place, which is left alone
 * @example
 * writeFolder("f", join(made, "some"), { "some.json": "{}" }, "some.json");
 */
export function writeFolder(
  fn: string,
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  marker: string,
): void {
  const place = resolve(folder);
  checkFolder(fn, place, marker);
  mkdirSync(dirname(place), { recursive: true });
  const part = mkdtempSync(join(dirname(place), `.${basename(place)}.`));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(part, name), content);
    rmSync(place, { recursive: true, force: true });
    renameSync(part, place);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Refuses a place for a folder in which there is something else: to be asked before what is to be written is computed.
 *
 * @param fn name of the public function that was called
 * @param folder that is to be written
 * @param marker a file that stands in folders which may be replaced
 * @throws InputError for a file, or a folder that is not empty and has no marker
 * @example
 * checkFolder("f", join(projectRoot, "no such folder"), "some.json");
 */
export function checkFolder(fn: string, folder: string, marker: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  ensure(found.isDirectory(), fn, `needs a folder to write at ${folder}`, "a file");
  const isOurs = statSync(join(folder, marker), { throwIfNoEntry: false }) !== undefined;
  ensure(
    isOurs,
    fn,
    `needs a new folder, or one with ${marker} in it, to write at ${folder}`,
    "another folder",
    "name one that does not exist",
  );
}
