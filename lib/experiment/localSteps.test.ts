import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "../core/backend";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { train } from "../fl/train";
import { broadcastDifference } from "../reconstruction/observe";
import { setUp } from "../fl/federation";
import { lossAndGradient } from "../model/network";
import { driftBound } from "../theory/bound";
import { inversionCost, largestCurvature } from "./localSteps";
import { ownStore } from "./store.fixture";
import { followLocalSteps } from "./studies";

ownStore();

const config: FederationConfig = {
  ...defaultFederation,
  architecture: "mlp",
  activation: "tanh",
  partition: "iid",
  numClients: 3,
  rounds: 2,
  localSteps: 3,
  batchSize: 2,
  learningRate: 0.5,
  evaluationImages: 9,
};

test("followLocalSteps: drift and dispersion equal those worked from the broadcasts", async () => {
  const [first] = await followLocalSteps(config, tinyDataset, { seeds: [4], rounds: [0, 1] });
  const seeded = { ...config, seed: 4 };
  const [before, after] = await train(seeded, tinyDataset);
  const observed = broadcastDifference(before!.weights, after!.weights, config.learningRate).map((x) => x / 3);
  const { network } = setUp(seeded, tinyDataset);
  const all = before!.batches.flat();
  const { gradients } = lossAndGradient(network, all.map(() => before!.weights), all); // prettier-ignore
  const mean = observed.map((_, i) => gradients.reduce((sum, g) => sum + g[i]! / 9, 0));
  const drift = Math.hypot(...observed.map((x, i) => x - mean[i]!));
  assert.ok(Math.abs(first!.drift - drift) <= 1e-3 * drift, `${first!.drift}, from the broadcasts ${drift}`);
  assert.ok(Math.abs(first!.gradientNorm - Math.hypot(...mean)) <= 1e-3 * first!.gradientNorm);
  assert.equal(first!.sentNorms.length, 3);
  assert.ok(drift > 0.01 * first!.gradientNorm, "tests nothing");
});

test("followLocalSteps: the drift keeps its bound with the constants of its own path, and is 0 at one step", async () => {
  const found = await followLocalSteps(config, tinyDataset, { seeds: [1, 2], rounds: [0, 1] });
  assert.deepEqual(
    found.map(({ seed, round }) => [seed, round]),
    [[1, 0], [1, 1], [2, 0], [2, 1]], // prettier-ignore
  );
  for (const { drift, smoothness, stepNorm, firstNorm, localSteps } of found) {
    assert.ok(drift <= driftBound({ localSteps, learningRate: 0.5, smoothness, stepNorm }));
    assert.ok(stepNorm >= firstNorm);
  }
  const [once] = await followLocalSteps({ ...config, localSteps: 1 }, tinyDataset, { seeds: [1], rounds: [0] });
  assert.ok(once!.drift < 1e-6 && once!.smoothness === 0);
  assert.ok(Math.abs(once!.dispersion - once!.sentDispersion) < 1e-9);
});

test("largestCurvature: is that of the convex model's closed form", async () => {
  // Softmax regression on one image (x, 1): H = (diag q - q q') ⊗ (x, 1)(x, 1)', at most 1/2 (|x|^2 + 1), and with q = 1/3 at the
  // start (weights small) nearly 1/3 (|x|^2 + 1).
  const convex = {
    ...config,
    architecture: "softmaxRegression" as const,
    batchSize: 1,
    initialization: "pytorch" as const,
  };
  const found = await largestCurvature(convex, tinyDataset);
  assert.equal(await largestCurvature({ ...convex, localSteps: 4 }, tinyDataset), found);
  const [record] = await train({ ...convex, seed: 1 }, tinyDataset);
  const sizes = record!.batches.map(([batch]) => batch!.images.reduce((sum, x) => sum + x * x, 1));
  const most = Math.max(...sizes);
  assert.ok(found <= most / 2 && found > most / 5, `${found} of ${most}`);
});

test("followLocalSteps, largestCurvature, inversionCost: refuse what is out of range, and keep no tensors", async () => {
  const refused = followLocalSteps(config, tinyDataset, { seeds: [1], rounds: [2] });
  await assert.rejects(refused, /^InputError: followLocalSteps: needs rounds in 0..1, got \[2\]/);
  const options = { prior: { kind: "pixel" }, steps: 10, measured: 1 } as const;
  await assert.rejects(
    inversionCost(config, tinyDataset, { ...options, measured: 0 }),
    /^InputError: inversionCost: needs an integer measured >= 1/,
  );
  const before = tf.memory().numTensors;
  await followLocalSteps(config, tinyDataset, { seeds: [1], rounds: [1] });
  assert.ok((await largestCurvature(config, tinyDataset)) > 0);
  const costs = await inversionCost(config, tinyDataset, options);
  assert.equal(tf.memory().numTensors, before);
  assert.deepEqual(
    costs.map(({ how, images, localSteps }) => [how, images, localSteps]),
    [["mean", 12, 3], ["unrolled", 12, 3]], // prettier-ignore
  );
  assert.ok(costs.every(({ seconds }) => seconds > 0));
});
