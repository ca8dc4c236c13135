import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { labelAccuracy } from "./labels";

test("labelAccuracy: counts the multiset overlap when labels repeat (hand-worked)", () => {
  // actual {3, 3, 5, 7}, inferred {3, 5, 5, 7}: one 3, one 5, one 7 of four
  assert.equal(labelAccuracy([3, 3, 5, 7], [7, 5, 5, 3]), 0.75);
  assert.equal(labelAccuracy([1, 1, 1], [1, 2, 2]), 1 / 3);
  assert.equal(labelAccuracy(Int32Array.of(0, 1), [2, 3]), 0);
});

test("labelAccuracy: is symmetric, and 1 exactly when one side is a permutation of the other (property)", () => {
  const labels = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(labels, (pairs) => {
      const a = pairs.map(([x]) => x);
      const b = pairs.map(([, y]) => y);
      assert.equal(labelAccuracy(a, b), labelAccuracy(b, a));
      assert.equal(labelAccuracy(a, [...a].reverse()), 1);
      const same = JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
      assert.equal(labelAccuracy(a, b) === 1, same);
    }),
  );
});

test("labelAccuracy: refuses when there are no labels or the counts differ", () => {
  assert.throws(() => labelAccuracy([], []), /^InputError: labelAccuracy: .* got 0 and 0/);
  assert.throws(() => labelAccuracy([1, 2], [1]), /got 2 and 1/);
});
