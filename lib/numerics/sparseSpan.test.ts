import assert from "node:assert/strict";
import test from "node:test";
import { createRng } from "../core/rng";
import { nullVector, rowSpace, sparsestVectors } from "./sparseSpan";

/** Rows of N mixed columns with many zeros, which share most of their masks, as activations of images alike do. */
function planted(n: number, places: number, seed: number): { columns: number[][]; rows: number[][] } {
  const rng = createRng("planted").split("of", seed);
  const common = Array.from({ length: places }, () => rng.uniform());
  const columns = Array.from({ length: n }, () =>
    common.map((share) => (0.6 * share + 0.4 * rng.uniform() < 0.5 ? 0 : 0.2 + rng.uniform())),
  );
  const mixing = Array.from({ length: n }, () => Array.from({ length: n }, () => rng.normal()));
  const rows = Array.from({ length: places }, (_, i) =>
    Array.from({ length: n }, (__, k) => columns.reduce((sum, column, c) => sum + column[i]! * mixing[c]![k]!, 0)),
  );
  return { columns, rows };
}

const product = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
const cosine = (a: readonly number[], b: readonly number[]): number =>
  Math.abs(product(a, b)) / Math.sqrt(product(a, a) * product(b, b));

test("sparsestVectors: finds all columns of one sign behind a mixture, and nothing else of one sign", () => {
  for (const [n, seed] of [
    [2, 1],
    [5, 2],
    [9, 3],
  ] as const) {
    // prettier-ignore
    const { columns, rows } = planted(n, 110, seed);
    const mixed = (vector: readonly number[]): number[] => rows.map((row) => product(row, vector));
    const found = sparsestVectors(rows, {
      ...{ tolerance: 1e-9, rng: createRng(seed), tries: 60_000, isEnough: ({ length }) => length === n },
      accepts: (vector) => !(mixed(vector).some((x) => x > 1e-8) && mixed(vector).some((x) => x < -1e-8)),
    });
    assert.equal(found.length, n);
    const partners = found.map((vector) => columns.findIndex((column) => cosine(column, mixed(vector)) > 1 - 1e-9));
    assert.deepEqual([...partners].sort(), Array.from({ length: n }, (_, c) => c)); // prettier-ignore
  }
});

test("sparsestVectors: finds nothing among rows without zeros, and the only one of one column", () => {
  const rng = createRng("dense");
  const rows = Array.from({ length: 60 }, () => [rng.normal(), rng.normal(), rng.normal()]);
  assert.deepEqual(sparsestVectors(rows, { tolerance: 1e-9, rng, tries: 300, isEnough: () => false }), []);
  assert.deepEqual(sparsestVectors([[3], [0], [2]], { tolerance: 1e-9, rng, tries: 3, isEnough: () => true }), [[1]]);
});

test("nullVector: is orthogonal to all rows, of length 1, and none where several are", () => {
  const rng = createRng("null");
  for (const size of [2, 5, 9]) {
    const rows = Array.from({ length: size - 1 }, () => Array.from({ length: size }, () => rng.normal()));
    const vector = nullVector(rows, size)!;
    assert.ok(Math.abs(product(vector, vector) - 1) < 1e-12);
    for (const row of rows) assert.ok(Math.abs(product(row, vector)) < 1e-10);
    assert.equal(nullVector([...rows.slice(1), rows[1] ?? new Array<number>(size).fill(0)], size) === null, true);
  }
});

test("rowSpace: a row that no other implies has leverage 1, and the complement is orthogonal to all", () => {
  const rows = [[1, 0, 0], [2, 0, 0], [0, 3, 0]]; // prettier-ignore
  const { leverages, complement } = rowSpace(rows, 1e-9);
  assert.deepEqual(leverages.map((x) => Number(x.toFixed(9))), [0.2, 0.8, 1]); // prettier-ignore
  assert.equal(complement.length, 1);
  assert.deepEqual(complement[0]!.map((x) => Math.abs(Number(x.toFixed(9)))), [0, 0, 1]); // prettier-ignore
  assert.equal(rowSpace([[0, 0, 2]], 1e-9).complement.length, 2);
});
