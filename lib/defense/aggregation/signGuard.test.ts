import assert from "node:assert/strict";
import { test } from "node:test";
import { signGuard } from "./signGuard";

const vectors = (rows: readonly (readonly number[])[]): Float32Array[] => rows.map((row) => Float32Array.from(row));

test("signGuard: drops other signs and odd lengths, and clips at the median length", () => {
  const updates = vectors([
    [1, 1, 1, -1], // length 2
    [2, 2, 2, -2], // 4: clipped to 2
    [1, 1, -1, 1], // 2; the share of signs counts, not their places
    [-1, -1, -1, 1], // 2: another cluster
    [10, 10, 10, -10], // 20 > 3 * 2
    [0.05, 0.05, 0.05, -0.05], // 0.1 < 0.1 * 2
    [1, 1, 1, -1],
  ]);
  const { update, kept, effectiveParticipants } = signGuard.aggregate(updates, { f: 2 });
  assert.deepEqual(kept, [0, 1, 2, 6]);
  assert.deepEqual(update, Float32Array.of(1, 1, 0.5, -0.5)); // (1 + 1 - 1 + 1) / 4, (-1 - 1 + 1 - 1) / 4
  assert.equal(effectiveParticipants, 3.5 ** 2 / 3.25); // weights 1, 0.5, 1, 1
});

test("signGuard: tells zeros from signs", () => {
  const updates = vectors([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.6, 0.6]]); // prettier-ignore
  assert.deepEqual(signGuard.aggregate(updates, { f: 1 }).kept, [0, 1, 2]);
});

test("signGuard: keeps the cluster of the first client when both are as large", () => {
  const updates = vectors([[-1, -1], [1, 1], [-1, -1], [1, 1]]); // prettier-ignore
  assert.deepEqual(signGuard.aggregate(updates, { f: 1 }).kept, [0, 2]);
});

test("signGuard: is the mean when all updates are alike, or there is one", () => {
  assert.deepEqual(signGuard.aggregate(vectors([[1, 2], [1, 2]]), { f: 0 }).update, Float32Array.of(1, 2)); // prettier-ignore
  assert.deepEqual(signGuard.aggregate(vectors([[1, -2]]), { f: 0 }).update, Float32Array.of(1, -2));
  assert.deepEqual(signGuard.aggregate(vectors([[0, 0], [0, 0]]), { f: 0 }).kept, [0, 1]); // prettier-ignore
});

test("signGuard: refuses when no update passes both filters", () => {
  // three of one sign are too short or too long, the two of ordinary length are the minority; the median is 1
  const updates = vectors([[0.01], [-1], [100], [-1], [100]]);
  assert.throws(() => signGuard.aggregate(updates, { f: 1 }), {
    message: "signGuard: needs an update that passes both filters, got none",
  });
});
