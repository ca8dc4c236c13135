/** @file Views of models that are lists of layers, with normalised inputs: every reader of a view reads them too. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { batchOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import { defaultFederation } from "../fl/config";
import { localUpdates } from "../fl/client";
import type { ModelSpec } from "../model/buildNetwork";
import type { LayerList } from "../model/layerList";
import { initialWeights, lossAndGradient } from "../model/network";
import { invertAnalytically } from "./analytic";
import { bounds } from "./bounds";
import { invert, matchingLosses } from "./invert";
import { invertSeparated, isSeparable } from "./invertSeparated";
import { inferLabels } from "./labels";
import { protocolOf } from "./protocol";
import { separateInputs } from "./separation";
import { checkView, networkOf, type AttackerView } from "./view";

before(backendReady);

const strokes = drawStrokes(60, createRng("listed"));
const normalize = { mean: [0.286], std: [0.353] };
const own = batchOf(strokes, Array.from({ length: 30 }, (_, i) => 30 + i)); // prettier-ignore

const convolutional: LayerList = [
  ...[{ conv2d: { out: 6, kernel: 5, padding: 2, stride: 2 } }, { groupNorm: 2 }, "tanh" as const],
  ...[{ residual: [{ conv2d: { out: 6, kernel: 3, padding: 1 } }, "silu" as const] }],
  ...["flatten" as const, { linear: 10 }],
];
const perceptron = (act: "relu" | "tanh"): LayerList => ["flatten", { linear: 128 }, act, { linear: 10 }];

/** The mean gradient of the first so many strokes, through a model with normalised inputs. */
function viewOf(architecture: ModelSpec, count = 1, more: Partial<AttackerView> = {}): AttackerView {
  const bare: AttackerView = {
    ...{ round: 0, architecture, activation: "relu", pooling: "average", inputShape: [1, 28, 28], numClasses: 10 },
    ...{ weights: new Float32Array(), observedGradient: new Float32Array(), ownUpdate: new Float32Array() },
    ...{ ownBatch: own, batchSize: 1, numClients: count, localSteps: 1, learningRate: 0.1, numImages: count },
    ...{ normalize, ...more },
  };
  const network = networkOf(bare);
  const weights = initialWeights(network.layer, createRng("weights"), "variancePreserving", 1);
  const { gradients } = lossAndGradient(network, [weights], [secretOf(count)]);
  return { ...bare, weights, observedGradient: gradients[0]!, ownUpdate: new Float32Array(network.size) };
}

const secretOf = (count: number): Batch => batchOf(strokes, Array.from({ length: count }, (_, i) => i)); // prettier-ignore

