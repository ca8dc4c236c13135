import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { batchOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { gainOf } from "../model/layers/activation";
import { initialWeights, lossAndGradient } from "../model/network";
import { localUpdates } from "../fl/client";
import { stepAgainst } from "../fl/train";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation } from "../fl/config";
import { clipToNorm } from "../numerics/clip";
import { inferLabels, provenCounts } from "./labels";
import { broadcastDifference } from "./observe";
import { protocolOf } from "./protocol";
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

const ofClass = (labels: ArrayLike<number>, c: number): number => Array.from(labels).filter((l) => l === c).length;

test("inferLabels: takes the only negative entry for the label of one image, whatever the model makes of the own ones", async () => {
  // A view of a run (Fashion-MNIST, two clients, round 19): its label is 5. The own image, of class 0, is one that the model
  // knows, and a gradient of 0 would fit it best: the fit alone says 0.
  const seen = [0.0326, 0.0113, 0.0168, 0.0089, 0.0209, -0.2567, 0.0377, 0.09, 0.0257, 0.0127];
  const weights = new Float32Array(20);
  weights[10] = 3; // the bias of class 0
  const view: AttackerView = {
    ...viewOf("softmaxRegression", own, own, 1),
    inputShape: [1, 1, 1],
    weights,
    observedGradient: Float32Array.of(...new Array<number>(10).fill(0), ...seen),
    ownUpdate: new Float32Array(20),
    ownBatch: { images: Float32Array.of(0.5), labels: Int32Array.of(0), size: 1 },
    numImages: 1,
  };
  assert.deepEqual([...(await inferLabels(view))], [5]);
});

/** What is seen of clients that train softmax regression on four pixels and five classes, own images confidently known. */
function honestView(seed: number, clients: number, localSteps: number, batchSize: number, scale: number) {
  const network = buildNetwork("softmaxRegression", [1, 2, 2], 5);
  const rng = createRng("honest").split("run", seed);
  const draw = (name: string, size: number): Batch => {
    const stream = rng.split(name);
    const labels = Int32Array.from({ length: size }, () => stream.integer(5));
    return { images: stream.uniforms(4 * size), labels, size };
  };
  const weights = rng
    .split("weights")
    .normals(network.size)
    .map((x) => scale * x);
  const range = (n: number): number[] => [...Array(n).keys()];
  const batches = range(clients).map((m) => range(localSteps).map((t) => draw(`batch ${m} ${t}`, batchSize)));
  const learningRate = 0.1;
  const updates = localUpdates(network, weights, batches, learningRate);
  const mean = weights.map((_, i) => updates.reduce((sum, update) => sum + update[i]! / clients, 0));
  const after = stepAgainst(weights, mean, learningRate); // float32, as it is broadcast
  const view: AttackerView = {
    ...viewOf("softmaxRegression", own, own, 1),
    ...{ inputShape: [1, 2, 2], numClasses: 5, weights, ownUpdate: updates[0]!, ownBatch: draw("own", 3) },
    observedGradient: broadcastDifference(weights, after, learningRate),
    ...{ batchSize, numClients: clients, localSteps, learningRate, numImages: clients * localSteps * batchSize },
  };
  return { view, labels: batches.flat().flatMap((batch) => [...batch.labels]), mean };
}

const settings = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  clients: fc.integer({ min: 1, max: 5 }),
  localSteps: fc.integer({ min: 1, max: 3 }),
  batchSize: fc.integer({ min: 1, max: 3 }),
  scale: fc.constantFrom(0.1, 1, 5, 20),
});

test("inferLabels: never finds fewer of a class than an honest gradient proves, and what is proven is there", async () => {
  let proven = 0;
  await fc.assert(
    fc.asyncProperty(settings, async ({ seed, clients, localSteps, batchSize, scale }) => {
      const { view, labels, mean } = honestView(seed, clients, localSteps, batchSize, scale);
      const [bounds, inferred] = [provenCounts(view), await inferLabels(view)];
      assert.equal(inferred.length, view.numImages);
      bounds.forEach((bound, c) => {
        assert.ok(bound <= ofClass(labels, c), `${bound} of class ${c} in ${labels.join(", ")}`);
        assert.ok(ofClass(inferred, c) >= bound, `${bound} of class ${c} in ${inferred.join(", ")}`);
        // By the formula, without the tolerance: a thousandth of an image is beyond all rounding here.
        const excess = -(view.numImages / localSteps) * mean[mean.length - 5 + c]!;
        assert.ok(ofClass(inferred, c) >= Math.ceil(excess - 1e-3), `${excess} of class ${c}`);
        proven += bound;
      });
    }),
    { numRuns: 150 },
  );
  assert.ok(proven > 150, `${proven} images proven`);
});

test("inferLabels: is right about every single image, however confident the model is", async () => {
  for (let seed = 0; seed < 100; seed++) {
    const { view, labels } = honestView(seed, 1, 1, 1, [0.1, 1, 3][seed % 3]!);
    assert.deepEqual([...(await inferLabels(view))], labels, `seed ${seed}`);
  }
});

