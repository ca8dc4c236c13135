import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import type { Batch } from "../core/types";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { setUp } from "../fl/federation";
import { train, type RoundRecord } from "../fl/train";
import { lossAndGradient } from "../model/network";
import { assumeContributors, knowingOwnShare, observe, withoutOwnShare } from "./observe";

before(backendReady);

const config: FederationConfig = {
  ...defaultFederation,
  architecture: "mlp",
  activation: "tanh",
  partition: "iid",
  numClients: 3,
  maliciouslyCuriousClient: 1,
  rounds: 2,
  batchSize: 2,
  learningRate: 0.1,
  evaluationImages: 9,
};

/** Broadcasts are float32: their difference is off by 6e-8 of a weight (0.4) divided by eta, 1e-5 of these gradients. */
const ROUNDING = 1e-4;

function assertClose(actual: Float32Array, expected: Float32Array): void {
  const norm = (x: Float32Array): number => Math.hypot(...x);
  const error = norm(actual.map((value, i) => value - expected[i]!));
  assert.ok(error <= ROUNDING * norm(expected), `off by ${error} of ${norm(expected)}`);
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);
}

/** Every client's update of a round, computed one at a time. */
function updatesOf({ weights, batches }: RoundRecord): Float32Array[] {
  const { network } = setUp(config, tinyDataset);
  return batches.map((own) => {
    let local = weights;
    const sum = new Float32Array(weights.length);
    for (const batch of own) {
      const gradient = lossAndGradient(network, [local], [batch]).gradients[0]!;
      gradient.forEach((g, i) => (sum[i]! += g));
      local = local.map((w, i) => w - config.learningRate * gradient[i]!);
    }
    return sum;
  });
}

test("observe: the gradient is the mean of the clients' gradients to float32's tolerance", async () => {
  const records = await train(config, tinyDataset);
  for (const k of [0, 1]) {
    const view = observe(records[k]!, records[k + 1]!, config, tinyDataset);
    assertClose(view.observedGradient, meanOf(updatesOf(records[k]!)));
  }
});

test("observe: the gradient is the mean of the summed local gradients when there are three local steps", async () => {
  const several = { ...config, localSteps: 3 };
  const [before, after] = await train(several, tinyDataset);
  const view = observe(before!, after!, several, tinyDataset);
  assert.equal(view.localSteps, 3);
  const { numImages } = view;
  assert.deepEqual([numImages, withoutOwnShare(view).numImages, assumeContributors(view, 1).numImages], [18, 12, 6]);
  assertClose(view.observedGradient, meanOf(updatesOf(before!)));
});

test("observe: is (w_k - w_(k+1)) / eta worked by hand", async () => {
  const [before, after] = await train(config, tinyDataset);
  const weights = before!.weights.map((_, i) => (i === 0 ? 1 : 0));
  const next = { ...after!, weights: weights.map((w) => w - 0.5) };
  const view = observe({ ...before!, weights }, next, { ...config, learningRate: 0.25 }, tinyDataset);
  assert.ok(view.observedGradient.every((g) => g === 2)); // 0.5 / 0.25
});

test("observe: the view holds what a client knows, and nothing besides", async () => {
  const [before, after] = await train(config, tinyDataset);
  const { observedGradient, ...view } = observe(before!, after!, config, tinyDataset);
  assert.ok(observedGradient instanceof Float32Array);
  assert.deepEqual(view, {
    round: 0,
    architecture: "mlp",
    activation: "tanh",
    pooling: "max",
    inputShape: [1, 4, 4],
    numClasses: 3,
    weights: before!.weights,
    ownUpdate: before!.ownUpdate,
    ownBatch: before!.batches[1]![0],
    batchSize: 2,
    numClients: 3,
    localSteps: 1,
    learningRate: 0.1,
    numImages: 6,
    protocol: {
      maliciouslyCuriousClient: 1,
      poisoning: "none",
      preAggregations: [],
      aggregator: "mean",
      aggregatorParameters: {},
      assumedMalicious: 0,
      nonFinite: "drop",
      secureAggregation: false,
      privacy: "none",
      privacyParameters: defaultFederation.privacyParameters,
      poisonerFollowsPrivacy: true,
    },
    previous: null,
  });
});

test("observe: the last aggregate is what the broadcasts before showed, where the rule reads it", async () => {
  const centered: FederationConfig = { ...config, aggregator: "centeredClipping" };
  const [first, second, third] = await train(centered, tinyDataset);
  assert.equal(observe(first!, second!, centered, tinyDataset).previous, null);
  const { previous } = observe(second!, third!, centered, tinyDataset);
  assertClose(previous!, observe(first!, second!, centered, tinyDataset).observedGradient);
});

test("knowingOwnShare: asks for the others' images, and leaves what was seen as it is", async () => {
  const [before, after] = await train(config, tinyDataset);
  const view = observe(before!, after!, config, tinyDataset);
  assert.deepEqual(knowingOwnShare(view), { ...view, numImages: 4, ownShare: "known" });
  for (const other of [knowingOwnShare(view), withoutOwnShare(view), assumeContributors(view, 1)])
    assert.throws(() => knowingOwnShare(other), /needs a view of all M tau B = 6 images, got [24]; give the view that/);
});

test("observe: the view does not change when everything private of the round is another's", async () => {
  const [before, after] = await train(config, tinyDataset);
  const secret = (batch: Batch): Batch => ({
    images: batch.images.map(() => 0.5),
    labels: Int32Array.of(0, 0),
    size: 2,
  });
  const hidden = { loss: -1, objectiveGap: -1, accuracy: -1, kept: [] };
  const batches = before!.batches.map((own, client) => (client === 1 ? own : own.map(secret)));
  const sent = { ...after!, ...hidden, batches: [], ownUpdate: null };
  assert.deepEqual(
    observe({ ...before!, ...hidden, batches }, sent, config, tinyDataset),
    observe(before!, after!, config, tinyDataset),
  );
});

