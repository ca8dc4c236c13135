import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { bytesIn, floats, npyOf, npyWith, pathOf } from "./files.fixture";
import { readNpy } from "./npy";
import { parseLiteral } from "./pythonLiteral";

/** Whether reading these bytes is refused with this message. */
async function refuses(bytes: Uint8Array, message: RegExp, options = {}): Promise<void> {
  await assert.rejects(readNpy(bytes, options), { name: "InputError", message }, String(message));
}

test("readNpy: gives what numpy saved when the version is 1.0, 2.0 or 3.0", async () => {
  for (const version of [1, 2, 3]) {
    assert.equal(bytesIn(`version${version}.npy`)[6], version);
    assert.deepEqual(await readNpy(pathOf(`version${version}.npy`)), {
      name: "",
      shape: [3],
      dtype: "float32",
      values: Float32Array.of(0.5, -1.25, 3),
    });
  }
});

test("readNpy: puts Fortran order into C order when the array has three axes", async () => {
  // shape (2, 1, 3), f[i, 0, k] = 10 i + k: the first axis runs fastest
  const { values } = await readNpy(npyOf("'<f4'", "(2, 1, 3)", floats(0, 10, 1, 11, 2, 12), "True"));
  assert.deepEqual(values, Float32Array.of(0, 1, 2, 10, 11, 12));
});

test("readNpy: keeps integers exactly up to 2^53 - 1 and refuses those beyond", async () => {
  const words = (...values: bigint[]): Buffer => Buffer.from(BigInt64Array.from(values).buffer);
  const most = 2n ** 53n - 1n;
  const { values } = await readNpy(npyOf("'<i8'", "(4,)", words(most, -most, -1n, 2n ** 32n)));
  assert.deepEqual(values, Float64Array.of(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -1, 2 ** 32));
  for (const beyond of [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    const said = new RegExp(`^readNpy: needs integers within 2\\^53 - 1 in the bytes given, got ${beyond} at index 1$`);
    await refuses(npyOf("'<i8'", "(2,)", words(0n, beyond)), said);
  }
  await refuses(npyOf("'<u8'", "(1,)", words(-1n)), /got 18446744073709551615 at index 0$/);
});

test("readNpy: gives every 64-bit integer exactly or refuses it (property)", async () => {
  const safe = (value: bigint): boolean => value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n;
  const near = fc.bigInt(-(2n ** 54n), 2n ** 54n);
  await fc.assert(
    fc.asyncProperty(fc.oneof(near, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)), fc.boolean(), async (value, little) => {
      const data = Buffer.alloc(8);
      if (little) data.writeBigInt64LE(value);
      else data.writeBigInt64BE(value);
      const read = readNpy(npyOf(little ? "'<i8'" : "'>i8'", "(1,)", data));
      if (safe(value)) assert.equal(BigInt((await read).values[0]!), value);
      else await assert.rejects(read, { name: "InputError" });
    }),
  );
});

test("readNpy: rounds float64 to float32, and refuses a finite one that would become infinite even where infinities may be", async () => {
  const doubles = (...values: number[]): Buffer => Buffer.from(Float64Array.from(values).buffer);
  const largest = 3.4028234663852886e38;
  const { values } = await readNpy(npyOf("'<f8'", "(3,)", doubles(0.1, -largest, 1e-300)));
  assert.deepEqual(values, Float32Array.of(0.1, -largest, 0));
  const said = /^readNpy: needs numbers within float32's range in the bytes given, got -1e\+39 at index 1; scale them/;
  await refuses(npyOf("'<f8'", "(2,)", doubles(1, -1e39)), said);
  await refuses(npyOf("'<f8'", "(2,)", doubles(1, -1e39)), said, { allowNonFinite: true });
});

test("readNpy: names the first number that is not finite by its index in C order, and reads it where it may be", async () => {
  const bytes = npyOf("'<f4'", "(2, 2)", floats(0, 1, NaN, Infinity), "True"); // in C order 0, NaN, 1, Infinity
  await refuses(
    bytes,
    /^readNpy: needs finite numbers in the bytes given, got NaN at index 1; allowNonFinite: true reads/,
  );
  const { values } = await readNpy(bytes, { allowNonFinite: true });
  assert.deepEqual(values, Float32Array.of(0, NaN, 1, Infinity));
});

test("readNpy: says what a file is when it is not of numbers", async () => {
  const known = "f2, f4, f8, b1, i1, i2, i4, i8, u1, u2, u4, u8";
  const cases: readonly [descr: string, got: string][] = [
    ["'|O'", "|O (Python objects)"],
    ["'<c8'", "<c8 (complex numbers)"],
    ["'|S5'", "|S5 (byte strings)"],
    ["'<U3'", "<U3 (strings)"],
    ["'|V2'", "|V2 (raw bytes)"],
    ["'<M8[ns]'", "<M8[ns] (dates)"],
    ["'<f16'", "<f16 (floats of another width)"],
    ["'<x4'", "<x4"],
    ["[('x', '<f4'), ('y', [('z', '<i4', (2,))])]", "a structured one"],
    ["None", "a structured one"],
  ];
  for (const [descr, got] of cases) {
    const message = `readNpy: needs a dtype of ${known} in the bytes given, got ${got}; convert it by astype(numpy.float32) or to an integer type, and save it again`;
    await assert.rejects(readNpy(npyOf(descr, "(1,)", floats(1))), { name: "InputError", message });
  }
});

