import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mean } from "./mean";

test("mean: equals the average worked by hand and keeps everybody", () => {
  // (1 + 3 + 11) / 3 = 5, (2 + 6 - 20) / 3 = -4; the median would be 3 and 2
  const updates = [Float32Array.of(1, 2), Float32Array.of(3, 6), Float32Array.of(11, -20)];
  const { update, kept } = mean.aggregate(updates, { f: 1 });
  assert.ok(update instanceof Float32Array);
  assert.deepEqual([...update], [5, -4]);
  assert.deepEqual(kept, [0, 1, 2]);
  assert.deepEqual(updates, [Float32Array.of(1, 2), Float32Array.of(3, 6), Float32Array.of(11, -20)]);
});

test("mean: is the update itself, in a vector of its own, when there is one", () => {
  const only = Float32Array.of(0.1, -7);
  const { update } = mean.aggregate([only], { f: 0 });
  assert.deepEqual(update, only);
  assert.notEqual(update, only);
});

test("mean: loses no small update to float32 when large ones cancel", () => {
  // 1e8 + 1 is 1e8 in float32, so a float32 sum would be 0
  const updates = [1e8, 1, -1e8].map((x) => Float32Array.of(x));
  assert.equal(mean.aggregate(updates, { f: 0 }).update[0], Math.fround(1 / 3));
});

test("mean: does not depend on the order of the updates", () => {
  const number = fc.float({ noNaN: true, min: -100, max: 100 });
  const vectors = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(vectors, (pairs) => {
      const updates = pairs.map((pair) => Float32Array.from(pair));
      const { update } = mean.aggregate(updates, { f: 0 });
      const backwards = mean.aggregate([...updates].reverse(), { f: 0 }).update;
      update.forEach((x, i) => assert.ok(Math.abs(x - backwards[i]!) <= 1e-5));
    }),
  );
});

test("mean: refuses no update at all, and updates of unequal lengths", () => {
  assert.throws(() => mean.aggregate([], { f: 0 }), {
    name: "InputError",
    message: "mean: needs n >= 1 updates, got 0",
  });
  assert.throws(() => mean.aggregate([new Float32Array(2), new Float32Array(2), new Float32Array(3)], { f: 0 }), {
    name: "InputError",
    message: "mean: needs updates of one length (the first has 2), got 3 in update 2",
  });
});

test("mean: refuses a number that is not finite, naming update and place", () => {
  for (const wrong of [NaN, Infinity, -Infinity]) {
    assert.throws(() => mean.aggregate([Float32Array.of(1, 2), Float32Array.of(3, wrong)], { f: 0 }), {
      name: "InputError",
      message: `mean: needs finite numbers in update 1, got ${wrong} at index 1`,
    });
  }
  const opposite = [Float32Array.of(Infinity), Float32Array.of(-Infinity)];
  assert.throws(() => mean.aggregate(opposite, { f: 0 }), /finite numbers in update 0, got Infinity at index 0/);
});
