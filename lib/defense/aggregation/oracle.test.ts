import assert from "node:assert/strict";
import { test } from "node:test";
import { mean } from "./mean";
import { oracle } from "./oracle";

const updates = [1, 50, 3, -70].map((x) => Float32Array.of(x));

test("oracle: is the mean without those that are malicious", () => {
  const { update, kept, effectiveParticipants } = oracle.aggregate(updates, { f: 0, malicious: [3, 1] });
  assert.deepEqual(update, Float32Array.of(2));
  assert.deepEqual(kept, [0, 2]);
  assert.equal(effectiveParticipants, 2);
  assert.deepEqual(oracle.aggregate(updates, { f: 0, malicious: [] }).update, mean.aggregate(updates, { f: 0 }).update);
});

test("oracle: refuses when it is not told, told of nobody, or of everybody", () => {
  assert.throws(() => oracle.aggregate(updates, { f: 1 }), {
    message: "oracle: needs to know who is malicious, got none; give options.malicious",
  });
  assert.throws(() => oracle.aggregate(updates, { f: 1, malicious: [4] }), {
    message: "oracle: needs malicious among 0..3, got 4",
  });
  assert.throws(() => oracle.aggregate(updates, { f: 1, malicious: [-1] }), {
    message: "oracle: needs an integer index in malicious >= 0, got -1",
  });
  assert.throws(() => oracle.aggregate(updates, { f: 1, malicious: [0, 1, 2, 3] }), {
    message: "oracle: needs an honest client, got none",
  });
});
