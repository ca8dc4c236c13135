import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation } from "../fl/config";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient } from "../model/network";
import { classGuesses } from "./guess";
import type { InvertOptions } from "./inversion";
import { invert, matchingLosses } from "./invert";
import { noiseSeen } from "./noise";
import { protocolOf } from "./protocol";
import type { AttackerView } from "./view";

before(backendReady);

const pixels = 64;
const network = buildNetwork("mlp", [1, 8, 8], 3, { activation: "tanh" });
const weights = initialWeights(network.layer, createRng("weights"), "variancePreserving", 1);

/** Smooth images: a mean of their class, and two patterns of random strength. */
function draw(size: number, seed: string): Batch {
  const rng = createRng(seed);
  const labels = Int32Array.from({ length: size }, (_, i) => i % 3);
  const images = new Float32Array(size * pixels);
  for (let b = 0; b < size; b++) {
    const [up, across] = [0.15 * rng.normal(), 0.15 * rng.normal()];
    for (let p = 0; p < pixels; p++) {
      const [y, x] = [Math.floor(p / 8) / 7, (p % 8) / 7];
      const value = 0.3 + 0.2 * labels[b]! * y + up * Math.cos(3 * x) + across * Math.sin(3 * y) + 0.01 * rng.normal();
      images[b * pixels + p] = Math.min(1, Math.max(0, value));
    }
  }
  return { images, labels, size };
}

const own = draw(300, "own");
const secret = draw(2, "secret");
const rmse = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.sqrt(Array.from(a).reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0) / a.length);

/** What is seen of the two images' mean gradient under noise of standard deviation noiseStd per message. */
function viewOf(noiseStd: number): AttackerView {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 1e6, noiseMultiplier: noiseStd / 1e6 };
  const config = { ...defaultFederation, numClients: 3, privacy: "localDp" as const, privacyParameters };
  const view: AttackerView = {
    ...{ round: 0, architecture: "mlp", activation: "tanh", pooling: "average", inputShape: [1, 8, 8], numClasses: 3 },
    ...{
      weights,
      ownUpdate: new Float32Array(network.size),
      ownBatch: own,
      batchSize: 1,
      numClients: 3,
      localSteps: 1,
    },
    ...{ observedGradient: lossAndGradient(network, [weights], [secret]).gradients[0]!, learningRate: 0.1 },
    ...{ numImages: 2, ownShare: "out", protocol: protocolOf(config) },
  };
  const noise = createRng("noise").normals(network.size);
  const s = noiseSeen(view);
  return { ...view, observedGradient: view.observedGradient.map((g, i) => g + s * noise[i]!) };
}

const options: InvertOptions = { prior: { kind: "pixel" }, own, labels: [secret.labels], noise: "known", steps: 300 };

test("invert with noise known: near the images under weak noise, the guess under strong noise, between them in between", async () => {
  const guesses = classGuesses(own, 3);
  const guess = Float32Array.from([...secret.labels].flatMap((label) => [...guesses[label]!]));
  const tensors = tf.memory().numTensors;
  const errors: number[] = [];
  for (const noiseStd of [3e-3, 1, 1e3]) {
    const view = viewOf(noiseStd);
    const [found] = await invert([view], options);
    const [truthLoss] = await matchingLosses([view], [secret], options);
    const expected = network.size * noiseSeen(view) ** 2; // d s^2, of which the private images have what was drawn
    assert.ok(Math.abs(truthLoss! / expected - 1) < 0.05, `${truthLoss} for ${expected}`);
    assert.ok(found!.matchingLoss < 1.1 * truthLoss!, `${found!.matchingLoss}, ${truthLoss}`);
    errors.push(rmse(found!.images, secret.images));
    if (noiseStd === 1e3) assert.ok(rmse(found!.images, guess) < 0.01);
  }
  assert.equal(tf.memory().numTensors, tensors);
  const floor = rmse(guess, secret.images);
  assert.ok(
    errors[0]! < 0.4 * floor && errors[0]! < errors[1]! && errors[1]! < floor,
    `${errors.join(", ")}; ${floor}`,
  );
  assert.ok(errors[2]! < floor + 0.005);
});

test("invert with noise known: a view without noise is inverted as ever", async () => {
  const { protocol: _protocol, ...quiet } = viewOf(1e-3);
  const how: InvertOptions = { ...options, steps: 20 };
  const [known, ignored] = [await invert([quiet], how), await invert([quiet], { ...how, noise: "ignored" })];
  assert.deepEqual(known, ignored);
});
