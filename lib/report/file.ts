/** @file Files of figures and records: named once, never seen half written. */
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
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
  stamp: Pick<Stamp, "profile" | "datasetSource">,
  ending: "svg" | "json",
): string {
  ensure(/^\d\d(_[a-z0-9]+)+$/.test(name), fn, 'needs a name such as "02_passive_listener"', name);
  return join(figuresFolder(), isStandIn(stamp) ? "stand-in" : "", `${name}.${stamp.profile}.${ending}`);
}

function isStandIn({ profile, datasetSource }: Pick<Stamp, "profile" | "datasetSource">): boolean {
  return datasetSource === "embedded" && profile !== "smoke"; // a smoke run only tests the wiring
}

/**
 * The newest record of a notebook, from where it is being written or from the finished runs of `npm start` (scripts/results.mjs
 * lays them out), or undefined when there is none.
 */
export function newestRecord(
  fn: string,
  name: string,
  stamp: Pick<Stamp, "profile" | "datasetSource">,
): string | undefined {
  const written = figureFile(fn, name, stamp, "json");
  const finished = isStandIn(stamp) ? join("stand-in", stamp.profile) : stamp.profile;
  return [written, join(projectRoot, "build", finished, "figures", basename(written))]
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** Writes a file by writing another and renaming it: an interrupted run leaves the old one whole. Its folder is made if missing. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, file);
}
