import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../../core/rng";
import { epsilonOf } from "./accountant";
import { gaussianEpsilon } from "./gaussian";
import { localDp } from "./localDp";
import { privacies, type PrivacyName } from "../privacies";
import { checkPrivacy } from "./checkPrivacy";
import { defaultPrivacy, noiseStd, privacyParameterNames, type PrivateRun } from "./privacy";
import { spent } from "./spent";

const run: PrivateRun = { rounds: 50, localSteps: 1, batchSize: 4, shardSizes: [900, 400, 5000], dimension: 100 };
const parameters = { ...defaultPrivacy, clipNorm: 0.5, noiseMultiplier: 2 };

test("noiseStd: is sigma C, or sigma 2 C / B", () => {
  assert.equal(noiseStd(parameters, 4), 1); // 2 · 0.5
  assert.equal(noiseStd({ ...parameters, noiseScale: "sensitivityOverBatch" }, 4), 0.5); // 2 · 2 · 0.5 / 4
});

test("spent: relates the noise to what a replacement moves, worked by hand for each mechanism and unit", () => {
  const of = (...args: Parameters<typeof spent>) => {
    const { noiseMultiplier, samplingRate, steps } = spent(...args);
    return [noiseMultiplier, samplingRate, steps];
  };
  // noise 2 · 0.5 = 1 against 2 C = 1; the smallest shard has 400 images
  assert.deepEqual(of("localDp", parameters, run), [1, 1, 50]);
  assert.deepEqual(of("localDp", parameters, run, { unit: "example" }), [1, 1 - (1 - 4 / 400), 50]);
  assert.deepEqual(of("dpSgd", parameters, run), [1, 0.01, 50]);
  assert.deepEqual(of("dpSgd", parameters, run, { unit: "update" }), [0.25, 1, 50]); // against 4 examples, 2 C each
  // two local steps: 1 - 0.99^2 = 0.0199 for a message, and twice the steps for dpSgd
  const two = { ...run, localSteps: 2 };
  assert.deepEqual(of("localDp", parameters, two, { unit: "example" }), [1, 1 - 0.99 ** 2, 50]);
  assert.deepEqual(of("dpSgd", parameters, two), [1, 0.01, 100]);
  // the authors' form: noise 2 · 2 · 0.5 / 4 = 0.5 against 2 C sqrt(100) = 10
  const authors = { ...parameters, clipping: "elementwise", noiseScale: "sensitivityOverBatch" } as const;
  assert.deepEqual(of("localDp", authors, run), [0.05, 1, 50]);
});

test("spent: gives the accountant's epsilon, whose data it is about, and delta", () => {
  for (const privacy of Object.keys(privacies) as PrivacyName[]) {
    const { epsilon, unit, ...steps } = spent(privacy, parameters, run);
    assert.equal(unit, privacies[privacy].unit);
    assert.equal(steps.delta, 1e-5);
    assert.equal(epsilon, epsilonOf({ ...steps, sampling: "withoutReplacement" }));
  }
});

test("spent: makes no difference between the mechanisms when a message is one clipped example", () => {
  const single = { ...run, batchSize: 1 };
  for (const unit of ["update", "example"] as const) {
    const [local, sgd] = (["localDp", "dpSgd"] as const).map((privacy) => spent(privacy, parameters, single, { unit }));
    assert.ok(Math.abs(local!.epsilon - sgd!.epsilon) <= 1e-9 * sgd!.epsilon, `${local!.epsilon}, ${sgd!.epsilon}`);
  }
});

test("spent: costs more than one example added or removed under Poisson sampling, as other tools count", () => {
  const { samplingRate, steps, delta, epsilon } = spent("dpSgd", parameters, run);
  assert.ok(epsilon > 1.5 * epsilonOf({ noiseMultiplier: parameters.noiseMultiplier, samplingRate, steps, delta }));
});

test("spent: is infinite without noise", () => {
  for (const privacy of Object.keys(privacies) as PrivacyName[]) {
    assert.equal(spent(privacy, { ...parameters, noiseMultiplier: 0 }, run).epsilon, Infinity);
  }
});

