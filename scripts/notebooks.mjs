/** @file Runs the notebooks through the real kernel (notebooks.py does the talking) and shows in the terminal how far they are. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { at, environment, run, setupDir } from "./steps/common.mjs";

/** What asks a command to end: Ctrl-C, kill, and a terminal that closes. */
export const endings = ["SIGINT", "SIGTERM", "SIGHUP"];

export const notebooksFolder = at("notebooks");

/** Names (without extension) of all notebooks, in reading order. */
export function listNotebooks() {
  return readdirSync(notebooksFolder)
    .filter((file) => /^\d\d_\w+\.ts$/.test(file))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

/** Most lines of a code cell, and of one of imports. */
export const longest = { code: 15, imports: 12 };

/** Each code cell of a notebook's source that is too long to be read at a glance. */
export function longCells(name, source) {
  const cells = source.split(/^(?=\/\/ %%)/m).slice(1);
  return cells.flatMap((cell, i) => {
    const [head, ...lines] = cell.trimEnd().split("\n");
    if (head.includes("[markdown]")) return [];
    const most = lines[0]?.startsWith("import ") ? longest.imports : longest.code;
    if (lines.length <= most) return [];
    const line = source.slice(0, -cells.slice(i).join("").length).split("\n").length; // of the cell's first one
    return [
      `notebooks/${name}.ts:${line}: ${lines.length} lines in a cell, at most ${most}; split it, or move what repeats into lib/`,
    ];
  });
}

/** What every notebook has: its parameters where they are found, its verdicts (or the word that it decides nothing), its own record. */
export function missingParts(name, source) {
  const cells = source.split(/^(?=\/\/ %%)/m).slice(1);
  const code = cells.filter((cell) => !cell.split("\n", 1)[0].includes("[markdown]"));
  const has = (text) => code.some((cell) => cell.includes(text));
  const parts = {
    'a cell tagged "parameters"': code.some((cell) => /^\/\/ %% .*tags=\["parameters"\]/.test(cell)),
    "a cell that shows its verdicts with claimTable, or a record with claims: []":
      has("claimTable(") || has("claims: []"),
    [`a cell that writes its record: writeRecord("${name}", …)`]: has(`writeRecord("${name}"`),
  };
  const missing = Object.keys(parts).filter((part) => !parts[part]);
  return missing.map((part) => `notebooks/${name}.ts: needs ${part}`);
}

/** The environment of everything that is Jupyter: what it keeps for itself lies in the project, not in the home folder. */
export function jupyterEnvironment(extra = {}) {
  const home = join(setupDir, "jupyter");
  mkdirSync(home, { recursive: true });
  const env = environment({
    JUPYTER_CONFIG_DIR: join(home, "config"),
    JUPYTER_DATA_DIR: join(home, "data"),
    JUPYTER_RUNTIME_DIR: join(home, "runtime"),
    IPYTHONDIR: join(home, "ipython"),
    ...extra,
  });
  for (const name of ["JUPYTER_PATH", "JUPYTER_CONFIG_PATH"]) delete env[name];
  return env;
}

/**
 * Runs notebooks one after the other. Executed copies (a partly executed one too) go to out.notebooks, what they draw and record
 * to out.figures; `onEnd` is called with the name of each that went through, and what it returns joins the result.
 * Returns one result per notebook that was started: `{ notebook, ok, seconds, … }`.
 */
export async function runNotebooks(
  python,
  { names, profile, force = false, keepGoing = false, out, folder = notebooksFolder, onEnd = () => ({}) },
) {
  const sources = names.map((name) => join(folder, `${name}.ts`));
  const job = JSON.stringify({ sources, folder, out: out.notebooks, keepGoing });
  const child = spawn(python, [at("scripts", "notebooks.py"), "run", job], {
    env: jupyterEnvironment({
      CURIOUS_PROFILE: profile,
      CURIOUS_FORCE: force ? "1" : "0",
      CURIOUS_FIGURES: out.figures,
    }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  let interrupted = false;
  const toChild = (signal) => {
    interrupted = true;
    child.kill(signal); // it takes the kernel down and keeps what is finished
  };
  for (const signal of endings) process.on(signal, toChild);
  const results = [];
  const show = display(process.stdout);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    show(event);
    if (event.type === "end") results.push({ ...event, ok: true, ...onEnd(event.notebook) });
    if (event.type === "failed") results.push({ ...event, ok: false });
  }
  const code = await closed;
  show({ type: "stop" });
  for (const signal of endings) process.off(signal, toChild);
  if (interrupted) results.push({ ok: false, interrupted });
  else if (code !== 0 && results.every(({ ok }) => ok)) throw new Error(`notebooks.py: stopped with exit code ${code}`);
  return results;
}

/** Which of these notebooks have a copy that is their source, executed to its end without an error. */
export async function currentCopies(python, names, { sources = notebooksFolder, copies }) {
  const there = names.filter((name) => existsSync(join(copies, `${name}.ipynb`)));
  if (there.length === 0) return [];
  const files = there.map((name) => join(sources, `${name}.ts`));
  const output = await run(python, [at("scripts", "notebooks.py"), "current", copies, ...files], {
    env: jupyterEnvironment(),
  });
  return output.split("\n").filter(Boolean);
}

/** 65 -> "1:05", 3665 -> "1:01:05" */
export function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Bar, count and time left of one state of the library's progress bar. */
export function bar({ label, done, total, etaSeconds }, width = 12) {
  const filled = Math.round((width * done) / total);
  const left = etaSeconds === null || done === total ? "" : `, ${clock(etaSeconds)} left`;
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} ${label} ${done}/${total}${left}`;
}

/** Where a notebook failed, and what the kernel said. */
function failure({ notebook, number, cells, line, column, message, seconds, interrupted }) {
  if (interrupted) return `✖ ${notebook}  interrupted in cell ${number}/${cells} after ${clock(seconds)}`;
  const place = `notebooks/${notebook}.ts:${line}${column ? `:${column}` : ""}`;
  return `✖ ${notebook}  cell ${number}/${cells} failed after ${clock(seconds)} (${place})\n${message.replace(/^/gm, "    ")}`;
}

/**
 * How events become lines. On a terminal one line per notebook is kept up to date; elsewhere a line appears when a bar has
 * moved by a tenth (but not within 2 s), and every 15 s.
 */
function display(stream) {
  const live = stream.isTTY;
  let now; // what is running: { notebook, cells, number, bar?, started, drawnAt, drawnTenth }
  let timer;
  const seconds = (since) => (performance.now() - since) / 1000;
  const tenth = () => (now.bar ? Math.floor((10 * now.bar.done) / now.bar.total) : 0);
  const draw = () => {
    const place = `${now.notebook}  cell ${now.number}/${now.cells}  ${clock(seconds(now.started))}`;
    const line = now.bar ? `${place}  ${bar(now.bar)}` : place;
    stream.write(live ? `\r\x1b[2K${line.slice(0, (stream.columns || 80) - 1)}` : `  ${line}\n`);
    Object.assign(now, { drawnAt: performance.now(), drawnTenth: tenth() });
  };
  const finish = (text) => {
    clearInterval(timer);
    stream.write(`${live ? "\r\x1b[2K" : ""}${text}\n`);
    now = undefined;
  };
  return (event) => {
    if (event.type === "start") {
      now = { notebook: event.notebook, cells: event.cells, number: 0, started: performance.now() };
      draw();
      timer = setInterval(() => (live || seconds(now.drawnAt) >= 15) && draw(), live ? 500 : 1000);
    } else if (event.type === "cell") {
      Object.assign(now, { number: event.number, bar: undefined });
      if (live) draw();
    } else if (event.type === "progress") {
      const another = event.label !== now.bar?.label;
      now.bar = event;
      if (live || another || (seconds(now.drawnAt) >= 2 && tenth() > now.drawnTenth)) draw();
    } else if (event.type === "warning") {
      stream.write(`${live ? "\r\x1b[2K" : ""}${event.text.replace(/^/gm, "  ⚠ ")}\n`);
      if (live) draw();
    } else if (event.type === "end") {
      finish(`✔ ${event.notebook}  ${event.cells} cells  ${clock(event.seconds)}`);
    } else if (event.type === "failed") {
      finish(failure(event));
    } else if (event.type === "stop" && now) {
      finish(`✖ ${now.notebook}  stopped`);
    }
  };
}
