/** @file Whether files hold the dataset that their folder is named after. */
import { createHash, hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ensure, refuse } from "../core/errors";
import type { ImageSet } from "../core/types";
import { datasets } from "./datasets";
import type { DatasetSpec, FolderSpec, OfficialFile } from "./spec";

const generous = 0.08; // by how much mean and deviation of a dataset's pixels may differ from the published ones

/**
 * Whether images are the official ones of a dataset, in any order; refuses those that are another dataset's, swapped, or cannot be what
 * they are called. A part of a dataset, or one with some pixels changed, passes and is not official.
 *
 * @returns true or false; undefined where no fingerprint of the official images is known (CIFAR-10's single files)
 * @example
 * isOfficial("mine", { numClasses: 10 }, dataset.train, dataset.test); // undefined; nothing is known of it
 * @source our choice; where the fingerprints are from stands beside them (dataset/)
 */
export function isOfficial(
  name: string,
  { official, brightness, numClasses }: Pick<FolderSpec, "official" | "brightness" | "numClasses">,
  train: ImageSet,
  test: ImageSet,
): boolean | undefined {
  const parts = { "training images": train, "test images": test };
  if (official !== undefined) {
    const found = Object.values(parts).map(fingerprintOf);
    if (found[0] === official.train && found[1] === official.test) return true;
    for (const [i, part] of Object.keys(parts).entries()) {
      const known = nameOf(found[i]!);
      if (known !== null && known !== `${name}'s ${part}`)
        refuse("loadDataset", `needs ${name}'s ${part}`, known, "put each dataset's files into its own folder, under their own names"); // prettier-ignore
    }
  }
  for (const [part, images] of Object.entries(parts)) ensurePlausible(name, images, part, brightness, numClasses);
  return official && false;
}

/**
 * Whether a folder holds the official files, byte for byte.
 *
 * @returns whether each is there, of its length and SHA-256
 */
export function areOfficialFiles(files: readonly OfficialFile[], folder: string): boolean {
  const paths = files.map(({ file }) => join(folder, file));
  if (!files.every(({ bytes }, i) => statSync(paths[i]!, { throwIfNoEntry: false })?.size === bytes)) return false;
  return files.every(({ sha256 }, i) => hash("sha256", readFileSync(paths[i]!)) === sha256);
}

/**
 * The SHA-256 (hex) of labelled images in any order: over the sorted SHA-256 of each image's pixels and label.
 *
 * @example
 * fingerprintOf({ pixels: Uint8Array.of(1, 2), labels: Uint8Array.of(0, 1), count: 2 }) ===
 *   fingerprintOf({ pixels: Uint8Array.of(2, 1), labels: Uint8Array.of(1, 0), count: 2 }); // true
 */
export function fingerprintOf({ pixels, labels, count }: ImageSet): string {
  const size = pixels.length / count;
  const image = Buffer.alloc(size + 1);
  const each = Array.from({ length: count }, (_, i) => {
    image.set(pixels.subarray(i * size, (i + 1) * size));
    image[size] = labels[i]!;
    return hash("sha256", image, "buffer");
  });
  const all = createHash("sha256");
  for (const one of each.sort((a, b) => a.compare(b))) all.update(one);
  return all.digest("hex");
}

/** "mnist's training images"; null where they are no official ones that are known. */
function nameOf(fingerprint: string): string | null {
  for (const [name, spec] of Object.entries<DatasetSpec>(datasets)) {
    const { official } = spec as Partial<FolderSpec>;
    if (official?.train === fingerprint) return `${name}'s training images`;
    if (official?.test === fingerprint) return `${name}'s test images`;
  }
  return null;
}

/** Refuses images of a known name whose classes or brightness cannot be that dataset's. */
function ensurePlausible(
  name: string,
  { pixels, labels, count }: ImageSet,
  part: string,
  brightness: readonly [number, number] | undefined,
  numClasses: number,
): void {
  if (brightness === undefined) return;
  const counts = new Array<number>(numClasses).fill(0);
  for (const label of labels) counts[label]!++;
  const most = Math.max(...counts);
  const isMixed = count < 20 * numClasses || (most <= count / 2 && Math.min(...counts) > 0);
  ensure(isMixed, "loadDataset", `needs ${part} of all of ${name}'s ${numClasses} classes, above half of them in none`, `${most} of ${count} in one`); // prettier-ignore
  let [sum, squares] = [0, 0];
  for (const pixel of pixels) {
    sum += pixel;
    squares += pixel * pixel;
  }
  const mean = sum / pixels.length / 255;
  const std = Math.sqrt(Math.max(0, squares / pixels.length / 255 ** 2 - mean ** 2));
  const isAlike = Math.abs(mean - brightness[0]) <= generous && Math.abs(std - brightness[1]) <= generous;
  const needs = `needs ${part} like ${name}'s, whose pixels have mean ${brightness[0]} and deviation ${brightness[1]} to within ${generous}`;
  ensure(isAlike, "loadDataset", needs, `${mean.toFixed(3)} and ${std.toFixed(3)}`);
}
