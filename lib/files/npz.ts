/** @file .npz, numpy's archive of arrays: a zip of .npy files, stored or deflated. */
import { crc32, inflateRawSync } from "node:zlib";
import { fromBufferPromise, type Entry, type ZipFile } from "yauzl";
import { InputError, ensure, refuse } from "../core/errors";
import { bytesOf, RAISE, type Reading } from "./bytesOf";
import type { NamedArray, ReadOptions } from "./namedArray";
import { hexOf, parseNpy } from "./npy";

/** What a .npz file begins with: a zip's first entry, or the end of an empty one. */
export const ZIP_MAGICS = ["PK\x03\x04", "PK\x05\x06"].map((magic) => Buffer.from(magic, "latin1"));
const [STORED, DEFLATED] = [0, 8];
const DESCRIBED_AFTER = 0x8; // flag: sizes and CRC stand behind the data, not in the local header
const IN_ZIP64 = 0xffffffff; // a size that stands elsewhere
const MOST_RATIO = 1032; // deflate: 258 bytes in two bits
const AGAIN = "copy or save the file again";
const AS_ARRAYS = "save arrays by numpy.savez; of a PyTorch checkpoint its state_dict";

/**
 * Reads a .npz file: every array in it.
 *
 * numpy's unnamed lists (arr_0, arr_1, …), as Flower saves weights, come sorted by their number, and none may be missing;
 * arrays with names come in the archive's order, which of a state_dict is its own.
 *
 * @param source the file's path, or its bytes
 * @param options.allowNonFinite whether NaN and infinities are read as they are, default false
 * @param options.maxBytes bytes that the file may hold, and also that its arrays may become; default 2e9. More than an
 *   archive declares is never inflated, and no more than this may be declared
 * @returns the arrays in C order, at least one, owned by the caller
 * @throws InputError when the file is missing, damaged (every CRC is checked), truncated, encrypted, holds what is no
 *   array of finite numbers, two of one name, or none, or is too large
 * @example
 * const arrays = await readNpz(join(projectRoot, "lib", "files", "testdata", "state.npz"));
 * arrays.map(({ name, shape }) => `${name} [${shape}]`).slice(0, 2); // ["conv1.weight [2,1,3,3]", "conv1.bias [2]"]
 * @source APPNOTE.TXT 6.3.10 (PKWARE); npm `yauzl` reads the directory, Node's zlib inflates.
 */
export async function readNpz(source: string | Uint8Array, options: ReadOptions = {}): Promise<NamedArray[]> {
  return parseNpz(await bytesOf("readNpz", source, options));
}

/** The arrays in the bytes of a .npz file. */
export async function parseNpz(reading: Reading): Promise<NamedArray[]> {
  const { fn, file, bytes } = reading;
  const isZip = ZIP_MAGICS.some((magic) => bytes.subarray(0, 4).equals(magic));
  ensure(isZip, fn, `needs ${file} to be a zip archive (50 4b ...)`, hexOf(bytes), "readArrays tells formats apart");
  const { zip, entries } = await undamaged(reading, file, () => directoryOf(bytes));
  checkDirectory(reading, zip, entries);
  ensure(entries.length > 0, fn, `needs at least one array in ${file}`, "none");
  const arrays: NamedArray[] = [];
  for (const entry of entries) {
    const name = entry.fileName.slice(0, -".npy".length);
    arrays.push(parseNpy(reading, name, await contentOf(reading, zip, entry)));
  }
  return inOrder(fn, file, arrays);
}

async function directoryOf(bytes: Buffer): Promise<{ zip: ZipFile; entries: Entry[] }> {
  const zip = await fromBufferPromise(bytes, { strictFileNames: true });
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  return { zip, entries };
}

