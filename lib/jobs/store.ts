/** @file Never twice, never lost: a run is a pure function of its config, the dataset and the library's code, and is kept under their hash. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { hostname, tmpdir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { deserialize, serialize } from "node:v8";
import { ensure, refuse } from "../core/errors";
import { paths } from "../core/paths";
import { hashCode, type Library } from "./code";

/** What a value depends on, besides the library's code. */
export interface Run {
  /** What is computed, e.g. "listen": letters, digits and hyphens; begins the file's name. */
  readonly kind: string;
  /** The module of the library that computes it, e.g. "experiment/measure". */
  readonly code: string;
  /** JSON: everything that can change the value, seeds and backend included. */
  readonly config: unknown;
  /** Dataset.hash, or "" where no dataset is used. */
  readonly datasetHash: string;
}

export interface StoreOptions {
  /** true: compute although it is stored; a name (of a sweep): unless it was computed for that. */
  readonly force?: boolean | string;
  /** Default the environment's CURIOUS_STORE, else data/store. */
  readonly folder?: string;
  /** Throws for a value that is none of the run's kind: its entry counts as damaged. */
  readonly check?: (value: unknown) => void;
}

/** A value and where it came from. */
export interface Computed<T> {
  /** What was asked for. */
  readonly value: T;
  /** SHA-256 (hex), see keyOf. */
  readonly key: string;
  /** Whether it was computed now, or read. */
  readonly status: "computed" | "stored";
  /** What it took when it was computed. */
  readonly seconds: number;
  /** ISO 8601. */
  readonly computedAt: string;
  /** SHA-256 (hex) of the code that it depends on. */
  readonly libraryHash: string;
  /** The name for which it was computed although it was stored, see StoreOptions. */
  readonly force?: string;
}

/** The store cannot be written: nothing was computed, or what was computed is `value`, and in the rescue folder if that took it. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  constructor(
    message: string,
    readonly value?: unknown,
  ) {
    super(message);
  }
}

/** Where results go that their store does not take: a disk that is full, a folder that is to be read only. The store looks here too. */
const rescueFolder = (): string => join(tmpdir(), "curious-inside-rescued");

/** The largest result that is stored, in bytes: reading takes it three times over. */
export const mostBytes = 2 ** 29;

/** An entry's first line is MAGIC and the SHA-256 of all that follows: a line of JSON (Header), then the value by v8.serialize. */
const MAGIC = "curious-inside store 1";

interface Header extends Run {
  readonly key: string;
  readonly libraryHash: string;
  readonly computedAt: string;
  readonly seconds: number;
  readonly force?: string;
}

/** The library that was loaded; read now, as the files can change under a kernel that stays open. */
const loaded: Library = readLibrary(join(__dirname, ".."));

/** Computations under way in this process, so a run asked for twice at once is computed once. */
const underWay = new Map<string, Promise<Computed<unknown>>>();

/**
 * The value of a run: from the store if it was ever computed, else computed and stored.
 *
 * A kill at any moment leaves each entry whole or absent: entries are written to a temporary file, flushed, then renamed.
 * Processes that compute the same run at once all finish; the last to finish leaves its entry. A damaged entry is
 * reported by console.warn and computed again.
 *
 * @param run what the value depends on
 * @param compute gives the value: numbers, strings, booleans, null, typed arrays, and arrays and plain objects of these
 * @param options force, folder, check
 * @returns the value and where it came from; the value is to be read only, as callers at the same time share it, and its
 *   typed arrays may be views into one larger buffer
 * @throws InputError when kind is no file name, config is no JSON, or the value holds what the store cannot keep;
 *   whatever compute throws; StoreError when the store cannot be written, which is tried before anything is computed; where it fails
 *   afterwards, the error holds the value
 * @example
 * const run = { kind: "listen", code: "fl/train", config: { seed: 1, rounds: 50 }, datasetHash: dataset.hash };
 * (await computeOnce(run, () => listen(run.config))).status; // "computed"
 * (await computeOnce(run, () => listen(run.config))).status; // "stored"
 */
