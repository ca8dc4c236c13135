import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { buildNetwork } from "../model/buildNetwork";
import { lossAndGradient } from "../model/network";
import { dispersionOf } from "./bound";
import { drawSoftmax, readInput, softmaxAt, softmaxLeak, solveSoftmax, type Softmax } from "./softmax";
import { combination, normalVector, plus, squaredDistance, squaredNorm, type Vector } from "./vectors";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

const rng = createRng("softmax");
/** Clients of two samples each. */
const pairs: Softmax = {
  inputs: [0, 1, 2].map(() => [normalVector(3, rng), normalVector(3, rng)]),
  labels: [[0, 1], [1, 1], [2, 0]], // prettier-ignore
  numClasses: 3,
  l2: 0.1,
};
const weights = normalVector(12, rng);

test("softmaxAt: gradient is that of the loss, by differences", () => {
  const { gradient } = softmaxAt(pairs, weights);
  gradient.forEach((slope, j) => {
    const step = weights.map((_, i) => (i === j ? 1e-5 : 0));
    const [up, down] = [softmaxAt(pairs, plus(weights, 1, step)).loss, softmaxAt(pairs, plus(weights, -1, step)).loss];
    close(slope, (up - down) / 2e-5, 1e-7);
  });
});

test("softmaxAt: clients' gradients are those of the network on images, in its order of weights", () => {
  const network = buildNetwork("softmaxRegression", [1, 1, 3], 3);
  const [x] = pairs.inputs[0]!;
  const batch = { images: Float32Array.from(x!), labels: Int32Array.of(0), size: 1 };
  const [expected] = lossAndGradient(network, [Float32Array.from(weights)], [batch]).gradients;
  const single = { ...pairs, inputs: [[x!]], labels: [[0]] };
  softmaxAt(single, weights).clients[0]!.forEach((value, i) => close(value, expected![i]!, 1e-5));
});

test("solveSoftmax: finds the minimum that long gradient descent finds, and its L is no less than differences show", () => {
  const { minimizer, optimum: minimum, smoothness, plConstant } = solveSoftmax(pairs);
  let w: Vector = weights;
  for (let i = 0; i < 4000; i++) w = plus(w, -1 / smoothness, softmaxAt(pairs, w).gradient);
  assert.ok(squaredDistance(w, minimizer) < 1e-10);
  close(minimum, softmaxAt(pairs, w).loss);
  for (let i = 0; i < 50; i++) {
    const [a, b] = [normalVector(12, rng), normalVector(12, rng)];
    const [at, there] = [softmaxAt(pairs, a), softmaxAt(pairs, b)];
    assert.ok(squaredDistance(at.gradient, there.gradient) <= smoothness ** 2 * squaredDistance(a, b));
    assert.ok(squaredNorm(at.gradient) >= 2 * plConstant * (at.loss - minimum)); // A2
  }
});

test("readInput: gives the input of a lone sample in every row, and the slopes' weighted mean of several", () => {
  const single = { ...pairs, inputs: [[pairs.inputs[0]![0]!]], labels: [[2]] };
  const [gradient] = softmaxAt(single, weights).clients;
  for (const row of [0, 1, 2]) {
    readInput(gradient!, { numClasses: 3, row }).input.forEach((value, j) => close(value, pairs.inputs[0]![0]![j]!));
  }
  const [both] = softmaxAt({ ...pairs, inputs: [pairs.inputs[0]!], labels: [[0, 1]] }, weights).clients;
  const { input, row } = readInput(both!, { numClasses: 3 });
  const slopes = [0, 1].map((n) => softmaxAt({ ...pairs, inputs: [[pairs.inputs[0]![n]!]], labels: [[n]] }, weights).clients[0]![9 + row]!); // prettier-ignore
  const shares = slopes.map((slope) => slope / (slopes[0]! + slopes[1]!));
  combination(pairs.inputs[0]!, shares).forEach((value, j) => close(input[j]!, value));
});

test("softmaxLeak: bounds the error, and is 0 for a lone client", () => {
  for (let seed = 0; seed < 100; seed++) {
    const problem = drawSoftmax({ numClients: 1 + (seed % 5), dimension: 3, numClasses: 3, l2: 0.1 }, createRng(seed));
    const { clients, gradient } = softmaxAt(problem, normalVector(12, createRng(seed)));
    const inputs = problem.inputs.map(([x]) => x!);
    const gradientNorm = Math.sqrt(squaredNorm(gradient));
    const { error, bound, lipschitz } = softmaxLeak(clients, inputs, { numClasses: 3, gradientNorm });
    assert.ok(error <= bound * (1 + 1e-9) + 1e-20, `seed ${seed}`);
    assert.ok(bound <= (lipschitz ** 2 * dispersionOf(clients)) / gradientNorm ** 2 + 1e-12, "A4 with that L_R");
    if (seed % 5 === 0) assert.ok(error < 1e-20);
  }
});

test("softmax: refuses no l2, weights of another length, and rows without a slope", () => {
  assert.throws(() => solveSoftmax({ ...pairs, l2: 0 }), /solveSoftmax: needs a finite l2 > 0, got 0/);
  assert.throws(() => softmaxAt(pairs, [1]), /needs 12 weights, got 1/);
  assert.throws(() => readInput([1, 2, 0, 0], { numClasses: 2 }), /bias gradient other than 0, got row 0: 0/);
  assert.throws(() => readInput([1, 2, 3], { numClasses: 2 }), /K \(p \+ 1\) numbers/);
  assert.throws(
    () => drawSoftmax({ numClients: 0, dimension: 1, numClasses: 1, l2: 1 }, rng),
    /numClients >= 1, got 0/,
  );
});
