import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { squaredDistances } from "./distances";

const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("distances").split("update", i).normals(d));

function oracle(updates: readonly Float32Array[]): number[] {
  return updates.flatMap((x) => updates.map((y) => x.reduce((sum, value, k) => sum + (value - y[k]!) ** 2, 0)));
}

test("squaredDistances: are the sums of squared differences, whatever the number of updates and their length", () => {
  for (const n of [1, 2, 3, 4, 5, 6, 9]) {
    for (const d of [0, 1, 2, 511, 512, 513, 1029]) {
      const updates = draw(n, d);
      const found = squaredDistances(updates);
      const expected = oracle(updates);
      assert.equal(found.length, n * n);
      found.forEach((x, at) => assert.ok(Math.abs(x - expected[at]!) < 1e-9, `n = ${n}, d = ${d}, at ${at}`));
    }
  }
});

test("squaredDistances: lose no digit to an offset common to all, nor to a huge update", () => {
  // Steps of 2^-7 are exact beside 2^16 in float32; inner products would have to tell 2^32 from 2^32 + 2^-13.
  const offset = 2 ** 16;
  const updates = [0, 1, 3].map((step) => new Float32Array(600).fill(offset + step * 2 ** -7));
  const unit = 600 * 2 ** -14;
  assert.deepEqual(
    [...squaredDistances(updates)],
    [0, 1, 9, 1, 0, 4, 9, 4, 0].map((x) => x * unit),
  );
  const huge = new Float32Array(600).fill(1e30);
  const [, first, , , , second] = squaredDistances([
    updates[0]!,
    updates[1]!,
    huge,
    updates[2]!,
    updates[0]!,
    updates[2]!,
  ]);
  assert.deepEqual([first, second], [unit, 9 * unit]);
});