test("provenCounts: counts whole images where rounding leaves a little more or less of one", () => {
  const counts = (goal: readonly number[]): number[] => provenCounts(tinyView(goal.map((x) => x / 4), 4)); // prettier-ignore
  assert.deepEqual(counts([-1.0000001, 0.5, 0.5000001]), [1, 0, 0]);
  assert.deepEqual(counts([-0.99999, 0.5, 0.49999]), [1, 0, 0]);
  assert.deepEqual(counts([-1.001, 0.5, 0.501]), [2, 0, 0]);
  assert.deepEqual(counts([-2.2, -0.1, 2.3]), [3, 1, 0]);
  assert.deepEqual(counts([-1e-7, 1e-7, 0]), [0, 0, 0]);
});

test("provenCounts: a broadcast of large weights and a small learning rate proves less", () => {
  const rounding = 2 ** -24 * 64; // half a unit in the last place of a weight of 64 to 128
  const weights = new Float32Array(6).fill(100);
  const view = { ...tinyView([-1e-3, 1e-3, 0], 4), weights };
  assert.deepEqual(provenCounts({ ...view, learningRate: 0.1 }), [1, 0, 0]);
  assert.ok(rounding / 1e-3 > 1e-3);
  assert.deepEqual(provenCounts({ ...view, learningRate: 1e-3 }), [0, 0, 0]);
});

test("provenCounts: images that weigh more, by momentum or by their client, prove less", () => {
  const goal = [-1.1, 0.5, 0.6];
  assert.deepEqual(provenCounts(tinyView(goal.map((x) => x / 4), 4)), [2, 0, 0]); // prettier-ignore
  const carried = { ...tinyView(goal.map((x) => (2.5 * x) / 4), 4), localSteps: 2, momentum: 0.5 }; // prettier-ignore
  assert.deepEqual(provenCounts(carried), [1, 0, 0]); // the first step's image weighs 1.5 of 2.5
  const protocol = { ...protocolOf(defaultFederation), maliciouslyCuriousClient: 0 };
  const weighted = { ...tinyView(goal.map((x) => x / 4), 4), protocol, clientWeights: [2, 1, 1, 1] }; // prettier-ignore
  assert.deepEqual(provenCounts(weighted), [1, 0, 0]); // an image of the first weighs 2 of 5
  assert.deepEqual(provenCounts({ ...weighted, localSteps: 3, localBatches: 2, observedGradient: weighted.observedGradient.map((x) => 3 * x) }), [1, 0, 0]); // prettier-ignore
});

test("provenCounts: proves nothing of a gradient that no N images have", async () => {
  // 2.2 + 2.2 of N = 4 need six images; and with entries that add up to 0.3, an entry of -0.2 may be noise.
  const poisoned = tinyView([-2.2 / 4, -2.2 / 4, 4.4 / 4], 4);
  assert.deepEqual(provenCounts(poisoned), [0, 0, 0]);
  assert.deepEqual([...(await inferLabels(poisoned))].length, 4);
  assert.deepEqual(provenCounts(tinyView([-0.2 / 4, 0.4 / 4, 0.1 / 4], 4)), [0, 0, 0]);
  assert.deepEqual(provenCounts(tinyView([-1.5 / 4, 0.9 / 4, 0.9 / 4], 4)), [2, 0, 0]); // -1.5 + 0.3 still needs two
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

test("inferLabels: of clipped updates the attacker knows from its own images how much is left; its own share it takes out", async () => {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.5, noiseMultiplier: 0 };
  const config = { ...defaultFederation, numClients: 7, privacy: "localDp" as const, privacyParameters };
  const right = { clipped: 0, unclipped: 0, known: 0 };
  for (let seed = 1; seed <= 10; seed++) {
    const labels = Array.from({ length: 6 }, (_, i) => createRng(seed).split("label", i).integer(10));
    const secret = drawn(labels);
    const view = viewOf("lenet5", secret, own, seed);
    const network = buildNetwork("lenet5", [1, 28, 28], 10);
    const gradientOf = (image: Batch): Float32Array =>
      clipToNorm(lossAndGradient(network, [view.weights], [image]).gradients[0]!, 0.5);
    const meanOf = (all: readonly Float32Array[]): Float32Array =>
      all[0]!.map((_, i) => all.reduce((sum, one) => sum + one[i]! / all.length, 0));
    const sent = labels.map((_, i) => gradientOf(partOf(secret, i)));
    const ownUpdate = gradientOf(partOf(own, 0)).map((x) => -3 * x); // poisoned
    const protocol = protocolOf(config);
    const hit = async (given: AttackerView): Promise<number> =>
      String(await inferLabels(given, own)) === String(ascending(secret.labels)) ? 1 : 0;
    const clipped = { ...view, observedGradient: meanOf(sent), numClients: 7, ownShare: "out" as const };
    right.unclipped += await hit(clipped);
    right.clipped += await hit({ ...clipped, protocol });
    const whole = { ...clipped, observedGradient: meanOf([...sent, ownUpdate]), ownUpdate, protocol };
    right.known += await hit({ ...whole, ownShare: "known" });
  }
  assert.ok(right.clipped >= 9 && right.known >= 9, JSON.stringify(right));
  assert.ok(right.unclipped <= 5, JSON.stringify(right));
});

function partOf({ images, labels }: Batch, i: number): Batch {
  return { images: images.slice(i * 784, (i + 1) * 784), labels: labels.slice(i, i + 1), size: 1 };
}
