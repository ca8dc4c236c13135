import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { stepAgainst, type RoundRecord } from "../fl/train";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { gainOf } from "../model/layers/activation";
import { initialWeights, lossAndGradient } from "../model/network";
import { invertAnalytically } from "./analytic";
import { observe, withoutOwnShare } from "./observe";
import type { AttackerView } from "./view";

before(backendReady);

const pixels = 36;
const input = { inputShape: [1, 6, 6], numClasses: 4 } as const;

function randomBatch(size: number, seed: string): Batch {
  const rng = createRng(seed);
  return {
    images: rng.uniforms(size * pixels),
    labels: Int32Array.from({ length: size }, (_, i) => (i + 1) % 4),
    size,
  };
}

/** What a client sees of a round that it shares with one other, whose batch is private. */
function viewOf(architecture: ArchitectureName, secret: Batch, activation: "relu" | "tanh" = "relu"): AttackerView {
  const config: FederationConfig = {
    ...defaultFederation,
    architecture,
    activation,
    numClients: 2,
    batchSize: secret.size,
    learningRate: 0.5,
  };
  const network = buildNetwork(architecture, input.inputShape, input.numClasses, { activation });
  const weights = initialWeights(network.layer, createRng("weights"), "variancePreserving", gainOf(activation));
  const own = randomBatch(secret.size, "own");
  const { gradients } = lossAndGradient(network, [weights, weights], [own, secret]);
  const mean = gradients[0]!.map((g, i) => (g + gradients[1]![i]!) / 2);
  const measured = {
    loss: 0,
    objectiveGap: 0,
    accuracy: 0,
    attackSuccess: null,
    kept: [],
    effectiveParticipants: 2,
    dropped: [],
    skipped: null,
  };
  const before: RoundRecord = {
    round: 0,
    weights,
    batches: [[own], [secret]],
    ownUpdate: gradients[0]!,
    memory: {},
    ...measured,
  };
  const after: RoundRecord = { ...before, round: 1, weights: stepAgainst(weights, mean, 0.5) };
  return withoutOwnShare(observe(before, after, config, input));
}

function rmse(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

for (const [architecture, activation] of [
  ["mlp", "relu"],
  ["mlp", "tanh"],
  ["softmaxRegression", "relu"],
] as const) {
  test(`invertAnalytically: returns the one private image exactly on ${architecture} with ${activation}`, () => {
    const secret = randomBatch(1, "secret");
    const [found] = invertAnalytically(viewOf(architecture, secret, activation));
    assert.equal(found!.image.length, pixels);
    const error = rmse(found!.image, secret.images);
    assert.ok(error < 1e-4, `${error}`);
  });
}

test("invertAnalytically: gives the rows of the largest bias gradients first, each the same image", () => {
  const secret = randomBatch(1, "secret");
  const view = viewOf("softmaxRegression", secret);
  const found = invertAnalytically(view, { count: 4 });
  const bias = [...view.observedGradient.slice(-4)];
  assert.deepEqual(
    found.map(({ weight }) => weight),
    bias.map(Math.abs).sort((a, b) => b - a),
  );
  assert.deepEqual(
    found.map(({ unit }) => Math.abs(bias[unit]!)),
    found.map(({ weight }) => weight),
  );
  for (const { image } of found) assert.ok(rmse(image, secret.images) < 1e-3);
});

test("invertAnalytically: gives a weighted mean of several images, the weights being their shares of the bias gradient", () => {
  const secret = randomBatch(3, "secret");
  const view = viewOf("softmaxRegression", secret);
  const network = buildNetwork("softmaxRegression", input.inputShape, input.numClasses);
  const singles = [0, 1, 2].map((i) => ({
    images: secret.images.slice(i * pixels, (i + 1) * pixels),
    labels: secret.labels.slice(i, i + 1),
    size: 1,
  }));
  const { weights } = view;
  const { gradients } = lossAndGradient(network, [weights, weights, weights], singles);
  for (const { unit, image } of invertAnalytically(view, { count: 4 })) {
    const slopes = gradients.map((g) => g[4 * pixels + unit]!);
    const total = slopes.reduce((a, b) => a + b, 0);
    const expected = image.map((_, p) =>
      singles.reduce((sum, { images }, i) => sum + (slopes[i]! / total) * images[p]!, 0),
    );
    assert.ok(rmse(image, expected) < 1e-3);
  }
});

test("invertAnalytically: finds one of several images where a relu unit was active for it alone", () => {
  const secret = randomBatch(2, "secret");
  const found = invertAnalytically(viewOf("mlp", secret), { count: 60 });
  const images = [0, 1].map((i) => secret.images.slice(i * pixels, (i + 1) * pixels));
  for (const image of images) assert.ok(found.some((one) => rmse(one.image, image) < 1e-3));
});

test("invertAnalytically: divides rows by bias gradients worked by hand, and does not write to the view", () => {
  // Two pixels, two classes: rows (1, 2) / 0.5 = (2, 4) and (3, -6) / -1.5 = (-2, 4); the second has the larger slope.
  const view: AttackerView = {
    ...viewOf("softmaxRegression", randomBatch(1, "any")),
    inputShape: [1, 1, 2],
    numClasses: 2,
    weights: new Float32Array(6),
    ownUpdate: new Float32Array(6),
    ownBatch: { images: new Float32Array(2), labels: Int32Array.of(0), size: 1 },
    observedGradient: Float32Array.of(1, 2, 3, -6, 0.5, -1.5),
  };
  assert.deepEqual(invertAnalytically(view, { count: 2 }), [
    { unit: 1, weight: 1.5, image: Float32Array.of(-2, 4) },
    { unit: 0, weight: 0.5, image: Float32Array.of(2, 4) },
  ]);
  assert.deepEqual(view.observedGradient, Float32Array.of(1, 2, 3, -6, 0.5, -1.5));
});

test("invertAnalytically: refuses a convolution in front, a count out of range, and rows without a bias gradient", () => {
  const view = viewOf("softmaxRegression", randomBatch(1, "secret"));
  const { size } = buildNetwork("lenet5", [1, 28, 28], 4);
  const vectors = { weights: new Float32Array(size), ownUpdate: new Float32Array(size) };
  const ownBatch = { images: new Float32Array(784), labels: Int32Array.of(0), size: 1 };
  const lenet: AttackerView = {
    ...{ ...view, architecture: "lenet5", inputShape: [1, 28, 28] },
    ...{ ...vectors, observedGradient: new Float32Array(size), ownBatch },
  };
  assert.throws(() => invertAnalytically(lenet), {
    name: "InputError",
    message:
      'invertAnalytically: needs a model that begins with a dense layer on the pixels, got lenet5; use invert, or the architecture "mlp"',
  });
  for (const count of [0, 1.5, 5, NaN]) {
    assert.throws(() => invertAnalytically(view, { count }), {
      name: "InputError",
      message: `invertAnalytically: needs a count of 1..4 rows, got ${count}`,
    });
  }
  const silent = { ...view, observedGradient: new Float32Array(view.observedGradient.length) };
  assert.throws(() => invertAnalytically(silent), {
    name: "InputError",
    message: "invertAnalytically: needs rows with a bias gradient other than 0, got 0 for unit 0; ask for fewer rows",
  });
});
