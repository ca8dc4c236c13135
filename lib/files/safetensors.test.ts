import assert from "node:assert/strict";
import test from "node:test";
import { bytesIn, floats, pathOf, safetensorsOf } from "./files.fixture";
import { readNpz } from "./npz";
import { readSafetensors } from "./safetensors";

/** Whether reading these bytes is refused with this message. */
async function refuses(bytes: Uint8Array, message: RegExp | string, options = {}): Promise<void> {
  await assert.rejects(readSafetensors(bytes, options), { name: "InputError", message }, String(message));
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

test("readSafetensors: gives what the format's own writer wrote, in its order, which is not the state_dict's", async () => {
  const arrays = await readSafetensors(pathOf("state.safetensors"));
  const state = await readNpz(pathOf("state.npz"));
  assert.deepEqual(
    arrays.map(({ name }) => name),
    ["bn1.num_batches_tracked", "classifier.weight", "conv1.bias", "conv1.weight"],
  );
  for (const array of arrays)
    assert.deepEqual(
      array,
      state.find(({ name }) => name === array.name),
    );
});

test("readSafetensors: reads float16, bfloat16, float64, int64 and booleans", async () => {
  const arrays = await readSafetensors(pathOf("dtypes.safetensors"));
  assert.deepEqual(arrays, [
    { name: "count", shape: [], dtype: "int64", values: Float64Array.of(Number.MAX_SAFE_INTEGER) },
    { name: "double", shape: [1], dtype: "float64", values: Float32Array.of(0.1) },
    { name: "brain", shape: [3], dtype: "bfloat16", values: Float32Array.of(1, -2, 3.140625) },
    { name: "half", shape: [3], dtype: "float16", values: Float32Array.of(1, -2, 65504) },
    { name: "mask", shape: [2], dtype: "bool", values: Uint8Array.of(1, 0) },
  ]);
});

test("readSafetensors: goes by the offsets where the header has another order, or names that are numbers", async () => {
  const bytes = safetensorsOf('{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"10":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"2":{"dtype":"F32","shape":[0],"data_offsets":[12,12]}}', floats(1, 2, 3)); // prettier-ignore
  const arrays = await readSafetensors(bytes);
  assert.deepEqual(arrays.map(({ name, values }) => [name, ...values]), [["a", 1], ["b", 2], ["10", 3], ["2"]]); // prettier-ignore
});

test("readSafetensors: refuses offsets that overlap, leave a gap, or end elsewhere than the file", async () => {
  const cases: readonly [header: object, message: RegExp][] = [
    [
      { a: f32(0, 8), b: f32(4, 12) },
      /needs b of .* to begin where the tensor before it ends \(8\), got 4; tensors over/,
    ],
    [{ a: f32(0, 4), b: f32(8, 12) }, /needs b of .* \(4\), got 8; there is a gap$/],
    [{ a: f32(4, 12) }, /needs a of .* \(0\), got 4; there is a gap$/],
    [{ a: f32(0, 8) }, /needs 8 bytes after the header of the bytes given, got 12; the header does not belong to it$/],
    [{ a: f32(0, 16) }, /needs 16 bytes after the header of the bytes given, got 12; the file is truncated$/],
    [{ a: f32(0, 12, [2]) }, /needs \[2\] float32 = 8 bytes in a of the bytes given, got 12$/],
    [{ a: f32(0, 12, [2 ** 40, 2 ** 40]) }, /needs a shape that can be counted in a of/],
    [{ a: f32(0, 2 ** 53 - 4) }, /needs \d+ bytes after the header of .*, got 12; the file is truncated$/],
  ];
  for (const [header, message] of cases) await refuses(safetensorsOf(header, floats(1, 2, 3)), message);
});

test("readSafetensors: refuses entries that are no tensors of numbers", async () => {
  const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const cases: readonly [entry: unknown, message: RegExp][] = [
    [{ ...entry, dtype: "F8_E4M3" }, /needs a dtype of F16, BF16, F32, .* in a of .*, got F8_E4M3; convert the tensor/],
    [{ ...entry, dtype: "C64" }, /got C64/],
    [{ ...entry, dtype: "toString" }, /got toString/],
    [{ ...entry, dtype: 1 }, /got 1/],
    [{ ...entry, shape: 1 }, /needs a list of lengths as shape of a of the bytes given, got 1/],
    [{ ...entry, shape: [-1] }, /got \[-1\]/],
    [{ ...entry, shape: [0.5] }, /got \[0\.5\]/],
    [{ ...entry, data_offsets: [4, 0] }, /needs data_offsets \[begin, end\] of a of the bytes given, got \[4, 0\]/],
    [{ ...entry, data_offsets: [0, 4, 8] }, /needs data_offsets/],
    [{ ...entry, data_offsets: "0-4" }, /needs data_offsets/],
    [null, /needs a dtype/],
    ["F32", /needs a dtype/],
    [[], /needs a dtype/],
  ];
  for (const [a, message] of cases) await refuses(safetensorsOf({ a }, floats(1)), message);
  await refuses(
    safetensorsOf({ a: entry }, floats(NaN)),
    /needs finite numbers in a of the bytes given, got NaN at index 0/,
  );
  await refuses(safetensorsOf({ __metadata__: {} }), /needs at least one tensor in the bytes given, got none/);
});

test("readSafetensors: refuses a header that is longer than the file, no JSON object, no UTF-8, or has a name twice", async () => {
  const data = floats(1);
  const a = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
  await refuses(
    safetensorsOf(`{${a}}`, data, 1000n),
    /needs 1008 bytes of header in .*, got \d+; the file is truncated$/,
  );
  await refuses(
    safetensorsOf(`{${a}}`, data, 2n ** 63n),
    /needs a header of at most 100000000 bytes in .*, got 9223372036/,
  );
  await refuses(safetensorsOf(`{${a}}`, data, 0n), /needs a JSON object as header/);
  await refuses(
    safetensorsOf(`[{${a}}]`, data),
    /needs a JSON object as header of the bytes given, got what begins with/,
  );
  await refuses(safetensorsOf(`{${a}`, data), /needs a JSON object as header of the bytes given, got /);
  await refuses(safetensorsOf(`{${a},${a}}`, data), /needs names that differ in the bytes given, got a again/);
  await refuses(safetensorsOf(`{${a},"\\u0061":{}}`, data), /needs names that differ in the bytes given, got a again/);
  await refuses(safetensorsOf(`{"a":{"shape":[2],${a.slice(5)}}`, data), /needs names that differ .*, got shape again/);
  const latin = safetensorsOf(`{${a}}`, data);
  latin[10] = 0xe4;
  await refuses(latin, /needs a JSON object as header of the bytes given, got bytes that are no UTF-8/);
});

test("readSafetensors: refuses every proper beginning of a file, and bounds what it becomes", async () => {
  const bytes = bytesIn("dtypes.safetensors");
  for (let length = 0; length < bytes.length; length++)
    await refuses(bytes.subarray(0, length), /^readSafetensors: needs .* got /);
  const halves = { h: { dtype: "F16", shape: [1000], data_offsets: [0, 2000] } };
  await refuses(
    safetensorsOf(halves, Buffer.alloc(2000)),
    /needs arrays of at most 3000 bytes in .*, got 4000; raise/,
    {
      maxBytes: 3000,
    },
  );
});
