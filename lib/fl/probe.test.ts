import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import type { Batch } from "../core/types";
import { batchOf } from "../data/batch";
import { tinyDataset } from "../data/tiny.fixture";
import { lossAndGradient } from "../model/network";
import { defaultFederation, type FederationConfig } from "./config";
import { drawProbe, presentProbe } from "./probe";
import { setUp } from "./federation";
import { train } from "./train";

before(backendReady);

const base: FederationConfig = {
  ...defaultFederation,
  architecture: "softmaxRegression",
  partition: "iid",
  numClients: 3,
  maliciouslyCuriousClient: 1,
  rounds: 3,
  batchSize: 2,
  learningRate: 0.1,
  evaluationImages: 9,
};

test("presentProbe: equals the real round when the probe is the batches it really had", async () => {
  const federation = setUp(base, tinyDataset);
  const records = await train(base, tinyDataset);
  for (const k of [0, 1, 2]) {
    const real = records[k]!.batches.map(([batch]) => batch!);
    const [replayed] = await presentProbe(federation, [records[k]!], real);
    assert.deepEqual(replayed!.before, records[k]);
    assert.deepEqual(replayed!.after.weights, records[k + 1]!.weights);
  }
});

test("presentProbe: steps against the mean gradient of the probe from every record's weights", async () => {
  const federation = setUp(base, tinyDataset);
  const records = (await train(base, tinyDataset)).slice(0, 3);
  const probe = drawProbe(federation, tinyDataset);
  const replayed = await presentProbe(federation, records, probe);
  assert.equal(replayed.length, 3);
  for (const [k, { before, after }] of replayed.entries()) {
    const { weights, round } = records[k]!;
    const gradients = probe.map((batch) => lossAndGradient(federation.network, [weights], [batch]).gradients[0]!);
    const expected = weights.map((w, i) => w - (0.1 * gradients.reduce((sum, g) => sum + g[i]!, 0)) / 3);
    assert.ok(after.weights.every((w, i) => Math.abs(w - expected[i]!) < 1e-6));
    assert.ok(before.ownUpdate!.every((u, i) => Math.abs(u - gradients[1]![i]!) < 1e-6));
    assert.deepEqual([before.round, before.weights, before.kept], [round, weights, [0, 1, 2]]);
    const once = probe.map((batch) => [batch]);
    assert.deepEqual(before.batches, once);
  }
});

test("presentProbe: leaves the records and the trajectory as they were", async () => {
  const records = await train(base, tinyDataset);
  const untouched = structuredClone(records);
  const federation = setUp(base, tinyDataset);
  await presentProbe(federation, records.slice(0, 3), drawProbe(federation, tinyDataset));
  assert.deepEqual(records, untouched);
  assert.deepEqual(await train(base, tinyDataset), untouched);
});

test("presentProbe: makes one gradient step when training makes several", async () => {
  const config = { ...base, localSteps: 3 };
  const federation = setUp(config, tinyDataset);
  const [record] = await train(config, tinyDataset);
  const probe = drawProbe(federation, tinyDataset);
  const [replayed] = await presentProbe(federation, [record!], probe);
  const gradient = lossAndGradient(federation.network, [record!.weights], [probe[1]!]).gradients[0]!;
  assert.ok(replayed!.before.ownUpdate!.every((u, i) => Math.abs(u - gradient[i]!) < 1e-6));
});

test("presentProbe: gives the same broadcasts to 1e-6 when masked", async () => {
  const records = (await train(base, tinyDataset)).slice(0, 2);
  const probe = drawProbe(setUp(base, tinyDataset), tinyDataset);
  const plain = await presentProbe(setUp(base, tinyDataset), records, probe);
  const masked = await presentProbe(setUp({ ...base, secureAggregation: true }, tinyDataset), records, probe);
  for (const [k, { after }] of masked.entries()) {
    assert.ok(after.weights.every((w, i) => Math.abs(w - plain[k]!.after.weights[i]!) < 1e-6));
  }
});

test("drawProbe: takes each client's own images, and depends on seed and partition alone", () => {
  const federation = setUp(base, tinyDataset);
  const probe = drawProbe(federation, tinyDataset);
  assert.deepEqual(
    probe.map(({ size }) => size),
    [2, 2, 2],
  );
  for (const [client, { images }] of probe.entries()) {
    const own = batchOf(tinyDataset.train, federation.partition.clients[client]!).images;
    const at = Array.from({ length: own.length / 16 }, (_, i) => own.slice(16 * i, 16 * i + 16).join());
    for (const b of [0, 1]) assert.ok(at.includes(images.slice(16 * b, 16 * b + 16).join()), `client ${client}`);
  }
  const otherwise = { ...base, learningRate: 1, localSteps: 4, rounds: 9, architecture: "mlp" as const };
  assert.deepEqual(drawProbe(setUp(otherwise, tinyDataset), tinyDataset), probe);
  assert.notDeepEqual(drawProbe(setUp({ ...base, seed: 2 }, tinyDataset), tinyDataset), probe);
  const clients = [...federation.partition.clients, Int32Array.of(1, 2)];
  const fourth = { ...federation, partition: { name: "", clients } };
  assert.deepEqual(drawProbe(fourth, tinyDataset).slice(0, 3), probe);
});

test("presentProbe: refuses a probe that has not one batch per client, and keeps no tensors", async () => {
  const federation = setUp(base, tinyDataset);
  const records = (await train(base, tinyDataset)).slice(0, 3);
  const probe = drawProbe(federation, tinyDataset);
  await assert.rejects(presentProbe(federation, records, probe.slice(1)), {
    name: "InputError",
    message: "presentProbe: needs one batch per client, 3, got 2",
  });
  const [first, ...others] = probe;
  const { images, labels, size } = first!;
  const changed = (change: Partial<Batch>): Batch[] => [{ ...first!, ...change }, ...others];
  for (const [change, message] of [
    [
      { images: images.map((x) => 2 + x) },
      /^presentProbe: needs pixels of batch 0 in \[0, 1\], got .* at index 0; divide bytes/,
    ],
    [
      { images: images.map(() => NaN) },
      /^presentProbe: needs finite numbers in images of batch 0, got NaN at index 0$/,
    ],
    [{ images: images.subarray(1) }, /^presentProbe: needs 2 images of \[1, 4, 4\] in batch 0, got 31 pixels$/],
    [{ labels: labels.map(() => 3) }, /^presentProbe: needs labels of batch 0 in 0..2, got 3 at index 0$/],
    [{ size: size + 1 }, /^presentProbe: needs 3 images of \[1, 4, 4\] in batch 0, got 32 pixels$/],
  ] as const)
    await assert.rejects(presentProbe(federation, records, changed(change)), {
      name: "InputError",
      message,
    });
  await presentProbe(federation, records, probe);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 30; i++) await presentProbe(federation, records, probe);
  assert.equal(tf.memory().numTensors, before);
});
