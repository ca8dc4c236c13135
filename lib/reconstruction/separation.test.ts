/** @file Inputs of dense layers against those of lone gradients, which show them exactly. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { batchOf, sliceOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import { defaultFederation } from "../fl/config";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { gainOf } from "../model/layers/activation";
import { initialWeights, lossAndGradient } from "../model/network";
import { volume } from "../model/stack";
import { invertSeparated, isSeparable } from "./invertSeparated";
import { protocolOf } from "./protocol";
import { separateInputs } from "./separation";
import type { AttackerView } from "./view";

before(backendReady);

const strokes = drawStrokes(200, createRng("separation"));

/** The mean gradient of some strokes on an untrained model with ReLU. */
function viewOf(architecture: ArchitectureName, count: number, seed = 1): { view: AttackerView; secret: Batch } {
  const network = buildNetwork(architecture, [1, 28, 28], 10);
  const rng = createRng(seed);
  const secret = batchOf(strokes, Array.from({ length: count }, () => rng.integer(200))); // prettier-ignore
  const weights = initialWeights(network.layer, rng.split("weights"), "variancePreserving", gainOf("relu"));
  const view: AttackerView = {
    ...{ round: 0, architecture, activation: "relu", pooling: "max", inputShape: [1, 28, 28], numClasses: 10, weights },
    observedGradient: lossAndGradient(network, [weights], [secret]).gradients[0]!,
    ...{ ownUpdate: new Float32Array(network.size), ownBatch: sliceOf(secret, 0, 1), batchSize: 1, numClients: count },
    ...{ localSteps: 1, learningRate: 0.1, numImages: count },
  };
  return { view, secret };
}

const relative = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [difference, norm] = [0, 0];
  for (let k = 0; k < b.length; k++) [difference, norm] = [difference + (a[k]! - b[k]!) ** 2, norm + b[k]! ** 2];
  return Math.sqrt(difference / norm);
};

test("separateInputs: gives the private images themselves behind an MLP's mean gradient", () => {
  for (const count of [1, 2, 6]) {
    const { view, secret } = viewOf("mlp", count, count);
    const found = separateInputs(view)!.map(({ input }) => input);
    assert.equal(found.length, count);
    for (let i = 0; i < count; i++) {
      const image = secret.images.subarray(784 * i, 784 * (i + 1));
      assert.ok(Math.min(...found.map((one) => relative(one, image))) < 1e-3, `${count}, ${i}`);
    }
  }
});

test("separateInputs: gives every image's features behind the convolutions of LeNet-5", () => {
  const { view, secret } = viewOf("lenet5", 9, 4);
  const network = buildNetwork("lenet5", [1, 28, 28], 10);
  const from = network.layer.parameters.slice(0, 4).reduce((sum, { shape }) => sum + volume(shape), 0);
  const found = separateInputs(view)!.map(({ input }) => input);
  assert.equal(found.length, 9);
  for (let i = 0; i < 9; i++) {
    const [lone] = lossAndGradient(network, [view.weights], [sliceOf(secret, i, 1)]).gradients;
    const slopes = lone!.subarray(from + 120 * 400, from + 120 * 401);
    const unit = slopes.reduce((best, x, k) => (Math.abs(x) > Math.abs(slopes[best]!) ? k : best), 0);
    const features = lone!.subarray(from + 400 * unit, from + 400 * (unit + 1)).map((x) => x / slopes[unit]!);
    assert.ok(Math.min(...found.map((one) => relative(one, features))) < 1e-3, `image ${i}`);
  }
});

test("separateInputs: says nothing where noise, a poison or too many images hide the rank", () => {
  const { view } = viewOf("mlp", 4);
  const rng = createRng("noise");
  const noisy = view.observedGradient.map((g) => g + 1e-4 * rng.normal());
  assert.equal(separateInputs({ ...view, observedGradient: noisy }), null);
  assert.equal(separateInputs({ ...view, numImages: 3 }), null); // one image more than the attacker thinks
  assert.equal(separateInputs(viewOf("mlp", 12).view), null); // ten classes hold nine
  assert.equal(separateInputs(view, { tries: 1 }), null);
});

test("separateInputs: refuses models without two dense layers and ReLU between them, several steps and unknown options", () => {
  const { view } = viewOf("mlp", 2);
  assert.throws(() => separateInputs({ ...view, activation: "tanh" }), /needs the activation "relu", which leaves zeros, got tanh; use invert/); // prettier-ignore
  assert.throws(() => separateInputs(viewOf("softmaxRegression", 2).view), /needs a model with two dense layers and ReLU between them, got softmaxRegression/); // prettier-ignore
  assert.throws(() => separateInputs({ ...view, localSteps: 2 }), /needs a view of one local step, got 2/);
  assert.throws(() => separateInputs(view, { tries: 0 }), /needs an integer tries >= 1, got 0/);
  assert.throws(() => separateInputs(view, { steps: 2 } as never), /steps/);
});

test("invertSeparated: gives an MLP's images with their labels, all of them, and leaves no tensor", async () => {
  const { view, secret } = viewOf("mlp", 4, 2);
  const own = batchOf(strokes, Array.from({ length: 40 }, (_, i) => i)); // prettier-ignore
  const before = tf.memory().numTensors;
  const found = (await invertSeparated(view, own, { steps: 200 }))!;
  assert.equal(tf.memory().numTensors, before);
  assert.deepEqual([...found.labels], [...secret.labels].sort());
  assert.ok(found.matchingLoss < 1e-3, String(found.matchingLoss));
});

test("invertSeparated: comes nearer to the features of LeNet-5's images than own images do, with the right labels", async () => {
  const { view, secret } = viewOf("lenet5", 5, 3);
  const own = batchOf(strokes, Array.from({ length: 40 }, (_, i) => i)); // prettier-ignore
  const [short, long] = [
    await invertSeparated(view, own, { steps: 1 }),
    await invertSeparated(view, own, { steps: 150 }),
  ];
  assert.deepEqual([...long!.labels], [...secret.labels].sort());
  assert.ok(long!.matchingLoss < 0.5 * short!.matchingLoss, `${long!.matchingLoss}, ${short!.matchingLoss}`);
  assert.equal(await invertSeparated({ ...view, numImages: 4 }, own), null);
});

test("isSeparable: of the plain mean of others alone, of one step, with ReLU before a second dense layer", () => {
  const protocol = protocolOf(defaultFederation);
  const view: AttackerView = { ...viewOf("mlp", 2).view, protocol, numClients: 10, ownShare: "out" };
  assert.equal(isSeparable(view), true);
  assert.equal(isSeparable({ ...view, ownShare: "counted" }), false);
  assert.equal(isSeparable({ ...view, activation: "tanh" }), false);
  assert.equal(isSeparable({ ...view, localSteps: 2 }), false);
  assert.equal(isSeparable({ ...view, protocol: { ...protocol, privacy: "localDp" } }), false);
  const flat = { ...viewOf("softmaxRegression", 2).view, protocol, numClients: 10, ownShare: "out" } as const;
  assert.equal(isSeparable(flat), false);
});
