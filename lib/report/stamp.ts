/** @file What every figure and record says about its origin. */
import type * as Backend from "../core/backend";
import { ensureSeeds } from "../core/known";
import type { Dataset, DatasetSource } from "../core/types";
import { currentProfile, type Profile } from "../core/profile";

/** Where a figure's numbers come from. */
export interface Stamp {
  /** "fashion-mnist". */
  readonly dataset: string;
  /** Where it was found. */
  readonly datasetSource: DatasetSource;
  /** SHA-256 (hex) of its pixels and labels; older records have none. */
  readonly datasetHash?: string;
  /** Whether its images are the official ones; absent where that is not known. */
  readonly datasetOfficial?: boolean;
  /** "tensorflow 2.18". */
  readonly backend: string;
  /** Of the run. */
  readonly profile: Profile;
  /** Of the run. */
  readonly seeds: readonly number[];
}

/** Profiles in words; smoke and quick runs must not be taken for more than they are. */
export const profileText: Readonly<Record<Profile, string>> = {
  smoke: "smoke (tests the wiring only)",
  quick: "quick (indicative)",
  paper: "paper",
};

/**
 * The stamp of a run in this process.
 *
 * @param dataset what it used
 * @param seeds which seeds it ran
 * @returns the stamp with this process's backend and profile
 * @throws InputError for no seed, or one twice; Error when the backend cannot start
 * @example
 * (await stampOf(dataset, [1, 2, 3])).seeds; // [1, 2, 3]
 */
export async function stampOf(
  dataset: Pick<Dataset, "name" | "source"> & Partial<Pick<Dataset, "hash" | "official">>,
  seeds: readonly number[],
): Promise<Stamp> {
  ensureSeeds("stampOf", seeds);
  const { backendReady } = require("../core/backend") as typeof Backend; // TensorFlow is loaded when first used
  const backend = await backendReady();
  const { name, source, hash, official } = dataset;
  const files = {
    ...(hash !== undefined && { datasetHash: hash }),
    ...(official !== undefined && { datasetOfficial: official }),
  };
  return { dataset: name, datasetSource: source, ...files, backend, profile: currentProfile(), seeds };
}

/**
 * A stamp in one line, for the foot of a figure.
 *
 * @param stamp where the numbers come from
 * @returns dataset, backend, profile and seeds; says when the dataset is the embedded stand-in, or not the official one
 * @example
 * stampText({ dataset: "mnist", datasetSource: "folder", backend: "tensorflow 2.18", profile: "quick", seeds: [1, 2, 3] });
 * // "mnist · tensorflow 2.18 · quick (indicative) · seeds 1–3"
 */
export function stampText(stamp: Stamp): string {
  const isEmbedded = stamp.datasetSource === "embedded";
  const deviation = isEmbedded ? " (embedded drawings, no real data)" : stamp.datasetOfficial === false ? ", not the official files" : ""; // prettier-ignore
  const dataset = `${stamp.dataset}${deviation}`;
  return [dataset, stamp.backend, profileText[stamp.profile], seedText(stamp.seeds)].join(" · ");
}

/** "seed 1", "seeds 1–3, 7"; many gaps are not spelled out. */
function seedText(seeds: readonly number[]): string {
  const sorted = [...new Set(seeds)].sort((a, b) => a - b);
  const runs: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!;
    while (i + 1 < sorted.length && sorted[i + 1] === sorted[i]! + 1) i++;
    runs.push(sorted[i] === first ? `${first}` : `${first}–${sorted[i]}`);
  }
  if (runs.length > 6) return `${sorted.length} seeds from ${sorted[0]} to ${sorted.at(-1)}`;
  return `${sorted.length === 1 ? "seed" : "seeds"} ${runs.join(", ")}`;
}
