/** @file .npy, numpy's format of one array: magic, version, a Python dict as header, the numbers. */
import { ensure, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import { bytesOf, type Reading } from "./bytesOf";
import { decode, dtypes, type Dtype } from "./dtypes";
import type { NamedArray, ReadOptions } from "./namedArray";
import { parseLiteral, type Literal } from "./pythonLiteral";
import { lengthOf, isShape } from "./shapes";

/** What a .npy file begins with. */
export const NPY_MAGIC = Buffer.from("\x93NUMPY", "latin1");
const MOST_HEADER = 65535; // bytes; numpy itself reads up to 10,000
const AGAIN = "save the array again by numpy.save";
const AS_NUMBERS = "convert it by astype(numpy.float32) or to an integer type, and save it again";

const names: Readonly<Record<string, Dtype>> = {
  ...{ f2: "float16", f4: "float32", f8: "float64", b1: "bool" },
  ...{ i1: "int8", i2: "int16", i4: "int32", i8: "int64", u1: "uint8", u2: "uint16", u4: "uint32", u8: "uint64" },
};
const others: Readonly<Record<string, string>> = {
  ...{ O: "Python objects", c: "complex numbers", S: "byte strings", a: "byte strings", U: "strings" },
  ...{ V: "raw bytes", M: "dates", m: "time spans", f: "floats of another width" },
};

/**
 * Reads a .npy file of version 1.0, 2.0 or 3.0: floats of 16, 32 and 64 bits, integers of 8 to 64, booleans; either byte
 * order; C or Fortran order.
 *
 * @param source the file's path, or its bytes
 * @param options.allowNonFinite whether NaN and infinities are read as they are, default false
 * @param options.maxBytes bytes that the file may hold, and its array become; default 2e9
 * @returns the array in C order, owned by the caller; its name is ""
 * @throws InputError when the file is missing, damaged, truncated, longer than its header says, not numbers, not finite, or
 *   too large
 * @example
 * const header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }"; // 58 bytes
 * const { shape, values } = await readNpy(Buffer.from(`\x93NUMPY\x01\0:\0${header}\0\x01\0\x02\0\x03\0\x04`, "latin1"));
 * shape; // [2, 2]
 * values; // Int16Array [1, 3, 2, 4]
 * @source NumPy Enhancement Proposal 1 and numpy.lib.format. Objects are not read: they are pickles, which run code.
 */
export async function readNpy(source: string | Uint8Array, options: ReadOptions = {}): Promise<NamedArray> {
  const reading = await bytesOf("readNpy", source, options);
  return parseNpy(reading, "", reading.bytes);
}

/** The array in the bytes of a .npy file, which may be an entry of an archive. */
export function parseNpy(reading: Reading, name: string, bytes: Buffer): NamedArray {
  const { fn, file, allowNonFinite, reserve } = reading;
  const place = name === "" ? file : `${name} of ${file}`;
  const { dtype, littleEndian, fortranOrder, shape, length } = headerOf(fn, place, bytes);
  const count = lengthOf(fn, place, shape);
  const data = bytes.subarray(length);
  const expected = count * dtypes[dtype].bytes;
  const needs = `needs ${shapeText(shape)} ${dtype} = ${expected} bytes after the header of ${place}`;
  ensure(data.length >= expected, fn, needs, data.length, "the file is truncated");
  ensure(data.length === expected, fn, needs, data.length, "one array per file: for several there is numpy.savez");
  reserve(count * dtypes[dtype].values.BYTES_PER_ELEMENT);
  const indexOf = fortranOrder ? fortranIndexOf(shape) : undefined;
  const values = decode(fn, place, data, count, { dtype, littleEndian, indexOf }, allowNonFinite);
  return { name, shape, dtype, values };
}

interface Header {
  readonly dtype: Dtype;
  readonly littleEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
  readonly length: number; // of all that stands before the numbers, in bytes
}

/** What stands before the numbers: magic, version, length of the dict, the dict. */
function headerOf(fn: string, place: string, bytes: Buffer): Header {
  const isNpy = bytes.subarray(0, NPY_MAGIC.length).equals(NPY_MAGIC);
  ensure(isNpy, fn, `needs ${place} to begin with \\x93NUMPY`, hexOf(bytes), "readArrays tells formats apart");
  const [major, minor] = [bytes[6], bytes[7]];
  ensure(minor !== undefined, fn, `needs a version in ${place}`, `${bytes.length} bytes`, "the file is truncated");
  const isKnown = (major === 1 || major === 2 || major === 3) && minor === 0;
  ensure(isKnown, fn, `needs version 1.0, 2.0 or 3.0 in ${place}`, `${major}.${minor}`);
  const start = major === 1 ? 10 : 12;
  const truncated = `needs a whole header in ${place}`;
  ensure(bytes.length >= start, fn, truncated, `${bytes.length} bytes`, "the file is truncated");
  const size = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  ensure(size <= MOST_HEADER, fn, `needs a header of at most ${MOST_HEADER} bytes in ${place}`, size, AGAIN);
  const length = start + size;
  ensure(bytes.length >= length, fn, `${truncated} (${length} bytes)`, bytes.length, "the file is truncated");
  return { ...fieldsOf(fn, place, bytes.toString(major === 3 ? "utf8" : "latin1", start, length)), length };
}

/** What a header says: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. */
function fieldsOf(fn: string, place: string, text: string): Omit<Header, "length"> {
  const literal = parseLiteral(text);
  const fields: ReadonlyMap<string, Literal> = literal instanceof Map ? literal : new Map<string, Literal>();
  const isHeader = [...fields.keys()].sort().join() === "descr,fortran_order,shape";
  const requirement = `needs a dict of descr, fortran_order and shape as header of ${place}`;
  ensure(isHeader, fn, requirement, excerpt(text), AGAIN);
  const [descr, fortranOrder, shape] = ["descr", "fortran_order", "shape"].map((key) => fields.get(key));
  if (typeof fortranOrder !== "boolean") refuse(fn, `needs fortran_order True or False in ${place}`, fortranOrder);
  if (!isShape(shape)) refuse(fn, `needs a tuple of lengths as shape of ${place}`, shape);

  const known = Object.keys(names).join(", ");
  if (typeof descr !== "string") refuse(fn, `needs a dtype of ${known} in ${place}`, "a structured one", AS_NUMBERS);
  const [, order = "", type = descr] = /^([<>|=])(.*)$/.exec(descr) ?? [];
  const dtype = Object.hasOwn(names, type) ? names[type] : undefined;
  if (dtype === undefined) {
    const what = others[type.charAt(0)];
    refuse(fn, `needs a dtype of ${known} in ${place}`, what ? `${descr} (${what})` : descr, AS_NUMBERS);
  }
  const hasOrder = order === "<" || order === ">" || dtypes[dtype].bytes === 1;
  ensure(hasOrder, fn, `needs < or > before the dtype in ${place}, for its byte order`, descr, AGAIN);
  return { dtype, littleEndian: order !== ">", fortranOrder, shape };
}

/** Where in Fortran order, whose first axis runs fastest, the numbers of C order lie. */
function fortranIndexOf(shape: Shape): (i: number) => number {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, 1));
  return (i) => {
    let [rest, index] = [i, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return index;
  };
}

const excerpt = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text).replace(/\s+/g, " ");
const shapeText = (shape: Shape): string => (shape.length === 0 ? "one" : `[${shape.join(", ")}]`);

/** The first bytes of a file, as a hex dump shows them. */
export function hexOf(bytes: Buffer): string {
  return bytes
    .subarray(0, 8)
    .toString("hex")
    .replace(/..(?=.)/g, "$& ");
}
