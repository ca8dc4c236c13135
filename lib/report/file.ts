/** @file Files in figures/: named once, never seen half written. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensure } from "../core/errors";
import { paths, projectRoot } from "../core/paths";
import type { Stamp } from "./stamp";

/**
 * The file of a figure or record: figures/<name>.<profile>.<ending>. What stand-in drawings gave lies in build/stand-in/
 * instead, where it replaces nothing that real data gave; a smoke run only tests the wiring, and is never committed.
 *
 * @param fn the public function that asks, for its errors
 * @param name begins with the notebook's name: two digits, then lower case words joined by "_"
 * @param stamp how much was computed, and on which data
 * @param ending "svg" or "json"
 * @returns an absolute path
 * @throws InputError when the name has another form
 * @example
 * const stamp = { profile: "quick", datasetSource: "folder" } as const;
 * figureFile("showFigure", "02_rmse", stamp, "svg"); // join(paths.figures, "02_rmse.quick.svg")
 */
export function figureFile(
  fn: string,
  name: string,
  { profile, datasetSource }: Pick<Stamp, "profile" | "datasetSource">,
  ending: "svg" | "json",
): string {
  ensure(/^\d\d(_[a-z0-9]+)+$/.test(name), fn, 'needs a name such as "02_passive_listener"', name);
  const isStandIn = datasetSource === "embedded" && profile !== "smoke";
  return join(isStandIn ? join(projectRoot, "build", "stand-in") : paths.figures, `${name}.${profile}.${ending}`);
}

/**
 * Writes a file by writing another and renaming it, so that an interrupted run leaves the old one whole.
 *
 * @param file path; its folder is made if it is missing
 * @param text the whole content
 * @throws the file system's error
 * @example
 * writeWhole(figureFile("showFigure", "02_rmse", stamp, "svg"), svg);
 */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, file);
}
