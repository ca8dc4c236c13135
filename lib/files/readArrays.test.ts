import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import fc from "fast-check";
import { bytesIn, floats, npyOf, pathOf, safetensorsOf, zipOf } from "./files.fixture";
import { readArrays } from "./readArrays";

/** Whether reading this is refused with this message. */
async function refuses(source: unknown, message: RegExp | string, options: object = {}): Promise<void> {
  await assert.rejects(readArrays(source as string, options), { name: "InputError", message }, String(message));
}

const folder = mkdtempSync(join(tmpdir(), "curious-files-"));
test.after(() => rmSync(folder, { recursive: true }));

test("readArrays: tells the three formats apart by what is in them, from paths and from bytes", async () => {
  for (const file of ["version1.npy", "state.npz", "state.safetensors"]) {
    const disguised = join(folder, `${file}.txt`);
    copyFileSync(pathOf(file), disguised);
    const arrays = await readArrays(pathOf(file));
    assert.ok(arrays.length > 0);
    assert.deepEqual(await readArrays(disguised), arrays);
    assert.deepEqual(await readArrays(bytesIn(file)), arrays);
    const unaligned = new Uint8Array(bytesIn(file).length + 3).subarray(3);
    unaligned.set(bytesIn(file));
    assert.deepEqual(await readArrays(unaligned), arrays);
  }
});

test("readArrays: gives arrays that the caller owns", async () => {
  const bytes = bytesIn("version1.npy");
  const [array] = await readArrays(bytes);
  array!.values[0] = 9;
  bytes.fill(0);
  assert.deepEqual(array!.values, Float32Array.of(9, -1.25, 3));
});

test("readArrays: says what a path leads to when it leads to no file of arrays", async () => {
  const missing = join(folder, "missing.npz");
  await refuses(missing, `readArrays: needs the file ${missing}, got no such file`);
  await refuses(folder, `readArrays: needs a file at ${folder}, got a folder`);
  const empty = join(folder, "empty.npy");
  writeFileSync(empty, "");
  await refuses(empty, `readArrays: needs an array in ${empty}, got no bytes`);
  await refuses(join(empty, "below"), /^readArrays: needs to read ".*below", got ENOTDIR$/);
  await refuses("a\0b", 'readArrays: needs to read "a\\u0000b", got ERR_INVALID_ARG_VALUE');
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  await refuses(pipe, `readArrays: needs a file at ${pipe}, got something else`);
});

test("readArrays: says so when a file may not be read", { skip: process.getuid?.() === 0 }, async () => {
  const secret = join(folder, "secret.npy");
  writeFileSync(secret, bytesIn("version1.npy"));
  chmodSync(secret, 0);
  await refuses(secret, /^readArrays: needs to read ".*secret\.npy", got EACCES$/);
});

test("readArrays: shows how another file begins, and what it may be", async () => {
  const remedy = "save arrays by numpy.save, numpy.savez or safetensors";
  const needs = "readArrays: needs a .npy, .npz or .safetensors file at the bytes given, got what begins with";
  await refuses(
    Buffer.from("\x80\x02c", "latin1"),
    `${needs} 80 02 63 (a pickle, which runs code when it is read); ${remedy}`,
  );
  await refuses(Buffer.from("\x89HDF\r\n", "latin1"), `${needs} 89 48 44 46 0d 0a (perhaps HDF5); ${remedy}`);
  await refuses(Buffer.from([0x1f, 0x8b, 8]), `${needs} 1f 8b 08 (perhaps gzip); ${remedy}`);
  await refuses(Buffer.from("1,2,3,4,5,6"), `${needs} 31 2c 32 2c 33 2c 34 2c; ${remedy}`);
});

test("readArrays: refuses what is neither path nor bytes, and options that are none", async () => {
  const needs = "readArrays: needs a path or a Uint8Array, got";
  for (const [source, got] of [
    [undefined, "undefined"],
    [null, "null"],
    [7, "number"],
    ["", "an empty path"],
    [["a.npy"], "Array"],
    [{ path: "a" }, "Object"],
    [new URL("file:///a.npy"), "URL"],
    [new ArrayBuffer(8), "ArrayBuffer; wrap it in a Uint8Array"],
    [new Float32Array(2), "Float32Array; wrap it in a Uint8Array"],
  ] as const)
    await refuses(source, `${needs} ${got}`);
  const bytes = bytesIn("version1.npy");
  await refuses(bytes, /needs only known names in options, got maxByte; did you mean maxBytes\?/, { maxByte: 1 });
  await refuses(bytes, /needs a value for options\.maxBytes, got undefined/, { maxBytes: undefined });
  for (const maxBytes of [0, -1, 1.5, NaN, "1"])
    await refuses(bytes, /needs an integer maxBytes >= 1, got /, { maxBytes });
  await refuses(bytes, /needs true or false for allowNonFinite, got 1/, { allowNonFinite: 1 });
  await refuses(bytes, /needs an object for options, got null/, null as unknown as object);
});

test("readArrays: reads no file that is larger than maxBytes", async () => {
  const large = join(folder, "large.npy"); // with a hole, so it takes no room
  writeFileSync(large, bytesIn("version1.npy"));
  truncateSync(large, 3e9);
  await refuses(large, /needs at most 2000000000 bytes in .*large\.npy, got 3000000000; raise maxBytes if/);
  const path = pathOf("version1.npy");
  const message =
    /needs at most 139 bytes in .*version1\.npy, got 140; raise maxBytes if it is meant to be that large$/;
  await refuses(path, message, { maxBytes: 139 });
  await refuses(bytesIn("version1.npy"), /needs at most 139 bytes in the bytes given, got 140/, { maxBytes: 139 });
  assert.equal((await readArrays(path, { maxBytes: 140 })).length, 1);
});

test("readArrays: gives back any float32 array in every format, byte for byte (property)", async () => {
  const array = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(array, fc.boolean(), async (list, deflate) => {
      const values = Float32Array.from(list);
      const shape = [values.length];
      const npy = npyOf("'<f4'", `(${values.length},)`, floats(...list));
      const expected = { name: "w", shape, dtype: "float32", values };
      const header = { w: { dtype: "F32", shape, data_offsets: [0, 4 * values.length] } };
      assert.deepEqual(await readArrays(npy), [{ ...expected, name: "" }]);
      assert.deepEqual(await readArrays(zipOf([{ name: "w.npy", content: npy, deflate }])), [expected]);
      assert.deepEqual(await readArrays(safetensorsOf(header, floats(...list))), [expected]);
    }),
  );
});

test("readArrays: reads or refuses, and never fails otherwise, when bytes are changed, cut or put in at will (property)", async () => {
  const files = ["version2.npy", "zip64.npz", "shapes.npz", "state.npz", "state.safetensors", "dtypes.safetensors"];
  const edit = fc.record({ at: fc.nat(), remove: fc.nat(8), put: fc.uint8Array({ maxLength: 8 }) });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), fc.array(edit, { minLength: 1, maxLength: 4 }), async (file, edits) => {
      let bytes: Buffer = bytesIn(file);
      for (const { at, remove, put } of edits) {
        const begin = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, begin), put, bytes.subarray(begin + remove)]);
      }
      const read = await readArrays(bytes).catch((error: Error) => error);
      if (read instanceof Error) {
        assert.equal(read.name, "InputError", read.stack);
        assert.match(read.message, /^readArrays: needs [^\n]*, got [^\n]*$/);
      } else
        for (const { shape, values } of read)
          assert.equal(values.length, shape.reduce((product, length) => product * length, 1)); // prettier-ignore
    }),
    { numRuns: 1000 },
  );
});
