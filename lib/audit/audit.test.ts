import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPrivacy } from "../defense/privacy/privacy";
import type { FederationConfig } from "../fl/config";
import { audit } from "./audit";
import { bytesOfLabels, record, type SmallRecording } from "./federation.fixture";
import { checkSpec } from "./spec";
import { summaryOf } from "./summary";

let one: SmallRecording;
before(async () => {
  await backendReady();
  one = await record();
});
after(() => one.remove());

const audited = async (recording: SmallRecording, changes: Record<string, unknown> = {}) =>
  audit(checkSpec({ ...recording.spec, ...changes }, recording.folder));

test("audit: finds the images of a federation with one image each, and tells it by the truth and without", async () => {
  const tensors = tf.memory().numTensors;
  const [withTruth, without] = [await audited(one), await audited(one, { truth: null })];
  assert.equal(tf.memory().numTensors, tensors);
  const scored = summaryOf(withTruth, "x.npy");
  assert.ok(scored.rmse! < 0.06, `rmse ${scored.rmse}`);
  assert.deepEqual([scored.found, scored.labels, scored.numClients], [true, 1, 3]);
  assert.ok(scored.leakage! > 0.5 && scored.floor! > scored.rmse! && scored.trueMatchingLoss! < 1e-6);
  const blind = summaryOf(without, "x.npy");
  assert.deepEqual(blind, {
    ...{ rmse: null, floor: null, leakage: null, matchingLoss: scored.matchingLoss, trueMatchingLoss: null },
    ...{ found: true, labels: null, labelFloor: null, numClients: 3, seconds: blind.seconds, images: "x.npy" },
  });
  assert.deepEqual([...without.rounds[0]!.images].sort(), [...withTruth.rounds[0]!.images].sort());
});

const everybody = { images: "everybody{k}_images.npy", labels: "everybody{k}_labels.npy" };
const noisy = { privacy: "localDp", privacyParameters: { ...defaultPrivacy, noiseMultiplier: 0.01 } } as const;
const robust = { numClients: 5, assumedMalicious: 1 } as const;

const seats: readonly [what: string, trained: Partial<FederationConfig>, said: Record<string, unknown>, found: boolean | null, atMost: number][] = [
  ["ReLU, whose images come apart", { activation: "relu" }, {}, true, 0.01],
  ["several rounds", { rounds: 2 }, {}, true, 0.03],
  ["the median", { ...robust, aggregator: "median" }, { protocol: { aggregator: "median", assumedMalicious: 1 } }, true, 0.03],
  ["secure aggregation", { secureAggregation: true }, { protocol: { secureAggregation: true } }, true, 0.03],
  ["clipping alone", { ...noisy, privacyParameters: { ...noisy.privacyParameters, noiseMultiplier: 0 } }, { protocol: { ...noisy, privacyParameters: { noiseMultiplier: 0 } } }, true, 0.03],
  ["noise, which no match tells", noisy, { protocol: noisy }, null, 0.08],
  ["a share that is not known", {}, { own: null, truth: everybody }, true, 0.05],
  ["labels that are given", {}, { labels: "truth0_labels.npy" }, true, 0.03],
  ["several steps and their labels", { localSteps: 2 }, { labels: "truth0_labels.npy" }, true, 0.06],
]; // prettier-ignore

for (const [what, trained, said, found, atMost] of seats)
  test(`audit: ${what}`, async () => {
    const recording = await record(trained);
    const tensors = tf.memory().numTensors;
    try {
      const result = await audited(recording, said);
      const summary = summaryOf(result, "");
      assert.equal(summary.found, found, `matching loss ${summary.matchingLoss} of ${summary.trueMatchingLoss}`);
      assert.ok(summary.rmse! <= atMost, `rmse ${summary.rmse}`);
      assert.equal(result.rounds[0]!.bounds !== null, found === null);
      assert.equal(tf.memory().numTensors, tensors);
    } finally {
      recording.remove();
    }
  });

test("audit: a rule that keeps one update shows one client's image, and says so", async () => {
  const recording = await record({ ...robust, aggregator: "krum" });
  try {
    const { rounds, notes } = await audited(recording, { protocol: { aggregator: "krum", assumedMalicious: 1 } });
    assert.equal(rounds[0]!.labels.length, 1);
    assert.equal(rounds[0]!.trueMatchingLoss, null); // who was kept is not part of the truth
    assert.ok(Math.min(...rounds[0]!.leak!.perImage) < 0.03);
    assert.match(
      notes[0]!,
      /^of round 0 the rule kept 1 update of others: .* the best guess without the broadcasts is shown$/,
    );
  } finally {
    recording.remove();
  }
});

test("audit: a truth that does not explain the broadcasts is said, and judges nothing", async () => {
  const truth = { images: "truth{k}_images.npy", labels: "wrong.npy" };
  const [a, b] = one.records[0]!.batches.slice(1).map((batches) => batches[0]!.labels[0]!);
  writeFileSync(join(one.folder, "wrong.npy"), bytesOfLabels([(a! + 1) % 3, (b! + 1) % 3]));
  const { rounds, notes } = await audited(one, { truth });
  assert.equal(rounds[0]!.found, null);
  assert.match(notes[0]!, /^the true images of round 0 do not explain its broadcasts \(matching loss /);
});

test("audit: other priors stand beside the attacker's own, by their match", async () => {
  const attacker = { steps: 200, restarts: 1, priors: ["gaussian", "autoencoder", "bicubic"], autoencoderSteps: 20 };
  const { rounds } = await audited(one, { attacker });
  const [first, ...others] = rounds[0]!.priors;
  assert.equal(first!.prior, "pixel");
  assert.deepEqual(others.map(({ prior }) => prior).sort(), ["autoencoder", "bicubic", "gaussian"]);
  for (const { rmse, matchingLoss } of others) assert.ok(rmse! >= 0 && matchingLoss >= 0);
  assert.deepEqual(others.map(({ matchingLoss }) => matchingLoss), others.map(({ matchingLoss }) => matchingLoss).sort((a, b) => a - b)); // prettier-ignore
});
