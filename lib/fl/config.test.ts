import assert from "node:assert/strict";
import { test } from "node:test";
import { datasets } from "../data/datasets";
import { privacies } from "../defense/privacies";
import { preAggregations } from "../defense/preAggregations";
import { architectures } from "../model/architectures";
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
    [{ numClients: 1e300 }, "needs an integer numClients >= 1, got 1e+300"],
    [{ numClients: 2e9 }, "needs numClients <= 100000, got 2000000000"],
    [
      { poisonerFollowsPrivacy: "no" as unknown as boolean, privacy: "localDp" },
      "needs poisonerFollowsPrivacy true or false, got no",
    ],
    [{ learningRate: Infinity }, "needs a finite learningRate > 0, got Infinity"],
    [{ learningRate: NaN }, "needs a finite learningRate > 0, got NaN"],
    [{ assumedMalicious: -1 }, "needs an integer assumedMalicious >= 0, got -1"],
    [{ assumedMalicious: 5 }, "needs assumedMalicious f < numClients / 2 = 5, got 5"],
    [
      { architecture: "lenet" as FederationConfig["architecture"] },
      `needs an architecture of ${Object.keys(architectures).join(", ")}, got lenet; did you mean lenet5?`,
    ],
    [{ alpha: 0 }, "needs a finite alpha > 0, got 0"],
    [{ partition: "iid", alpha: -1 }, "needs a finite alpha > 0, got -1"],
    [{ classesPerClient: 0 }, "needs an integer classesPerClient >= 1, got 0"],
    [{ optimum: NaN }, "needs a finite optimum, got NaN"],
    [{ seed: 0.5 }, `needs an integer seed >= ${Number.MIN_SAFE_INTEGER}, got 0.5`],
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

test("checkConfig: refuses names that nobody reads, with the nearest or all that are read", () => {
  const cases: readonly [change: object, message: string][] = [
    [{ agregator: "krum" }, "needs only known names in the config, got agregator; did you mean aggregator?"],
    [{ pooling: "Max" }, "needs a pooling of average, max, got Max; did you mean max?"],
    [{ activation: "Tanh" }, "needs an activation of sigmoid, tanh, relu, got Tanh; did you mean tanh?"],
    [{ initialization: "xavier" }, "needs an initialization of variancePreserving, pytorch, got xavier"],
    [{ partition: "shards" }, "needs a partition of iid, dirichlet, classes, got shards"],
    [{ dataset: "cifar10" }, `needs a dataset of ${Object.keys(datasets).join(", ")}, got cifar10; did you mean cifar-10?`], // prettier-ignore
    [{ nonFinite: "Drop" }, "needs a nonFinite of drop, stop, got Drop; did you mean drop?"],
    [{ privacy: "localDP" }, `needs a privacy of none, ${Object.keys(privacies).join(", ")}, got localDP; did you mean localDp?`], // prettier-ignore
    [
      { preAggregations: ["nmm"] },
      `needs a pre-aggregation of ${Object.keys(preAggregations).join(", ")}, got nmm; did you mean nnm?`,
    ],
    [{ preAggregations: "nnm" }, "needs a list of preAggregations, got nnm"],
    [{ secureAggregation: "false" }, "needs secureAggregation true or false, got false"],
    [
      { poisoning: "signFlip", poisoningParameters: { kappa: 10 } },
      "needs only known names in poisoningParameters of signFlip, got kappa; known are: scale",
    ],
    [
      { poisoning: "backdoor", poisoningParameters: { scale: 10 } },
      "needs only known names in poisoningParameters of backdoor, got scale; " +
        "known are: fraction, targetLabel, triggerSize, triggerValue, boost",
    ],
    [
      { poisoningParameters: { scale: 3 } },
      "needs only known names in poisoningParameters of none, got scale; known are: none",
    ],
    [
      { privacyParameters: { ...defaultFederation.privacyParameters, noiseMultipler: 1 } },
      "needs only known names in privacyParameters, got noiseMultipler; did you mean noiseMultiplier?",
    ],
    [
      { aggregator: "centeredClipping", aggregatorParameters: { tau: 0.1 } },
      "needs only known names in aggregatorParameters of centeredClipping, got tau; known are: clipNorm, iterations",
    ],
    [
      { aggregator: "krum", aggregatorParameters: { f: 3 } },
      "needs only known names in aggregatorParameters of krum, got f; known are: neighbours",
    ],
    [
      { aggregatorParameters: { clipNorm: 1 } },
      "needs only known names in aggregatorParameters of mean, got clipNorm; known are: none",
    ],
    [
      { aggregator: "krum", preAggregations: ["clipping"], aggregatorParameters: { bucketSize: 1 } },
      "needs only known names in aggregatorParameters of clipping>krum, got bucketSize; known are: clipNorm, neighbours",
    ],
    [
      { poisoning: "signFlip", poisoningParameters: { scale: undefined } },
      "needs a value for the config.poisoningParameters.scale, got undefined; leave the field out, or give it one",
    ],
    [{ rounds: undefined }, "needs a value for rounds, got undefined; begin with ...defaultFederation"],
  ];
  for (const [change, message] of cases)
    assert.throws(() => checkConfig({ ...defaultFederation, ...change }), {
      name: "InputError",
      message: `train: ${message}`,
    });
  const chain = ["clipping"] as const;
  checkConfig({
    ...defaultFederation,
    aggregator: "krum",
    preAggregations: chain,
    aggregatorParameters: { clipNorm: 1 },
  });
});

test("checkConfig: takes no name that only an object's prototype has", () => {
  const named = ["dataset", "architecture", "activation", "pooling", "initialization", "partition", "poisoning", "privacy", "aggregator", "nonFinite"]; // prettier-ignore
  for (const field of named)
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"])
      assert.throws(() => checkConfig({ ...defaultFederation, [field]: name }), {
        message: new RegExp(`^train: needs an? ${field} of .*, got ${name}$`),
      });
  const polluted = { ...defaultFederation, ...(JSON.parse('{ "__proto__": { "rounds": 1 } }') as object) };
  assert.throws(
    () => checkConfig(polluted),
    /^InputError: train: needs only known names in the config, got __proto__; /,
  );
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
