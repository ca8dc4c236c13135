import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import { defaultFederation } from "../fl/config";
import type { Batch } from "../core/types";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient } from "../model/network";
import { invertAnalytically } from "./analytic";
import { invert } from "./invert";
import { inferLabels } from "./labels";
import { assumeContributors, knowingOwnShare, withoutOwnShare } from "./observe";
import { protocolOf } from "./protocol";
import type { AttackerView } from "./view";

before(backendReady);

/** What the second of two clients sees of softmax regression on four pixels and three classes. */
function goodView(): AttackerView {
  const network = buildNetwork("softmaxRegression", [1, 2, 2], 3);
  const weights = initialWeights(network.layer, createRng(1), "variancePreserving", 1);
  const images = createRng(2).uniforms(8);
  const secret: Batch = { images, labels: Int32Array.of(0, 2), size: 2 };
  const ownBatch: Batch = { images: images.slice(4), labels: Int32Array.of(2), size: 1 };
  const [mean] = lossAndGradient(network, [weights], [secret]).gradients;
  const [ownUpdate] = lossAndGradient(network, [weights], [ownBatch]).gradients;
  return {
    ...{ round: 4, architecture: "softmaxRegression", activation: "tanh", pooling: "average" },
    ...{ inputShape: [1, 2, 2], numClasses: 3, weights, observedGradient: mean!, ownUpdate: ownUpdate!, ownBatch },
    ...{ batchSize: 1, numClients: 2, localSteps: 1, learningRate: 0.1, numImages: 2 },
    protocol,
  };
}

const protocol = protocolOf({ ...defaultFederation, numClients: 2, maliciouslyCuriousClient: 1 });
const { privacyParameters } = defaultFederation;

/** Every public function of one view. */
const entries: Readonly<Record<string, (view: AttackerView) => unknown>> = {
  invert: (view) => invert([view], { prior: { kind: "pixel" }, steps: 1 }),
  inferLabels: (view) => inferLabels(view),
  invertAnalytically: (view) => invertAnalytically(view),
  withoutOwnShare: (view) => withoutOwnShare(view),
  assumeContributors: (view) => assumeContributors(view, 1),
  knowingOwnShare: (view) => knowingOwnShare(view),
};

const at = (values: Float32Array, i: number, x: number): Float32Array =>
  values.map((value, j) => (j === i ? x : value));
const { weights, observedGradient, ownUpdate, ownBatch } = goodView();
const broken: readonly [Record<string, unknown>, RegExp][] = [
  [{ architecture: "lenet" }, /needs an architecture of lenet5, .*, got lenet; did you mean lenet5\?$/],
  [{ architecture: "constructor" }, /needs an architecture of lenet5, .*, got constructor$/],
  [{ activation: "gelu" }, /needs an activation of sigmoid, tanh, relu, got gelu; did you mean relu\?$/],
  [{ activation: undefined }, /needs an activation of sigmoid, tanh, relu, got undefined$/],
  [{ pooling: "Max" }, /needs a pooling of average, max, got Max; did you mean max\?$/],
  [{ pooling: undefined }, /needs a pooling of average, max, got undefined$/],
  [{ inputShape: [4] }, /needs an inputShape \[C, H, W\], got \[4\]$/],
  [{ inputShape: [1, 2, 2.5] }, /needs an inputShape \[C, H, W\], got \[1, 2, 2.5\]$/],
  [{ numClasses: 4 }, /needs 20 numbers in weights of round 4, got 15$/],
  [{ numClasses: "3" }, /needs an integer numClasses >= 2, got 3$/],
  [{ weights: weights.subarray(7) }, /needs 15 numbers in weights of round 4, got 8$/],
  [{ weights: at(weights, 2, NaN) }, /needs finite numbers in weights of round 4, got NaN at index 2$/],
  [
    { weights: [...weights] },
    /needs a Float32Array in weights of round 4, got Array; convert it by Float32Array.from$/,
  ],
  [{ weights: undefined }, /needs a Float32Array in weights of round 4, got undefined$/],
  [{ observedGradient: observedGradient.subarray(7) }, /needs 15 numbers in observedGradient of round 4, got 8$/],
  [{ observedGradient: at(observedGradient, 14, Infinity) }, /observedGradient of round 4, got Infinity at index 14$/],
  [{ observedGradient: Float64Array.from(observedGradient) }, /needs a Float32Array in observed.*, got Float64Array/],
  [{ ownUpdate: ownUpdate.subarray(1) }, /needs 15 numbers in ownUpdate of round 4, got 14$/],
  [{ ownUpdate: null }, /needs a Float32Array in ownUpdate of round 4, got null$/],
  [{ ownBatch: null }, /needs images with labels in ownBatch, got null$/],
  [{ ownBatch: { ...ownBatch, size: 2 } }, /needs 2 images of \[1, 2, 2\] in ownBatch, got 4 pixels$/],
  [{ ownBatch: { ...ownBatch, labels: Int32Array.of(3) } }, /needs labels of ownBatch in 0..2, got 3 at index 0$/],
  [{ ownBatch: { ...ownBatch, labels: Int32Array.of(0, 1) } }, /needs 1 labels of ownBatch, got 2$/],
  [{ round: -1 }, /needs an integer round >= 0, got -1$/],
  [{ batchSize: 0 }, /needs an integer batchSize >= 1, got 0$/],
  [{ numClients: NaN }, /needs an integer numClients >= 1, got NaN$/],
  [{ localSteps: 1.5 }, /needs an integer localSteps >= 1, got 1.5$/],
  [{ learningRate: 0 }, /needs a finite learningRate > 0, got 0$/],
  [{ learningRate: undefined }, /needs a finite learningRate > 0, got undefined$/],
  [{ numImages: 2.5 }, /needs an integer numImages >= 1, got 2.5$/],
  [{ numImages: 3 }, /needs numImages <= M tau B = 2, got 3$/],
  [{ ownShare: "in" }, /needs an ownShare of counted, out, known, got in$/],
  [{ ownShare: "out" }, /needs numImages <= \(M - 1\) tau B = 1 where ownShare is "out", got 2$/],
  [{ momentum: 1 }, /needs momentum in \[0, 1\), got 1$/],
  [{ momentum: NaN }, /needs momentum in \[0, 1\), got NaN$/],
  [{ localBatches: 0 }, /needs an integer localBatches >= 1, got 0$/],
  [{ localBatches: 2 }, /needs localBatches <= localSteps = 1, got 2$/],
  [{ clientWeights: [1] }, /needs clientWeights of M = 2 clients, got 1$/],
  [{ clientWeights: [1, 0] }, /needs clientWeights > 0, got \[1, 0\]$/],
  [
    { clientWeights: [1, 2], protocol: undefined },
    /needs the plain mean in view.protocol for clientWeights, got no protocol; /,
  ],
  [{ clientWeights: [1, 2], numImages: 1 }, /needs all 2 images of clients that weigh differently, got 1$/],
  [{ previous: weights.subarray(1) }, /needs 15 numbers in previous of round 4, got 14$/],
  ...protocolsThatAreNone(),
];

