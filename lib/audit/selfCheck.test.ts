import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backendReady } from "../core/backend";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateDictOf } from "../model/buildNetwork";
import { toNpy } from "../files/writeNpy";
import { bytesOfLabels, npzOf, record, type SmallRecording } from "./federation.fixture";
import { readRecording } from "./recording";
import { checkOwn } from "./selfCheck";
import { checkSpec } from "./spec";

let one: SmallRecording;
let three: SmallRecording;
let steps: SmallRecording;
before(async () => {
  await backendReady();
  one = await record();
  three = await record({ rounds: 3, activation: "sigmoid" });
  steps = await record({ localSteps: 3, batchSize: 2, rounds: 1 });
  const state = stateDictOf("mlp", [1, 4, 4], 3);
  for (const { folder, records, config } of [one, three, steps])
    for (const { round, weights, ownUpdate } of records)
      if (ownUpdate !== null) {
        const sent = weights.map((w, i) => w - config.learningRate * ownUpdate[i]!);
        writeFileSync(join(folder, `local${round}.npz`), npzOf(sent, state));
        writeFileSync(join(folder, `minus${round}.npy`), toNpy(ownUpdate.map((u) => -u), [ownUpdate.length])); // prettier-ignore
      }
});
after(() => [one, three, steps].forEach(({ remove }) => remove()));

type Changes = Readonly<Record<string, unknown>>;
const check = async ({ spec, folder }: SmallRecording, changes: Changes = {}, own: Changes = {}) => {
  const whole = checkSpec({ ...spec, ...changes, own: { ...(spec["own"] as Changes), ...own } }, folder);
  return checkOwn(whole, await readRecording(whole));
};
const weights = { update: { file: "local{k}.npz", kind: "weights" } };

test("checkOwn: what the attacker sent follows from its batch, and is computed where it was not kept", async () => {
  for (const recording of [one, three, steps])
    for (const own of [{}, weights]) {
      const { errors } = await check(recording, {}, own);
      assert.equal(errors.length, recording.config.rounds);
      for (const error of errors) assert.ok(error! < 1e-3, String(error));
    }
  const { recording, errors } = await check(steps, {}, { update: null });
  assert.deepEqual(errors, [null]);
  const [computed, sent] = [recording.rounds[0]!.ownUpdate!, steps.records[0]!.ownUpdate!];
  computed.forEach((u, i) => assert.ok(Math.abs(u - sent[i]!) < 1e-4));
});

const wrong: readonly [what: string, of: () => SmallRecording, changes: Changes, own: Changes, cause: RegExp][] = [
  ["activation", () => one, { activation: "sigmoid" }, {}, /; "activation": "tanh" fits \(/],
  ["normalisation that is not", () => one, { normalize: { mean: [0.3], std: [0.3] } }, {}, /; "normalize": null fits \(/],
  ["learning rate of weights", () => one, { learningRate: 0.2 }, weights, /; "learningRate": 0.1 fits \(/],
  ["learning rate of several steps", () => steps, { learningRate: 0.05 }, weights, /; "learningRate": 0.1, or a loss that sums over the batch, fits \(/],
  ["scale of a gradient", () => one, {}, { update: "scaled0.npy" }, /; own.update divided by 3 fits \(/],
  ["weights given as a gradient", () => one, {}, { update: "local{k}.npz" }, /; "kind": "weights" for own.update fits \(/],
  ["a gradient given as weights", () => one, {}, { update: { file: "sent{k}.npy", kind: "weights" } }, /; "kind": "gradient" for own.update fits \(/],
  ["sign", () => one, {}, { update: "minus{k}.npy" }, /; own.update of the other sign fits \(/],
  ["difference of weights", () => one, {}, { update: "difference0.npy" }, /; own.update as new weights minus old ones, .* fits \(/],
  ["label", () => one, {}, { batch: { images: "batch{k}_images.npy", labels: "wrong_labels.npy" } }, /; labels \[\d\] of own.batch instead of \[\d\] fits \(/],
  ["momentum", () => steps, { momentum: 0.9 }, {}, /; "momentum": 0 fits \(/],
  ["round of the update", () => three, {}, { update: ["sent1.npy", "sent0.npy", "sent2.npy"] }, /; own.update of round 1 fits \(/],
  ["round of the weights sent", () => three, {}, { update: { file: ["local1.npz", "local0.npz", "local2.npz"], kind: "weights" } }, /; own.update of round 1 fits \(/],
  ["round of the batch", () => three, {}, { batch: ["batch2_images.npy", "batch1_images.npy", "batch0_images.npy"] }, /; own.batch of round 2 fits \(/],
  ["model", () => one, { model: ["flatten", { linear: 128 }, "silu", { linear: 3 }] }, {}, /; no other pooling, .* fits: look at the model and the batch$/],
]; // prettier-ignore

for (const [what, of, changes, own, cause] of wrong)
  test(`checkOwn: names the cause of a wrong ${what}`, async () => {
    const { records, folder } = one;
    const sent = records[0]!.ownUpdate!;
    writeFileSync(join(folder, "scaled0.npy"), toNpy(sent.map((u) => 3 * u), [sent.length])); // prettier-ignore
    writeFileSync(join(folder, "difference0.npy"), toNpy(sent.map((u) => -0.1 * u), [sent.length])); // prettier-ignore
    writeFileSync(join(folder, "wrong_labels.npy"), bytesOfLabels([(records[0]!.batches[0]![0]!.labels[0]! + 1) % 3]));
    await assert.rejects(check(of(), changes, own), (error: Error) => {
      assert.match(
        error.message,
        /^audit: needs own.update of round \d to be what own.batch gives at the broadcast to a relative error of 0.001, got /,
      );
      assert.match(error.message, cause);
      return true;
    });
  });

test("checkOwn: without a batch tells weights from gradients by how near they are to the broadcast", async () => {
  const alone = { batch: null };
  assert.deepEqual((await check(one, {}, alone)).errors, [null]);
  assert.deepEqual((await check(one, {}, { ...alone, ...weights })).errors, [null]);
  await assert.rejects(check(one, {}, { ...alone, update: "local{k}.npz" }), /needs own.update of round 0 to be a gradient, got numbers near the broadcast's; say "update"/); // prettier-ignore
  const asWeights = { update: { file: "sent{k}.npy", kind: "weights" } };
  await assert.rejects(check(one, {}, { ...alone, ...asWeights }), /to be weights, got numbers far from the broadcast's; say "kind": "gradient"$/); // prettier-ignore
});

test("checkOwn: leaves out what is poisoned or private, which is no plain gradient", async () => {
  const protocol = { privacy: "localDp", privacyParameters: { noiseMultiplier: 0.1 } };
  assert.deepEqual((await check(one, { activation: "sigmoid", protocol })).errors, [null]);
});
