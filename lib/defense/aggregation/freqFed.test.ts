import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../../core/rng";
import type { Shape } from "../../core/types";
import { freqFed } from "./freqFed";

const layers: readonly Shape[] = [[4, 1, 3, 3], [4], [5, 6]]; // 36 + 4 + 30 = 70
const base = createRng("base").normals(70);
const like = (seed: number, noise: number, scale = 1): Float32Array => {
  const rng = createRng(seed);
  return base.map((x) => scale * (x + noise * rng.normal()));
};

test("freqFed: keeps those who point alike, however long, and drops who points elsewhere", () => {
  const updates = [like(1, 0.1), like(2, 0.1, -1), like(3, 0.1, 20), like(4, 0.1), like(5, 3)];
  const { kept, update, effectiveParticipants } = freqFed.aggregate(updates, { f: 1, layers });
  assert.deepEqual(kept, [0, 2, 3]); // three of five are the smallest cluster
  assert.equal(effectiveParticipants, 3);
  update.forEach((x, k) => {
    const mean = (updates[0]![k]! + updates[2]![k]! + updates[3]![k]!) / 3;
    assert.ok(Math.abs(x - mean) < 1e-5);
  });
});

test("freqFed: sees only low frequencies", () => {
  // of a vector of 8 the coefficients 0..4 enter; alternating signs lie mostly in 7, with a little in 1 and 3
  const smooth = [1, 2, 3, 4, 5, 6, 7, 8];
  const updates = [0, 0.1, 0.2, 30].map((share) =>
    Float32Array.from(smooth, (x, i) => x + (i % 2 === 0 ? share : -share)),
  );
  updates.push(Float32Array.from(smooth, (x) => -x));
  // so the low band is much alike in the first three, less in the fourth, opposite in the fifth
  assert.deepEqual(freqFed.aggregate(updates, { f: 1, layers: [[8]] }).kept, [0, 1, 2]);
  // coefficient 7 alone, at thirty times the length of what it is added to, changes nothing
  const high = Float32Array.from(smooth, (_, i) => Math.cos((Math.PI * (2 * i + 1) * 7) / 16) * 100);
  const hidden = updates.map((update, i) => (i === 1 ? update.map((x, k) => x + high[k]!) : update));
  assert.deepEqual(freqFed.aggregate(hidden, { f: 1, layers: [[8]] }).kept, [0, 1, 2]);
  // of a matrix [6, 6] those with i + j <= 3 enter: (1, 2) does, (3, 3) does not
  const wave = (i: number, j: number): Float32Array =>
    Float32Array.from({ length: 36 }, (_, at) => {
      const [row, column] = [Math.floor(at / 6), at % 6];
      return Math.cos((Math.PI * (2 * row + 1) * i) / 12) * Math.cos((Math.PI * (2 * column + 1) * j) / 12);
    });
  const plane = (seed: number): Float32Array =>
    createRng(seed)
      .normals(36)
      .map((x, k) => x / 9 + wave(0, 1)[k]!);
  const withWave = (i: number, j: number): readonly number[] => {
    const shifted = plane(2).map((x, k) => x + 30 * wave(i, j)[k]!);
    return freqFed.aggregate([plane(1), shifted, plane(3)], { f: 1, layers: [[6, 6]] }).kept;
  };
  assert.ok(withWave(3, 3).includes(1));
  assert.ok(!withWave(1, 2).includes(1));
});

test("freqFed: reads a vector as its layers say", () => {
  const updates = Array.from({ length: 9 }, (_, i) => like(i, 1.5));
  const asLayers = freqFed.aggregate(updates, { f: 1, layers }).kept;
  const asFilters = freqFed.aggregate(updates, { f: 1, layers: [[4, 9], [4], [5, 6]] }).kept;
  assert.deepEqual(asLayers, asFilters); // [O, C, k, k] is [O, C k k]
});

test("freqFed: keeps the largest of several clusters when they may be small", () => {
  const updates = [like(1, 0.1), like(2, 0.1, -1), like(3, 0.1), like(4, 0.1, -1), like(5, 0.1)];
  assert.deepEqual(freqFed.aggregate(updates, { f: 1, layers, minClusterSize: 2 }).kept, [0, 2, 4]);
});

test("freqFed: gives an update of zeros no resemblance to any other", () => {
  const updates = [like(1, 0.1), new Float32Array(70), like(3, 0.1)];
  assert.deepEqual(freqFed.aggregate(updates, { f: 1, layers }).kept, [0, 2]);
});

test("freqFed: refuses missing or other layers, a cluster size out of range, a lone update", () => {
  const updates = [like(1, 0.1), like(2, 0.1), like(3, 0.1)];
  assert.throws(() => freqFed.aggregate(updates, { f: 1 }), {
    message: "freqFed: needs the shapes of the weight tensors, got none; give them in options.layers",
  });
  assert.throws(() => freqFed.aggregate(updates, { f: 1, layers: [[4], [5, 6]] }), {
    message: "freqFed: needs layers that hold the d = 70 numbers of an update, got 34",
  });
  assert.throws(() => freqFed.aggregate(updates, { f: 1, layers, minClusterSize: 4 }), {
    message: "freqFed: needs a minClusterSize of at most n = 3, got 4",
  });
  assert.throws(() => freqFed.aggregate(updates, { f: 1, layers, minClusterSize: 1 }), {
    message: "freqFed: needs an integer minClusterSize >= 2, got 1",
  });
  assert.throws(() => freqFed.aggregate(updates.slice(1, 2), { f: 0, layers }), {
    message: "freqFed: needs n >= 2 updates, got 1",
  });
});
