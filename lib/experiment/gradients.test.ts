import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import type { Dataset } from "../core/types";
import { loadDataset } from "../data/source";
import type * as Config from "../fl/config";
import type * as Federation from "../fl/federation";
import type * as Train from "../fl/train";
import type * as Network from "../model/network";
import { combination, squaredDistance, squaredNorm } from "../theory/vectors";
import type * as Gradients from "./gradients";
import type { GradientPlan, GradientRun } from "./gradients";
import type * as GradientStudy from "./studies";
import type * as Leakage from "./studies";

// As in a child process, so results can be compared to the bit; read when TensorFlow is loaded.
const store = mkdtempSync(join(tmpdir(), "gradients-"));
Object.assign(process.env, { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1", CURIOUS_WORKERS: "1" });
process.env["CURIOUS_STORE"] = store;
after(() => rmSync(store, { recursive: true, force: true }));
const { measureGradients } = require("./studies") as typeof GradientStudy;
const { measureGradientsOf } = require("./gradients") as typeof Gradients;
const { measureLeakage } = require("./studies") as typeof Leakage;
const { defaultFederation } = require("../fl/config") as typeof Config;
const { setUp } = require("../fl/federation") as typeof Federation;
const { train } = require("../fl/train") as typeof Train;
const { lossAndGradient } = require("../model/network") as typeof Network;

const plan: GradientPlan = {
  federation: {
    ...defaultFederation,
    ...{ dataset: "strokes", architecture: "softmaxRegression", partition: "iid" },
    ...{ numClients: 3, rounds: 3, evaluationImages: 30 },
  },
  seeds: [1, 2],
  rounds: [0, 2],
  objectiveImages: 4,
  batches: 3,
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 2, steps: 5 },
};
let dataset: Dataset;
let runs: readonly GradientRun[];
before(async () => {
  dataset = await loadDataset("strokes");
  runs = (await measureGradients({ only: plan }, dataset)).only.runs;
});

test("measureGradients: measures the broadcasts of the run that train makes", async () => {
  const config = { ...plan.federation, seed: 2 };
  const records = await train(config, dataset);
  const { network } = setUp(config, dataset);
  const found = runs[1]!.rounds[1]!;
  const [w, next] = [records[2]!.weights, records[3]!.weights];
  const update = Array.from(w, (x, i) => (x - next[i]!) / config.learningRate);
  const moved = Math.sqrt(squaredDistance(w, next));
  // Triangle: ||grad F|| lies between ||u|| ± ||u - grad F||
  assert.ok(Math.abs(Math.sqrt(squaredNorm(update)) - found.gradientNorm) <= Math.sqrt(found.aggregateError) + 1e-6);
  assert.ok(found.smoothness * moved <= 2 * found.gradientNorm + 10 && found.smoothness > 0);
  assert.equal(found.effectiveParticipants, 3);
  assert.equal(found.round, 2);
  // softmax regression is convex: the step u raises F at least as the gradient at w says, F+ >= F - eta <grad F, u>
  const inner = (squaredNorm(update) + found.gradientNorm ** 2 - found.aggregateError) / 2;
  assert.ok(found.lossAfter >= found.loss - config.learningRate * inner - 1e-5);
  assert.equal(network.size, w.length);
});

test("measureGradients: has no noise where every client holds the same image over and over", async () => {
  const one = { ...dataset.train, labels: dataset.train.labels.slice(), pixels: dataset.train.pixels.slice() };
  const size = one.pixels.length / one.count;
  for (let i = 1; i < one.count; i++) {
    one.pixels.copyWithin(i * size, 0, size);
    one.labels[i] = one.labels[0]!;
  }
  const federation = { ...plan.federation, seed: 1 };
  const same = await measureGradientsOf({ ...plan, federation, attacker: null }, { ...dataset, train: one }, null, () => undefined); // prettier-ignore
  const [round] = same.rounds;
  assert.ok(round!.noise.samplingVariance < 1e-8 * round!.gradientNorm ** 2);
  assert.ok(Math.abs(round!.noise.heterogeneity) < 1e-8 * round!.gradientNorm ** 2);
  assert.ok(round!.aggregateError < 1e-6 * round!.gradientNorm ** 2); // the mean of equal gradients is the gradient
  assert.deepEqual(round!.peers, []);
});

test("measureGradients: shows the peers of measureLeakage's fixed probe, each at its distance from what is observed", async () => {
  const leakage = { ...plan, attacker: plan.attacker!, probeRounds: [0, 2], probeBatchSize: 1, trajectoryRounds: [] };
  const { rounds: _r, objectiveImages: _o, batches: _b, ...leak } = leakage;
  const [run] = (await measureLeakage({ only: leak }, dataset)).only.runs;
  const config = { ...plan.federation, seed: 1 };
  const records = await train(config, dataset);
  const { network } = setUp(config, dataset);
  const { privateImages, labels } = run!.probe[1]!;
  const size = privateImages.length / labels.length;
  const batches = labels.map((label, i) => ({
    images: privateImages.slice(i * size, (i + 1) * size),
    labels: Int32Array.of(label),
    size: 1,
  }));
  const own = lossAndGradient(network, batches.map(() => records[2]!.weights), batches).gradients; // prettier-ignore
  const observed = combination(own); // the attacker has taken its share out of the mean
  const { peers } = runs[0]!.rounds[1]!;
  own.forEach((g, i) => {
    assert.ok(Math.abs(peers[i]!.gradientDistance - Math.sqrt(squaredDistance(g, observed))) < 1e-3 * Math.sqrt(squaredNorm(g))); // prettier-ignore
    assert.equal(peers[i]!.image.length, size);
    const squares = peers[i]!.image.reduce((sum, x, p) => sum + (x - batches[i]!.images[p]!) ** 2, 0);
    assert.ok(Math.abs(peers[i]!.rmse - Math.sqrt(squares / size)) < 1e-6);
    assert.equal(peers[i]!.contributed, true);
  });
});

test("measureGradients: stores seeds, and refuses what it cannot measure", async () => {
  const again = (await measureGradients({ only: plan }, dataset)).only;
  assert.deepEqual(again.sources.map(({ status }) => status), ["stored", "stored"]); // prettier-ignore
  assert.deepEqual(again.runs, runs);
  const bad = (change: Partial<GradientPlan>): Promise<unknown> => measureGradients({ only: { ...plan, ...change } }, dataset); // prettier-ignore
  await assert.rejects(bad({ rounds: [3] }), /measureGradients: needs rounds in 0..2, got \[3\]/);
  await assert.rejects(bad({ batches: 1 }), /integer batches >= 2, got 1/);
  await assert.rejects(bad({ seeds: [7, 7] }), /measureGradients: needs seeds that differ, got 7 again/);
  await assert.rejects(bad({ batchs: 2 } as object), /needs only known names, got batchs; did you mean batches\?/);
  await assert.rejects(bad({ rounds: undefined as never }), /needs a value for the plan\.rounds, got undefined/);
  await assert.rejects(bad({ seeds: [] }), /needs at least one seed, got none/);
  await assert.rejects(bad({ objectiveImages: 0 }), /integer objectiveImages >= 1/);
  await assert.rejects(
    bad({ federation: { ...plan.federation, localSteps: 2 } }),
    /needs FedSGD, localSteps = 1, got 2/,
  );
});