test("readNpy: refuses numbers of several bytes without a byte order, and needs none for single bytes", async () => {
  for (const descr of ["|f4", "=f4", "f4"])
    await refuses(
      npyOf(`'${descr}'`, "(1,)", floats(1)),
      new RegExp(`needs < or > before .*, got ${descr.replace("|", "\\|")};`),
    );
  for (const descr of ["|u1", "<u1", ">u1", "u1"])
    assert.deepEqual((await readNpy(npyOf(`'${descr}'`, "(1,)", Buffer.of(200)))).values, Uint8Array.of(200));
});

test("readNpy: refuses a header that is no literal dict, or not of a .npy file", async () => {
  const header = /^readNpy: needs a dict of descr, fortran_order and shape as header of the bytes given, got /;
  for (const text of [
    "",
    "{}",
    "[]",
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
    "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
    "{'descr': open('x'), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 + 1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} 1",
    "{'descr': '<f4', 'fortran_order': False, 'shape': " + "(".repeat(5000),
  ])
    await refuses(npyWith(text, floats(1)), header);
  await refuses(npyOf("'<f4'", "(1,)", floats(1), "0"), /needs fortran_order True or False in the bytes given, got 0$/);
  for (const shape of ["(-1,)", "1", "(1)", "('1',)", "(None,)", `(${"1,".repeat(65)})`, "(9007199254740993,)"])
    await refuses(npyOf("'<f4'", shape, floats(1)), /needs a tuple of lengths as shape of the bytes given, got /);
  await refuses(npyOf("'<f4'", "(4294967296, 4294967296)", floats(1)), /needs a shape that can be counted/);
});

test("readNpy: refuses another number of bytes than the shape has", async () => {
  const needs = /^readNpy: needs \[2, 2\] float32 = 16 bytes after the header of the bytes given, got /;
  await refuses(npyOf("'<f4'", "(2, 2)", floats(1, 2, 3)), new RegExp(`${needs.source}12; the file is truncated$`));
  await refuses(npyOf("'<f4'", "(2, 2)", floats(1, 2, 3, 4, 5)), new RegExp(`${needs.source}20; one array per file`));
  await refuses(npyOf("'<f4'", "()", floats()), /needs one float32 = 4 bytes/);
  await refuses(npyOf("'<f4'", "(0, 9)", floats(1)), /needs \[0, 9\] float32 = 0 bytes/);
  await refuses(npyOf("'|b1'", "(2,)", Buffer.from([1, 2])), /needs booleans of 0 and 1 in .*, got 2 at index 1/);
});

test("readNpy: refuses what begins otherwise, another version, and a header of unlikely length", async () => {
  const sound = npyOf("'<f4'", "(1,)", floats(1));
  const begin = /^readNpy: needs the bytes given to begin with \\x93NUMPY, got 50 4b 03 04/;
  await refuses(Buffer.from("PK\x03\x04"), begin);
  for (const [major, minor] of [
    [0, 0],
    [4, 0],
    [1, 1],
  ] as const) {
    const bytes = Buffer.from(sound);
    bytes.set([major, minor], 6);
    await refuses(bytes, new RegExp(`needs version 1.0, 2.0 or 3.0 in the bytes given, got ${major}\\.${minor}$`));
  }
  const long = Buffer.from(bytesIn("version2.npy"));
  long.writeUInt32LE(2 ** 31, 8);
  await refuses(long, /needs a header of at most 65535 bytes in the bytes given, got 2147483648/);
});

test("readNpy: refuses every proper beginning of a file", async () => {
  for (const bytes of [bytesIn("version1.npy"), bytesIn("version2.npy")])
    for (let length = 0; length < bytes.length; length++)
      await refuses(bytes.subarray(0, length), /^readNpy: needs .*the bytes given.*, got /);
});

test("parseLiteral: reads what Python's repr writes of tuples, lists and dicts", () => {
  assert.deepEqual(parseLiteral("(3, 4)"), [3, 4]);
  assert.deepEqual(parseLiteral("(3,)"), [3]);
  assert.deepEqual(parseLiteral("(3L,)"), [3]); // Python 2
  assert.equal(parseLiteral("(3)"), 3);
  assert.deepEqual(parseLiteral("[]  \n"), []);
  assert.deepEqual(parseLiteral("{'a': True, \"b\": None}"), new Map<string, unknown>([["a", true], ["b", null]])); // prettier-ignore
  for (const text of ["", "(", "(,)", "(1 2)", "[1,,2]", "{1: 2}", "'a", "'a\\n'", "1.5", "true", "{'a'}", "1 1"])
    assert.equal(parseLiteral(text), undefined, text);
});
