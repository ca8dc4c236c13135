import assert from "node:assert/strict";
import { test } from "node:test";
import { epsilonOf } from "./accountant";
import { checkPrivacy, defaultPrivacy, noiseStd, privacies, spent, type PrivacyName, type PrivateRun } from "./privacy";

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
  assert.deepEqual(of("localDp", parameters, run, "example"), [1, 1 - (1 - 4 / 400), 50]);
  assert.deepEqual(of("dpSgd", parameters, run), [1, 0.01, 50]);
  assert.deepEqual(of("dpSgd", parameters, run, "update"), [0.25, 1, 50]); // against 4 examples, 2 C each
  // two local steps: 1 - 0.99^2 = 0.0199 for a message, and twice the steps for dpSgd
  const two = { ...run, localSteps: 2 };
  assert.deepEqual(of("localDp", parameters, two, "example"), [1, 1 - 0.99 ** 2, 50]);
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
    const [local, sgd] = (["localDp", "dpSgd"] as const).map((privacy) => spent(privacy, parameters, single, unit));
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
  const client = "client" as "update";
  assert.throws(() => spent("dpSgd", parameters, run, client), /spent: needs a unit of update, example, got client/);
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
  assert.throws(() => checkPrivacy("train", unknown, defaultPrivacy), /train: needs a privacy mechanism of localDp, dpSgd, got centralDp/); // prettier-ignore
  const layer = { ...defaultPrivacy, clipping: "layer" as "norm" };
  assert.throws(() => checkPrivacy("train", "localDp", layer), /train: needs clipping of norm, elementwise for localDp, got layer/); // prettier-ignore
});
