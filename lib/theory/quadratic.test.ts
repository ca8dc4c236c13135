import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { dispersionOf } from "./bound";
import {
  biasesAt,
  clientGradientsAt,
  drawQuadratic,
  expectedGapAfter,
  expectedGaps,
  federatedQuadratic,
  leastSquares,
  objectiveGapAt,
  type Quadratic,
} from "./quadratic";
import { combination, dot, form, normalVector, plus, squaredNorm, times, unitVector, type Vector } from "./vectors";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

/** F_m(w), from its definition. */
const valueOf = (q: Quadratic, m: number, w: Vector): number =>
  form(q.hessians[m]!, w) / 2 - dot(q.linear[m]!, w) + q.offsets[m]!;
const meanValue = (q: Quadratic, w: Vector): number =>
  q.hessians.reduce((sum, _, m) => sum + valueOf(q, m, w) / q.numClients, 0);

const drawn = [0, 0.8].flatMap((curvatureSpread) =>
  [1, 2, 3].map((seed) => {
    const options = { dimension: 4, numClients: 5, conditionNumber: 30, smoothness: 2, heterogeneity: 1.5, curvatureSpread }; // prettier-ignore
    return drawQuadratic(options, createRng(seed));
  }),
);

test("drawQuadratic: has the constants it was asked for", () => {
  for (const [i, q] of drawn.entries()) {
    close(q.smoothness, 2);
    close(q.smoothness / q.plConstant, 30, 1e-7);
    close(Math.sqrt(dispersionOf(biasesAt(q, q.minimizer))), 1.5);
    combination(biasesAt(q, unitVector(4, createRng(i)))).forEach((x) => close(x, 0));
  }
});

test("drawQuadratic: biases move with the model only where curvatures differ", () => {
  const apart = (q: Quadratic): number => Math.sqrt(squaredNorm(plus(biasesAt(q, [9, 0, 0, 0])[0]!, -1, biasesAt(q, q.minimizer)[0]!))); // prettier-ignore
  drawn.slice(0, 3).forEach((q) => assert.ok(apart(q) < 1e-9));
  drawn.slice(3).forEach((q) => assert.ok(apart(q) > 0.1));
});

test("federatedQuadratic: smoothness and plConstant are the extremes of v^T A v, as power iteration finds them", () => {
  for (const q of drawn) {
    const iterate = (matrix: readonly Vector[]): number => {
      let v = unitVector(4, createRng("start"));
      for (let i = 0; i < 5000; i++) {
        const next = times(matrix, v);
        v = next.map((x) => x / Math.sqrt(squaredNorm(next)));
      }
      return form(matrix, v);
    };
    close(q.smoothness, iterate(q.hessian), 1e-6);
    const flipped = q.hessian.map((row, i) => row.map((x, j) => (i === j ? q.smoothness : 0) - x));
    close(q.plConstant, q.smoothness - iterate(flipped), 1e-6);
    close(q.clientSmoothness, Math.max(...q.hessians.map(iterate)), 1e-4);
  }
});

test("federatedQuadratic: minimum and gradients are those of the definition, by descent and by differences", () => {
  for (const q of drawn) {
    let w: number[] = [0, 0, 0, 0];
    for (let i = 0; i < 3000; i++) w = plus(w, -1 / q.smoothness, combination(clientGradientsAt(q, w)));
    close(q.optimum, meanValue(q, w), 1e-8);
    w.forEach((x, j) => close(q.minimizer[j]!, x, 1e-6));
    const at = normalVector(4, createRng("at"));
    close(objectiveGapAt(q, at), meanValue(q, at) - q.optimum);
    clientGradientsAt(q, at).forEach((gradient, m) =>
      gradient.forEach((slope, j) => {
        const step = at.map((_, i) => (i === j ? 1e-4 : 0));
        close(slope, (valueOf(q, m, plus(at, 1, step)) - valueOf(q, m, plus(at, -1, step))) / 2e-4, 1e-6);
      }),
    );
  }
});

