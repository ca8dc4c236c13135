import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { decode, type Dtype } from "./dtypes";
import { pathOf } from "./files.fixture";
import { readArrays } from "./readArrays";

test("decode: gives every float16 and bfloat16 as numpy does", () => {
  // testdata/make.py prints the hashes; there NaN is zero, an infinity one
  const expected: readonly [dtype: Dtype, sha256: string][] = [
    ["float16", "e92b3b85e684c7a52bd6225a855088c3f1747b28c5e4f1dc8e2a312dc1a20672"],
    ["bfloat16", "a257e3a710d0b007957be56fb825769188f82dca5524147b811b1d0b302c6644"],
  ];
  const bits = new Uint8Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer);
  for (const [dtype, sha256] of expected) {
    const values = decode("test", "bits", bits, 2 ** 16, { dtype, littleEndian: true }, true);
    const finite = values.map((x) => (Number.isFinite(x) ? x : Number.isNaN(x) ? 0 : Math.sign(x)));
    assert.equal(createHash("sha256").update(new Uint8Array(finite.buffer)).digest("hex"), sha256, dtype);
  }
});

test("readArrays: gives numpy's arrays of every dtype, in both byte orders and both orders of axes", async () => {
  const arrays = await readArrays(pathOf("dtypes.npz"));
  const kinds: Readonly<Record<string, [Dtype, string]>> = {
    ...{ f2: ["float16", "Float32Array"], f4: ["float32", "Float32Array"], f8: ["float64", "Float32Array"] },
    ...{ i1: ["int8", "Int8Array"], i2: ["int16", "Int16Array"], i4: ["int32", "Int32Array"] },
    ...{ i8: ["int64", "Float64Array"], u1: ["uint8", "Uint8Array"], u2: ["uint16", "Uint16Array"] },
    ...{ u4: ["uint32", "Uint32Array"], u8: ["uint64", "Float64Array"] },
  };
  assert.equal(arrays.length, 2 * 2 * 11 + 1);
  for (const { name, shape, dtype, values } of arrays.slice(0, -1)) {
    const [expected, container] = kinds[name.slice(-2)]!;
    assert.deepEqual([shape, dtype, values.constructor.name], [[2, 2], expected, container], name);
    assert.deepEqual([...values], [1, 2, 3, 4], name);
  }
  assert.deepEqual(arrays.at(-1), { name: "bool", shape: [2, 2], dtype: "bool", values: Uint8Array.of(1, 0, 0, 1) });
});
