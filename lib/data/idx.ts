/** @file Gzipped IDX, the format of MNIST and Fashion-MNIST: magic number, one big-endian length per axis, the bytes. */
import { constants, gunzipSync } from "node:zlib";
import { ensure, refuse } from "../core/errors";
import type { ImageSet, Shape } from "../core/types";
import { readBounded } from "./readBounded";

const UNSIGNED_BYTES = 0x0800; // the magic number is this + the number of axes
const AGAIN = "fetch the file again";
const MOST = 2 ** 28; // bytes that a file may hold, or become: MNIST's images are 47 million

/**
 * Reads one gzipped IDX file of unsigned bytes.
 *
 *     magic = 0x0800 + axes;  length = 4 + 4 axes + product(dims)
 *
 * @param axes axes it must have: 3 for images [count, H, W], 1 for labels [count]
 * @returns its lengths and its bytes in row-major order, owned by the caller
 * @source LeCun, Cortes and Burges, THE MNIST DATABASE, "FILE FORMATS FOR THE MNIST DATABASE"
 */
export function parseIdx(gzipped: Uint8Array, file: string, axes: number): { dims: number[]; values: Uint8Array } {
  const header = 4 + 4 * axes;
  const begin = gunzip(gzipped, file); // as much as its first bytes become, which say how long the rest may be
  ensure(begin.length >= header, "parseIdx", `needs ${header} bytes of IDX header in ${file}`, begin.length, AGAIN);
  const magic = begin.readUInt32BE(0);
  const expected = UNSIGNED_BYTES + axes;
  const kind = axes === 1 ? "labels" : "images";
  ensure(magic === expected, "parseIdx", `needs magic ${hex(expected)} (${kind}) in ${file}`, hex(magic));
  const dims = Array.from({ length: axes }, (_, axis) => begin.readUInt32BE(4 + 4 * axis));
  const length = dims.reduce((product, dim) => product * dim, 1);
  const what = `needs ${dims.join(" x ")} = ${length} bytes after the header of ${file}`;
  ensure(
    length <= MOST,
    "parseIdx",
    `needs at most ${MOST} bytes in ${file}`,
    `${dims.join(" x ")} = ${length}`,
    AGAIN,
  );
  const bytes = gunzip(gzipped, file, header + length);
  if (bytes === null) refuse("parseIdx", what, "more", AGAIN);
  const values = new Uint8Array(bytes.buffer, bytes.byteOffset + header, bytes.length - header);
  ensure(values.length === length, "parseIdx", what, values.length, AGAIN);
  return { dims, values };
}

/**
 * Reads a pair of gzipped IDX files as labelled images.
 *
 * @param imagesFile path of the images, IDX with 3 axes
 * @param labelsFile path of the labels, IDX with 1 axis
 * @param inputShape [1, H, W] that the images must have
 * @returns the images, owned by the caller
 */
export function readIdx(imagesFile: string, labelsFile: string, inputShape: Shape, numClasses: number): ImageSet {
  const images = parseIdx(readBounded("readIdx", imagesFile, MOST), imagesFile, 3);
  const [count, height, width] = images.dims as [number, number, number];
  const size = `needs images of ${inputShape.slice(1).join(" x ")} pixels in ${imagesFile}`;
  ensure(height === inputShape[1] && width === inputShape[2], "readIdx", size, `${height} x ${width}`);
  ensure(count > 0, "readIdx", `needs at least one image in ${imagesFile}`, count);

  const labels = parseIdx(readBounded("readIdx", labelsFile, MOST), labelsFile, 1).values;
  const pair = `needs as many labels in ${labelsFile} as images in ${imagesFile}`;
  ensure(labels.length === count, "readIdx", pair, `${labels.length} labels, ${count} images`);
  const wrong = labels.findIndex((label) => label >= numClasses);
  const range = `needs labels below ${numClasses} in ${labelsFile}`;
  ensure(wrong < 0, "readIdx", range, `${labels[wrong]} at index ${wrong}`);
  return { pixels: images.values, labels, count };
}

/** All that is in gzip data, or null where it is more than so many bytes; without a number its beginning. */
function gunzip(bytes: Uint8Array, file: string): Buffer;
function gunzip(bytes: Uint8Array, file: string, most: number): Buffer | null;
function gunzip(bytes: Uint8Array, file: string, most?: number): Buffer | null {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  ensure(isGzip, "parseIdx", `needs gzip data (1f 8b ...) in ${file}`, firstOf(bytes), AGAIN);
  try {
    if (most === undefined) return gunzipSync(bytes.subarray(0, 1024), { finishFlush: constants.Z_SYNC_FLUSH });
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, most) });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException; // "unexpected end of file", "incorrect data check", ...
    if (code === "ERR_BUFFER_TOO_LARGE") return null;
    return refuse("parseIdx", `needs undamaged gzip data in ${file}`, `${message} (${bytes.length} bytes)`, AGAIN);
  }
}

function firstOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? "an empty file" : `${Buffer.from(bytes.subarray(0, 2)).toString("hex")} ...`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
