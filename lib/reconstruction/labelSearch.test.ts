import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient } from "../model/network";
import type { InvertOptions } from "./inversion";
import { inferLabels, nearbyLabels } from "./labels";
import { invertWithLabels } from "./labelSearch";
import type { AttackerView } from "./view";

before(backendReady);

const network = buildNetwork("mlp", [1, 4, 4], 4, { activation: "tanh" });
const draw = (size: number, name: string, labels: readonly number[]): Batch => ({
  images: createRng(name).uniforms(size * 16),
  labels: Int32Array.from(labels),
  size,
});

/** A view through a model that is sure of itself, so the bias gradient proves little. */
function viewOf(secret: Batch): AttackerView {
  const weights = initialWeights(network.layer, createRng("weights"), "variancePreserving", 1).map((w) => 3 * w);
  return {
    ...{ round: 0, architecture: "mlp", activation: "tanh", pooling: "average" },
    ...{ inputShape: [1, 4, 4], numClasses: 4, weights, ownUpdate: new Float32Array(network.size) },
    observedGradient: lossAndGradient(network, [weights], [secret]).gradients[0]!,
    ...{ ownBatch: draw(4, "own", [0, 1, 2, 3]), batchSize: 1, numClients: 4, localSteps: 1, learningRate: 0.1 },
    numImages: secret.size,
  };
}

const options: InvertOptions = {
  prior: { kind: "pixel" },
  initialCode: "uniform",
  box: true,
  steps: 150,
  learningRate: 0.2,
};
const own = draw(8, "own", [0, 1, 2, 3, 0, 1, 2, 3]);
const search = { candidates: 12, trialSteps: 60, starts: 2, rounds: 3 };

test("invertWithLabels: finds the labels that the images have where the bias gradient is misread", async () => {
  const misread: Batch[] = [];
  for (let k = 0; k < 60 && misread.length < 3; k++) {
    const secret = draw(3, `secret ${k}`, [0, 1, 3]);
    const inferred = await inferLabels(viewOf(secret), own);
    const near = await nearbyLabels(viewOf(secret), inferred, own);
    if (String(inferred) !== "0,1,3" && near.some((labels) => String(labels) === "0,1,3")) misread.push(secret);
  }
  assert.equal(misread.length, 3);
  const views = misread.map(viewOf);
  const tensors = tf.memory().numTensors;
  const kept = await invertWithLabels(views, { ...options, own, retryAbove: 1e9 }, search);
  const found = await invertWithLabels(views, { ...options, own, retryAbove: 1e-7, restarts: 2 }, search);
  assert.equal(tf.memory().numTensors, tensors);
  for (const [i, { labels, matchingLoss }] of found.entries()) {
    assert.notDeepEqual([...kept[i]!.labels], [0, 1, 3]);
    assert.deepEqual([...labels], [0, 1, 3]);
    assert.ok(matchingLoss < kept[i]!.matchingLoss / 10, `${matchingLoss}, ${kept[i]!.matchingLoss}`);
  }
});

test("invertWithLabels: refuses labels, and to search without knowing when", async () => {
  const view = viewOf(draw(1, "secret", [0]));
  const refused = (change: object, more: object = {}): Promise<unknown> =>
    invertWithLabels([view], { ...options, retryAbove: 1, ...change }, { ...search, ...more });
  await assert.rejects(
    refused({ labels: [Int32Array.of(0)] }),
    /needs labels that are not given, got some; call invert with them/,
  );
  await assert.rejects(refused({ retryAbove: undefined }), /needs a number retryAbove, got undefined/);
  await assert.rejects(refused({}, { candidates: 0 }), /integer candidates >= 1, got 0/);
});

test("nearbyLabels: gives every exchange that what is proven allows, none twice, the best first", async () => {
  const view = viewOf(draw(3, "secret", [0, 1, 3]));
  const near = await nearbyLabels(view, [0, 0, 1], own);
  const key = (labels: ArrayLike<number>): string => Array.from(labels).join("");
  assert.equal(new Set(near.map(key)).size, near.length);
  for (const labels of near) {
    assert.equal(labels.length, 3);
    assert.deepEqual([...labels], [...labels].sort());
    const fewer = [0, 1].filter((c) => labels.filter((x) => x === c).length < [2, 1][c]!);
    assert.equal(fewer.length, 1, key(labels)); // one class has one image less
  }
});
