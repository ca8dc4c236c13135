/** @file The bounds of an explicit matrix, against dense solutions in double precision. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, type Tensor } from "../core/backend";
import { createRng } from "../core/rng";
import type { LinearMap } from "../numerics/inverseForms";
import { fisherBounds, type Channel, type FisherBounds } from "./fisherBounds";

before(backendReady);

type Matrix = readonly (readonly number[])[];

const [m, n, std] = [14, 8, 0.3];
const rng = createRng("channel");
const normal = (rows: number, columns: number, name: string): number[][] =>
  Array.from({ length: rows }, (_, i) => [...rng.split(name, i).normals(columns)]);
const times = (a: Matrix, b: Matrix): number[][] =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const transposed = (a: Matrix): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));
const traceOf = (a: Matrix): number => a.reduce((sum, row, i) => sum + row[i]!, 0);

/** By Gauss and Jordan, of a positive definite matrix. */
function inverse(a: Matrix): number[][] {
  const size = a.length;
  const rows = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < size; i++) {
    rows[i] = rows[i]!.map((x) => x / rows[i]![i]!);
    for (let k = 0; k < size; k++) if (k !== i) rows[k] = rows[k]!.map((x, j) => x - rows[k]![i]! * rows[i]![j]!);
  }
  return rows.map((row) => row.slice(size));
}

const J = normal(m, n, "J");
const L = normal(n, n, "L").map((row, i) => row.map((x, j) => (j > i ? 0 : 0.4 * x)));
const information = times(transposed(J), J).map((row) => row.map((x) => x / std ** 2));
const covariance = times(L, transposed(L));

function channelOf(change: Partial<Channel> = {}): Channel {
  const by = (matrix: Matrix): LinearMap => ({
    forward: (rows: Tensor) => tf.matMul(rows, tf.tensor2d(matrix.map((row) => [...row])), false, true),
    adjoint: (rows: Tensor) => tf.matMul(rows, tf.tensor2d(matrix.map((row) => [...row]))),
  });
  const factor = () => ({ ...by(L), variance: traceOf(covariance) });
  return { n, std, atOnce: 64, map: () => by(J), factor, ...change };
}

const many = { probes: 1000, seed: 1, iterations: 50, tolerance: 1e-6 };

test("fisherBounds: Cramér-Rao is tr (J'J)^-1 s^2, and van Trees the least error of the linear Gaussian problem", () => {
  const found = fisherBounds(channelOf(), many);
  // The best linear estimate's error, by the covariance form: S - S J' (J S J' + s^2)^-1 J S, of another derivation than ours.
  const SJ = times(covariance, transposed(J));
  const seen = times(J, SJ).map((row, i) => row.map((x, j) => x + (i === j ? std ** 2 : 0)));
  const explained = times(times(SJ, inverse(seen)), transposed(SJ));
  const right = {
    trace: n / traceOf(information),
    cramerRao: traceOf(inverse(information)) / n,
    vanTrees: (traceOf(covariance) - traceOf(explained)) / n,
  };
  for (const name of ["trace", "cramerRao", "vanTrees"] as const) {
    const [{ rmse, standardError }, value] = [found[name]!, Math.sqrt(right[name])];
    assert.ok(standardError < 0.03 * value, `${name}: ${standardError} of ${value}`);
    assert.ok(Math.abs(rmse - value) <= 4 * standardError, `${name}: ${rmse} ± ${standardError}, not ${value}`);
  }
  assert.ok(Math.abs(found.guess! - Math.sqrt(traceOf(covariance) / n)) < 1e-9);
  assert.ok(found.trace.rmse < found.cramerRao.rmse && found.vanTrees!.rmse < found.cramerRao.rmse);
});

test("fisherBounds: the standard error is the spread of estimates over seeds", () => {
  const few = Array.from({ length: 100 }, (_, seed) => fisherBounds(channelOf(), { ...many, probes: 20, seed }));
  for (const name of ["trace", "cramerRao", "vanTrees"] as const) {
    const values = few.map((one: FisherBounds) => one[name]!.rmse);
    const middle = values.reduce((sum, x) => sum + x, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (values.length - 1));
    const said = few.reduce((sum, one) => sum + one[name]!.standardError, 0) / few.length;
    assert.ok(Math.abs(said / spread - 1) < 0.25, `${name}: ${said}, over seeds ${spread}`);
  }
});

test("fisherBounds: probes do not depend on how many fit at once, and no tensor is left", () => {
  const held = tf.memory().numTensors;
  const estimator = { ...many, probes: 7 };
  const [whole, parts] = [9, 3].map((atOnce) => fisherBounds(channelOf({ atOnce }), estimator)) as [FisherBounds, FisherBounds]; // prettier-ignore
  for (const name of ["trace", "cramerRao", "vanTrees"] as const)
    assert.ok(Math.abs(whole[name]!.rmse - parts[name]!.rmse) < 1e-4 * whole[name]!.rmse);
  assert.equal(tf.memory().numTensors, held);
});

test("fisherBounds: stopping early lowers the bounds", () => {
  const [full, early] = [50, 2].map((iterations) => fisherBounds(channelOf(), { ...many, probes: 50, iterations }));
  for (const name of ["cramerRao", "vanTrees"] as const) {
    assert.ok(early![name]!.rmse < full![name]!.rmse, name);
    assert.ok(early![name]!.residual > 1e-3 && full![name]!.residual <= 1e-5, `${full![name]!.residual}`);
  }
  assert.equal(early!.trace.rmse, full!.trace.rmse);
});

test("fisherBounds: where nothing is seen no unbiased estimate exists, and the prior's mean is the best one", () => {
  const blind = (): LinearMap => ({ forward: (y) => tf.mul(y, 0), adjoint: (v) => tf.mul(v, 0) });
  const found = fisherBounds(channelOf({ map: blind }), many);
  assert.deepEqual(found.trace, { rmse: Infinity, standardError: 0 });
  assert.deepEqual([found.cramerRao.rmse, found.cramerRao.standardError], [Infinity, 0]);
  const { rmse, standardError } = found.vanTrees!;
  assert.ok(Math.abs(rmse - found.guess!) <= 4 * standardError, `${rmse} ± ${standardError}, not ${found.guess}`);
});
