/**
 * @file Bounds against what is known in closed form.
 *
 * Softmax regression at w = 0 is linear in its images: its gradient is d x' with d = q - y, q = 1/K whatever x is. J'J is then a Gram
 * matrix of d times the identity, and everything follows by hand.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { defaultPrivacy, type PrivacyParameters } from "../defense/privacy/privacy";
import { defaultFederation, type FederationConfig } from "../fl/config";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient } from "../model/network";
import { localDp } from "../defense/privacy/localDp";
import { bounds, type BoundsOptions } from "./bounds";
import { invert } from "./invert";
import { knowingOwnShare } from "./observe";
import { protocolOf } from "./protocol";
import type { AttackerView } from "./view";

before(backendReady);

const [pixels, classes] = [16, 10];
const near = (actual: number, expected: number, tolerance: number, words = ""): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance * expected, `${words} ${actual}, not ${expected}`);

interface Scene {
  readonly view: AttackerView;
  readonly truth: Batch;
}

/** M clients with B images each, the others' of these labels; client 0 looks. */
function sceneOf(
  architecture: ArchitectureName,
  labels: readonly number[],
  change: Partial<FederationConfig> = {},
  seed = 1,
): Scene {
  const { batchSize = 1 } = change;
  const config = { ...defaultFederation, numClients: labels.length / batchSize + 1, batchSize, maliciouslyCuriousClient: 0, assumedMalicious: 0, ...change }; // prettier-ignore
  const network = buildNetwork(architecture, [1, 4, 4], classes, { activation: "tanh", pooling: "average" });
  const isLinear = architecture === "softmaxRegression";
  const weights = isLinear
    ? new Float32Array(network.size)
    : initialWeights(network.layer, createRng(seed), "variancePreserving", 1);
  const rng = createRng(seed).split("images");
  const draw = (own: readonly number[]): Batch => ({
    images: rng.uniforms(own.length * pixels),
    labels: Int32Array.from(own),
    size: own.length,
  });
  const [truth, ownBatch] = [draw(labels), draw(new Array<number>(batchSize).fill(0))];
  const zeros = new Float32Array(network.size);
  const view: AttackerView = {
    ...{ round: 3, architecture, activation: "tanh", pooling: "average", inputShape: [1, 4, 4], numClasses: classes },
    ...{ weights, observedGradient: zeros, ownUpdate: zeros, ownBatch, batchSize, numClients: config.numClients },
    ...{ localSteps: config.localSteps, learningRate: config.learningRate, numImages: config.numClients * batchSize },
    ...{ protocol: protocolOf(config), previous: null },
  };
  return { view, truth };
}

const local = (change: Partial<PrivacyParameters>): Partial<FederationConfig> => ({
  privacy: "localDp",
  privacyParameters: { ...defaultPrivacy, clipNorm: 100, noiseMultiplier: 1e-3, ...change },
});
const many = { probes: 200, tolerance: 1e-5 } as const;

/** The eigenvalues of J'J are those of the Gram matrix of d, P times each: m - 1 times 1, and 1 - m/K, for m images of m labels. */
const gram = (m: number): number[] => [...new Array<number>(m - 1).fill(1), 1 - m / classes];
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

test("bounds: are those of the linear model in closed form", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1, 2, 3], local({})); // s = 1e-3 · 100 of each of 3 messages
  const deviation = 0.3;
  const found = await bounds(view, truth, { ...many, prior: deviation });
  near(found.noiseStd, (0.1 * Math.sqrt(3)) / 4, 1e-9);
  assert.deepEqual([found.round, found.coordinates], [3, 48]);
  const s = 0.1 * Math.sqrt(3); // of the sum
  const right = {
    trace: s / Math.sqrt(mean(gram(3))),
    cramerRao: s * Math.sqrt(mean(gram(3).map((x) => 1 / x))),
    vanTrees: Math.sqrt(mean(gram(3).map((x) => 1 / (x / s ** 2 + 1 / deviation ** 2)))),
  };
  for (const [name, value] of Object.entries(right) as [keyof typeof right, number][]) {
    const { rmse, standardError } = found[name]!;
    assert.ok(standardError < 0.02 * value, `${name}: ${standardError}`);
    assert.ok(Math.abs(rmse - value) <= 4 * standardError + 1e-5 * value, `${name}: ${rmse} ± ${standardError}, not ${value}`); // prettier-ignore
  }
  near(found.guess!, deviation, 1e-6);
  assert.ok(found.cramerRao.residual <= 1e-5 && found.vanTrees!.residual <= 1e-5);
});

