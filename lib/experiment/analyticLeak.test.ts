import assert from "node:assert/strict";
import { test } from "node:test";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultFederation } from "../fl/config";
import { setUp } from "../fl/federation";
import { train } from "../fl/train";
import { lossAndGradient } from "../model/network";
import { ownStore } from "./store.fixture";
import { followAnalyticLeak } from "./studies";

ownStore();

const config = { ...defaultFederation, architecture: "softmaxRegression", partition: "iid", numClients: 4, rounds: 3, evaluationImages: 30 } as const; // prettier-ignore
const plan = { seeds: [1, 2], rounds: [0, 3], peers: [1, 2, 3] };

test("followAnalyticLeak: reads a lone peer exactly, and stays below its bound with more", async () => {
  const leaks = await followAnalyticLeak(config, tinyDataset, plan);
  assert.deepEqual(leaks.map(({ seed, round, effectiveParticipants }) => [seed, round, effectiveParticipants]), [1, 2].flatMap((s) => [0, 3].flatMap((k) => [1, 2, 3].map((m) => [s, k, m])))); // prettier-ignore
  for (const { effectiveParticipants, rmse, bound, dispersion, relativeDispersion } of leaks) {
    if (effectiveParticipants === 1) assert.ok(rmse < 1e-5 && bound < 1e-5 && dispersion < 1e-12);
    else assert.ok(rmse > 0.01 && rmse <= bound && dispersion > 0 && relativeDispersion > 0);
  }
});

test("followAnalyticLeak: averages squares over every set of neighbours, worked out image by image", async () => {
  const [found] = await followAnalyticLeak(config, tinyDataset, { seeds: [5], rounds: [0], peers: [2] });
  const seeded = { ...config, seed: 5 };
  const [record] = await train(seeded, tinyDataset);
  const peers = [1, 2, 3].map((m) => record!.batches[m]![0]!);
  const { gradients } = lossAndGradient(setUp(seeded, tinyDataset).network, peers.map(() => record!.weights), peers); // prettier-ignore
  let sum = 0;
  for (const [i, j] of [
    [0, 1],
    [1, 2],
    [2, 0],
  ] as const) {
    // prettier-ignore
    const mean = gradients[i]!.map((value, at) => (value + gradients[j]![at]!) / 2);
    const slopes = [...mean.slice(48)]; // 3 rows of 16 pixels, then 3 biases
    const row = slopes.map(Math.abs).indexOf(Math.max(...slopes.map(Math.abs)));
    for (const victim of [i, j]) {
      for (let p = 0; p < 16; p++) sum += (mean[row * 16 + p]! / slopes[row]! - peers[victim]!.images[p]!) ** 2 / 6;
    }
  }
  assert.ok(Math.abs(found!.rmse - Math.sqrt(sum / 16)) < 1e-4, `${found!.rmse} is not ${Math.sqrt(sum / 16)}`);
});

test("followAnalyticLeak: refuses other models, batches, rounds and numbers of peers", async () => {
  const run = (change: object, plans: object = {}): Promise<unknown> => followAnalyticLeak({ ...config, ...change }, tinyDataset, { ...plan, ...plans }); // prettier-ignore
  await assert.rejects(run({ architecture: "mlp" }), /needs softmaxRegression with batches of 1, got mlp, 1/);
  await assert.rejects(run({ batchSize: 2 }), /got softmaxRegression, 2/);
  await assert.rejects(run({}, { rounds: [4] }), /needs rounds of 0..3, got \[4\]/);
  await assert.rejects(run({}, { peers: [4] }), /needs peers of 1..3, got \[4\]/);
});
