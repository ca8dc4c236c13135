import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig, defaultFederation, partitionOptions, type FederationConfig } from "./config";

test("checkConfig: accepts the defaults", () => {
  checkConfig(defaultFederation);
});

test("checkConfig: refuses each field that is out of range, naming it", () => {
  const refused: readonly [Partial<FederationConfig>, string][] = [
    [{ numClients: 0 }, "needs an integer numClients >= 1, got 0"],
    [{ rounds: 1.5 }, "needs an integer rounds >= 1, got 1.5"],
    [{ localSteps: 0 }, "needs an integer localSteps >= 1, got 0"],
    [{ batchSize: -1 }, "needs an integer batchSize >= 1, got -1"],
    [{ evaluationImages: NaN }, "needs an integer evaluationImages >= 1, got NaN"],
    [{ maliciouslyCuriousClient: -1 }, "needs an integer maliciouslyCuriousClient >= 0, got -1"],
    [{ maliciouslyCuriousClient: 10 }, "needs maliciouslyCuriousClient < numClients = 10, got 10"],
    [{ learningRate: 0 }, "needs a finite learningRate > 0, got 0"],
    [
      { poisonerFollowsPrivacy: "no" as unknown as boolean, privacy: "localDp" },
      "needs a poisonerFollowsPrivacy of true, false, got no",
    ],
    [{ learningRate: Infinity }, "needs a finite learningRate > 0, got Infinity"],
    [{ learningRate: NaN }, "needs a finite learningRate > 0, got NaN"],
    [{ assumedMalicious: -1 }, "needs an integer assumedMalicious >= 0, got -1"],
    [{ assumedMalicious: 5 }, "needs assumedMalicious f < numClients / 2 = 5, got 5"],
    [
      { architecture: "lenet" as FederationConfig["architecture"] },
      "needs an architecture of lenet5, lenet5Wide, mlp, softmaxRegression, got lenet",
    ],
  ];
  for (const [change, message] of refused) {
    assert.throws(() => checkConfig({ ...defaultFederation, ...change }), {
      name: "InputError",
      message: `train: ${message}`,
    });
  }
  const unknown = { ...defaultFederation, aggregator: "average" as FederationConfig["aggregator"] };
  assert.throws(() => checkConfig(unknown), /^InputError: train: needs an aggregator of mean.*, got average$/);
});

test("checkConfig: accepts the largest f below half of the clients", () => {
  checkConfig({ ...defaultFederation, numClients: 5, assumedMalicious: 2 });
  checkConfig({ ...defaultFederation, assumedMalicious: 4 });
});

test("partitionOptions: carries the parameter of its kind alone, and room for a batch", () => {
  const config = { ...defaultFederation, numClients: 4, batchSize: 3, alpha: 0.1, classesPerClient: 5 };
  const common = { numClients: 4, minImages: 3 };
  assert.deepEqual(partitionOptions({ ...config, partition: "dirichlet" }), {
    ...common,
    kind: "dirichlet",
    alpha: 0.1,
  });
  assert.deepEqual(partitionOptions({ ...config, partition: "classes" }), {
    ...common,
    kind: "classes",
    classesPerClient: 5,
  });
  assert.deepEqual(partitionOptions({ ...config, partition: "iid" }), { ...common, kind: "iid" });
});