test("bounds: where probes cannot differ, they are exact: one image of which all pixels are seen alike", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1], local({}));
  const found = await bounds(view, truth, { probes: 2, prior: 0.2 });
  near(found.noiseStd, 0.1 / 2, 1e-9);
  for (const one of [found.trace, found.cramerRao]) near(one.rmse, 0.1 / Math.sqrt(0.9), 1e-5); // |d|^2 = 0.9^2 + 9 · 0.1^2
  near(found.vanTrees!.rmse, Math.sqrt(1 / (0.9 / 0.1 ** 2 + 1 / 0.2 ** 2)), 1e-5);
  for (const one of [found.trace, found.cramerRao, found.vanTrees!]) assert.ok(one.standardError < 1e-5 * one.rmse);
});

test("bounds: a clip takes the direction of the update out of what is seen", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1], local({ clipNorm: 0.5, noiseMultiplier: 0.2 }));
  const length = Math.sqrt(0.9 * (truth.images.reduce((sum, x) => sum + x * x, 0) + 1)); // the bias's gradient is d
  assert.ok(length > 0.5);
  const squares = truth.images.reduce((sum, x) => sum + x * x, 0);
  const scale = (0.9 * (0.5 / length) ** 2) / 0.1 ** 2;
  const eigenvalues = [...new Array<number>(pixels - 1).fill(scale), scale / (squares + 1)];
  const found = await bounds(view, truth, { ...many, probes: 400 });
  const right = { trace: 1 / Math.sqrt(mean(eigenvalues)), cramerRao: Math.sqrt(mean(eigenvalues.map((x) => 1 / x))) };
  for (const name of ["trace", "cramerRao"] as const) {
    const { rmse, standardError } = found[name];
    assert.ok(standardError < 0.03 * right[name]);
    assert.ok(Math.abs(rmse - right[name]) <= 4 * standardError + 1e-5, `${name}: ${rmse} ± ${standardError}, not ${right[name]}`); // prettier-ignore
  }
  assert.equal(found.vanTrees, null);
  assert.equal(found.guess, null);
});

test("bounds: noise that is given, what each example adds under dpSgd, and what was dropped", async () => {
  const given = sceneOf("softmaxRegression", [1]);
  const free = await bounds(given.view, given.truth, { probes: 2, noiseStd: 0.01 }); // of (own + d x') / 2
  near(free.cramerRao.rmse, 0.02 / Math.sqrt(0.9), 1e-5);
  assert.equal(free.renyi, null);
  const pair = sceneOf("softmaxRegression", [1, 1], { ...local({}), privacy: "dpSgd", batchSize: 2 });
  const summed = await bounds(pair.view, pair.truth, { probes: 2 }); // two images of one label: only their sum is seen
  near(summed.noiseStd, 0.1 / 2 / 2, 1e-9);
  assert.ok(summed.cramerRao.rmse > 10, `${summed.cramerRao.rmse}`);
  const [one, two] = [sceneOf("mlp", [1, 2, 3, 4], { ...local({}), batchSize: 2 }), sceneOf("mlp", [1, 2, 3, 4], { ...local({}), privacy: "dpSgd", batchSize: 2 })]; // prettier-ignore
  const [mean, sum] = [await bounds(one.view, one.truth), await bounds(two.view, two.truth)];
  near(mean.trace.rmse, 2 * sum.trace.rmse, 1e-3, "the noise on a mean of two, and on their sum:");
  near(mean.noiseStd, 2 * sum.noiseStd, 1e-9);
  const dropped = { ...one.view, ownUpdate: one.view.ownUpdate.map(() => NaN) };
  const without = await bounds(dropped, one.truth);
  near(without.noiseStd, (3 / 2) * mean.noiseStd, 1e-9);
  near(without.trace.rmse, mean.trace.rmse, 1e-6);
});

