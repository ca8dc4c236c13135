/** @file Files of figures and records: named once, never seen half written. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ensure } from "../core/errors";
import { projectRoot } from "../core/paths";
import type { Stamp } from "./stamp";

/** Where figures and records are written: the folder that CURIOUS_FIGURES names, which `npm start` sets, else build/figures. */
export function figuresFolder(): string {
  return resolve(process.env["CURIOUS_FIGURES"] || join(projectRoot, "build", "figures"));
}

/**
 * The file of a figure or record: <figures folder>/<name>.<profile>.<ending>, never a committed one. What stand-in drawings gave
 * lies in stand-in/ below it, where it replaces nothing that real data gave and can be told apart.
 */
export function figureFile(
  fn: string,
  name: string,
  { profile, datasetSource }: Pick<Stamp, "profile" | "datasetSource">,
  ending: "svg" | "json",
): string {
  ensure(/^\d\d(_[a-z0-9]+)+$/.test(name), fn, 'needs a name such as "02_passive_listener"', name);
  const isStandIn = datasetSource === "embedded" && profile !== "smoke"; // a smoke run only tests the wiring
  return join(figuresFolder(), isStandIn ? "stand-in" : "", `${name}.${profile}.${ending}`);
}

/** Writes a file by writing another and renaming it: an interrupted run leaves the old one whole. Its folder is made if missing. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, file);
}
