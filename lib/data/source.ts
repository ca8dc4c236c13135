/** @file Where a dataset comes from: the reader's folder, data/, the official mirrors, or the library itself. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensure } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import { paths, projectRoot } from "../core/paths";
import { createRng } from "../core/rng";
import type { Dataset, DatasetSource, ImageSet } from "../core/types";
import { readCifar, unpackCifar } from "./cifar";
import { strokes } from "./dataset/strokes";
import { datasets, type DatasetName } from "./datasets";
import { download, saveWhole, type DownloadOptions, type DownloadProgress } from "./download";
import { areOfficialFiles, isOfficial } from "./identity";
import { readIdx } from "./idx";
import type { DatasetSpec, EmbeddedSpec, FolderSpec } from "./spec";

/** Where to look, and how to download. */
export interface Places extends DownloadOptions {
  /** A folder with the datasets' folders: looked into first, never written to. */
  readonly curiousData?: string | undefined;
  /** The project's own: looked into next, downloads go there. */
  readonly data: string;
}

const loaded = new Map<string, Promise<Dataset>>();

/**
 * Loads a dataset: from `CURIOUS_DATA/<folder>` (relative to the project's root), else from `data/<folder>`, else from the
 * official mirrors into `data/<folder>`, else, for want of a network, the embedded `strokes` in its place, announced on the
 * console. A process keeps what it got first, so a sweep never changes its dataset midway; a load that failed is not
 * kept.
 *
 * @param name a key of `datasets`
 * @param options onProgress hears of a download's bytes
 * @returns the dataset, shared within the process: read it, don't write to it. Its source is "folder" (CURIOUS_DATA),
 *   "download" (data/) or "embedded"; official says whether the files hold what the official ones do
 * @throws InputError when the name is unknown, CURIOUS_DATA is no folder, a file is missing there or damaged (naming it),
 *   holds another dataset's images, or some that cannot be this one's,
 *   or a download never matches its SHA-256
 * @example
 * const { train, source } = await loadDataset("strokes");
 * [train.count, source]; // [12000, "embedded"]
 */
export function loadDataset(
  name: DatasetName,
  options: { readonly onProgress?: (progress: DownloadProgress) => void } = {},
): Promise<Dataset> {
  ensureKnown("loadDataset", "a dataset", name, Object.keys(datasets));
  ensureNames("loadDataset", "options", options, ["onProgress"]);
  const given = process.env["CURIOUS_DATA"];
  const curiousData = given ? resolve(projectRoot, given) : undefined; // kernels and scripts start in different folders
  const key = `${name} ${curiousData}`;
  const known = loaded.get(key);
  if (known) return known;
  const places = { curiousData, data: paths.data, onProgress: options.onProgress };
  const loading = openDataset(datasets[name], places);
  loaded.set(key, loading);
  loading.catch(() => loaded.delete(key));
  return loading;
}

/**
 * Loads a dataset of any description from given places; see loadDataset, which keeps what this returns.
 *
 * @returns the dataset, owned by the caller
 */
export async function openDataset(spec: DatasetSpec, places: Places): Promise<Dataset> {
  if (spec.format === "embedded") return embedded(spec);

  const { curiousData } = places;
  if (curiousData !== undefined) {
    const isFolder = existsSync(curiousData) && statSync(curiousData).isDirectory();
    ensure(isFolder, "loadDataset", "needs CURIOUS_DATA to be a folder", curiousData, "or unset it");
    const folder = join(curiousData, spec.folder);
    if (existsSync(folder)) return readFolder(spec, folder, "folder");
  }
  const folder = join(places.data, spec.folder);
  const unreachable = isComplete(spec, folder) ? undefined : await fetchFolder(spec, folder, places);
  if (unreachable === undefined) return readFolder(spec, folder, "download");
  const { name } = spec;
  console.warn(
    `${name} is not at hand and could not be downloaded (${unreachable}). ` +
      `Using the embedded dataset "${strokes.name}" in its place; figures say so. To bring ${name} in by hand: data/README.md.`,
  );
  return embedded(strokes);
}

function embedded(spec: EmbeddedSpec): Dataset {
  const rng = createRng(spec.name);
  const [train, test] = [spec.draw(spec.trainCount, rng.split("train")), spec.draw(spec.testCount, rng.split("test"))];
  return datasetOf(spec, "embedded", train, test);
}

function readFolder(spec: FolderSpec, folder: string, source: DatasetSource): Dataset {
  const { train, test } = filesOf(spec, folder);
  for (const file of [...train, ...test]) {
    ensure(existsSync(file), "loadDataset", `needs the file ${file}`, "no such file", "see data/README.md");
  }
  const [training, testing] = [read(spec, train), read(spec, test)];
  const official = areOfficialFiles(spec.files, folder) || isOfficial(spec.name, spec, training, testing);
  return { ...datasetOf(spec, source, training, testing), ...(official !== undefined && { official }) };
}

function read(spec: FolderSpec, files: readonly string[]): ImageSet {
  if (spec.format === "cifar") return readCifar(files, spec.numClasses);
  return readIdx(files[0]!, files[1]!, spec.inputShape, spec.numClasses);
}

/** The files of a folder that hold images. CIFAR-10 may have fewer than its five batches, but has the first. */
function filesOf(spec: FolderSpec, folder: string): { train: string[]; test: string[] } {
  const at = (file: string) => join(folder, file);
  if (spec.format === "cifar") {
    const further = [2, 3, 4, 5].map((n) => at(`data_batch_${n}.bin`)).filter((file) => existsSync(file));
    return { train: [at("data_batch_1.bin"), ...further], test: [at("test_batch.bin")] };
  }
  const files = spec.files.map(({ file }) => at(file));
  return { train: files.slice(0, 2), test: files.slice(2) };
}

function isComplete(spec: FolderSpec, folder: string): boolean {
  const { train, test } = filesOf(spec, folder);
  return [...train, ...test].every((file) => existsSync(file));
}

/** Downloads what a folder lacks; returns why that cannot be had, or undefined when the folder is complete. */
async function fetchFolder(spec: FolderSpec, folder: string, options: DownloadOptions): Promise<string | undefined> {
  for (const official of spec.files) {
    const file = join(folder, official.file);
    if (existsSync(file)) continue;
    const outcome = await download(official, spec.mirrors, options);
    if (outcome.kind === "unreachable") return outcome.reason;
    if (spec.format === "idx") saveWhole(file, outcome.bytes);
    else saveCifar(outcome.bytes, folder);
  }
  return undefined;
}

/** The test batch comes last: a folder that has it is complete, wherever the writing was interrupted. */
function saveCifar(archive: Uint8Array, folder: string): void {
  const files = unpackCifar(archive);
  const last = "test_batch.bin";
  ensure(files.has(last), "loadDataset", `needs ${last} in the archive of CIFAR-10`, [...files.keys()]);
  for (const file of [...files.keys()].filter((file) => file !== last).concat(last)) {
    saveWhole(join(folder, file), files.get(file)!);
  }
}

/** A dataset with the hash of its bytes. */
function datasetOf(
  { name, inputShape, numClasses, classNames }: DatasetSpec,
  source: DatasetSource,
  train: ImageSet,
  test: ImageSet,
): Dataset {
  const hash = createHash("sha256");
  for (const bytes of [train.pixels, train.labels, test.pixels, test.labels]) hash.update(bytes);
  return { name, source, hash: hash.digest("hex"), inputShape, numClasses, classNames, train, test };
}