test("bounds: the Rényi bound is that of one message replaced under the others' noise", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1, 2, 3], local({ clipNorm: 1, noiseMultiplier: 5 }));
  const { renyi } = await bounds(view, truth, { probes: 2, iterations: 1 });
  near(renyi!, 1 / (2 * Math.sqrt(Math.exp((2 / (5 * Math.sqrt(3))) ** 2) - 1)), 1e-9); // D = (2 C)^2 / (s^2 (M - 1))
  const quiet = sceneOf("softmaxRegression", [1, 2, 3], local({ clipNorm: 1, noiseMultiplier: 1e-3 }));
  assert.equal((await bounds(quiet.view, quiet.truth, { probes: 2, iterations: 1 })).renyi, 0);
});

test("bounds: the best linear estimate attains van Trees on average, and no estimate beats it", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1], local({}));
  const [s, deviation, draws] = [0.1, 0.2, 4000];
  const { vanTrees } = await bounds(view, truth, { probes: 2, prior: deviation });
  const rng = createRng("draws");
  const errors = [0, 0, 0];
  for (let i = 0; i < draws; i++) {
    const x = deviation * rng.normal(); // of one pixel; what is seen of it, along d / |d|, is |d| x + N(0, s^2)
    const seen = x + (s / Math.sqrt(0.9)) * rng.normal();
    const shrunk = seen / (1 + s ** 2 / 0.9 / deviation ** 2);
    [shrunk, seen, 0].forEach((estimate, k) => (errors[k]! += (estimate - x) ** 2 / draws));
  }
  near(Math.sqrt(errors[0]!), vanTrees!.rmse, 0.04);
  assert.ok(errors[1]! > errors[0]! && errors[2]! > errors[0]!);
});

test("bounds: every truth has probes of its own, so that the mean over views nears the truth as its error says", async () => {
  const right = (0.1 * Math.sqrt(3)) / Math.sqrt(mean(gram(3))); // whatever the images
  const found: number[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const { view, truth } = sceneOf("softmaxRegression", [1, 2, 3], local({}), seed);
    found.push((await bounds(view, truth, { probes: 2, iterations: 1 })).trace.rmse);
  }
  const spread = Math.sqrt(mean(found.map((x) => (x - mean(found)) ** 2)));
  assert.ok(spread > 0.01 * right, `${spread}`);
  assert.ok(Math.abs(mean(found) - right) <= (4 * spread) / Math.sqrt(found.length), `${mean(found)}, not ${right}`);
});

test("bounds: are a function of the seed, and no tensor is left", async () => {
  const { view, truth } = sceneOf("mlp", [1, 2, 3], local({}));
  const held = tf.memory().numTensors;
  const [few, more] = [await bounds(view, truth, { probes: 3 }), await bounds(view, truth, { probes: 3 })];
  assert.deepEqual(few, more);
  const other = await bounds(view, truth, { probes: 3, seed: 1 });
  assert.notEqual(other.trace.rmse, few.trace.rmse);
  assert.equal(tf.memory().numTensors, held);
});

