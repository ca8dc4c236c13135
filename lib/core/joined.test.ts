import assert from "node:assert/strict";
import { test } from "node:test";
import { joined } from "./joined";

test("joined: all numbers in order, in an array of their own, with empty pieces or none", () => {
  const pieces = [[1.5, -2], [], [3]].map((piece) => Float64Array.from(piece));
  const all = joined(Float64Array, pieces);
  assert.deepEqual(all, Float64Array.of(1.5, -2, 3));
  all[0] = 9;
  assert.equal(pieces[0]![0], 1.5);
  assert.deepEqual(joined(Int32Array, []), new Int32Array(0));
  const only = Float32Array.of(1);
  assert.notEqual(joined(Float32Array, [only]), only);
});