/** Refuses a directory with anything but arrays, or with sizes that cannot be, before anything is inflated. */
function checkDirectory({ fn, file, bytes, maxBytes }: Reading, zip: ZipFile, entries: readonly Entry[]): void {
  // A directory that is longer than its entries has some that nobody would read.
  const declared = bytes.readUInt32LE(bytes.length - zip.comment.length - 10);
  const listed = entries.reduce(
    (sum, entry) => sum + 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength,
    0,
  );
  const isWhole = listed === declared || declared === IN_ZIP64;
  ensure(isWhole, fn, `needs ${declared} bytes of entries in the directory of ${file}`, listed, AGAIN);

  const seen = new Set<string>();
  let [packed, unpacked] = [0, 0];
  for (const entry of entries) {
    const { fileName, compressionMethod, compressedSize, uncompressedSize } = entry;
    const place = `${fileName} of ${file}`;
    ensure(fileName.endsWith(".npy"), fn, `needs only .npy files in ${file}`, fileName, AS_ARRAYS);
    ensure(!seen.has(fileName), fn, `needs names that differ in ${file}`, `${fileName} again`, AGAIN);
    ensure(!entry.isEncrypted(), fn, `needs ${place} unencrypted`, "an encrypted one", "unpack it, and save it again");
    const isKnown = compressionMethod === STORED || compressionMethod === DEFLATED;
    ensure(isKnown, fn, `needs ${place} stored or deflated`, `method ${compressionMethod}`, "use numpy.savez");
    const isPossible = uncompressedSize <= MOST_RATIO * compressedSize;
    const honest = `needs ${compressedSize} bytes of ${place} to become at most ${MOST_RATIO} times as many`;
    ensure(isPossible, fn, honest, `${uncompressedSize} declared`, AGAIN);
    seen.add(fileName);
    packed += compressedSize;
    unpacked += uncompressedSize;
  }
  ensure(packed <= bytes.length, fn, `needs entries that do not overlap in ${file}`, `${packed} bytes of them`, AGAIN);
  ensure(unpacked <= maxBytes, fn, `needs at most ${maxBytes} bytes unpacked in ${file}`, unpacked, RAISE);
}

/** An entry's bytes: as many as were declared, with the CRC that was declared. */
async function contentOf(reading: Reading, zip: ZipFile, entry: Entry): Promise<Buffer> {
  const { fn, file, bytes } = reading;
  const { compressionMethod, compressedSize, uncompressedSize } = entry;
  const place = `${entry.fileName} of ${file}`;
  const local = await undamaged(reading, place, () => zip.readLocalFileHeaderPromise(entry));
  const isSame = (key: "crc32" | "compressedSize" | "uncompressedSize"): boolean =>
    (entry.generalPurposeBitFlag & DESCRIBED_AFTER) !== 0 || local[key] === IN_ZIP64 || local[key] === entry[key];
  const agrees =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === compressionMethod &&
    (["crc32", "compressedSize", "uncompressedSize"] as const).every(isSame);
  ensure(agrees, fn, `needs one name, method, size and CRC for ${place}`, "a header unlike the directory", AGAIN);

  const packed = bytes.subarray(local.fileDataStart, local.fileDataStart + compressedSize);
  const content =
    compressionMethod === STORED
      ? packed
      : await undamaged(reading, place, () => inflateRawSync(packed, { maxOutputLength: uncompressedSize || 1 }));
  ensure(content.length === uncompressedSize, fn, `needs ${uncompressedSize} bytes in ${place}`, content.length, AGAIN);
  const sum = crc32(content);
  ensure(sum === entry.crc32, fn, `needs CRC ${hex(entry.crc32)} of ${place}`, hex(sum), AGAIN);
  return content;
}

/** What a decoder makes of bytes; what it says of damaged ones becomes an InputError. */
async function undamaged<T>({ fn }: Reading, place: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { message, code } = error as NodeJS.ErrnoException;
    const what = code === "ERR_BUFFER_TOO_LARGE" ? "more than it declares" : message;
    refuse(fn, `needs undamaged zip data in ${place}`, what.split("\n")[0], AGAIN);
  }
}

/** numpy's unnamed arrays by their number; others as they come. */
function inOrder(fn: string, file: string, arrays: NamedArray[]): NamedArray[] {
  const numbers = arrays.map(({ name }) => /^arr_(0|[1-9]\d*)$/.exec(name)?.[1]);
  if (numbers.includes(undefined)) return arrays;
  const sorted = arrays.map((array, i) => ({ array, number: Number(numbers[i]) })).sort((a, b) => a.number - b.number);
  sorted.forEach(({ array, number }, i) =>
    ensure(number === i, fn, `needs arr_${i} in ${file}`, `${array.name} after ${i} arrays`, "save the list whole"),
  );
  return sorted.map(({ array }) => array);
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");
