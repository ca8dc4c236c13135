import assert from "node:assert/strict";
import { test } from "node:test";
import { averageOf } from "./average";

test("averageOf: says whom it averaged, ascending, with their weights", () => {
  const updates = [1, 2, 6, 9].map((x) => Float32Array.of(x, -x));
  const { update, kept, effectiveParticipants, weights } = averageOf(updates, [3, 0]);
  assert.deepEqual([...update], [5, -5]); // (1 + 9) / 2
  assert.deepEqual([kept, effectiveParticipants, weights], [[0, 3], 2, [0.5, 0, 0, 0.5]]);
});
