import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import { inverseForms, type NormalMatrix } from "./inverseForms";

before(backendReady);

/** b' (ridge + K'K)^-1 b by Gaussian elimination in double precision, K [m][n]. */
function formOf(K: readonly (readonly number[])[], ridge: number, b: readonly number[]): number {
  const n = b.length;
  const rows = b.map((value, i) => [
    ...b.map((_, j) => K.reduce((sum, row) => sum + row[i]! * row[j]!, i === j ? ridge : 0)),
    value,
  ]);
  for (let i = 0; i < n; i++) {
    for (let k = i + 1; k < n; k++) {
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j <= n; j++) rows[k]![j]! -= factor * rows[i]![j]!;
    }
  }
  const y = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const rest = y.reduce((sum, value, j) => (j > i ? sum + rows[i]![j]! * value : sum), 0);
    y[i] = (rows[i]![n]! - rest) / rows[i]![i]!;
  }
  return y.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Runs on plain numbers. */
function forms(K: readonly (readonly number[])[], ridge: number, bs: readonly (readonly number[])[], iterations = 100) {
  return tidy(() => {
    const matrix = tf.tensor2d(K.map((row) => [...row]));
    const mapped: NormalMatrix = {
      forward: (y) => tf.matMul(y, matrix, false, true),
      adjoint: (v) => tf.matMul(v, matrix),
      ridge,
    };
    return inverseForms(mapped, tf.tensor2d(bs.map((row) => [...row])), { iterations, tolerance: 1e-6 });
  });
}

const [m, n] = [20, 12];
const normals = (name: string, count: number): number[] => [...createRng("forms").split(name).normals(count)];
const K = Array.from({ length: m }, (_, i) => normals(`row ${i}`, n));
const bs = [normals("b", n), normals("c", n), new Array<number>(n).fill(0)];

test("inverseForms: equals the dense solution, row by row, with and without a ridge", () => {
  for (const ridge of [0, 3]) {
    const { values, residual } = forms(K, ridge, bs);
    bs.forEach((b, i) => {
      const right = formOf(K, ridge, b);
      assert.ok(Math.abs(values[i]! - right) <= 1e-4 * right, `${values[i]}, not ${right}`);
    });
    assert.ok(residual <= 1e-6);
  }
});

test("inverseForms: is below and rises, wherever it stops", () => {
  const rights = bs.map((b) => formOf(K, 0, b));
  let last = [0, 0];
  for (let iterations = 1; iterations < n; iterations++) {
    const { values, residual, iterations: taken } = forms(K, 0, bs, iterations);
    assert.equal(taken, iterations);
    assert.ok(residual > 1e-6);
    for (const i of [0, 1]) {
      assert.ok(values[i]! <= rights[i]! * (1 + 1e-5), `${values[i]} after ${iterations}, at most ${rights[i]}`);
      assert.ok(values[i]! >= last[i]! * (1 - 1e-5), `${values[i]} after ${last[i]}`);
    }
    assert.equal(values[2], 0);
    last = values;
  }
});

test("inverseForms: is below where float32 cannot solve at all", () => {
  const steep = K.slice(0, n).map((row, i) => row.map((_, j) => (i === j ? 10 ** -i : 0))); // condition 1e22 of K'K
  const b = new Array<number>(n).fill(1);
  const right = b.reduce((sum, _, i) => sum + 10 ** (2 * i), 0);
  for (const iterations of [3, 20, 100]) assert.ok(forms(steep, 0, [b], iterations).values[0]! <= right * (1 + 1e-5));
});

test("inverseForms: is infinite where b has a share that nothing sees, and keeps no tensor", () => {
  const blind = [[0, 0, 0], [0, 0, 0]]; // prettier-ignore
  const before = tf.memory().numTensors;
  assert.deepEqual(forms(blind, 0, [[1, 2, 3], [0, 0, 0]]).values, [Infinity, 0]); // prettier-ignore
  assert.deepEqual(forms(blind, 0.5, [[1, 2, 3]]).values, [28]);
  assert.equal(tf.memory().numTensors, before);
});
