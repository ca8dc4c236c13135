/** @file .safetensors: length of a header, a JSON header with each tensor's dtype, shape and place, the numbers. */
import { ensure, refuse } from "../core/errors";
import { bytesOf, type Reading } from "./bytesOf";
import { decode, dtypes, type Dtype } from "./dtypes";
import type { NamedArray, ReadOptions } from "./namedArray";
import { lengthOf, isShape } from "./shapes";

const MOST_HEADER = 1e8; // bytes, as the format has it
const AGAIN = "copy or save the file again";

const names: Readonly<Record<string, Dtype>> = {
  ...{ F16: "float16", BF16: "bfloat16", F32: "float32", F64: "float64", BOOL: "bool" },
  ...{ I8: "int8", I16: "int16", I32: "int32", I64: "int64", U8: "uint8", U16: "uint16", U32: "uint32", U64: "uint64" },
};

/**
 * Reads a .safetensors file: every tensor in it, in the order in which their numbers lie there.
 *
 * That is not a state_dict's order: the format's own writer, which PyTorch's save_file calls, sorts tensors by the width
 * of their numbers and then by name (bias before weight, layers.10 before layers.2), so they are to be found by name.
 *
 * @param source the file's path, or its bytes
 * @param options.allowNonFinite whether NaN and infinities are read as they are, default false
 * @param options.maxBytes bytes that the file may hold, and also that its tensors may become; default 2e9
 * @returns the tensors in C order, at least one, owned by the caller; the file's own metadata are left out
 * @throws InputError when the file is missing, damaged, truncated, or too large, tensors overlap, leave a gap, have one
 *   name, or are of a dtype that is no float of 16 to 64 bits, integer or boolean, or a number is not finite
 * @example
 * const header = '{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'; // 55 bytes
 * const [w] = await readSafetensors(Buffer.from(`7\0\0\0\0\0\0\0${header}\x80\x3f\0\xc0`, "latin1"));
 * [w.name, w.values]; // ["w", Float32Array.of(1, -2)]
 * @source github.com/huggingface/safetensors, README "Format". Its rule against holes is kept, as is that a header has at
 *   most 100 MB; dtypes below 16 bits a float are refused.
 *   Read here because npm's `safetensors` (0.0.1) checks nothing and decodes no numbers.
 */
export async function readSafetensors(source: string | Uint8Array, options: ReadOptions = {}): Promise<NamedArray[]> {
  return parseSafetensors(await bytesOf("readSafetensors", source, options));
}

/** The tensors in the bytes of a .safetensors file. */
export function parseSafetensors(reading: Reading): NamedArray[] {
  const { fn, file, allowNonFinite, reserve } = reading;
  const { header, data } = partsOf(reading);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => tensorOf(fn, file, name, entry))
    .sort((a, b) => a.begin - b.begin || a.end - b.end); // of JSON's keys JavaScript would put "10" before "a"
  ensure(tensors.length > 0, fn, `needs at least one tensor in ${file}`, "none");
  let end = 0;
  for (const { name, begin, ...tensor } of tensors) {
    const needs = `needs ${name} of ${file} to begin where the tensor before it ends (${end})`;
    ensure(begin === end, fn, needs, begin, begin < end ? "tensors overlap" : "there is a gap");
    ({ end } = tensor);
  }
  const truncated = data.length < end ? "the file is truncated" : "the header does not belong to it";
  ensure(data.length === end, fn, `needs ${end} bytes after the header of ${file}`, data.length, truncated);
  for (const { dtype, count } of tensors) reserve(count * dtypes[dtype].values.BYTES_PER_ELEMENT);
  return tensors.map(({ name, dtype, shape, count, ...place }) => {
    const bytes = data.subarray(place.begin, place.end);
    const layout = { dtype, littleEndian: true };
    return { name, shape, dtype, values: decode(fn, `${name} of ${file}`, bytes, count, layout, allowNonFinite) };
  });
}

/** Whether bytes begin as a .safetensors file does: the eight of a length, and the brace of a header. */
export function looksLikeSafetensors(bytes: Buffer): boolean {
  return bytes[8] === "{".charCodeAt(0);
}

/** The header as JSON has it, and the bytes behind it. */
function partsOf({ fn, file, bytes }: Reading): { header: object; data: Buffer } {
  ensure(bytes.length >= 8, fn, `needs 8 bytes for the header's length in ${file}`, bytes.length, AGAIN);
  const size = bytes.readBigUInt64LE(0);
  ensure(size <= MOST_HEADER, fn, `needs a header of at most ${MOST_HEADER} bytes in ${file}`, size, AGAIN);
  const start = 8 + Number(size);
  ensure(start <= bytes.length, fn, `needs ${start} bytes of header in ${file}`, bytes.length, "the file is truncated");
  const requirement = `needs a JSON object as header of ${file}`;
  ensure(looksLikeSafetensors(bytes) && size > 0, fn, requirement, `what begins with byte ${bytes[8]}`, AGAIN);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start));
    const header = JSON.parse(text) as object;
    const twice = repeatedKeyOf(text);
    ensure(twice === undefined, fn, `needs names that differ in ${file}`, `${twice} again`, AGAIN);
    return { header, data: bytes.subarray(start) };
  } catch (error) {
    if (error instanceof SyntaxError) refuse(fn, requirement, error.message.split("\n")[0], AGAIN);
    if (error instanceof TypeError) refuse(fn, requirement, "bytes that are no UTF-8", AGAIN);
    throw error;
  }
}

/** A key that stands twice in one object of valid JSON; JSON.parse would keep its last value alone. */
function repeatedKeyOf(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, , colon] of text.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return undefined;
}

interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly count: number;
  readonly begin: number; // first byte after the header
  readonly end: number;
}

/** A tensor as its entry in the header describes it, whose bytes are as many as its shape needs. */
function tensorOf(fn: string, file: string, name: string, entry: unknown): Tensor {
  const place = `${name} of ${file}`;
  const { dtype: type, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const known = Object.keys(names).join(", ");
  if (typeof type !== "string" || !Object.hasOwn(names, type))
    refuse(fn, `needs a dtype of ${known} in ${place}`, type, "convert the tensor by .float(), and save it again");
  const dtype = names[type]!;
  if (!isShape(shape)) refuse(fn, `needs a list of lengths as shape of ${place}`, shape, AGAIN);
  const isRange = isShape(offsets) && offsets.length === 2 && offsets[0]! <= offsets[1]!;
  if (!isRange) refuse(fn, `needs data_offsets [begin, end] of ${place}`, offsets, AGAIN);
  const [begin, end] = offsets as [number, number];
  const count = lengthOf(fn, place, shape);
  const expected = count * dtypes[dtype].bytes;
  ensure(
    end - begin === expected,
    fn,
    `needs [${shape.join(", ")}] ${dtype} = ${expected} bytes in ${place}`,
    end - begin,
  );
  return { name, dtype, shape, count, begin, end };
}