test("leastSquares: has the value and gradient of the squared residuals, and clients of fewer samples than dimensions", () => {
  const rng = createRng(4);
  const inputs = [2, 1, 3].map((n) => Array.from({ length: n }, () => normalVector(3, rng)));
  const targets = inputs.map((x) => normalVector(x.length, rng));
  const q = leastSquares(inputs, targets);
  const w = normalVector(3, rng);
  inputs.forEach((x, m) => {
    const residuals = x.map((row, n) => dot(row, w) - targets[m]![n]!);
    close(valueOf(q, m, w), squaredNorm(residuals) / (2 * x.length));
    const gradient = combination(x.map((row, n) => row.map((value) => value * residuals[n]!)));
    clientGradientsAt(q, w)[m]!.forEach((slope, j) => close(slope, gradient[j]!));
  });
});

test("expectedGapAfter: equals the mean over all outcomes of coin-flip noise", () => {
  const [q] = drawn as [Quadratic];
  const rng = createRng(5);
  const [w, mean, a, b] = [normalVector(4, rng), normalVector(4, rng), normalVector(4, rng), normalVector(4, rng)];
  let after = 0;
  for (const [s, t] of [[1, 1], [1, -1], [-1, 1], [-1, -1]] as const) after += objectiveGapAt(q, plus(w, -0.3, plus(plus(mean, s, a), t, b))) / 4; // prettier-ignore
  const curvatureTrace = form(q.hessian, a) + form(q.hessian, b);
  close(expectedGapAfter(q, w, { mean, curvatureTrace, learningRate: 0.3 }), after);
});

test("expectedGaps: equals the mean over all paths of coin-flip noise", () => {
  const [q] = drawn as [Quadratic];
  const rng = createRng(6);
  const [start, a] = [normalVector(4, rng), normalVector(4, rng)];
  const noise = a.map((x) => a.map((y) => x * y));
  let ends: number[][] = [start];
  const means: number[] = [];
  for (let k = 0; k < 5; k++) {
    means.push(ends.reduce((sum, w) => sum + objectiveGapAt(q, w) / ends.length, 0));
    ends = ends.flatMap((w) =>
      [1, -1].map((sign) => plus(w, -0.2, plus(combination(clientGradientsAt(q, w)), sign, a))),
    );
  }
  expectedGaps(q, start, { learningRate: 0.2, noise, rounds: 5 }).forEach((gap, k) => close(gap, means[k]!));
});

test("federatedQuadratic: refuses Hessians that are not positive definite in the mean, or no Hessians at all", () => {
  const eye = [[1, 0], [0, 1]]; // prettier-ignore
  assert.throws(() => federatedQuadratic([[[1, 0], [0, 0]]], [[0, 0]]), /needs a positive definite mean Hessian, got the eigenvalue 0; add data or an l2 term/); // prettier-ignore
  assert.throws(() => federatedQuadratic([eye, [[1, 0], [0, -0.5]]], [[0, 0], [0, 0]]), /positive semidefinite Hessians, got the eigenvalue -0.5 of client 1/); // prettier-ignore
  assert.throws(() => federatedQuadratic([[[1, 2], [0, 1]]], [[0, 0]]), /symmetric/); // prettier-ignore
  assert.throws(() => federatedQuadratic([[[1, NaN], [NaN, 1]]], [[0, 0]]), /finite/); // prettier-ignore
  assert.throws(() => federatedQuadratic([eye], [[0]]), /needs 2 dimensions of client 0/);
  assert.throws(() => federatedQuadratic([], []), /at least one client/);
  assert.throws(() => leastSquares([[[1, 0]], [[2, 0]]], [[1], [1]]), /positive definite/);
  assert.throws(() => leastSquares([[]], [[]]), /at least one, of client 0/);
  const options = { dimension: 2, numClients: 1, conditionNumber: 2 };
  assert.throws(() => drawQuadratic({ ...options, heterogeneity: 1 }, createRng(1)), /0 of one client, got 1/);
  assert.throws(() => drawQuadratic({ ...options, conditionNumber: 0.5 }, createRng(1)), /conditionNumber >= 1/);
  assert.throws(() => drawQuadratic({ ...options, dimension: 1 }, createRng(1)), /1 in one dimension, got 2/);
  assert.throws(() => drawQuadratic({ ...options, curvatureSpread: 1 }, createRng(1)), /curvatureSpread < 1/);
});