/** What a protocol of two clients cannot say. */
function protocolsThatAreNone(): [Record<string, unknown>, RegExp][] {
  const noise = { clipNorm: 1, delta: 1e-5 };
  const wrong: readonly [Record<string, unknown>, RegExp][] = [
    [{ aggregator: undefined }, /needs a value for protocol.aggregator, got undefined; see protocolOf$/],
    [{ aggregator: "Median" }, /needs an aggregator of mean, .*, got Median; did you mean median\?$/],
    [{ preAggregations: ["nmm"] }, /needs a pre-aggregation of nnm, .*, got nmm; did you mean nnm\?$/],
    [{ preAggregations: "nnm" }, /needs a list of preAggregations, got nnm$/],
    [
      { aggregatorParameters: { clipNorm: 1 } },
      /needs only known names in protocol.aggregatorParameters, got clipNorm/,
    ],
    [{ assumedMalicious: 1 }, /needs protocol.assumedMalicious f < numClients \/ 2 = 1, got 1$/],
    [{ maliciouslyCuriousClient: 2 }, /needs protocol.maliciouslyCuriousClient < numClients = 2, got 2$/],
    [{ poisoning: "flip" }, /needs a poisoning of none, .*, got flip$/],
    [{ privacy: "dp" }, /needs a privacy of none, localDp, dpSgd.*, got dp$/],
    [{ privacy: "localDp", privacyParameters: noise }, /needs a finite noiseMultiplier >= 0, got undefined$/],
    [
      { privacy: "dpSgd", privacyParameters: { ...privacyParameters, clipNorm: 0 } },
      /needs a finite clipNorm > 0, got 0$/,
    ],
    [{ secureAggregation: "yes" }, /needs protocol.secureAggregation true or false, got yes$/],
    [
      { aggregator: "median", secureAggregation: true },
      /needs the mean under secure aggregation, got median; set secure/,
    ],
    [{ nonFinite: "keep" }, /needs a nonFinite of drop, stop, got keep$/],
    [{ kappa: 1 }, /needs only known names in protocol, got kappa; known are: maliciouslyCuriousClient/],
  ];
  return wrong.map(([change, message]) => [{ protocol: { ...protocol, ...change } }, message]);
}

/** What a function returns, throws or rejects with, as a promise. */
const settle = (run: () => unknown): Promise<unknown> => new Promise((resolve) => resolve(run()));

for (const [fn, call] of Object.entries(entries)) {
  test(`${fn}: takes a view of a round, and refuses what no round could have shown, keeping no tensors`, async () => {
    await call(goodView());
    const before = tf.memory().numTensors;
    for (const [field, message] of broken) {
      const view = { ...goodView(), ...field };
      const check = (error: Error): boolean => error.name === "InputError" && message.test(error.message);
      await assert.rejects(
        settle(() => call(view)),
        check,
        JSON.stringify(field),
      );
    }
    for (const nothing of [undefined, null, 7]) {
      const none = { name: "InputError", message: `${fn}: needs a view as observe gives it, got ${nothing}` };
      await assert.rejects(
        settle(() => call(nothing as unknown as AttackerView)),
        none,
      );
    }
    assert.equal(tf.memory().numTensors, before);
  });
}

test("withoutOwnShare: takes a share out once, and only one that is finite", () => {
  const view = goodView();
  assert.throws(() => withoutOwnShare(withoutOwnShare(view)), {
    message: "withoutOwnShare: needs a view of all M tau B = 2 images, got 1; take the share out once",
  });
  const poison = { ...view, ownUpdate: at(ownUpdate, 3, Infinity) };
  assert.equal(assumeContributors(poison, 1).numImages, 1); // the view itself is one
  assert.throws(() => withoutOwnShare(poison), /needs finite numbers in ownUpdate, got Infinity at index 3$/);
});

test("invert: refuses one bad view among good ones before it computes", async () => {
  let steps = 0;
  const views = [goodView(), { ...goodView(), observedGradient: observedGradient.subarray(7) }];
  const options = { prior: { kind: "pixel" }, steps: 1, onStep: () => steps++ } as const;
  await assert.rejects(
    invert(views, options),
    /^InputError: invert: needs 15 numbers in observedGradient of round 4, got 8$/,
  );
  assert.equal(steps, 0);
});
