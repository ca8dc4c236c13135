import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { assignment, matchImages } from "./matching";
import { rmse } from "./rmse";

/** All orders of 0..n-1. */
function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((order) =>
    Array.from({ length: n }, (_, i) => [...order.slice(0, i), n - 1, ...order.slice(i)]),
  );
}

/** The smallest total over every choice of min(rows, columns) pairs, by trying them all. */
function smallestTotal(cost: readonly (readonly number[])[]): number {
  const size = Math.max(cost.length, cost[0]!.length);
  return Math.min(
    ...permutations(size).map((order) =>
      cost.reduce((sum, row, r) => sum + (order[r]! < row.length ? row[order[r]!]! : 0), 0),
    ),
  );
}

/** A matrix of up to 6 x 6 of the given numbers. */
function matrix(numbers: fc.Arbitrary<number>): fc.Arbitrary<number[][]> {
  return fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(numbers, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
    );
}

function checkAssignment(cost: number[][]): void {
  const { columns, total } = assignment(cost);
  const chosen = columns.filter((column) => column >= 0);
  assert.equal(columns.length, cost.length);
  assert.equal(new Set(chosen).size, chosen.length, "a column was given twice");
  assert.equal(chosen.length, Math.min(cost.length, cost[0]!.length));
  const sum = columns.reduce((s, column, row) => s + (column < 0 ? 0 : cost[row]![column]!), 0);
  assert.ok(Math.abs(sum - total) < 1e-9);
  assert.ok(Math.abs(total - smallestTotal(cost)) < 1e-9, `total ${total}, smallest ${smallestTotal(cost)}`);
}

test("assignment: finds the smallest total when the greedy choice is not it (hand-worked)", () => {
  // greedy takes row 0 -> column 0 (1) and is left with 10: 11. Best: 2 + 2 = 4
  assert.deepEqual(assignment([[1, 2], [2, 10]]), { columns: [1, 0], total: 4 }); // prettier-ignore
  assert.deepEqual(assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]]), { columns: [1, 0, 2], total: 5 }); // prettier-ignore
});

test("assignment: leaves out what costs most when the matrix is not square (hand-worked)", () => {
  assert.deepEqual(assignment([[5, 1, 9]]), { columns: [1], total: 1 });
  assert.deepEqual(assignment([[5], [1], [9]]), { columns: [-1, 0, -1], total: 1 });
});

test("assignment: avoids forbidden pairs when costs are Infinity (hand-worked)", () => {
  // 0 -> 0 costs nothing but leaves 2 -> 0 impossible; the only way to place row 2 is column 0
  const cost = [[0, Infinity, 10], [Infinity, 1, Infinity], [1, Infinity, Infinity]]; // prettier-ignore
  assert.deepEqual(assignment(cost), { columns: [2, 1, 0], total: 12 });
});

test("assignment: has the smallest total of all permutations when costs are real, tied, negative or far apart (oracle)", () => {
  const real = fc.double({ min: 0, max: 1, noNaN: true });
  const tied = fc.integer({ min: 0, max: 2 });
  const negative = fc.double({ min: -1, max: 1, noNaN: true });
  const farApart = fc.constantFrom(0, 1e-9, 1e-3, 1, 1e3);
  for (const numbers of [real, tied, negative, farApart]) {
    fc.assert(fc.property(matrix(numbers), checkAssignment), { numRuns: 40 });
  }
});

test("assignment: never costs more than a random permutation when n = 40 (property)", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const rng = createRng(seed);
      const cost = Array.from({ length: 40 }, () => Array.from(rng.uniforms(40)));
      const order = rng.permutation(40);
      assert.ok(assignment(cost).total <= cost.reduce((sum, row, r) => sum + row[order[r]!]!, 0));
    }),
    { numRuns: 20 },
  );
});