test("withoutOwnShare: is the mean over the other clients, and counts their images", async () => {
  const [before, after] = await train(config, tinyDataset);
  const view = observe(before!, after!, config, tinyDataset);
  const { observedGradient, numImages, ...rest } = withoutOwnShare(view);
  const [first, , third] = updatesOf(before!);
  assertClose(observedGradient, meanOf([first!, third!]));
  assert.equal(numImages, 4);
  const { observedGradient: before_, numImages: all, ...same } = view;
  assert.deepEqual(rest, { ...same, ownShare: "out" });
  assertClose(before_, meanOf(updatesOf(before!))); // the view given is as it was
  assert.equal(all, 6);
});

test("withoutOwnShare: leaves exactly the other's gradient when worked by hand for two clients", async () => {
  const two = { ...config, numClients: 2 };
  const [before, after] = await train(two, tinyDataset);
  const view = observe(before!, after!, two, tinyDataset);
  const made = { ...view, observedGradient: view.weights.map(() => 3), ownUpdate: view.weights.map(() => 1) };
  assert.ok(withoutOwnShare(made).observedGradient.every((g) => g === 5)); // (2 · 3 - 1) / 1
});

test("withoutOwnShare: takes out what the attacker weighs where clients weigh differently", async () => {
  const [before, after] = await train(config, tinyDataset);
  const view = observe(before!, after!, config, tinyDataset);
  const [first, second, third] = updatesOf(before!);
  const own = config.maliciouslyCuriousClient;
  const updates = [first!, second!, third!];
  const weights = [4, 1, 3];
  const observedGradient = first!.map((_, i) => updates.reduce((sum, u, m) => sum + (weights[m]! / 8) * u[i]!, 0));
  const others = [0, 1, 2].filter((m) => m !== own);
  const left = others.reduce((sum, m) => sum + weights[m]!, 0);
  const expected = first!.map((_, i) => others.reduce((sum, m) => sum + (weights[m]! / left) * updates[m]![i]!, 0));
  const weighted = { ...view, observedGradient, ownUpdate: updates[own]!, clientWeights: weights };
  assertClose(withoutOwnShare(weighted).observedGradient, expected);
});

test("observe, withoutOwnShare: refuse a record in which nothing was sent, and an attacker who is alone", async () => {
  const records = await train(config, tinyDataset);
  assert.throws(() => observe(records[2]!, records[2]!, config, tinyDataset), {
    name: "InputError",
    message: "observe: needs the record of a round in which clients sent updates, got round 2",
  });
  const { protocol: _, ...view } = observe(records[0]!, records[1]!, config, tinyDataset); // of three clients
  assert.throws(() => withoutOwnShare({ ...view, numClients: 1, numImages: 2 }), {
    name: "InputError",
    message: "withoutOwnShare: needs at least two clients, got 1",
  });
});

test("observe: refuses two records that are no neighbours, another run's config, and broadcasts that are not finite", async () => {
  const records = await train(config, tinyDataset);
  const [first, second, third] = records as [RoundRecord, RoundRecord, RoundRecord];
  const big = { ...second, weights: second.weights.map((w, i) => (i === 4 ? Infinity : w)) };
  const refused: readonly [Parameters<typeof observe>, RegExp][] = [
    [[first, third, config, tinyDataset], /needs the next record, of round 1, got round 2$/],
    [[first, first, config, tinyDataset], /needs the next record, of round 1, got round 0$/],
    [[second, first, config, tinyDataset], /needs the next record, of round 2, got round 0$/],
    [
      [first, second, { ...config, numClients: 4 }, tinyDataset],
      /needs the config of the run: M, tau, B = 3, 1, 2, got 4, 1, 2$/,
    ],
    [[first, second, { ...config, localSteps: 2 }, tinyDataset], /M, tau, B = 3, 1, 2, got 3, 2, 2$/],
    [[first, second, { ...config, batchSize: 1 }, tinyDataset], /M, tau, B = 3, 1, 2, got 3, 1, 1$/],
    [
      [first, second, { ...config, architecture: "softmaxRegression" }, tinyDataset],
      /needs \d+ numbers in weights of round 0/,
    ],
    [
      [first, { ...second, weights: second.weights.subarray(7) }, config, tinyDataset],
      /needs two broadcasts of one model, got/,
    ],
    [
      [first, big, config, tinyDataset],
      /needs finite numbers in observedGradient of round 0, got -Infinity at index 4$/,
    ],
    [
      [first, second, { ...config, learningRate: 0 }, tinyDataset],
      /got (NaN|-?Infinity) at index|needs a finite learningRate/,
    ],
  ];
  for (const [args, message] of refused) {
    assert.throws(
      () => observe(...args),
      (error: Error) => error.name === "InputError" && message.test(error.message),
      String(message),
    );
  }
});

test("assumeContributors: takes fewer images to be behind the same gradient, and refuses impossible numbers", async () => {
  const records = await train(config, tinyDataset);
  const view = observe(records[0]!, records[1]!, config, tinyDataset);
  const { numImages, ...rest } = assumeContributors(view, 1);
  assert.equal(numImages, config.batchSize);
  assert.deepEqual({ ...rest, numImages: view.numImages }, view);
  for (const clients of [0, 1.5, config.numClients + 1]) {
    assert.throws(() => assumeContributors(view, clients), /^InputError: assumeContributors: needs an integer/);
  }
});