function rmse(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

test("invert: finds the image in [0, 1] through a list of layers with normalised inputs", async () => {
  const view = viewOf(convolutional);
  const options = { prior: { kind: "pixel" }, box: true, steps: 300, learningRate: 0.1, totalVariation: 1e-4 } as const;
  const before = tf.memory().numTensors;
  const [found] = await invert([view], options);
  assert.equal(tf.memory().numTensors, before);
  assert.ok(Math.min(...found!.images) >= 0 && Math.max(...found!.images) <= 1);
  const error = rmse(found!.images, secretOf(1).images);
  assert.ok(error < 0.01, `${error}`);
  const [loss] = await matchingLosses([view], [secretOf(1)], { prior: { kind: "pixel" } });
  assert.ok(loss! < 1e-6, `of the secret itself ${loss}`);
});

test("invert: views of different models or normalisations are searched as each alone", async () => {
  const views = [
    viewOf(convolutional),
    { ...viewOf(convolutional), normalize: { mean: [0.5], std: [0.5] } },
    viewOf(perceptron("tanh")),
    viewOf("mlp"),
  ];
  const options = { prior: { kind: "bicubic" }, steps: 3 } as const;
  const together = await invert(views, options);
  assert.equal(new Set(together.map(({ matchingLoss }) => matchingLoss)).size, 4);
  for (const [i, view] of views.entries()) {
    const [alone] = await invert([view], options);
    assert.ok(rmse(together[i]!.images, alone!.images) < 1e-5, `view ${i}`);
  }
});

test("matchingLosses: local steps through a list are unrolled, and nothing is left of the secret's own loss", async () => {
  const view = viewOf(convolutional, 1, { localSteps: 2, learningRate: 0.02, numImages: 2 });
  const steps = [batchOf(strokes, [0]), batchOf(strokes, [1])];
  const [update] = localUpdates(networkOf(view), view.weights, [steps], view.learningRate);
  const seen = { ...view, observedGradient: update! };
  const prior = { kind: "pixel" } as const;
  const [unrolled] = await matchingLosses([seen], [secretOf(2)], { prior, unroll: true });
  const [pretending] = await matchingLosses([seen], [secretOf(2)], { prior });
  assert.ok(unrolled! < 1e-6 && pretending! > 1e-4, `${unrolled}, ${pretending}`);
});

test("bounds: of a list are those of the same model by its name", async () => {
  const protocol = { ...protocolOf({ ...defaultFederation, numClients: 2 }), privacy: "localDp", privacyParameters: { ...defaultFederation.privacyParameters, noiseMultiplier: 0.01 } } as const; // prettier-ignore
  const more = { protocol, numClients: 2, ownShare: "out" } as const;
  const [named, listed] = await Promise.all(
    (["mlp", perceptron("relu")] as const).map((model) => bounds(viewOf(model, 1, more), secretOf(1), { prior: 0.3, probes: 2, iterations: 3 })), // prettier-ignore
  );
  assert.deepEqual(listed, named);
  const plain = await bounds({ ...viewOf("mlp", 1, more), normalize: { mean: [0], std: [1] } }, secretOf(1), { prior: 0.3, probes: 2, iterations: 3 }); // prettier-ignore
  assert.notDeepEqual(plain.trace, named!.trace); // normalised inputs are steeper
});

test("invertAnalytically: undoes the normalisation, for a name as for a list", () => {
  for (const architecture of ["mlp", "softmaxRegression", perceptron("tanh")] as const) {
    const [found] = invertAnalytically(viewOf(architecture));
    const error = rmse(found!.image, secretOf(1).images);
    assert.ok(error < 1e-4, `${error}`);
  }
});

test("invertAnalytically: refuses a list that begins with another layer, or has no biases", () => {
  const refused: readonly LayerList[] = [
    convolutional,
    ["tanh", "flatten", { linear: 10 }],
    ["flatten", { linear: { out: 12, bias: false } }, "relu", { linear: 10 }],
  ];
  for (const list of refused)
    assert.throws(() => invertAnalytically(viewOf(list)), {
      message:
        'invertAnalytically: needs a model that begins with a dense layer on the pixels, got the list of layers; use invert, or the architecture "mlp"',
    });
});

test("inferLabels: is exact through a list, and refuses one that ends without biases", async () => {
  assert.deepEqual([...(await inferLabels(viewOf(convolutional)))], [...secretOf(1).labels]);
  const bare = viewOf(["flatten", { linear: { out: 10, bias: false } }]);
  const message = "inferLabels: needs a model that ends in a dense layer with biases, got dense in the list of layers; give the labels"; // prettier-ignore
  await assert.rejects(inferLabels(bare), { name: "InputError", message });
  await assert.rejects(invert([bare], { prior: { kind: "pixel" }, steps: 1 }), { name: "InputError", message });
  const options = { prior: { kind: "pixel" }, objective: "squared", steps: 200, learningRate: 0.1 } as const;
  const [found] = await invert([bare], { ...options, labels: [secretOf(1).labels] });
  assert.ok(rmse(found!.images, secretOf(1).images) < 0.05, `${rmse(found!.images, secretOf(1).images)}`);
});

test("separateInputs: asks a list's own layers for ReLU, and gives what went into them", () => {
  const view = viewOf(perceptron("relu"), 3, { activation: "tanh" }); // which says nothing of a list
  const inputs = secretOf(3).images.map((x) => (x - normalize.mean[0]!) / normalize.std[0]!);
  const found = separateInputs(view)!;
  assert.equal(found.length, 3);
  for (const { input } of found) {
    const errors = [0, 1, 2].map((i) => rmse(input, inputs.subarray(784 * i, 784 * (i + 1))));
    assert.ok(Math.min(...errors) < 1e-2, `${Math.min(...errors)}`);
  }
  assert.throws(() => separateInputs(viewOf(perceptron("tanh"), 3)), /needs a model with two dense layers and ReLU between them, got the list of layers; use invert$/); // prettier-ignore
});

test("isSeparable: is so of a list as of a name", () => {
  const protocol = protocolOf({ ...defaultFederation, numClients: 2 });
  const more = { protocol, ownShare: "out", numClients: 2 } as const;
  assert.equal(isSeparable(viewOf("mlp", 1, more)), true);
  assert.equal(isSeparable(viewOf(perceptron("relu"), 1, { ...more, activation: "tanh" })), true);
  assert.equal(isSeparable(viewOf(perceptron("tanh"), 1, more)), false);
  assert.equal(isSeparable(viewOf(convolutional, 1, more)), false);
  const bare: LayerList = ["flatten", { linear: { out: 128, bias: false } }, "relu", { linear: 10 }];
  assert.equal(isSeparable(viewOf(bare, 1, more)), false);
});

test("invertSeparated: gives images in [0, 1] behind a list with normalised inputs", async () => {
  const view = viewOf(perceptron("relu"), 2);
  const found = await invertSeparated(view, own, { starts: 1, steps: 300 });
  const secret = secretOf(2);
  assert.deepEqual([...found!.labels], [...secret.labels].sort());
  for (let i = 0; i < 2; i++) {
    const errors = [0, 1].map((k) => rmse(found!.images.subarray(784 * i, 784 * (i + 1)), secret.images.subarray(784 * k, 784 * (k + 1)))); // prettier-ignore
    assert.ok(Math.min(...errors) < 0.05, `${Math.min(...errors)}`);
  }
});

test("checkView: refuses a list or a normalisation that is none, in one line", () => {
  const view = viewOf(convolutional);
  const broken: readonly [object, string][] = [
    [{ architecture: [] }, "buildNetwork: needs at least one layer, got none"],
    [{ architecture: ["flatten", { linear: 9 }] }, 'buildNetwork: needs a list of layers that ends in 10 logits, got [9]; end it with { "linear": 10 }'], // prettier-ignore
    [{ architecture: ["flatten", { linear: 10 }] }, "invert: needs 7850 numbers in weights of round 0, got 12268"],
    [{ normalize: { mean: [1, 2], std: [1] } }, "normalize: needs mean to be 1 numbers, one per channel, got [1, 2]"],
    [{ normalize: null }, "buildNetwork: needs an object for normalize, got null"],
  ];
  for (const [change, message] of broken)
    assert.throws(() => checkView("invert", { ...view, ...change }), { name: "InputError", message });
});
