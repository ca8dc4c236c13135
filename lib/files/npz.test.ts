import assert from "node:assert/strict";
import test from "node:test";
import { deflateRawSync } from "node:zlib";
import { bytesIn, floats, npyOf, pathOf, zipOf, type EntrySpec } from "./files.fixture";
import { readNpz } from "./npz";

const one = npyOf("'<f4'", "(1,)", floats(1));
const entry = (name: string, told: Partial<EntrySpec> = {}): EntrySpec => ({ name, content: one, ...told });

/** Whether reading these bytes is refused with this message. */
async function refuses(bytes: Uint8Array, message: RegExp | string, options = {}): Promise<void> {
  await assert.rejects(readNpz(bytes, options), { name: "InputError", message }, String(message));
}

test("readNpz: sorts numpy's unnamed lists by their number, whatever the archive's order", async () => {
  for (const file of ["list.npz", "sorted.npz"]) {
    const arrays = await readNpz(pathOf(file));
    assert.deepEqual(
      arrays.map(({ name, values }) => [name, values[0]]),
      Array.from({ length: 12 }, (_, i) => [`arr_${i}`, i]),
      file,
    );
  }
});

test("readNpz: keeps the archive's order when arrays have names", async () => {
  const arrays = await readNpz(pathOf("state.npz"));
  assert.deepEqual(
    arrays.map(({ name, shape, dtype }) => [name, shape, dtype]),
    [
      ["conv1.weight", [2, 1, 3, 3], "float32"],
      ["conv1.bias", [2], "float32"],
      ["bn1.num_batches_tracked", [], "int64"],
      ["classifier.weight", [3, 2], "float32"],
    ],
  );
  assert.deepEqual(arrays[1]!.values, Float32Array.of(-0.7819084525108337, -0.2571922540664673));
  assert.deepEqual(arrays[2]!.values, Float64Array.of(7));
  const mixed = await readNpz(zipOf([entry("w.npy"), entry("arr_1.npy"), entry("arr_0.npy")]));
  assert.deepEqual(mixed.map(({ name }) => name), ["w", "arr_1", "arr_0"]); // prettier-ignore
});

test("readNpz: reads scalars, empty arrays, Fortran order and zip64 as numpy wrote them", async () => {
  const [scalar, empty, long, fortran] = await readNpz(pathOf("shapes.npz"));
  assert.deepEqual([scalar!.shape, scalar!.values], [[], Float32Array.of(2.5)]);
  assert.deepEqual([empty!.shape, empty!.values], [[0, 3], new Float32Array(0)]);
  assert.deepEqual(long!.values, Float64Array.of(0, 1, 2));
  assert.deepEqual([fortran!.shape, [...fortran!.values]], [[2, 3, 4], Array.from({ length: 24 }, (_, i) => i)]);

  assert.ok(bytesIn("zip64.npz").includes("PK\x06\x06")); // the directory's end in zip64
  const arrays = await readNpz(pathOf("zip64.npz"));
  assert.deepEqual(arrays.map(({ name, values }) => [name, [...values]]), [["a", [1, 2]], ["b", [3]]]); // prettier-ignore
});

test("readNpz: refuses a list with a hole, two arrays of one name, an archive without arrays", async () => {
  await refuses(
    zipOf([entry("arr_0.npy"), entry("arr_2.npy")]),
    "readNpz: needs arr_1 in the bytes given, got arr_2 after 1 arrays; save the list whole",
  );
  await refuses(
    zipOf([entry("w.npy"), entry("w.npy")]),
    "readNpz: needs names that differ in the bytes given, got w.npy again; copy or save the file again",
  );
  await refuses(zipOf([]), "readNpz: needs at least one array in the bytes given, got none");
});

test("readNpz: refuses entries that are no arrays, with PyTorch's checkpoints in mind", async () => {
  for (const name of ["archive/data.pkl", "w.txt", "w", "folder/"]) {
    const message = `readNpz: needs only .npy files in the bytes given, got ${name}; save arrays by numpy.savez; of a PyTorch checkpoint its state_dict`;
    await refuses(zipOf([entry("a.npy"), entry(name)]), message);
  }
  await refuses(zipOf([entry("w.npy", { content: Buffer.from("text") })]), /needs w of the bytes given to begin with/);
  await refuses(zipOf([entry("../w.npy")]), /needs undamaged zip data in the bytes given, got invalid relative path/);
});

test("readNpz: refuses what is encrypted or packed by another method", async () => {
  await refuses(
    zipOf([entry("w.npy", { flags: 1, packed: Buffer.concat([Buffer.alloc(12), one]) })]),
    /^readNpz: needs w\.npy of the bytes given unencrypted, got an encrypted one; unpack it/,
  );
  await refuses(zipOf([entry("w.npy", { flags: 0x41 })]), /got strong encryption is not supported/);
  await refuses(
    zipOf([entry("w.npy", { method: 12 })]),
    /needs w\.npy of the bytes given stored or deflated, got method 12/,
  );
});

