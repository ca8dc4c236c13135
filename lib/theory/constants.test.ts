import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { dispersionOf } from "./bound";
import { leastLoss, lipschitzOf, noiseOf, plConstantOf, smoothnessOf } from "./constants";
import { drawInstance, drawGradients } from "./instances";
import { clientGradientsAt, drawQuadratic, objectiveGapAt } from "./quadratic";
import { combination, normalVector, plus, squaredNorm } from "./vectors";

test("plConstantOf, smoothnessOf: lie inside [μ, L] on a quadratic's run, and come near its ends", () => {
  const q = drawQuadratic({ dimension: 3, numClients: 2, conditionNumber: 10, smoothness: 2 }, createRng(1));
  let w: number[] = plus(q.minimizer, 1, normalVector(3, createRng(2)));
  const path = Array.from({ length: 60 }, () => {
    const here = w;
    const gradient = combination(clientGradientsAt(q, w));
    w = plus(w, -0.3 / q.smoothness, gradient);
    return { weights: here, gradient, gap: objectiveGapAt(q, here) };
  });
  const mu = plConstantOf(path.map(({ gradient }) => squaredNorm(gradient)), path.map(({ gap }) => gap)); // prettier-ignore
  assert.ok(mu >= q.plConstant * (1 - 1e-9) && mu < 1.05 * q.plConstant, `${mu}`);
  const L = smoothnessOf(path.map(({ weights }) => weights), path.map(({ gradient }) => gradient)); // prettier-ignore
  assert.ok(L <= q.smoothness * (1 + 1e-9) && L > 0.3 * q.smoothness, `${L}`);
});

test("noiseOf: is unbiased for σ^2 and ζ^2", () => {
  const instance = drawInstance(createRng(3));
  const { samplingStd, biases } = instance.clients;
  const draws = Array.from({ length: 3000 }, (_, i) => {
    const batches = [0, 1, 2].map((t) => drawGradients(instance, createRng(i).split("batch", t)));
    return noiseOf(biases.map((_, m) => batches.map((sent) => sent[m]!)));
  });
  const check = (name: "samplingVariance" | "heterogeneity", expected: number): void => {
    const values = draws.map((draw) => draw[name]);
    const mean = values.reduce((sum, x) => sum + x / values.length, 0);
    const error = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0)) / values.length;
    assert.ok(Math.abs(mean - expected) < 4 * error, `${name}: ${mean} ± ${error} is not ${expected}`);
  };
  check("samplingVariance", samplingStd ** 2);
  check("heterogeneity", dispersionOf(biases));
});

test("noiseOf: names the largest client's variance, and takes Float32Arrays", () => {
  // client 0: 1, 3 (variance 2), client 1: 0, 8 (variance 32); means 2 and 4: (1 + 1)/2 - (1/2) 17 / 2 = -3.25
  const found = noiseOf([
    [Float32Array.of(1), Float32Array.of(3)],
    [Float32Array.of(0), Float32Array.of(8)],
  ]);
  assert.deepEqual(found, { samplingVariance: 17, largestVariance: 32, heterogeneity: -3.25 });
});

test("lipschitzOf: is a quantile of the ratios, equal gradients aside", () => {
  const pairs = [1, 2, 3, 4, 5].map((errorNorm) => ({ errorNorm, gradientDistance: 2, gradientNorm: 4 }));
  assert.equal(lipschitzOf(pairs), 10);
  assert.equal(lipschitzOf(pairs, { quantile: 0.5 }), 6);
  assert.equal(lipschitzOf([...pairs, { errorNorm: 0, gradientDistance: 0, gradientNorm: 4 }]), 10);
});

test("constants: refuse what they cannot estimate from", () => {
  assert.throws(() => leastLoss([[], []]), /at least one loss/);
  assert.throws(() => leastLoss([[1, NaN]]), /finite/);
  assert.throws(() => plConstantOf([1, 1], [1, 0]), /gaps > 0, got 0 at round 1; leave out/);
  assert.throws(() => plConstantOf([1], []), /as many norms as gaps/);
  assert.throws(() => smoothnessOf([[0]], [[0]]), /at least two/);
  assert.throws(() => smoothnessOf([[0], [0]], [[1], [2]]), /differ/);
  assert.throws(() => noiseOf([[[1]]]), /at least two batches/);
  assert.throws(() => noiseOf([[[1], [2]], [[1]]]), /needs 2 batches of every client, got 1 of client 1/); // prettier-ignore
  assert.throws(() => noiseOf([[[1], [2, 3]]]), /one length/);
  assert.throws(() => lipschitzOf([{ errorNorm: 1, gradientDistance: 0, gradientNorm: 1 }]), /different gradients/);
  assert.throws(() => lipschitzOf([], { quantile: 2 }), /quantile in \[0, 1\]/);
});
