/** @file Types of numbers in files, and their decoding: floats become float32, integers stay exact. */
import { refuse } from "../core/errors";

/** What a file's numbers become. 64-bit integers are held exactly in a Float64Array, booleans as 0 and 1 in a Uint8Array. */
export type Values =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** A type of numbers as files have it. */
interface NumberType {
  readonly bytes: number; // of one number in the file
  readonly values: new (length: number) => Values;
  readonly read: (view: DataView, at: number, littleEndian: boolean) => number;
}

/** Types of numbers that the readers understand, by numpy's names. */
export const dtypes = {
  float16: { bytes: 2, values: Float32Array, read: (view, at, little) => half(view.getUint16(at, little)) },
  bfloat16: { bytes: 2, values: Float32Array, read: (view, at, little) => upperHalf(view.getUint16(at, little)) },
  float32: { bytes: 4, values: Float32Array, read: (view, at, little) => view.getFloat32(at, little) },
  float64: { bytes: 8, values: Float32Array, read: (view, at, little) => view.getFloat64(at, little) },
  int8: { bytes: 1, values: Int8Array, read: (view, at) => view.getInt8(at) },
  int16: { bytes: 2, values: Int16Array, read: (view, at, little) => view.getInt16(at, little) },
  int32: { bytes: 4, values: Int32Array, read: (view, at, little) => view.getInt32(at, little) },
  int64: { bytes: 8, values: Float64Array, read: (view, at, little) => wide(view, at, little, "getInt32") },
  uint8: { bytes: 1, values: Uint8Array, read: (view, at) => view.getUint8(at) },
  uint16: { bytes: 2, values: Uint16Array, read: (view, at, little) => view.getUint16(at, little) },
  uint32: { bytes: 4, values: Uint32Array, read: (view, at, little) => view.getUint32(at, little) },
  uint64: { bytes: 8, values: Float64Array, read: (view, at, little) => wide(view, at, little, "getUint32") },
  bool: { bytes: 1, values: Uint8Array, read: (view, at) => view.getUint8(at) },
} satisfies Readonly<Record<string, NumberType>>;

/** Name of a type of numbers. */
export type Dtype = keyof typeof dtypes;

/** How numbers lie in a file. */
export interface Layout {
  readonly dtype: Dtype;
  readonly littleEndian: boolean;
  /** Which number of the file is number i of the array; by default they lie in the array's order. */
  readonly indexOf?: ((i: number) => number) | undefined;
}

/**
 * Decodes count numbers from as many bytes as they take.
 *
 * float64 is rounded to float32; a finite one that this would make infinite is refused even where infinities are allowed.
 *
 * @param place what the numbers are, for messages
 * @throws InputError at NaN or an infinity (unless allowed), a float64 beyond float32, an integer beyond 2^53 - 1, and a
 *   boolean that is neither 0 nor 1; each with its index in the array
 */
export function decode(
  fn: string,
  place: string,
  bytes: Uint8Array,
  count: number,
  { dtype, littleEndian, indexOf = (i) => i }: Layout,
  allowNonFinite: boolean,
): Values {
  const { bytes: size, values: ArrayOf, read }: NumberType = dtypes[dtype];
  const values = new ArrayOf(count);
  const isFloat = values instanceof Float32Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    const value = read(view, size * indexOf(i), littleEndian);
    values[i] = value;
    if (isFloat) {
      if (Number.isFinite(values[i])) continue;
      const what = `${value} at index ${i}`;
      if (Number.isFinite(value))
        refuse(fn, `needs numbers within float32's range in ${place}`, what, "scale them, or clip them to 3.4e38");
      if (!allowNonFinite)
        refuse(fn, `needs finite numbers in ${place}`, what, "allowNonFinite: true reads them as they are");
    } else if (!Number.isSafeInteger(value)) {
      const exact = view[dtype === "int64" ? "getBigInt64" : "getBigUint64"](size * indexOf(i), littleEndian);
      refuse(fn, `needs integers within 2^53 - 1 in ${place}`, `${exact} at index ${i}`);
    } else if (dtype === "bool" && value > 1) {
      refuse(fn, `needs booleans of 0 and 1 in ${place}`, `${value} at index ${i}`, "save them as uint8");
    }
  }
  return values;
}

/** An IEEE 754 half: a sign, five bits of exponent, ten of fraction. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const word = new DataView(new ArrayBuffer(4));

/** A bfloat16: the upper half of a float32. */
function upperHalf(bits: number): number {
  word.setUint16(0, bits);
  return word.getFloat32(0);
}

/** A 64-bit integer of two words: exact within 2^53 - 1, and no safe integer beyond, for the sum rounds to 2^53 or more. */
function wide(view: DataView, at: number, littleEndian: boolean, upper: "getInt32" | "getUint32"): number {
  const [high, low] = littleEndian ? [at + 4, at] : [at, at + 4];
  return view[upper](high, littleEndian) * 2 ** 32 + view.getUint32(low, littleEndian);
}