test("spent: refuses a run without clients, shards below a batch, counts that are none, an unknown unit", () => {
  const cases: readonly [Partial<PrivateRun>, string][] = [
    [{ shardSizes: [] }, "needs the shard sizes of at least one client, got none"],
    [{ shardSizes: [10, 3] }, "needs shards of at least batchSize = 4 images, got 3"],
    [{ rounds: 0 }, "needs an integer rounds >= 1, got 0"],
    [{ localSteps: 1.5 }, "needs an integer localSteps >= 1, got 1.5"],
    [{ batchSize: 0 }, "needs an integer batchSize >= 1, got 0"],
    [{ dimension: -1 }, "needs an integer dimension >= 1, got -1"],
  ];
  for (const [change, message] of cases) {
    const call = () => spent("dpSgd", parameters, { ...run, ...change });
    assert.throws(call, { name: "InputError", message: `spent: ${message}` });
  }
  const asked = (question: object) => () => spent("dpSgd", parameters, run, question);
  assert.throws(asked({ unit: "client" }), /^InputError: spent: needs a unit of update, example, got client$/);
  assert.throws(asked({ observer: "peer" }), /^InputError: spent: needs an observer of server, client, got peer$/);
  assert.throws(asked("example" as never), /^InputError: spent: needs a question with unit, observer, got example/);
  assert.throws(asked({ observer: "client" }), /needs the run's aggregator for what a client sees, got undefined/);
  const alone = { ...run, aggregator: "mean", shardSizes: [400] };
  assert.throws(() => spent("dpSgd", parameters, alone, { observer: "client" }), /needs the shard sizes of all clients, at least 2, .*got 1/); // prettier-ignore
});

test("spent: a client under the plain mean sees M - 1 noises over one message, worked by hand", () => {
  const seen = (privacy: PrivacyName, more: Partial<PrivateRun> = {}) => {
    const { noises, noiseMultiplier, observer } = spent(privacy, parameters, { ...run, aggregator: "mean", shardSizes: Array<number>(10).fill(400), ...more }, { observer: "client" }); // prettier-ignore
    return [observer, noises, noiseMultiplier];
  };
  // ten clients, sqrt(9) = 3 times the multiplier 1 of the server's view
  assert.deepEqual(seen("localDp"), ["client", 9, 3]);
  assert.deepEqual(seen("dpSgd"), ["client", 9, 3]);
  assert.deepEqual(seen("localDp", { localSteps: 2 }), ["client", 9, 3]);
  assert.deepEqual(seen("localDp", { shardSizes: [400, 400] }), ["client", 1, 1]); // only the victim's own
  // where the sum of M - 1 noises is not what the rule shows, or not what the victim's steps follow: the server's budget
  assert.deepEqual(seen("dpSgd", { localSteps: 2 }), ["client", 1, 1]);
  assert.deepEqual(seen("localDp", { aggregator: "krum" }), ["client", 1, 1]);
  assert.deepEqual(seen("localDp", { preAggregations: ["nnm"] }), ["client", 1, 1]);
});

test("spent: at the paper's sigma = 3 a client sees a quarter of the server's epsilon, and never more", () => {
  const paper = { ...run, batchSize: 1, aggregator: "mean", shardSizes: Array<number>(10).fill(6000) };
  for (const [noiseMultiplier, server, client] of [
    [3, 32.3, 8.0],
    [0.03, 122_334, 13_692],
  ] as const) {
    // prettier-ignore
    const of = (observer: "server" | "client") => spent("localDp", { ...defaultPrivacy, noiseMultiplier }, paper, { observer }).epsilon; // prettier-ignore
    // above the exact epsilon, by the Rényi conversion, and not above what it was over dp-accounting's orders
    for (const [observer, most, noise] of [
      ["server", server, noiseMultiplier / 2],
      ["client", client, (3 * noiseMultiplier) / 2],
    ] as const) {
      // prettier-ignore
      const exact = gaussianEpsilon({ noiseMultiplier: noise, steps: 50, delta: 1e-5 });
      assert.ok(of(observer) >= exact && of(observer) <= 1.005 * most, `${of(observer)}: ${exact} to ${most}`);
    }
  }
});

/** A sum of the victim's message and other clients' noises, drawn as the federation does; its spread is what spent counts with. */
test("spent: the noises of the other clients add up in variance, measured", () => {
  const [clients, draws] = [5, 20_000];
  const rng = createRng(1);
  const sent = (): number => localDp(Float32Array.of(0.5), { ...parameters, clipNorm: 1 }, 1, rng)[0]!;
  const sums = Array.from({ length: draws }, () =>
    Array.from({ length: clients - 1 }, sent).reduce((a, b) => a + b, 0),
  );
  const mean = sums.reduce((a, b) => a + b, 0) / draws;
  const std = Math.sqrt(sums.reduce((a, b) => a + (b - mean) ** 2, 0) / draws);
  const { noiseMultiplier } = spent("localDp", { ...parameters, clipNorm: 1 }, { ...run, aggregator: "mean", shardSizes: Array<number>(clients).fill(400) }, { observer: "client" }); // prettier-ignore
  assert.ok(Math.abs(std / 2 - noiseMultiplier) < 0.03 * noiseMultiplier, `${std / 2}, not ${noiseMultiplier}`); // moved by 2 C = 2
});

test("spent, checkPrivacy: refuse what JavaScript may leave out or mistake", () => {
  const nothing = undefined as never;
  const runs: readonly [Partial<Record<keyof PrivateRun, unknown>>, string][] = [
    [{ rounds: undefined }, "needs an integer rounds >= 1, got undefined"],
    [{ localSteps: "1" }, "needs an integer localSteps >= 1, got 1"],
    [{ shardSizes: undefined }, "needs the shard sizes of at least one client, got undefined"],
    [{ shardSizes: ["400"] }, "needs an integer shard size >= 1, got 400"],
    [{ shardSizes: [400, NaN] }, "needs an integer shard size >= 1, got NaN"],
    [{ dimension: undefined }, "needs an integer dimension >= 1, got undefined"],
  ];
  for (const [change, message] of runs) {
    const call = () => spent("dpSgd", parameters, { ...run, ...change } as PrivateRun);
    assert.throws(call, { name: "InputError", message: `spent: ${message}` });
  }
  assert.throws(() => spent("dpSgd", parameters, nothing), /^InputError: spent: needs a run with rounds/);
  assert.throws(() => spent("dpSgd", nothing, run), /^InputError: spent: needs privacy parameters with clipNorm/);
  assert.throws(
    () => spent(nothing, parameters, run),
    /^InputError: spent: needs a privacy mechanism of localDp, dpSgd/,
  );
  assert.throws(() => spent("constructor" as "dpSgd", parameters, run), /needs a privacy mechanism/);
  for (const wrong of [undefined, "1", NaN, null]) {
    for (const name of ["clipNorm", "noiseMultiplier", "delta"] as const) {
      const call = () => checkPrivacy("train", "localDp", { ...defaultPrivacy, [name]: wrong });
      assert.throws(call, new RegExp(`^InputError: train: needs .*${name}.*, got ${String(wrong)}$`));
    }
  }
});

test("privacyParameterNames: are those that a mechanism reads", () => {
  assert.deepEqual([...privacyParameterNames].sort(), [
    "clipNorm",
    "clipping",
    "delta",
    "noiseMultiplier",
    "noiseScale",
  ]);
});

test("checkPrivacy: accepts the defaults, and refuses each parameter out of range by name", () => {
  for (const privacy of Object.keys(privacies) as PrivacyName[]) checkPrivacy("train", privacy, defaultPrivacy);
  const authors = { ...defaultPrivacy, clipping: "elementwise", noiseScale: "sensitivityOverBatch" } as const;
  checkPrivacy("train", "localDp", authors);
  const cases = [
    [{ clipNorm: 0 }, "needs a finite clipNorm > 0, got 0"],
    [{ clipNorm: -1 }, "needs a finite clipNorm > 0, got -1"],
    [{ clipNorm: Infinity }, "needs a finite clipNorm > 0, got Infinity"],
    [{ noiseMultiplier: -0.1 }, "needs a finite noiseMultiplier >= 0, got -0.1"],
    [{ noiseMultiplier: NaN }, "needs a finite noiseMultiplier >= 0, got NaN"],
    [{ delta: 0 }, "needs 0 < delta < 1, got 0"],
    [{ delta: 1 }, "needs 0 < delta < 1, got 1"],
    [{ clipping: "elementwise" }, "needs clipping of norm for dpSgd, got elementwise"],
    [{ noiseScale: "sensitivityOverBatch" }, "needs noiseScale of clipNorm for dpSgd, got sensitivityOverBatch"],
  ] as const;
  for (const [change, message] of cases) {
    const call = () => checkPrivacy("train", "dpSgd", { ...defaultPrivacy, ...change });
    assert.throws(call, { name: "InputError", message: `train: ${message}` });
  }
  const unknown = "centralDp" as PrivacyName;
  const names = Object.keys(privacies).join(", ");
  const message = `train: needs a privacy mechanism of ${names}, got centralDp`;
  assert.throws(() => checkPrivacy("train", unknown, defaultPrivacy), { name: "InputError", message });
  const layer = { ...defaultPrivacy, clipping: "layer" as "norm" };
  assert.throws(() => checkPrivacy("train", "localDp", layer), /train: needs clipping of norm, elementwise for localDp, got layer/); // prettier-ignore
});