export async function computeOnce<T>(
  run: Run,
  compute: () => Promise<T>,
  options: StoreOptions = {},
): Promise<Computed<T>> {
  const { folder, force = false, check } = options;
  const key = keyOf(run);
  const file = fileOf(run.kind, key, folder);
  const task = `${force} ${file}`;
  let pending = underWay.get(task) as Promise<Computed<T>> | undefined;
  if (!pending) {
    pending = readOrCompute(run, key, file, { force, ...(check && { check }) }, compute).finally(() =>
      underWay.delete(task),
    );
    underWay.set(task, pending);
  }
  return pending;
}

/** Whether a run's value is in the store, whole and such that check takes it. */
export function isStored(run: Run, options: Pick<StoreOptions, "folder" | "check"> = {}): boolean {
  const key = keyOf(run);
  const file = fileOf(run.kind, key, options.folder);
  return [file, rescued(file)].some((path) => {
    try {
      const { payload } = splitEntry(readFileSync(path), key);
      if (options.check) options.check(deserialize(payload));
      return true;
    } catch {
      return false; // not there, or damaged
    }
  });
}

/**
 * Refuses a store that nothing can be written into: better known before the work.
 *
 * @example
 * await ensureWritable("sweep"); // undefined
 */
export async function ensureWritable(fn: string, folder = storeFolder()): Promise<void> {
  const probe = temporaryFor(join(folder, "probe.run"));
  try {
    await mkdir(folder, { recursive: true });
    await (await open(probe, "wx")).close();
    await rm(probe);
  } catch (error) {
    throw new StoreError(
      `${fn}: needs a store that can be written at ${folder}, got ${reasonOf(error)}; ${storeRemedy}`,
    );
  }
}

function storeFolder(): string {
  return resolve(process.env["CURIOUS_STORE"] || paths.store);
}

/** Where an entry lies. */
function fileOf(kind: string, key: string, folder = storeFolder()): string {
  return resolve(folder, `${kind}-${key}.run`);
}

/** Where an entry lies that could not be put into its folder. */
function rescued(file: string): string {
  return join(rescueFolder(), basename(file));
}

/**
 * Where a value came from, in words.
 *
 * @param remembered what computeOnce returned
 * @returns "computed in 412 s" or "from store, computed on 2026-11-23 (412 s), lib hash abc1234"
 * @example
 * sourceText(await computeOnce(run, compute)); // "computed in …"; e.g. 412 s
 */
