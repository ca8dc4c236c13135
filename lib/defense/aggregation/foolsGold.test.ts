import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../../core/rng";
import { foolsGold } from "./foolsGold";

const vectors = (rows: readonly (readonly number[])[]): Float32Array[] => rows.map((row) => Float32Array.from(row));
const zeros = (n: number, d = 2): Float32Array[] => Array.from({ length: n }, () => new Float32Array(d));

test("foolsGold: gives two who are the same no weight, and pardons who only resembles them", () => {
  // cosines: 1 between the twins, 0.6 from each to the third; the third's is scaled to 0.6 * 0.6/1, so a = 0, 0, 0.64
  const updates = vectors([[2, 0], [1, 0], [0.6, 0.8]]); // prettier-ignore
  const { update, kept, effectiveParticipants } = foolsGold.aggregate(updates, { f: 1, history: zeros(3) });
  assert.deepEqual(update, updates[2]);
  assert.deepEqual(kept, [2]);
  assert.equal(effectiveParticipants, 1);
});

test("foolsGold: weighs by how much others differ", () => {
  // a = (1, 0), b = (5, 12)/13, c = (0.6, -0.8): cosines ab 5/13, ac 0.6, bc (15 - 48)/65 < 0; highest 0.6, 5/13, 0.6
  // distinct: a and c 1 - 0.6 = 0.4; b, pardoned towards a: 1 - (5/13)(5/13)/0.6
  const updates = vectors([[1, 0], [5, 12], [0.6, -0.8]]); // prettier-ignore
  const share = 0.4 / (1 - (5 / 13) ** 2 / 0.6);
  const w = Math.log(share / (1 - share)) + 0.5; // 0.62; b has 1
  const { update, effectiveParticipants } = foolsGold.aggregate(updates, { f: 1, history: zeros(3) });
  assert.ok(Math.abs(update[0]! - (w * 1 + 5 + w * 0.6) / (1 + 2 * w)) < 1e-6);
  assert.ok(Math.abs(update[1]! - (12 - w * 0.8) / (1 + 2 * w)) < 1e-6);
  assert.ok(Math.abs(effectiveParticipants - (1 + 2 * w) ** 2 / (1 + 2 * w * w)) < 1e-6);
});

test("foolsGold: is the mean of those who have nothing in common, a client of zeros included", () => {
  const updates = vectors([[3, 0], [0, 6], [0, 0]]); // prettier-ignore
  const { update, kept } = foolsGold.aggregate(updates, { f: 1, history: zeros(3) });
  assert.deepEqual(update, Float32Array.of(1, 2));
  assert.deepEqual(kept, [0, 1, 2]);
});

test("foolsGold: who opposes everybody resembles nobody, and does not lend trust to those it opposes", () => {
  // The first two have cosine (1 - 0.04)/1.04 = 0.923, and below 0 with the third: distinct 0.077, 0.077 and 1.
  const near = vectors([[1, 0.2], [1, -0.2], [-1, 0]]); // prettier-ignore
  assert.deepEqual(foolsGold.aggregate(near, { f: 1, history: zeros(3) }).weights, [0, 0, 1]);
  const apart = vectors([[1, 0], [0, 1], [-1, -1]]); // prettier-ignore
  assert.deepEqual(foolsGold.aggregate(apart, { f: 1, history: zeros(3) }).weights, [1 / 3, 1 / 3, 1 / 3]);
});

test("foolsGold: weighs as an obvious implementation does, cosines below 0 included", () => {
  for (let trial = 0; trial < 50; trial++) {
    const rng = createRng("foolsGold").split("trial", trial);
    const n = 2 + rng.integer(6);
    const updates = Array.from({ length: n }, (_, i) => Float32Array.from(rng.split("update", i).normals(3)));
    const cosine = updates.map((a, i) =>
      updates.map((b, j) =>
        i === j ? 0 : a.reduce((sum, x, k) => sum + x * b[k]!, 0) / Math.hypot(...a) / Math.hypot(...b),
      ),
    );
    const v = cosine.map((row) => Math.max(...row));
    const a = cosine.map((row, i) => 1 - Math.max(...row.map((c, j) => (v[j]! > v[i]! ? (c * v[i]!) / v[j]! : c))));
    const most = Math.max(...a);
    const logits = a.map((x) => Math.min(1, Math.max(0, x <= 0 ? 0 : Math.log(x / most / (1 - x / most)) + 0.5)));
    const total = logits.reduce((sum, w) => sum + w, 0);
    const { weights } = foolsGold.aggregate(updates, { f: 0, history: zeros(n, 3) });
    logits.forEach((w, i) => assert.ok(Math.abs(weights![i]! - w / total) < 1e-5, `trial ${trial}`));
  }
});

test("foolsGold: remembers: who was alike before is out, whatever it sends now", () => {
  const updates = vectors([[0, 0.1], [0.1, 0], [1, 1]]); // prettier-ignore
  const history = vectors([[-9, 1], [-9, 1], [0, 0]]); // prettier-ignore
  assert.deepEqual(foolsGold.aggregate(updates, { f: 1, history: zeros(3) }).kept.includes(0), true);
  assert.deepEqual(foolsGold.aggregate(updates, { f: 1, history }).kept, [2]);
});

test("foolsGold: refuses a missing or odd history, a lone client, and clients who are all alike", () => {
  const updates = vectors([[1, 2], [3, 4]]); // prettier-ignore
  assert.throws(() => foolsGold.aggregate(updates, { f: 0 }), {
    message: "foolsGold: needs what every client sent before, got none; give it in options.history",
  });
  assert.throws(() => foolsGold.aggregate(updates, { f: 0, history: zeros(3) }), {
    message: "foolsGold: needs a history of n = 2 clients, got 3",
  });
  assert.throws(() => foolsGold.aggregate(updates, { f: 0, history: zeros(2, 3) }), {
    message: "foolsGold: needs histories of d = 2 numbers, got 3",
  });
  assert.throws(() => foolsGold.aggregate(updates, { f: 0, history: vectors([[0, 0], [0, NaN]]) }), {
    message: "foolsGold: needs finite numbers in history 1, got NaN at index 1",
  }); // prettier-ignore
  assert.throws(() => foolsGold.aggregate(updates.slice(1), { f: 0, history: zeros(1) }), {
    message: "foolsGold: needs n >= 2 updates, got 1",
  });
  assert.throws(() => foolsGold.aggregate(vectors([[1, 0], [1, 0]]), { f: 0, history: zeros(2) }), {
    message: "foolsGold: needs clients that differ in direction, got none that has a weight",
  }); // prettier-ignore
});
