import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { audit } from "./audit";
import { record, type SmallRecording } from "./federation.fixture";
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
