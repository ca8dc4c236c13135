import assert from "node:assert/strict";
import { test } from "node:test";
import { flTrust } from "./flTrust";

const updates = [[2, 0], [0, 5], [-9, -9], [0, 0]].map((row) => Float32Array.from(row)); // prettier-ignore
const rootUpdate = Float32Array.of(3, 4); // of length 5

test("flTrust: weighs by the cosine with the server's update, at its length, and drops who points away", () => {
  // trust 0.6, 0.8, 0, 0: (0.6 (5, 0) + 0.8 (0, 5)) / 1.4
  const { update, kept, effectiveParticipants } = flTrust.aggregate(updates, { f: 1, rootUpdate });
  assert.deepEqual(update, Float32Array.of(3 / 1.4, 4 / 1.4));
  assert.deepEqual(kept, [0, 1]);
  const [a, b] = [(0.6 * 5) / 2, (0.8 * 5) / 5]; // factors of the updates themselves, but for 1.4
  assert.ok(Math.abs(effectiveParticipants - (a + b) ** 2 / (a * a + b * b)) < 1e-9);
});

test("flTrust: does not depend on how long the updates are", () => {
  const longer = updates.map((update, i) => update.map((x) => x * (i + 1) * 100));
  const [one, other] = [updates, longer].map((u) => flTrust.aggregate(u, { f: 1, rootUpdate }).update);
  one!.forEach((x, k) => assert.ok(Math.abs(x - other![k]!) < 1e-6));
});

test("flTrust: refuses a root update that is missing, of another length, not finite or zero, and when nobody has trust", () => {
  const refuses = (root: Float32Array | undefined, message: string): void => {
    assert.throws(() => flTrust.aggregate(updates, { f: 1, ...(root && { rootUpdate: root }) }), { message });
  };
  refuses(undefined, "flTrust: needs the server's own update, got none; give it in options.rootUpdate");
  refuses(Float32Array.of(1), "flTrust: needs a rootUpdate of d = 2 numbers, got 1");
  refuses(Float32Array.of(1, NaN), "flTrust: needs finite numbers in rootUpdate, got NaN at index 1");
  refuses(new Float32Array(2), "flTrust: needs a rootUpdate that points somewhere, got zeros");
  assert.throws(() => flTrust.aggregate(updates.slice(2), { f: 0, rootUpdate }), {
    message: "flTrust: needs an update that points where rootUpdate does, got none",
  });
});
