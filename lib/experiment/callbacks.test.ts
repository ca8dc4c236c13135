import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { train } from "../fl/train";
import { checkTheory } from "../theory/check";
import { measureGradientsOf } from "./gradients";
import type { LeakagePlan } from "./measure";
import { measureSeed } from "./measure";
import { shardOf, trainOwnAutoencoder } from "./ownAutoencoder";
import { ownStore } from "./store.fixture";
import { followAnalyticLeak } from "./studies";

ownStore();

before(backendReady);

const config: FederationConfig = {
  ...{ ...defaultFederation, architecture: "mlp", activation: "tanh", partition: "iid" },
  ...{ numClients: 3, rounds: 3, evaluationImages: 9 },
};
const plan: LeakagePlan = {
  federation: config,
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 1, steps: 4 },
  ...{ seeds: [1], probeRounds: [0, 1], probeBatchSize: 1, trajectoryRounds: [2] },
};
const looked = { federation: config, seeds: [1], rounds: [0, 2], objectiveImages: 3, batches: 2 };
const attacker = { ...plan.attacker, labels: "given" } as const;

/** Everything that computes with tensors and calls back, besides invert and trainAutoencoders, which have tests of their own. */
const followed: Readonly<Record<string, (call: () => void) => unknown>> = {
  train: (onRound) => train(config, tinyDataset, { onRound }),
  trainOwnAutoencoder: (follow) => trainOwnAutoencoder(shardOf({ ...config, numClients: 2 }), tinyDataset, 4, follow),
  measureSeed: (follow) => measureSeed(plan, tinyDataset, null, follow),
  measureGradientsOf: (follow) => measureGradientsOf({ ...looked, attacker }, tinyDataset, null, follow),
  checkTheory: (onProgress) => checkTheory(3, createRng(1), { onProgress }),
};

for (const [name, run] of Object.entries(followed)) {
  test(`${name}: what its callback throws comes through, at whichever call, and no tensor is left`, async () => {
    let total = 0;
    await run(() => void total++);
    assert.ok(total >= 3, String(total));
    const tensors = tf.memory().numTensors;
    for (const throwAt of [1, 2, Math.ceil(total / 2), total]) {
      let calls = 0;
      const call = (): void => {
        if (++calls === throwAt) throw new Error("stop");
      };
      await assert.rejects(
        new Promise((resolve) => resolve(run(call))),
        /^Error: stop$/,
        `call ${throwAt} of ${total}`,
      );
      assert.equal(tf.memory().numTensors, tensors, `call ${throwAt} of ${total}`);
    }
  });
}

test("followAnalyticLeak: refuses seeds given twice, empty lists and misspelt ones, keeping no tensors", async () => {
  const softmax: FederationConfig = { ...config, architecture: "softmaxRegression" };
  const good = { seeds: [1], rounds: [0], peers: [1] };
  const refused: readonly [object, string][] = [
    [{ ...good, seeds: [7, 7] }, "needs integer seeds, each once, got [7, 7]"],
    [{ ...good, seeds: [0.5] }, "needs integer seeds, each once, got [0.5]"],
    [{ ...good, rounds: [] }, "needs an array of rounds, not empty, got []"],
    [{ ...good, peer: [1] }, "needs only known names in plan, got peer; did you mean peers?"],
    [{ seeds: [1], rounds: [0] }, "needs an array of peers, not empty, got undefined"],
  ];
  const tensors = tf.memory().numTensors;
  for (const [bad, message] of refused) {
    const error = { name: "InputError", message: `followAnalyticLeak: ${message}` };
    await assert.rejects(followAnalyticLeak(softmax, tinyDataset, bad as typeof good), error);
  }
  assert.equal(tf.memory().numTensors, tensors);
});

test("measureSeed: a round whose server did not move shows nothing, and scores as the best guess without a gradient", async () => {
  // A step below the smallest float32 number moves no weight: every difference of broadcasts is 0.
  const still: LeakagePlan = {
    ...plan,
    federation: { ...config, aggregator: "median", learningRate: 1e-60 },
    attacker: { ...plan.attacker, labels: "inferred" },
  };
  const { probe, trajectory } = await measureSeed(still, tinyDataset, null, () => undefined);
  for (const leak of [...probe, ...trajectory]) {
    assert.deepEqual([leak.rmse, leak.leakage, leak.labelAccuracy], [leak.floor, 0, 0]);
    assert.equal(leak.matchingLoss, 0);
  }
});
