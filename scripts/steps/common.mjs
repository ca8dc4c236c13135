/** @file What the steps of setup share: paths, hashes, stamps, and running commands. Node built-ins only: nothing is installed yet. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** A path inside the project. */
export const at = (...parts) => join(root, ...parts);
/** What setup makes for itself; git-ignored, may be deleted at any time. */
export const setupDir = at(".setup");
/** The project's own Python environment. */
export const venv = at(".venv");
/** A file of scripts/steps. */
export const stepFile = (name) => at("scripts", "steps", name);

/** A failure the reader can act on: `message` says what happened, `remedy` what to do. */
export class SetupError extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

/** One hash over strings. */
export function digest(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest("hex");
}

/** One hash over the names and contents of files; a missing file counts as such. */
export function digestFiles(files) {
  return digest(...[...files].sort().flatMap((file) => [relative(root, file), readText(file) ?? "missing"]));
}

/** A file's text, or null where it cannot be read. */
export function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** A JSON file's value, or null where it is missing or not JSON. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

/** Writes a file so that it is there whole or not at all. */
export function writeAtomic(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, file);
}

export const remove = (path) => rmSync(path, { recursive: true, force: true, maxRetries: 3 });

/** All files below a folder, without the folders named in `except`; none where the folder is missing. */
export function filesUnder(folder, except = []) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return except.includes(entry.name) ? [] : filesUnder(path, except);
    return entry.isFile() ? [path] : [];
  });
}

/** One hash over the names and sizes of files, for what is too large to be read on every run; a missing file counts as such. */
export function digestSizes(files) {
  const sizeOf = (file) => String(statSync(file, { throwIfNoEntry: false })?.size ?? "missing");
  return digest(...[...files].sort().flatMap((file) => [relative(root, file), sizeOf(file)]));
}

/** A stamp is the hash of a step's inputs and of what it made of them, written when the step has ended well. */
const stampFile = (name) => join(setupDir, "stamps", name);
export const isStamped = (name, key) => readText(stampFile(name)) === key;
export const stamp = (name, key) => writeAtomic(stampFile(name), key);
export const unstamp = (name) => remove(stampFile(name));

/** The first of several commands that is there to be run, as an absolute path, or null. */
export function which(...names) {
  for (const name of names) {
    const places = isAbsolute(name) ? [name] : (process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, name));
    const found = places.find((place) => {
      try {
        accessSync(place, constants.X_OK);
        return isAbsolute(place);
      } catch {
        return false;
      }
    });
    if (found) return found;
  }
  return null;
}

/** The environment of every command: what the reader has, minus what would redirect Python packages to elsewhere. */
export function environment(extra = {}) {
  const env = {
    ...process.env,
    PYTHONNOUSERSITE: "1",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
    ...extra,
  };
  for (const name of [
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "VIRTUAL_ENV",
  ])
    delete env[name];
  return env;
}

/** True where a short command succeeds. */
export function succeeds(command, args, input = "") {
  return spawnSync(command, args, { input, env: environment(), stdio: ["pipe", "ignore", "ignore"] }).status === 0;
}

/**
 * Runs a command to its end and resolves to its standard output. It dies with setup (see guard.mjs), so an interrupted
 * run leaves nothing behind that would write into what the next one builds.
 * @throws SetupError with the command's last lines
 */
export function run(command, args, { cwd = root, env = {}, seconds = 0, remedy = "" } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [stepFile("guard.mjs"), command, ...args], {
      cwd,
      env: environment(env),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      timeout: seconds * 1000,
    });
    let output = "";
    let both = "";
    child.stdout.on("data", (text) => ((output += text), (both += text)));
    child.stderr.on("data", (text) => (both += text));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve(output);
      const ended = child.killed ? `did not end within ${seconds} s` : `failed`;
      reject(new SetupError(`${basename(command)} ${args[0] ?? ""} ${ended}:\n${lastLines(both)}`, remedy));
    });
  });
}

/** The last lines of a command's output, without blank ones, each of a readable length. */
export function lastLines(text, count = 15) {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines
    .slice(-count)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join("\n");
}
