import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { batchOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import { buildNetwork, type ArchitectureName } from "../model/architectures";
import { gainOf } from "../model/layers/activation";
import { initialWeights, lossAndGradient } from "../model/network";
import { inferLabels } from "./labels";
import type { AttackerView } from "./view";

before(backendReady);

const strokes = drawStrokes(200, createRng("labels"));

/** Strokes of these classes, from the front of the set. */
function drawn(labels: readonly number[]): Batch {
  const taken = new Set<number>();
  const indices = labels.map((label) => {
    const index = Array.from(strokes.labels).findIndex((own, i) => own === label && !taken.has(i));
    taken.add(index);
    return index;
  });
  return batchOf(strokes, indices);
}

/** The view of an attacker who sees the mean gradient of a private batch, with untrained weights. */
function viewOf(architecture: ArchitectureName, secret: Batch, ownBatch: Batch, seed: number): AttackerView {
  const network = buildNetwork(architecture, [1, 28, 28], 10);
  const weights = initialWeights(network.layer, createRng(seed), "variancePreserving", gainOf("relu"));
  return {
    round: 0,
    architecture,
    activation: "relu",
    pooling: "max",
    inputShape: [1, 28, 28],
    numClasses: 10,
    weights,
    observedGradient: lossAndGradient(network, [weights], [secret]).gradients[0]!,
    ownUpdate: new Float32Array(network.size),
    ownBatch,
    batchSize: 1,
    numClients: secret.size,
    localSteps: 1,
    learningRate: 0.1,
    numImages: secret.size,
  };
}

const ascending = (labels: Int32Array): number[] => [...labels].sort((a, b) => a - b);
const own = batchOf(
  strokes,
  Array.from({ length: 50 }, (_, i) => 150 + i),
); // five of each class

for (const architecture of ["lenet5", "softmaxRegression"] as const) {
  const secrets = { distinct: [9, 0, 7, 4, 2], repeated: [3, 3, 3, 8, 8, 1], single: [6], alike: [5, 5, 5, 5] };
  for (const [what, labels] of Object.entries(secrets)) {
    test(`inferLabels: is exact on a fresh ${architecture} when the labels are ${what}`, async () => {
      for (const seed of [1, 2]) {
        const view = viewOf(architecture, drawn(labels), own, seed);
        assert.deepEqual([...(await inferLabels(view))], ascending(Int32Array.from(labels)));
      }
    });
  }
}

test("inferLabels: reads given images of the attacker's in place of its batch of the round", async () => {
  const labels = [0, 0, 4, 7, 9, 2, 2, 2];
  const view = viewOf("lenet5", drawn(labels), own, 3);
  assert.deepEqual([...(await inferLabels(view))], ascending(Int32Array.from(labels)));
  const one = batchOf(strokes, [199]);
  assert.deepEqual(await inferLabels(view, one), await inferLabels({ ...view, ownBatch: one }));
  assert.deepEqual(await inferLabels({ ...view, ownBatch: one }, own), await inferLabels(view));
});

test("inferLabels: gets most labels right when the attacker owns a single image", async () => {
  const labels = [0, 0, 4, 7, 9, 2, 2, 2];
  const view = viewOf("lenet5", drawn(labels), batchOf(strokes, [199]), 3);
  const inferred = [...(await inferLabels(view))];
  const rest = [...labels];
  const right = inferred.filter((label) => rest.includes(label) && rest.splice(rest.indexOf(label), 1).length === 1);
  assert.ok(right.length >= 7, String(inferred));
});

/** Softmax regression on one pixel and three classes; with zero weights q = 1/3 on every image. */
function tinyView(biasGradient: readonly number[], numImages: number, localSteps = 1): AttackerView {
  return {
    ...viewOf("softmaxRegression", own, own, 1),
    inputShape: [1, 1, 1],
    numClasses: 3,
    weights: new Float32Array(6),
    ownUpdate: new Float32Array(6),
    observedGradient: Float32Array.of(9, 9, 9, ...biasGradient),
    ownBatch: { images: Float32Array.of(0.5), labels: Int32Array.of(1), size: 1 },
    numImages,
    localSteps,
  };
}

test("inferLabels: counts labels worked by hand from the bias gradient", async () => {
  // db_k = q_k - n_k / N: for n = (3, 0, 1) of N = 4 and q = 1/3 it is (1/3 - 3/4, 1/3, 1/3 - 1/4).
  const biasGradient = [1 / 3 - 3 / 4, 1 / 3, 1 / 3 - 1 / 4];
  assert.deepEqual([...(await inferLabels(tinyView(biasGradient, 4)))], [0, 0, 0, 2]);
});

test("inferLabels: finds every count when each class has an output of its own, exchanging labels where adding erred", async () => {
  // Images of class 0, 1, 2 are the pixels 0, 0.5, 1. With these weights adding one label at a time takes (1, 1, 0) for
  // (1, 0, 1), and the mean output over all own images stands for no class.
  const network = buildNetwork("softmaxRegression", [1, 1, 1], 3);
  const weights = Float32Array.of(4, 0, -4, -2, 0, 1);
  const ofLabels = (labels: readonly number[]): Batch => {
    return { images: Float32Array.from(labels, (c) => c / 2), labels: Int32Array.from(labels), size: labels.length };
  };
  for (let a = 0; a <= 4; a++) {
    for (let b = 0; a + b <= 4; b++) {
      const labels = [a, b, 4 - a - b].flatMap((count, label) => Array.from({ length: count }, () => label));
      const observedGradient = lossAndGradient(network, [weights], [ofLabels(labels)]).gradients[0]!;
      const view = { ...tinyView([0, 0, 0], 4), weights, observedGradient, ownBatch: ofLabels([0, 1, 2]) };
      assert.deepEqual([...(await inferLabels(view))], labels);
    }
  }
});

test("inferLabels: rounds to the nearest counts when the gradient fits none", async () => {
  // n = (2.6, 1.5, 0.9) of N = 5: rounding down gives (2, 1, 0); the largest remainders, 0.9 and 0.6, get one more.
  const biasGradient = [2.6, 1.5, 0.9].map((n) => 1 / 3 - n / 5);
  assert.deepEqual([...(await inferLabels(tinyView(biasGradient, 5)))], [0, 0, 0, 1, 2]);
});

test("inferLabels: takes the mean over the local steps when the update sums them", async () => {
  const biasGradient = [1 / 3 - 3 / 4, 1 / 3, 1 / 3 - 1 / 4];
  const summed = tinyView(
    biasGradient.map((g) => 5 * g),
    4,
    5,
  );
  assert.deepEqual([...(await inferLabels(summed))], [0, 0, 0, 2]);
});

test("inferLabels: always gives numImages ascending labels of the classes, whatever the gradient", async () => {
  const gradients = fc.tuple(...[0, 1, 2].map(() => fc.float({ noNaN: true, min: -1000, max: 1000 })));
  await fc.assert(
    fc.asyncProperty(gradients, fc.integer({ min: 1, max: 12 }), async (biasGradient, numImages) => {
      const labels = [...(await inferLabels(tinyView(biasGradient, numImages)))];
      assert.equal(labels.length, numImages);
      assert.deepEqual(labels, [...labels].sort());
      assert.ok(labels.every((label) => label >= 0 && label < 3));
    }),
    { numRuns: 50 },
  );
});

test("inferLabels: refuses own images that are none for the model", async () => {
  const view = tinyView([0.1, 0.2, -0.3], 4);
  const batch = { images: Float32Array.of(0.5), labels: Int32Array.of(1), size: 1 };
  const refused: readonly [object, string][] = [
    [{ ...batch, images: Float32Array.of(0.5, 0.5) }, "needs 1 images of [1, 1, 1] in own, got 2 pixels"],
    [{ ...batch, images: [0.5] }, "needs a Float32Array in images of own, got Array; convert it by Float32Array.from"],
    [{ ...batch, images: Float32Array.of(NaN) }, "needs finite numbers in images of own, got NaN at index 0"],
    [{ ...batch, labels: Int32Array.of(3) }, "needs labels of own in 0..2, got 3 at index 0"],
    [{ ...batch, labels: [0.5] }, "needs labels of own in 0..2, got 0.5 at index 0"],
    [{ ...batch, size: 0 }, "needs an integer size of own >= 1, got 0"],
  ];
  const before = tf.memory().numTensors;
  for (const [bad, message] of refused) {
    await assert.rejects(inferLabels(view, bad as Batch), { name: "InputError", message: `inferLabels: ${message}` });
  }
  assert.equal(tf.memory().numTensors, before);
});

test("inferLabels: keeps no tensors after 200 calls", async () => {
  const view = tinyView([0.1, 0.2, -0.3], 4);
  await inferLabels(view);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 200; i++) await inferLabels(view);
  assert.equal(tf.memory().numTensors, before);
});
