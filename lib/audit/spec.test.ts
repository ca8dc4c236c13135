import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defaultFederation } from "../fl/config";
import { attackers } from "../reconstruction/attackers";
import { protocolOf } from "../reconstruction/protocol";
import { checkSpec, readSpec } from "./spec";

const least = {
  model: "lenet5",
  inputShape: [1, 28, 28],
  numClasses: 10,
  broadcasts: "round{k}.npz",
  learningRate: 0.1,
};
const known = { ...least, numClients: 5 };
const own = { images: "i.npy", labels: "l.npy", update: "u.npy" };

test("checkSpec: what is left out has the usual default, and paths start from the folder", () => {
  const spec = checkSpec(known, "/data", "mine");
  assert.deepEqual(spec, {
    ...{ name: "mine", model: "lenet5", activation: "relu", pooling: "max", inputShape: [1, 28, 28], numClasses: 10 },
    ...{ normalize: null, broadcasts: ["/data/round{k}.npz"], learningRate: 0.1, numClients: 5, batchSize: 1 },
    ...{ localSteps: 1, momentum: 0, momentumKept: false, clientWeights: null, peersWeighAlike: false },
    protocol: protocolOf(defaultFederation),
    own: { images: null, labels: null, update: null, batch: null },
    attacker: { options: attackers.strongest, priors: [] },
    ...{ labels: null, truth: null },
  });
  const nulls = ["normalize", "clientWeights", "protocol", "own", "attacker", "labels", "truth", "momentum"];
  assert.deepEqual(
    checkSpec({ ...known, ...Object.fromEntries(nulls.map((name) => [name, null])) }, "/data", "mine"),
    spec,
  );
});

test("checkSpec: reads all that a spec may say", () => {
  const spec = checkSpec(
    {
      ...known,
      ...{
        model: ["flatten", { linear: 10 }],
        normalize: { mean: [0.5], std: [0.25] },
        momentum: { value: 0.9, kept: true },
      },
      ...{ broadcasts: ["a.npz", "/elsewhere/b.npz"], clientWeights: { own: 40, total: 160 } },
      protocol: { maliciouslyCuriousClient: 2, privacyParameters: { clipNorm: 2 } },
      own: { ...own, update: { file: "u{k}.npz", kind: "weights" }, batch: "b.npy" },
      ...{ attacker: { preset: "paper", steps: 7, priors: ["pixel", "gaussian"] }, labels: [1, 2, 3, 4] },
      truth: { images: ["t.npy"], labels: "y.npy" },
    },
    "/data",
  );
  assert.deepEqual([spec.momentum, spec.momentumKept, spec.peersWeighAlike], [0.9, true, true]);
  assert.deepEqual(spec.clientWeights, [30, 30, 40, 30, 30]);
  assert.deepEqual(spec.broadcasts, ["/data/a.npz", "/elsewhere/b.npz"]);
  assert.equal(spec.protocol.privacyParameters.clipNorm, 2);
  assert.equal(spec.protocol.privacyParameters.noiseMultiplier, 3);
  assert.deepEqual(spec.own.update, { file: ["/data/u{k}.npz"], kind: "weights" });
  assert.deepEqual(spec.own.batch, { images: ["/data/b.npy"], labels: null });
  assert.deepEqual(spec.attacker, { options: { ...attackers.paper, steps: 7 }, priors: ["pixel", "gaussian"] });
  assert.deepEqual(spec.labels, [[1, 2, 3, 4]]);
  assert.deepEqual(checkSpec({ ...known, own }, "/data").attacker.priors, ["autoencoder", "gaussian"]);
  assert.equal(checkSpec({ ...least, own }, "/data").numClients, null);
});