test("readNpz: refuses a CRC that does not fit, stored or deflated", async () => {
  for (const deflate of [false, true])
    await refuses(
      zipOf([entry("a.npy"), entry("w.npy", { deflate, crc: 1 })]),
      /^readNpz: needs CRC 00000001 of w\.npy of the bytes given, got [0-9a-f]{8}; copy or save the file again$/,
    );
});

test("readNpz: refuses sizes that are not true before they are believed", async () => {
  const zeros = npyOf("'|u1'", "(1000000,)", Buffer.alloc(1e6));
  const bomb = deflateRawSync(zeros);
  assert.ok(bomb.length < 1200);
  const packed = { content: zeros, packed: bomb, method: 8 };
  assert.equal((await readNpz(zipOf([{ name: "w.npy", ...packed }])))[0]!.values.length, 1e6);
  await refuses(
    zipOf([entry("w.npy", { ...packed, size: 100 })]),
    "readNpz: needs undamaged zip data in w.npy of the bytes given, got more than it declares; copy or save the file again",
  );
  await refuses(
    zipOf([entry("w.npy", { ...packed, size: zeros.length + 1 })]),
    new RegExp(`needs ${zeros.length + 1} bytes in w\\.npy of the bytes given, got ${zeros.length};`),
  );
  await refuses(
    zipOf([entry("w.npy", { ...packed, size: 2e9 })]),
    /to become at most 1032 times as many, got 2000000000 declared/,
  );
  await refuses(zipOf([entry("w.npy", { size: 99 })]), /compressed\/uncompressed size mismatch for stored file/);
});

test("readNpz: bounds what an archive becomes by maxBytes, all its entries together", async () => {
  const zeros = npyOf("'|u1'", "(1000000,)", Buffer.alloc(1e6));
  const two = zipOf(["a.npy", "b.npy"].map((name) => ({ name, content: zeros, deflate: true })));
  assert.equal((await readNpz(two, { maxBytes: 2 * zeros.length })).length, 2);
  await refuses(
    two,
    `readNpz: needs at most ${2 * zeros.length - 1} bytes unpacked in the bytes given, got ${2 * zeros.length}; raise maxBytes if it is meant to be that large`,
    { maxBytes: 2 * zeros.length - 1 },
  );
  const halves = zipOf([{ name: "h.npy", content: npyOf("'<f2'", "(1000000,)", Buffer.alloc(2e6)), deflate: true }]);
  await refuses(halves, /needs arrays of at most 3000000 bytes in the bytes given, got 4000000; raise/, {
    maxBytes: 3e6,
  });
});

test("readNpz: refuses a directory that hides entries, local headers that contradict it, and entries over one another", async () => {
  const sound = zipOf([entry("a.npy"), entry("b.npy")]);
  await refuses(
    zipOf([entry("a.npy"), entry("b.npy")], 1),
    /needs 102 bytes of entries in the directory of .*, got 51;/,
  );
  await refuses(zipOf([entry("a.npy")], 2), /needs undamaged zip data in the bytes given, got /);
  const renamed = Buffer.from(sound);
  renamed.write("c", renamed.indexOf("a.npy"));
  await refuses(renamed, /needs one name, method, size and CRC for a\.npy of .*, got a header unlike the directory/);
  const large = [0, 1, 2].map((i) => entry(`${i}.npy`, { content: npyOf("'|u1'", "(500,)", Buffer.alloc(500)) }));
  const folded = zipOf(large);
  const start = folded.indexOf("PK\x01\x02");
  const once = folded.indexOf("PK\x03\x04", 4);
  const overlapping = Buffer.concat([folded.subarray(0, once), folded.subarray(start)]);
  overlapping.writeUInt32LE(once, overlapping.length - 6);
  await refuses(overlapping, /needs entries that do not overlap in the bytes given, got \d+ bytes of them/);
});

test("readNpz: refuses every proper beginning of a file", async () => {
  const bytes = bytesIn("zip64.npz");
  for (let length = 0; length < bytes.length; length++) await refuses(bytes.subarray(0, length), /^readNpz: needs /);
});

test("readNpz: refuses, or reads alike, a file with any one byte changed", async () => {
  const deflated = zipOf([entry("a.npy", { deflate: true }), entry("b.npy")]);
  for (const bytes of [deflated, bytesIn("zip64.npz")]) {
    const expected = await readNpz(bytes);
    let refused = 0;
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= flip;
        const read = await readNpz(changed).catch((error: Error) => error);
        if (read instanceof Error) assert.equal(read.name, "InputError", `${read.stack} at ${at}`);
        else assert.deepEqual(read, expected, `another array at ${at}`);
        refused += Number(read instanceof Error);
      }
    assert.ok(refused > bytes.length, String(refused)); // most bytes matter
  }
});
