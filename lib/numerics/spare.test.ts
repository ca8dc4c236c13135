import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { combine } from "./linear";
import { recycle } from "./spare";

const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("spare").split("update", i).normals(d));

test("recycle: what was given back is written on again, once, and only for vectors of its length", () => {
  const vectors = draw(3, 20);
  const ones = [1, 1, 1];
  const first = combine(vectors, ones);
  const copy = first.slice();
  recycle([first]);
  assert.equal(combine(vectors, ones), first);
  assert.deepEqual(first, copy);
  assert.notEqual(combine(vectors, ones), first);
  recycle([first]);
  assert.equal(combine(draw(3, 21), ones).length, 21);
  assert.notEqual(combine(vectors, ones), first);
});
