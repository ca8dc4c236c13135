import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureDistances, ensureUpdates } from "./updates";

const vectors = (...values: readonly number[]): Float32Array[] => values.map((x) => Float32Array.of(x, 0));
const refuses = (message: string, ...given: Parameters<typeof ensureUpdates>): void =>
  assert.throws(() => ensureUpdates(...given), { name: "InputError", message });

test("ensureUpdates: accepts the smallest round a rule allows, and huge numbers whose float32 sum overflows", () => {
  ensureUpdates("rule", vectors(1));
  ensureUpdates("rule", vectors(1, 2, 3, 4, 5, 6, 7), 2, [2, 3]);
  ensureUpdates("rule", [new Float32Array(9).fill(3.4e38), new Float32Array(9).fill(-3.4e38)]);
});

test("ensureUpdates: refuses no updates and unequal lengths", () => {
  refuses("rule: needs n >= 1 updates, got 0", "rule", []);
  refuses("rule: needs updates of one length (the first has 2), got 1 in update 1", "rule", [
    new Float32Array(2),
    new Float32Array(1),
  ]);
});

test("ensureUpdates: refuses f that is no count, half of the clients or more, or too much for the rule", () => {
  for (const f of [-1, 0.5, NaN]) refuses(`rule: needs an integer f >= 0, got ${f}`, "rule", vectors(1, 2, 3), f);
  refuses("rule: needs f < n/2, got n = 4, f = 2", "rule", vectors(1, 2, 3, 4), 2);
  refuses("rule: needs n >= 2f + 3 updates, got n = 6, f = 2", "rule", vectors(1, 2, 3, 4, 5, 6), 2, [2, 3]);
});

test("ensureUpdates: names the update, index and value that is not finite, wherever it stands", () => {
  for (const wrong of [NaN, Infinity, -Infinity]) {
    for (const at of [0, 1, 3, 4, 8]) {
      const updates = [1, 2, 3].map((x) => new Float32Array(9).fill(x));
      updates[2]![at] = wrong;
      refuses(`rule: needs finite numbers in update 2, got ${wrong} at index ${at}`, "rule", updates);
    }
  }
  const opposites = [Float32Array.of(Infinity, -Infinity)];
  refuses("rule: needs finite numbers in update 0, got Infinity at index 0", "rule", opposites);
});

test("ensureDistances: refuse the first update with a number that is not finite, alone or among others", () => {
  for (const wrong of [NaN, Infinity, -Infinity]) {
    const bad = Float32Array.of(1, wrong);
    const good = Float32Array.of(1, 2);
    const refused = (at: number) => ({
      name: "InputError",
      message: new RegExp(`^krum: .* update ${at}, got ${wrong}`),
    });
    assert.throws(() => ensureDistances("krum", [bad]), refused(0));
    assert.throws(() => ensureDistances("krum", [good, good, bad, bad]), refused(2));
    assert.throws(() => ensureDistances("krum", [bad, bad]), refused(0)); // infinite differences may also be NaN
  }
  const updates = [Float32Array.of(3e38), Float32Array.of(-3e38)]; // whose difference is infinite in float32
  assert.ok(Number.isFinite(ensureDistances("krum", updates)[1]));
});
