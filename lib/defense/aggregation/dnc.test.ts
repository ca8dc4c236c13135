import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Matrix, SVD } from "ml-matrix";
import { createRng } from "../../core/rng";
import type { AggregationOptions } from "../aggregator";
import { dnc } from "./dnc";

const vectors = (rows: readonly (readonly number[])[]): Float32Array[] => rows.map((row) => Float32Array.from(row));

test("dnc: drops the update that stands out along the direction of most variance", () => {
  // Along (1, -1, 2) or so update 1 is far from the rest; the mean of the others is (2, 5/3, 3). It is not the longest (4.24
  // against 4.36), so a filter by length would drop another
  const updates = vectors([[1, 2, 3], [-1, 4, -1], [2, 2, 3], [3, 1, 3]]); // prettier-ignore
  const { update, kept, effectiveParticipants } = dnc.aggregate(updates, { f: 1 });
  assert.deepEqual(kept, [0, 2, 3]);
  assert.deepEqual(update, Float32Array.of(2, 5 / 3, 3));
  assert.equal(effectiveParticipants, 3);
});

/** The paper's steps with the singular vector itself. */
function slow(updates: readonly Float32Array[], count: number): number[] {
  const x = new Matrix(updates.map((update) => [...update]));
  const centred = x.subRowVector(x.mean("column"));
  const { rightSingularVectors, diagonal } = new SVD(centred, { autoTranspose: true });
  const v = rightSingularVectors.getColumnVector(diagonal.indexOf(Math.max(...diagonal)));
  const scores = centred.mmul(v).to1DArray();
  const order = [...scores.keys()].sort((i, j) => scores[i]! ** 2 - scores[j]! ** 2);
  return order.slice(0, count).sort((i, j) => i - j);
}

test("dnc: keeps whom the top right singular vector keeps", () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 12 }), fc.integer({ min: 2, max: 30 }), fc.integer(), (n, d, seed) => {
      const rng = createRng(seed);
      const f = rng.integer(Math.ceil(n / 2));
      const updates = Array.from({ length: n }, () => rng.normals(d));
      assert.deepEqual(dnc.aggregate(updates, { f }).kept, slow(updates, n - f));
    }),
  );
});

test("dnc: drops floor(filterFraction f) in an iteration", () => {
  const updates = [0, 1, 2, 3, 40, 50].map((x) => Float32Array.of(x)); // mean 16
  const kept = (filterFraction: number): readonly number[] => dnc.aggregate(updates, { f: 2, filterFraction }).kept;
  assert.deepEqual(kept(1), [0, 1, 2, 3]);
  assert.deepEqual(kept(0.7), [0, 1, 2, 3, 4]); // floor(1.4) = 1
  assert.deepEqual(kept(0), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(kept(2), [2, 3]); // farthest from 16 are 50, 40, 0 and 1
});

test("dnc: looks at coordinates drawn anew in every iteration, the same from the same stream", () => {
  // Each update stands out in a coordinate of its own
  const updates = vectors([[9, 0, 0, 0, 0], [0, 9, 0, 0, 0], [0, 0, 9, 0, 0], [0, 0, 0, 9, 0], [0, 0, 0, 0, 9]]); // prettier-ignore
  const kept = (seed: number, iterations: number): readonly number[] =>
    dnc.aggregate(updates, { f: 1, subsampleSize: 1, iterations, rng: createRng(seed) }).kept;
  assert.deepEqual(kept(1, 3), kept(1, 3));
  const [rng, used] = [createRng(1), createRng(1)];
  used.normals(5); // the round's stream is split, not advanced
  const options = { f: 1, subsampleSize: 1, iterations: 3 };
  assert.deepEqual(dnc.aggregate(updates, { ...options, rng: used }), dnc.aggregate(updates, { ...options, rng }));
  assert.equal(kept(1, 1).length, 4);
  assert.ok(new Set([1, 2, 3, 4, 5].map((seed) => kept(seed, 1).join())).size > 1);
  assert.ok([1, 2, 3].some((seed) => kept(seed, 3).length < 4));
});

test("dnc: keeps as many as it should when all updates are equal", () => {
  const updates = vectors([[1, 2], [1, 2], [1, 2]]); // prettier-ignore
  const { update, kept } = dnc.aggregate(updates, { f: 1 });
  assert.deepEqual(update, Float32Array.of(1, 2));
  assert.equal(kept.length, 2);
});

test("dnc: refuses when no update is left, never giving NaN", () => {
  const updates = vectors([[9, 0, 0], [0, 9, 0], [0, 0, 9]]); // prettier-ignore
  assert.throws(() => dnc.aggregate(updates, { f: 1, subsampleSize: 1, iterations: 50, rng: createRng(1) }), {
    name: "InputError",
    message: "dnc: needs an update that every iteration keeps, got none; lower iterations",
  });
});

test("dnc: refuses parameters out of range, and a missing stream", () => {
  const refuses = (options: Partial<AggregationOptions>, message: string): void => {
    assert.throws(() => dnc.aggregate(vectors([[1, 2], [3, 4], [5, 7]]), { f: 1, ...options }), { message }); // prettier-ignore
  };
  refuses({ iterations: 0 }, "dnc: needs an integer iterations >= 1, got 0");
  refuses({ subsampleSize: 0 }, "dnc: needs an integer subsampleSize >= 1, got 0");
  refuses({ filterFraction: -1 }, "dnc: needs a filterFraction >= 0, got -1");
  refuses({ filterFraction: NaN }, "dnc: needs a filterFraction >= 0, got NaN");
  refuses({ filterFraction: 3 }, "dnc: needs a filterFraction that drops fewer than n = 3 updates, got 3");
  refuses({ subsampleSize: 1 }, "dnc: needs a stream to draw 1 of 2 coordinates, got none; give it in options.rng");
  refuses({ f: 2 }, "dnc: needs f < n/2, got n = 3, f = 2");
});