test("assignment: refuses when cost is empty, ragged, NaN, -Infinity or infeasible", () => {
  assert.throws(() => assignment([]), /^InputError: assignment: needs at least one row and one column/);
  assert.throws(() => assignment([[], []]), /at least one row/);
  assert.throws(() => assignment([[1, 2], [3]]), /assignment: needs rows of equal length, got 2 and 1 \(row 1\)/);
  assert.throws(() => assignment([[1, 2], [3, NaN]]), /got NaN at \[1\]\[1\]/); // prettier-ignore
  assert.throws(() => assignment([[-Infinity]]), /got -Infinity at \[0\]\[0\]/);
  assert.throws(() => assignment([[1, Infinity], [2, Infinity]]), /needs an assignment without forbidden pairs/); // prettier-ignore
});

test("matchImages: undoes the shuffle when reconstructions are shuffled copies with an error (hand-worked)", () => {
  // images of two pixels: black, gray, white; the reconstructions come as white, black, gray, each off by 0.125
  const truth = Float32Array.of(0, 0, 0.5, 0.5, 1, 1);
  const found = Float32Array.of(0.875, 0.875, 0.125, 0.125, 0.625, 0.625);
  assert.deepEqual(matchImages(truth, found, { pixels: 2 }), {
    pairs: [
      { reconstruction: 1, rmse: 0.125 },
      { reconstruction: 2, rmse: 0.125 },
      { reconstruction: 0, rmse: 0.125 },
    ],
    mean: 0.125,
  });
});

test("matchImages: minimises the mean RMSE, not the mean square, when the two disagree (hand-worked)", () => {
  // private (0, 0) and (0.5, 0); found (0.5, 0) and (0.75, 0.5). Distances (each to be divided by sqrt(2) for the RMSE):
  // straight 0.5 + sqrt(0.25^2 + 0.5^2) = 1.059, squares 0.25 + 0.3125 = 0.5625: the least squares
  // crossed sqrt(0.75^2 + 0.5^2) + 0 = 0.901, square 0.8125: the least RMSE
  const match = matchImages(Float32Array.of(0, 0, 0.5, 0), Float32Array.of(0.5, 0, 0.75, 0.5), { pixels: 2 });
  assert.deepEqual(match.pairs.map((pair) => pair.reconstruction), [1, 0]); // prettier-ignore
  assert.ok(Math.abs(match.mean - Math.sqrt(0.8125 / 2) / 2) < 1e-12);
});

test("matchImages: keeps to the classes when labels are given, though crossing them would cost less (hand-worked)", () => {
  const truth = Float32Array.of(0, 1);
  const found = Float32Array.of(0.875, 0.25);
  const labels = { privateLabels: [4, 7], reconstructionLabels: [4, 7] };
  assert.equal(matchImages(truth, found, { pixels: 1 }).mean, (0.25 + 0.125) / 2);
  assert.equal(matchImages(truth, found, { pixels: 1, ...labels }).mean, (0.875 + 0.75) / 2);
});

test("matchImages: matches the rest across classes when label multisets differ (hand-worked)", () => {
  // class 1: private 0 and 0.5, one reconstruction 0.4375 -> private 0.5 (error 0.0625), private 0 is left over.
  // class 2: private 1, reconstructions 0.625 and 0.75 -> 0.75 (error 0.25); 0.625 is left over and goes to private 0,
  // though 0.4375, given already, is nearer to it and private 0.5, served already, is nearer to 0.625.
  const match = matchImages(Float32Array.of(0, 0.5, 1), Float32Array.of(0.625, 0.4375, 0.75), {
    pixels: 1,
    privateLabels: [1, 1, 2],
    reconstructionLabels: [2, 1, 2],
  });
  assert.deepEqual(match.pairs, [
    { reconstruction: 0, rmse: 0.625 },
    { reconstruction: 1, rmse: 0.0625 },
    { reconstruction: 2, rmse: 0.25 },
  ]);
});

test("matchImages: leaves the worst reconstructions out when there are more than private images", () => {
  const match = matchImages(Float32Array.of(0.5, 1), Float32Array.of(0, 1, 0.5), { pixels: 1 });
  assert.deepEqual(match, {
    pairs: [
      { reconstruction: 2, rmse: 0 },
      { reconstruction: 1, rmse: 0 },
    ],
    mean: 0,
  });
});

