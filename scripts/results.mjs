/**
 * @file What runs leave, all of it under build/: executed copies, figures and records. --write takes it into what is committed.
 *
 *     build/unfinished/<profile>/   a run under way, and what an interrupted or failed one left
 *     build/stand-in/<profile>/     finished, but computed on stand-in drawings: there was no data
 *     build/<profile>/              finished
 *
 * A notebook's results move together, once its last cell went through; so what lies in build/<profile>/ belongs together.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { currentCopies, notebooksFolder, runNotebooks } from "./notebooks.mjs";
import { at, readJson } from "./steps/common.mjs";

/** The folders of a profile's results: `{ notebooks, figures }`. */
export function resultsOf(profile, state = "finished", build = at("build")) {
  const folder = join(build, state === "finished" ? "" : state, profile);
  return { notebooks: join(folder, "notebooks"), figures: join(folder, "figures") };
}

/** Files of a notebook in a folder, as paths: figures and records begin with its number. */
function filesOf(name, folder) {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return files.filter((file) => file.startsWith(name.slice(0, 3))).map((file) => ({ file, path: join(folder, file) }));
}

const placesOf = ({ notebooks, figures }) => [notebooks, figures, join(figures, "stand-in")];

function discard(name, results) {
  for (const { path } of placesOf(results).flatMap((folder) => filesOf(name, folder))) rmSync(path);
}

/** Moves what a finished run of a notebook left to where it belongs, in place of an earlier run's. Returns "finished" or "stand-in". */
export function settle(name, profile, build = at("build")) {
  const from = resultsOf(profile, "unfinished", build);
  const drawn = filesOf(name, join(from.figures, "stand-in"));
  const state = drawn.length > 0 ? "stand-in" : "finished";
  const to = resultsOf(profile, state, build);
  discard(name, to);
  for (const folder of Object.values(to)) mkdirSync(folder, { recursive: true });
  for (const { file, path } of filesOf(name, from.notebooks)) renameSync(path, join(to.notebooks, file));
  for (const { file, path } of [...filesOf(name, from.figures), ...drawn]) renameSync(path, join(to.figures, file));
  return state;
}

/**
 * Runs notebooks as runNotebooks does, and settles each as it ends. An earlier run's results stay until another has finished.
 * Returns one result per notebook that was started, with its `state` once it has finished.
 */
export async function runAndSettle(python, { names, profile, build = at("build"), ...options }) {
  const out = resultsOf(profile, "unfinished", build);
  for (const name of names) discard(name, out);
  const onEnd = (name) => ({ state: settle(name, profile, build) });
  return runNotebooks(python, { names, profile, out, onEnd, ...options });
}

/**
 * What stands over the committed pages and figures in the companion: finished runs of the quick and the paper profile, paper last.
 * A copy of another source than today's is left out with its figures: `[{ names, notebooks, figures }]`.
 */
export async function publishable(python, { names, build = at("build"), sources = notebooksFolder }) {
  const results = ["quick", "paper"].map((profile) => resultsOf(profile, "finished", build));
  const current = ({ notebooks }) => currentCopies(python, names, { sources, copies: notebooks });
  return Promise.all(results.map(async (folders) => ({ ...folders, names: await current(folders) })));
}

/** Copies the figures and records of a notebook over those in `to`. A record that differs in date and duration alone stays. */
export function overlayFigures(name, from, to) {
  mkdirSync(to, { recursive: true });
  const numbers = (file) => JSON.stringify({ ...readJson(file), computedAt: "", seconds: 0 });
  for (const { file, path } of filesOf(name, from)) {
    const target = join(to, file);
    const isSame = file.endsWith(".json") && existsSync(target) && numbers(path) === numbers(target);
    if (!isSame) copyFileSync(path, target);
  }
}

/** Takes the finished results of notebooks into what is committed: executed copies, figures and records. */
export function keep(
  names,
  profile,
  { build = at("build"), notebooks = notebooksFolder, figures = at("figures") } = {},
) {
  if (profile === "smoke") throw new Error("--write: keeps quick or paper results, a smoke run only tests the wiring");
  const from = resultsOf(profile, "finished", build);
  for (const name of names) {
    copyFileSync(join(from.notebooks, `${name}.ipynb`), join(notebooks, `${name}.ipynb`));
    overlayFigures(name, from.figures, figures);
  }
}