test("bounds: attacks on noisy views do not beat van Trees beyond their standard error, and come near it", async () => {
  const deviation = Math.sqrt(1 / 12); // of U[0, 1]
  const network = buildNetwork("mlp", [1, 4, 4], classes, { activation: "tanh", pooling: "average" });
  const scenes = Array.from({ length: 12 }, (_, i) =>
    sceneOf("mlp", [i % classes], local({ noiseMultiplier: 2e-4 }), i),
  );
  const limits: number[] = [];
  for (const { view, truth } of scenes)
    limits.push((await bounds(view, truth, { prior: deviation, probes: 4 })).vanTrees!.rmse ** 2);
  const views = scenes.map(({ view, truth }, seed) => {
    const { gradients } = lossAndGradient(network, [view.weights], [truth]);
    const sent = localDp(gradients[0]!, view.protocol!.privacyParameters, 1, createRng(seed).split("noise"));
    return knowingOwnShare({ ...view, observedGradient: sent.map((x) => x / 2) }); // its own update is 0
  });
  const how = { prior: { kind: "pixel" }, objective: "squared", box: true, learningRate: 0.03, steps: 200 } as const;
  const labels = scenes.map(({ truth }) => truth.labels);
  const found = await invert(views, { ...how, through: "protocol", labels });
  const errors = scenes.map(({ truth }, i) => mean([...found[i]!.images].map((x, k) => (x - truth.images[k]!) ** 2)));
  const [error, limit] = [mean(errors), mean(limits)];
  const standardError = Math.sqrt(mean(errors.map((x) => (x - error) ** 2)) / (errors.length - 1));
  assert.ok(standardError < 0.2 * error, `${standardError} of ${error}`);
  assert.ok(error + 3 * standardError >= limit, `${error} ± ${standardError} below ${limit}`);
  assert.ok(error - 3 * standardError <= 1.1 * limit, `${error} ± ${standardError} above ${limit}`);
});

test("bounds: refuses what it cannot bound", async () => {
  const { view, truth } = sceneOf("softmaxRegression", [1, 2], local({}));
  const { protocol, ...bare } = view;
  const by = (change: Partial<FederationConfig>): AttackerView => sceneOf("softmaxRegression", [1, 2], { ...local({}), ...change }).view; // prettier-ignore
  const cases: readonly [AttackerView, BoundsOptions, string, Batch?][] = [
    [bare, {}, "needs a view with its protocol, got one of round 3 without; see protocolOf"],
    [by({ aggregator: "median" }), {}, "needs a plain mean, of whose noise the size is known, got median"],
    [
      by({ preAggregations: ["bucketing"] }),
      {},
      "needs a plain mean, of whose noise the size is known, got bucketing and mean",
    ],
    [by({ localSteps: 2 }), {}, "needs one local step, after which noise and images are apart, got tau = 2"],
    [
      by({ privacy: "none" }),
      {},
      'needs noise of known size, got privacy "none"; give noiseStd, of a coordinate of what the client sees',
    ],
    [by({ privacy: "none" }), { noiseStd: 0 }, "needs a finite noiseStd > 0, got 0"],
    [
      by(local({ noiseMultiplier: 0 })),
      {},
      "needs noise of known size, got noiseMultiplier 0; set protocol.privacyParameters.noiseMultiplier",
    ],
    [view, { noiseStd: 1 }, "needs no noiseStd beside that of localDp, got 1; leave it out"],
    [
      view,
      {},
      "needs the (M - 1) B = 2 private images of all others, got 1",
      { images: truth.images.slice(0, 16), labels: truth.labels.slice(0, 1), size: 1 },
    ],
    [
      view,
      {},
      "needs pixels of truth in [0, 1], got 2 at index 0; divide bytes by 255",
      { ...truth, images: truth.images.map((x, i) => (i === 0 ? 2 : x)) },
    ],
    [view, { prior: 0 }, "needs a prior of a finite standard deviation > 0, got 0"],
    [view, { prior: { pixels: 4, factors: [] } }, "needs a prior of images of 16 pixels, got 4"],
    [
      view,
      { prior: { pixels: 16, factors: [] } },
      "needs a prior of class 1, got none; give gaussianPrior two images of it, or more",
    ],
    [view, { prior: {} as never }, "needs a prior as gaussianPrior gives it, or a standard deviation, got {}"],
    [view, { probes: 1 }, "needs an integer probes >= 2, got 1"],
    [view, { tolerance: NaN }, "needs a finite tolerance >= 0, got NaN"],
    [view, { sedd: 1 } as never, "needs only known names in options, got sedd; did you mean seed?"],
  ];
  const held = tf.memory().numTensors;
  for (const [shown, options, message, images = truth] of cases)
    await assert.rejects(bounds(shown, images, options), { name: "InputError", message: `bounds: ${message}` });
  assert.equal(tf.memory().numTensors, held);
  assert.ok(protocol);
});