test("matchImages: has the smallest mean RMSE of all permutations within classes when n <= 6 (oracle)", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), fc.boolean(), (seed, n, labelled) => {
      const rng = createRng(seed);
      const pixels = 3;
      const truth = rng.uniforms(n * pixels);
      const found = rng.uniforms(n * pixels);
      const privateLabels = labelled ? Array.from({ length: n }, () => rng.integer(2)) : undefined;
      const order = rng.permutation(n);
      const reconstructionLabels = privateLabels && Array.from(order, (i) => privateLabels[i]!);
      const image = (stack: Float32Array, i: number) => stack.slice(i * pixels, (i + 1) * pixels);
      const means = permutations(n)
        .filter((p) => p.every((j, i) => !privateLabels || privateLabels[i] === reconstructionLabels![j]))
        .map((p) => p.reduce((sum, j, i) => sum + rmse(image(truth, i), image(found, j)), 0) / n);
      const match = matchImages(truth, found, { pixels, privateLabels, reconstructionLabels });
      assert.ok(Math.abs(match.mean - Math.min(...means)) < 1e-9);
      match.pairs.forEach((pair, i) =>
        assert.equal(pair.rmse, rmse(image(truth, i), image(found, pair.reconstruction))),
      );
    }),
    { numRuns: 40 },
  );
});

test("matchImages: has the same errors when the reconstructions are shuffled with their labels (property)", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const rng = createRng(seed);
      const [n, pixels] = [12, 9];
      const truth = rng.uniforms(n * pixels);
      const found = rng.uniforms(n * pixels);
      const privateLabels = Array.from({ length: n }, () => rng.integer(3));
      const labels = Array.from({ length: n }, () => rng.integer(3)); // multisets differ
      const order = rng.permutation(n);
      const shuffled = new Float32Array(n * pixels);
      order.forEach((from, to) => shuffled.set(found.subarray(from * pixels, (from + 1) * pixels), to * pixels));
      const before = matchImages(truth, found, { pixels, privateLabels, reconstructionLabels: labels });
      const after = matchImages(truth, shuffled, {
        pixels,
        privateLabels,
        reconstructionLabels: Array.from(order, (from) => labels[from]!),
      });
      assert.deepEqual(after.pairs.map((pair) => order[pair.reconstruction]), before.pairs.map((pair) => pair.reconstruction)); // prettier-ignore
      assert.ok(Math.abs(after.mean - before.mean) < 1e-12);
    }),
    { numRuns: 30 },
  );
});

test("matchImages: refuses when counts, labels or pixels are wrong", () => {
  const two = Float32Array.of(0, 1);
  const one = Float32Array.of(0);
  assert.throws(() => matchImages(two, two, { pixels: 0 }), /^InputError: matchImages: needs an integer pixels >= 1/);
  assert.throws(
    () => matchImages(two, Float32Array.of(1, 2, 3), { pixels: 2 }),
    /whole images of 2 pixels in reconstructions/,
  );
  assert.throws(
    () => matchImages(new Float32Array(0), two, { pixels: 1 }),
    /whole images of 1 pixels in privateImages/,
  );
  assert.throws(() => matchImages(two, one, { pixels: 1 }), /got 2 private images, 1 reconstructions/);
  assert.throws(
    () => matchImages(two, two, { pixels: 1, privateLabels: [0, 1] }),
    /both sides or neither, got no recon/,
  );
  assert.throws(() => matchImages(two, two, { pixels: 1, reconstructionLabels: [0, 1] }), /got no privateLabels/);
  const short = { pixels: 1, privateLabels: [0, 1], reconstructionLabels: [0] };
  assert.throws(() => matchImages(two, two, short), /needs 2 reconstructionLabels, got 1/);
  assert.throws(
    () => matchImages(two, Float32Array.of(0, NaN), { pixels: 1 }),
    /in reconstructions, got NaN at index 1/,
  );
});