export function sourceText(remembered: Omit<Computed<unknown>, "value">): string {
  const { status, seconds, computedAt, libraryHash: hash } = remembered;
  const took = `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
  if (status === "computed") return `computed in ${took}`;
  return `from store, computed on ${computedAt.slice(0, 10)} (${took}), lib hash ${hash.slice(0, 7)}`;
}

/**
 * The key of a run.
 *
 *     key = SHA-256(canonical JSON of { kind, code, config, datasetHash, libraryHash })
 *
 * Canonical: properties sorted by name, undefined ones left out, no white space. libraryHash is the hash of the code that the
 * module `code` reaches, comments aside; of the rules in a registry only those whose names stand in config (see codeOf).
 *
 * @returns SHA-256 (hex)
 */
export function keyOf(run: Run, library: Library = loaded): string {
  const { kind, code, config, datasetHash } = run;
  ensure(/^[A-Za-z][A-Za-z0-9-]*$/.test(kind), "computeOnce", "needs a kind of letters, digits and hyphens", kind);
  return sha256(canonicalJson({ kind, code, config, datasetHash, libraryHash: libraryHashOf(run, library) }, "run"));
}

/**
 * The hash of the code that a run depends on, see keyOf.
 *
 * @returns SHA-256 (hex)
 * @example
 * libraryHashOf(run) === libraryHashOf({ ...run, config: "without the name of a rule" }); // true
 */
export function libraryHashOf({ code, config }: Run, library: Library = loaded): string {
  return hashCode(code, canonicalJson(config, "run.config"), library);
}

/** Reads a compiled library, tests left out. */
export function readLibrary(folder: string): Library {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /(?<!\.test)\.js$/.test(file),
  );
  const modules = new Map(
    files.map((file) => [file.slice(0, -3).split(sep).join("/"), readFileSync(join(folder, file), "utf8")]),
  );
  const versions = new Map<string, string>();
  const versionOf = (name: string): string => {
    const version = versions.get(name) ?? installedVersion(folder, name);
    versions.set(name, version);
    return version;
  };
  return { modules, versionOf };
}

/** Of a package as code in that folder would find it; "missing" if it would not. */
function installedVersion(folder: string, name: string): string {
  const places = createRequire(join(folder, "index.js")).resolve.paths(name) ?? [];
  const found = places.map((place) => join(place, name, "package.json")).find((file) => existsSync(file));
  return found ? (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version : "missing";
}

/** A run's entry as it lies in the store, to be taken to another one. */
export function exportEntry(run: Run, options: Pick<StoreOptions, "folder"> = {}): Promise<Buffer> {
  const file = fileOf(run.kind, keyOf(run), options.folder);
  return readFile(existsSync(file) ? file : rescued(file));
}

/**
 * Puts an entry into the store that another store gave; an equal one is left as it is.
 *
 * @param options folder; check: refuses, by throwing, a value that is none of the run's kind: whoever sends bytes can make a checksum
 * @throws Error when the bytes are damaged or another run's, or what check throws, and nothing is written; StoreError when the store cannot be
 *   written
 */
export async function importEntry(
  run: Run,
  bytes: Buffer,
  options: Pick<StoreOptions, "folder" | "check"> = {},
): Promise<Omit<Computed<unknown>, "value">> {
  const key = keyOf(run);
  const { value, ...source } = parseEntry<unknown>(bytes, key);
  options.check?.(value);
  const file = fileOf(run.kind, key, options.folder);
  const present = existsSync(file) ? await readFile(file) : undefined;
  if (!present?.equals(bytes)) await writeOrRescue("importEntry", "came", file, [bytes], value);
  return source;
}

/** What is stored, unless it is to be computed again; else computes and stores it. */
async function readOrCompute<T>(
  run: Run,
  key: string,
  file: string,
  { force = false, check }: Pick<StoreOptions, "force" | "check">,
  compute: () => Promise<T>,
): Promise<Computed<T>> {
  const stored =
    force === true
      ? undefined
      : ((await readEntry<T>(file, key, check)) ?? (await readEntry<T>(rescued(file), key, check)));
  if (stored && (force === false || stored.force === force)) return stored;

  await ensureWritable("computeOnce", dirname(file));
  const start = performance.now();
  const value = await compute();
  const seconds = (performance.now() - start) / 1000;
  const computedAt = new Date().toISOString();
  ensureStorable(value, "value");
  const libraryHash = libraryHashOf(run);
  const asked = typeof force === "string" ? { force } : {};
  await writeEntry(file, { ...run, key, libraryHash, computedAt, seconds, ...asked }, value);
  return { value, key, status: "computed", seconds, computedAt, libraryHash, ...asked };
}

const storeRemedy = "make room or rights there, or name another folder in CURIOUS_STORE";

/** "ENOSPC: no space left on device" without the path, which stands beside it. */
function reasonOf(error: unknown): string {
  return (error as Error).message.split(", ")[0]!;
}

/** What a file holds of a key; undefined where there is none, or it is damaged. */
async function readEntry<T>(file: string, key: string, check: StoreOptions["check"]): Promise<Computed<T> | undefined> {
  let bytes: Buffer;
  try {
    const { size } = await stat(file);
    if (size > mostBytes + 2 ** 20) throw new Error(`${file} has ${size} bytes, more than any entry: remove it`);
    bytes = await readFile(file);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  try {
    const stored = parseEntry<T>(bytes, key);
    check?.(stored.value);
    return stored;
  } catch (error) {
    console.warn(`${file} is damaged (${(error as Error).message}): computing it again`);
    return undefined;
  }
}

/** Throws where the bytes are not the whole entry of that key. */
function parseEntry<T>(bytes: Buffer, key: string): Computed<T> {
  const { header, payload } = splitEntry(bytes, key);
  const { seconds, computedAt, libraryHash, force } = header;
  const source = { key, status: "stored", seconds, computedAt, libraryHash, ...(force && { force }) } as const;
  return { value: deserialize(payload) as T, ...source };
}

/** The parts of an entry behind its checksum; throws as parseEntry. */
function splitEntry(bytes: Buffer, key: string): { readonly header: Header; readonly payload: Buffer } {
  const first = bytes.indexOf("\n");
  const second = bytes.indexOf("\n", first + 1);
  const body = bytes.subarray(first + 1);
  if (bytes.toString("latin1", 0, first) !== `${MAGIC} ${sha256(body)}`) throw new Error("its checksum does not fit");
  const header = JSON.parse(bytes.toString("utf8", first + 1, second)) as Header;
  if (header.key !== key) throw new Error(`it is the entry of ${header.key}`);
  return { header, payload: bytes.subarray(second + 1) };
}

async function writeEntry(file: string, header: Header, value: unknown): Promise<void> {
  const payload = serialize(value);
  ensure(payload.length <= mostBytes, "computeOnce", `needs a result of at most ${mostBytes} bytes`, payload.length);
  const head = Buffer.from(`${JSON.stringify(header)}\n`);
  const parts = [`${MAGIC} ${sha256(head, payload)}\n`, head, payload];
  await writeOrRescue("computeOnce", "was computed", file, parts, value);
}

/** Writes an entry into its folder, else into the rescue folder; then, and where neither takes it, throws StoreError. */
async function writeOrRescue(
  fn: string,
  how: string, // it came to be
  file: string,
  parts: readonly (string | Buffer)[],
  value: unknown,
): Promise<void> {
  try {
    await writeWhole(file, ...parts);
  } catch (error) {
    const other = rescued(file);
    const where = await writeWhole(other, ...parts).then(
      () => `it lies in ${other}, where it is found again`,
      () => "it is lost when this process ends",
    );
    const what = `${fn}: a result ${how} and cannot be stored in ${dirname(file)} (${reasonOf(error)})`;
    throw new StoreError(`${what}; ${where}; ${storeRemedy}`, value);
  }
}

/** Writes a file whole or not at all: aside, synced, then renamed. */
async function writeWhole(file: string, ...parts: readonly (string | Buffer)[]): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true }); // it may have been removed meanwhile
  if (!tidied.has(folder)) await removeAbandoned(folder);
  tidied.add(folder);
  const temporary = temporaryFor(file);
  try {
    const handle = await open(temporary, "wx");
    try {
      for (const part of parts) await handle.writeFile(part);
      await handle.sync(); // else a power cut could leave the new name with an empty file
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function temporaryFor(file: string): string {
  return `${file}.${machine}.${process.pid}.${randomUUID()}.tmp`;
}

/** Where a process number means the same process: the host, and on Linux its boot, and the PID namespace, of which containers have their own. */
const machine = [hostname(), bootId(), pidNamespace()].join("-").replace(/[^A-Za-z0-9-]/g, "_");

/** Hosts of one name share no boot, and the first PID namespace has one number everywhere. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
  } catch {
    return ""; // no Linux
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
  } catch {
    return ""; // no Linux
  }
}

const DAY = 24 * 3600 * 1000;

/** Folders from which this process has removed what others abandoned: a store of many entries takes long to list. */
const tidied = new Set<string>();

/** Removes the temporary files of processes that died: on this machine at once, on others (a shared folder) after a day. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const parts = /\.run\.([^.]+)\.(\d+)\.[^.]+\.tmp$/.exec(name);
    if (!parts) continue;
    const path = join(folder, name);
    const abandoned = (parts[1] === machine && !isAlive(Number(parts[2]))) || (await age(path)) > DAY;
    if (abandoned) await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: alive, and another user's
  }
}

/** Ended, but its number is still taken, as nobody asked how: in a container without an init process that lasts. */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    return false; // no Linux
  }
}

async function age(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return 0; // gone: its owner has renamed it meanwhile
  }
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** JSON in which equal values have equal text: fields sorted, undefined ones left out. */
function canonicalJson(value: unknown, place: string): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item, i) => canonicalJson(item, `${place}[${i}]`)).join(",")}]`;
  if (!isPlainObject(value)) refuse("computeOnce", `needs JSON at ${place}`, nameOf(value));
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, `${place}.${name}`)}`);
  return `{${members.join(",")}}`;
}

function ensureStorable(value: unknown, place: string): void {
  if (value === null || ["number", "string", "boolean", "undefined"].includes(typeof value)) return;
  if (ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) value.forEach((item, i) => ensureStorable(item, `${place}[${i}]`));
  else if (isPlainObject(value)) for (const [k, v] of Object.entries(value)) ensureStorable(v, `${place}.${k}`);
  else
    refuse("computeOnce", `needs numbers, strings, typed arrays, arrays or plain objects at ${place}`, nameOf(value));
}

/** Also true of plain objects of another realm: a notebook's cells run in one of their own. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  return typeof value === "object" && value !== null ? `a ${value.constructor.name}` : String(value);
}
