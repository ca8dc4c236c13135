/** @file Labels behind rules by rank: rounds of strokes on an untrained LeNet-5, of which the labels are known. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import { batchOf, sliceOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation } from "../fl/config";
import { buildNetwork } from "../model/buildNetwork";
import { gainOf } from "../model/layers/activation";
import { initialWeights, lossAndGradient } from "../model/network";
import { inferLabels, nearbyLabels, provenCounts } from "./labels";
import { protocolOf } from "./protocol";
import { isRanked, rankMisfit } from "./rankMisfit";
import type { AttackerView } from "./view";

before(backendReady);

const strokes = drawStrokes(400, createRng("ranks"));
const own = batchOf(strokes, Array.from({ length: 100 }, (_, i) => 300 + i)); // prettier-ignore
const network = buildNetwork("lenet5", [1, 28, 28], 10, { activation: "tanh", pooling: "average" });

/** A round of ten clients under a rule, of whom the last is the attacker, with its update times a factor. */
function viewBehind(aggregator: AggregatorName, seed: number, poison = 1): { view: AttackerView; labels: number[] } {
  const rng = createRng(seed);
  const secret = batchOf(strokes, Array.from({ length: 9 }, () => rng.integer(300))); // prettier-ignore
  const weights = initialWeights(network.layer, rng.split("weights"), "variancePreserving", gainOf("tanh"));
  const batches = [...Array.from({ length: 9 }, (_, i) => sliceOf(secret, i, 1)), sliceOf(own, 0, 1)];
  const { gradients } = lossAndGradient(network, batches.map(() => weights), batches); // prettier-ignore
  const ownUpdate = gradients[9]!.map((g) => poison * g);
  const config = { ...defaultFederation, aggregator, assumedMalicious: 1, maliciouslyCuriousClient: 9 };
  const view: AttackerView = {
    ...{ round: 0, architecture: "lenet5", activation: "tanh", pooling: "average", inputShape: [1, 28, 28] },
    ...{ numClasses: 10, weights, ownUpdate, ownBatch: sliceOf(own, 0, 1), batchSize: 1, numClients: 10 },
    observedGradient: aggregators[aggregator].aggregate([...gradients.slice(0, 9), ownUpdate], { f: 1 }).update,
    ...{ localSteps: 1, learningRate: 0.1, numImages: 9, protocol: protocolOf(config), ownShare: "known" },
  };
  return { view, labels: [...secret.labels].sort((a, b) => a - b) };
}

/** How many labels of the one are among the other. */
function hits(labels: readonly number[], found: Iterable<number>): number {
  const left = [...labels];
  return [...found].filter((label) => {
    const at = left.indexOf(label);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
}

test("inferLabels: behind rules by rank most labels are found, poisoned or not, of which the bias gradient as a mean's tells fewer", async () => {
  const right = { ranks: 0, bias: 0, all: 0 };
  for (const [rule, poison] of [
    ["median", 1],
    ["median", -1],
    ["trimmedMean", 1],
    ["meaMed", -1],
  ] as const) {
    // prettier-ignore
    for (let seed = 1; seed <= 3; seed++) {
      const { view, labels } = viewBehind(rule, seed, poison);
      right.ranks += hits(labels, await inferLabels(view, own));
      const { protocol: _protocol, ...asMean } = view;
      right.bias += hits(labels, await inferLabels(asMean, own));
      right.all += 9;
    }
  }
  assert.ok(right.ranks >= 0.85 * right.all, JSON.stringify(right));
  assert.ok(right.bias <= 0.8 * right.all, JSON.stringify(right));
});

test("rankMisfit: is the same every time, and higher where two labels of the private ones are exchanged", () => {
  const higher: boolean[] = [];
  for (let seed = 1; seed <= 8; seed++) {
    const { view, labels } = viewBehind("median", seed);
    const countsOf = (of: readonly number[]): number[] =>
      Array.from({ length: 10 }, (_, c) => of.filter((label) => label === c).length);
    const misfit = rankMisfit(network, view, own);
    const [there, absent] = [labels, Array.from({ length: 10 }, (_, c) => c).filter((c) => !labels.includes(c))];
    const wrong = [...there.slice(2), absent[0]!, absent[1] ?? absent[0]!];
    assert.equal(misfit(countsOf(labels)), rankMisfit(network, view, own)(countsOf(labels)));
    higher.push(misfit(countsOf(wrong)) > misfit(countsOf(labels)));
  }
  assert.ok(higher.filter(Boolean).length >= 7, String(higher));
});

test("nearbyLabels: behind a rule by rank nothing is proven, and the private labels are among the first", async () => {
  const { view, labels } = viewBehind("median", 1);
  assert.deepEqual(provenCounts(view), new Array(10).fill(0));
  const absent = Array.from({ length: 10 }, (_, c) => c).find((c) => !labels.includes(c))!;
  const near = await nearbyLabels(view, [...labels.slice(1), absent], own);
  const at = near.findIndex((found) => String([...found]) === String(labels));
  assert.ok(at >= 0 && at < 12, `${at}`);
});

test("isRanked: only of rules by rank alone, with the own share known, and whole updates of one image where they are clipped", () => {
  const { view } = viewBehind("median", 1);
  const protocol = view.protocol!;
  const clipped = { ...protocol, privacy: "localDp", privacyParameters: defaultPrivacy } as const;
  assert.equal(isRanked(view), true);
  assert.equal(isRanked({ ...view, protocol: clipped }), true);
  assert.equal(isRanked({ ...view, protocol: clipped, batchSize: 2 }), false);
  assert.equal(isRanked({ ...view, protocol: { ...clipped, privacy: "dpSgd" }, batchSize: 2 }), true);
  assert.equal(isRanked({ ...view, protocol: { ...protocol, preAggregations: ["nnm"] } }), false);
  assert.equal(isRanked({ ...view, protocol: { ...protocol, aggregator: "geometricMedian" } }), false);
  assert.equal(isRanked({ ...view, ownShare: "counted" }), false);
  assert.equal(isRanked({ ...view, ownUpdate: view.ownUpdate.map(() => NaN) }), false);
});
