/** @file The binary version of CIFAR-10: records of one label byte and the planes R, G, B of 32 x 32 bytes. */
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { ensure } from "../core/errors";
import type { ImageSet } from "../core/types";
import { readBounded } from "./readBounded";

const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;
const MOST = 2 ** 28; // bytes that a file may hold, or become: all batches are 185 million

/**
 * Reads records of CIFAR-10's binary version; channels come first there as they do here.
 *
 *     record = label (1 byte), R [32, 32], G [32, 32], B [32, 32]; any number of records, nothing else
 *
 * @returns the images [count, 3, 32, 32], owned by the caller
 * @source Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; "Binary version" on the dataset's page
 */
export function parseCifar(bytes: Uint8Array, file: string, numClasses = 10): ImageSet {
  const whole = bytes.length > 0 && bytes.length % RECORD === 0;
  const what = `needs a positive multiple of ${RECORD} bytes in ${file}`;
  ensure(whole, "parseCifar", what, bytes.length, "fetch the file again");
  const count = bytes.length / RECORD;
  const pixels = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = bytes[i * RECORD]!;
    pixels.set(bytes.subarray(i * RECORD + 1, (i + 1) * RECORD), i * PIXELS);
  }
  const wrong = labels.findIndex((label) => label >= numClasses);
  const range = `needs labels below ${numClasses} in ${file}`;
  ensure(wrong < 0, "parseCifar", range, `${labels[wrong]} in record ${wrong}`);
  return { pixels, labels, count };
}

/**
 * Reads files of CIFAR-10's binary version as one set of images.
 *
 * @param files paths, in the order the images shall have
 * @returns the images of all files, owned by the caller
 */
export function readCifar(files: readonly string[], numClasses: number): ImageSet {
  const parts = files.map((file) => parseCifar(readBounded("readCifar", file, MOST), file, numClasses));
  return {
    pixels: concat(parts.map((part) => part.pixels)),
    labels: concat(parts.map((part) => part.labels)),
    count: parts.reduce((sum, part) => sum + part.count, 0),
  };
}

/**
 * Takes the *.bin files out of the official archive, a gzipped tar.
 *
 *     tar = (header of 512 bytes: name at 0, octal size at 124; the file; zeros up to the next multiple of 512) per file
 *
 * @param archive bytes of cifar-10-binary.tar.gz, already verified
 * @returns the files by base name, in the archive's order
 * @source POSIX.1-1988 ustar
 */
export function unpackCifar(archive: Uint8Array): Map<string, Uint8Array> {
  const tar = gunzipSync(archive, { maxOutputLength: MOST });
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = text(tar.subarray(at, at + 100));
    const size = parseInt(text(tar.subarray(at + 124, at + 136)), 8);
    if (name.endsWith(".bin")) files.set(basename(name), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

function text(field: Buffer): string {
  return field.toString("latin1").split("\0")[0]!;
}

function concat(arrays: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}
