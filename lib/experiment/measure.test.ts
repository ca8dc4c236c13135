import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultFederation } from "../fl/config";
import { train } from "../fl/train";
import { byRound, isContributor, measureSeed, weighsAllAlike, type LeakagePlan } from "./measure";

before(backendReady);

const plan: LeakagePlan = {
  federation: {
    ...defaultFederation,
    ...{ architecture: "softmaxRegression", partition: "iid", numClients: 3, rounds: 3, evaluationImages: 9 },
    ...{ maliciouslyCuriousClient: 1, learningRate: 0.1 },
  },
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 1, steps: 3 },
  seeds: [1],
  probeRounds: [0, 2],
  probeBatchSize: 1,
  trajectoryRounds: [1],
};
const measure = (change: Partial<LeakagePlan["federation"]>, contributors: "all" | "known") =>
  measureSeed(
    { ...plan, federation: { ...plan.federation, ...change }, attacker: { ...plan.attacker, contributors } },
    tinyDataset,
    null,
    () => undefined,
  );

test("measureSeed: a skipped step shows nothing, and every image is guessed without a gradient", async () => {
  for (const contributors of ["all", "known"] as const) {
    // Krum needs three, and the two honest clients are left: no step in any round.
    const { rounds, probe, trajectory } = await measure({ aggregator: "krum", poisoning: "infinity" }, contributors);
    assert.deepEqual(
      rounds.map(({ skipped }) => skipped !== null),
      [true, true, true, false],
    );
    for (const leak of [...probe, ...trajectory]) {
      assert.deepEqual(leak.perImage, leak.perImageFloor);
      assert.deepEqual(
        [leak.leakage, leak.contributorRmse, leak.matchingLoss, leak.effectiveParticipants],
        [0, null, 0, 0],
      );
      assert.deepEqual(leak.contributed, [false, false]);
    }
  }
});

test("measureSeed: tells images apart by the zeros of ReLU where asked to, and searches where it cannot", async () => {
  const relu = { ...plan.federation, architecture: "mlp", activation: "relu", learningRate: 0.02 } as const;
  const of = (separate: boolean, change: Partial<LeakagePlan["federation"]> = {}) =>
    measureSeed(
      { ...plan, federation: { ...relu, ...change }, attacker: { ...plan.attacker, through: "protocol", separate } },
      tinyDataset,
      null,
      () => undefined,
    );
  const [apart, searched, tanh] = [await of(true), await of(false), await of(true, { activation: "tanh" })];
  for (const [i, leak] of apart.probe.entries()) {
    assert.ok(leak.rmse < 1e-3, `RMSE ${leak.rmse}`);
    assert.deepEqual([leak.labelAccuracy, leak.found], [1, true]);
    assert.ok(searched.probe[i]!.rmse > 0.05, `RMSE ${searched.probe[i]!.rmse} by three steps of a search`);
  }
  assert.deepEqual(tanh, await of(false, { activation: "tanh" }));
});

test("measureSeed: summarizes every round, whichever records it reads", async () => {
  const { rounds } = await measure({}, "all");
  const records = await train(plan.federation, tinyDataset);
  assert.deepEqual(
    rounds.map(({ round, loss }) => [round, loss]),
    records.map(({ round, loss }) => [round, loss]),
  );
  const recordOf = byRound(records.slice(2));
  assert.equal(recordOf(3), records[3]);
  assert.throws(() => recordOf(1), /^InputError: byRound: needs rounds of 2, 3, got 1$/);
});

test("isContributor, weighsAllAlike: nobody is in an aggregate that was not made", () => {
  const skipped = { kept: [], dropped: [], skipped: "none is trusted" };
  assert.equal(isContributor(skipped, 0), false);
  assert.equal(isContributor({ ...skipped, skipped: null }, 0), true);
  assert.equal(weighsAllAlike(skipped, plan.federation), false);
  assert.equal(weighsAllAlike({ ...skipped, skipped: null }, plan.federation), true);
});