const refused: readonly [what: string, changes: Record<string, unknown>, message: RegExp][] = [
  ["a field that is none", { leaningRate: 1 }, /^audit: needs only known names in the spec, got leaningRate; did you mean learningRate\?$/],
  ["no model", { model: undefined }, /^audit: needs model in the spec, got none$/],
  ["no learning rate", { learningRate: null }, /^audit: needs learningRate in the spec, got none$/],
  ["learning rate 0", { learningRate: 0 }, /^audit: needs a finite learningRate > 0, got 0$/],
  ["a negative learning rate", { learningRate: -0.1 }, /^audit: needs a finite learningRate > 0, got -0.1$/],
  ["a learning rate in quotes", { learningRate: "0.1" }, /^audit: needs a finite learningRate > 0, got 0.1$/],
  ["pooling avg", { pooling: "avg" }, /got avg; did you mean average\?$/],
  ["activation Tanh", { activation: "Tanh" }, /got Tanh; did you mean tanh\?$/],
  ["a model misspelt", { model: "lenet-5" }, /got lenet-5; did you mean lenet5\?$/],
  ["a layer unknown", { model: ["flaten", { linear: 10 }] }, /got flaten; did you mean flatten\?$/],
  ["an option of a layer unknown", { model: [{ conv2d: { out: 6, kernle: 5 } }, "flatten", { linear: 10 }] }, /got kernle; did you mean kernel\?$/],
  ["layers that end in other logits", { model: ["flatten", { linear: 9 }] }, /needs a list of layers that ends in 10 logits, got \[9\]/],
  ["a layer too large for the image", { model: [{ conv2d: { out: 2, kernel: 29 } }, "flatten", { linear: 10 }] }, /layer 0 \(conv2d\)/],
  ["channels last", { inputShape: [28, 28] }, /needs an inputShape \[C, H, W\], got \[28, 28\]; channels first/],
  ["one class", { numClasses: 1 }, /needs an integer numClasses >= 2, got 1/],
  ["no clients", { numClients: 0 }, /needs an integer numClients >= 1, got 0/],
  ["half a batch", { batchSize: 0.5 }, /needs an integer batchSize >= 1, got 0.5/],
  ["momentum 1", { momentum: 1 }, /needs momentum in \[0, 1\), got 1/],
  ["momentum kept over several steps", { localSteps: 5, momentum: { value: 0.9, kept: true } }, /needs momentum that begins at 0 in each round where localSteps > 1/],
  ["weights of others", { clientWeights: [1, 2] }, /needs clientWeights of 5 numbers > 0, one per client, got \[1, 2\]/],
  ["weights under the median", { clientWeights: [1, 2, 3, 4, 5], protocol: { aggregator: "median" } }, /needs the plain mean for clientWeights, got median/],
  ["an own weight without the total", { clientWeights: { own: 40 } }, /needs clientWeights.total above clientWeights.own, got undefined/],
  ["a rule misspelt", { protocol: { aggregator: "medain" } }, /got medain; did you mean median\?/],
  ["a field of the protocol misspelt", { protocol: { agregator: "mean" } }, /got agregator; did you mean aggregator\?/],
  ["too many malicious", { protocol: { aggregator: "median", assumedMalicious: 3 } }, /needs protocol.assumedMalicious f < numClients \/ 2/],
  ["a privacy parameter misspelt", { protocol: { privacyParameters: { clip: 1 } } }, /needs only known names in protocol.privacyParameters, got clip/],
  ["normalisation of other channels", { normalize: { mean: [0.5, 0.5, 0.5], std: [0.5] } }, /needs 1 numbers in normalize.mean, one per channel/],
  ["a deviation of 0", { normalize: { mean: [0.5], std: [0] } }, /needs normalize.std > 0, got \[0\]/],
  ["no deviation", { normalize: { mean: [0.5] } }, /needs mean and std in normalize, got \[mean\]/],
  ["own images without labels", { own: { images: "i.npy" } }, /needs own.images and own.labels together, got own.images alone/],
  ["a batch without labels", { own: { batch: "b.npy" } }, /needs labels of own.batch, got none; give own.images/],
  ["a kind of update unknown", { own: { update: { file: "u.npy", kind: "weigths" } } }, /got weigths; did you mean weights\?/],
  ["clients to be estimated from nothing", { numClients: null }, /needs numClients where own has no update and no batch/],
  ["clients to be estimated under the median", { numClients: null, own, protocol: { aggregator: "median" } }, /needs numClients where the aggregate is not the plain mean/],
  ["an attacker unknown", { attacker: "strong" }, /got strong/],
  ["a prior that needs own images", { attacker: "paper" }, /needs own.images for the autoencoder prior/],
  ["an option of the attacker misspelt", { attacker: { step: 3 } }, /got step; did you mean steps\?/],
  ["no steps", { attacker: { steps: 0 } }, /needs an integer attacker.steps >= 1, got 0/],
  ["labels outside the classes", { labels: [1, 10] }, /needs labels in 0..9, got 10 at index 1/],
  ["truth without labels", { truth: { images: "t.npy" } }, /needs a file's path in truth.labels, got undefined/],
  ["a number for a path", { broadcasts: [1, 2] }, /needs a file's path in broadcasts, got 1/],
]; // prettier-ignore

for (const [what, changes, message] of refused)
  test(`checkSpec: refuses ${what} in one line`, () => {
    const spec = Object.fromEntries(
      Object.entries({ ...known, ...changes }).filter(([, value]) => value !== undefined),
    );
    assert.throws(
      () => checkSpec(spec, "/data"),
      (error: Error) => {
        assert.equal(error.name, "InputError");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  });

test("checkSpec: refuses what is no object", () => {
  for (const given of [null, 3, "spec", [known]])
    assert.throws(() => checkSpec(given, "/data"), /^InputError: audit: needs an object for the spec, got /);
});

test("readSpec: refuses a file that is missing, no JSON, or a folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spec-"));
  try {
    writeFileSync(join(folder, "cut.json"), '{ "model": "lenet5", ');
    await assert.rejects(
      readSpec(join(folder, "no.json")),
      /^InputError: audit: needs the file .*no.json, got no such file$/,
    );
    await assert.rejects(readSpec(join(folder, "cut.json")), /^InputError: audit: needs JSON in .*cut.json, got /);
    await assert.rejects(readSpec(folder), /^InputError: audit: needs a file at .*, got a folder$/);
    writeFileSync(join(folder, "Mine.json"), JSON.stringify(known));
    assert.equal((await readSpec(join(folder, "Mine.json"))).name, "Mine");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
