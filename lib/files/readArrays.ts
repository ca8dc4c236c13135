/** @file The arrays of a file, in whichever of three formats it is. */
import { refuse } from "../core/errors";
import { bytesOf } from "./bytesOf";
import type { NamedArray, ReadOptions } from "./namedArray";
import { hexOf, NPY_MAGIC, parseNpy } from "./npy";
import { parseNpz, ZIP_MAGICS } from "./npz";
import { looksLikeSafetensors, parseSafetensors } from "./safetensors";

const AS_ARRAYS = "save arrays by numpy.save, numpy.savez or safetensors";

/** Other formats that checkpoints have, by their first byte. */
const others: Readonly<Record<number, string>> = {
  0x80: "a pickle, which runs code when it is read",
  0x89: "perhaps HDF5",
  0x1f: "perhaps gzip",
};

/**
 * Reads the arrays of a .npy, .npz or .safetensors file, told apart by what is in it, whatever its name.
 *
 * @param source the file's path, or its bytes
 * @param options.allowNonFinite whether NaN and infinities are read as they are, default false
 * @param options.maxBytes bytes that the file may hold, and also that its arrays may become; default 2e9
 * @returns the arrays in C order, at least one, owned by the caller: floats as float32, integers exactly. Their order is that
 *   of readNpz and readSafetensors, of which only the former's is a state_dict's
 * @throws InputError when the file is none of the three, or damaged; see readNpy, readNpz and readSafetensors
 * @example
 * const weights = await readArrays(join(projectRoot, "lib", "files", "testdata", "list.npz"));
 * weights.map(({ name }) => name).slice(9); // ["arr_9", "arr_10", "arr_11"]
 * await readArrays("round9.npz"); // throws "readArrays: needs the file round9.npz, got no such file"
 */
export async function readArrays(source: string | Uint8Array, options: ReadOptions = {}): Promise<NamedArray[]> {
  const reading = await bytesOf("readArrays", source, options);
  const { fn, file, bytes } = reading;
  const beginsWith = (magic: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);
  if (beginsWith(NPY_MAGIC)) return [parseNpy(reading, "", bytes)];
  if (ZIP_MAGICS.some(beginsWith)) return parseNpz(reading);
  if (looksLikeSafetensors(bytes)) return parseSafetensors(reading);
  const what = others[bytes[0]!];
  const begin = `what begins with ${hexOf(bytes)}${what ? ` (${what})` : ""}`;
  refuse(fn, `needs a .npy, .npz or .safetensors file at ${file}`, begin, AS_ARRAYS);
}
