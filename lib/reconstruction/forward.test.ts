/**
 * @file The forward model against rounds that are played by the federation's own functions, one client at a time.
 *
 * The oracle's distance is in double precision, of float32 gradients that carry 1e-6 of their norm; a step of 1e-3 of the images' norm
 * leaves about 1e-3 of error. A rule of ranks bends wherever two clients' values cross on the way, which are the more coordinates the
 * longer the step: a further 1e-2 of its derivative.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { privateUpdates } from "../defense/privacy/dpSgd";
import { localDp } from "../defense/privacy/localDp";
import { aggregate } from "../fl/aggregation";
import { localUpdates } from "../fl/client";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights } from "../model/network";
import { stackImages, unstackImages } from "../model/stack";
import { createForward, throughProtocol, type Suspicion } from "./forward";
import { invert } from "./invert";
import { createMatcher } from "./matcher";
import type { ObjectiveName } from "./objective";
import { knowingOwnShare, withoutOwnShare } from "./observe";
import { protocolOf } from "./protocol";
import type { AttackerView } from "./view";

before(backendReady);

const [numClients, own, pixels] = [7, 2, 16];
const small = { ...defaultFederation, numClients, maliciouslyCuriousClient: own, assumedMalicious: 1 } as const;
const network = buildNetwork("mlp", [1, 4, 4], 10, { activation: "tanh", pooling: "average" });

const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, value) => sum + value ** 2, 0));

/** [M][tau] batches, of which every client's have labels of their own. */
function batchesOf(config: FederationConfig, seed: string): Batch[][] {
  const { localSteps, batchSize: size } = config;
  return Array.from({ length: numClients }, (_, client) =>
    Array.from({ length: localSteps }, (_, t) => {
      const rng = createRng(seed).split("batch", client, t);
      return {
        images: rng.uniforms(size * pixels),
        labels: Int32Array.from({ length: size }, () => rng.integer(10)),
        size,
      };
    }),
  );
}

/** What the server makes of clients' batches and of what the attacker sent. */
function play(
  config: FederationConfig,
  weights: Float32Array,
  batches: readonly Batch[][],
  ownUpdate: Float32Array,
  round = 3,
) {
  const { privacy, privacyParameters, learningRate, batchSize } = config;
  const silent = { ...privacyParameters, noiseMultiplier: 0 };
  const rngs = batches.map((_, client) => createRng("noise").split("client", client));
  const updates =
    privacy === "dpSgd"
      ? privateUpdates(network, weights, batches, learningRate, silent, rngs)
      : localUpdates(network, weights, batches, learningRate);
  const sent = updates.map((u, i) => (privacy === "localDp" ? localDp(u, silent, batchSize, rngs[i]!) : u));
  sent[own] = ownUpdate;
  const clients = [...sent.keys()].filter((client) => sent[client]!.every(Number.isFinite));
  const rng = createRng("forward").split("draws", round);
  const layers = network.layer.parameters.map(({ shape }) => shape);
  const received = clients.map((client) => sent[client]!);
  const history = received.map(({ length }) => new Float32Array(length));
  const context = { rng, layers, malicious: [], history };
  return aggregate(config, received, clients, context, createRng("masks")).update;
}

interface Scene {
  readonly whole: AttackerView; // as observe would give it
  readonly suspicion: Suspicion;
  readonly config: FederationConfig;
  readonly secret: Float32Array; // the others' images
  readonly dummy: Float32Array;
  readonly distance: (images: Float32Array, objective: ObjectiveName) => number;
}

function sceneOf(change: Partial<FederationConfig>, view: Partial<AttackerView> = {}, seed = 1): Scene {
  const config: FederationConfig = { ...small, ...change };
  const { localSteps, batchSize, learningRate } = config;
  const weights = initialWeights(network.layer, createRng(seed), "variancePreserving", 1);
  const secrets = batchesOf(config, `secret ${seed}`);
  const ownBatch = secrets[own]![0]!;
  const ownUpdate = view.ownUpdate ?? localUpdates(network, weights, [secrets[own]!], learningRate)[0]!.map((x) => -x);
  const observedGradient = play(config, weights, secrets, ownUpdate);
  const whole: AttackerView = {
    ...{ round: 3, architecture: "mlp", activation: "tanh", pooling: "average", inputShape: [1, 4, 4], numClasses: 10 },
    ...{ weights, observedGradient, ownUpdate, ownBatch, batchSize, numClients, localSteps, learningRate },
    ...{ numImages: numClients * localSteps * batchSize, protocol: protocolOf(config), previous: null },
    ...view,
  };
  const others = secrets.filter((_, client) => client !== own).flat();
  const secret = Float32Array.from(others.flatMap(({ images }) => [...images]));
  const labels = Int32Array.from(others.flatMap((batch) => [...batch.labels]));
  const distance = (images: Float32Array, objective: ObjectiveName): number => {
    let at = 0;
    const batches = secrets.map((steps, client) =>
      steps.map((batch) => {
        if (client === own) return batch;
        const taken = images.slice(at, (at += batch.size * pixels));
        return { ...batch, images: taken };
      }),
    );
    const g = play(config, weights, batches, ownUpdate).map((x) => x / localSteps);
    const target = observedGradient.map((x) => x / localSteps);
    const [a, b] = objective === "squared" ? [1, 1] : [norm(g), norm(target)];
    const sum = g.reduce((total, x, i) => total + (x / a - target[i]! / b) ** 2, 0);
    return objective === "squared" ? sum : sum / 2;
  };
  const suspicion = { view: throughProtocol("test", knowingOwnShare(whole)), labels };
  return { whole, suspicion, config, secret, dummy: createRng("dummy").uniforms(secret.length), distance };
}

/** D and dD/dx of every view. */
function forward(stack: readonly Suspicion[], images: readonly Float32Array[], objective: ObjectiveName) {
  const { match, tensors } = createForward(network, stack, objective);
  const found = tidy(() => {
    const { value, imagesGradient } = match(stackImages(images, network.inputShape));
    return { value: value(), imagesGradient };
  });
  const result = {
    distances: [...found.value.dataSync()],
    gradients: unstackImages(found.imagesGradient, stack.length),
  };
  dispose([found, tensors]);
  return result;
}

const clip = {
  privacy: "localDp",
  privacyParameters: { ...defaultFederation.privacyParameters, clipNorm: 1 },
} as const;
const clipped = { ...clip, localSteps: 1 } as const;
const perExample = { ...clip, privacy: "dpSgd", batchSize: 2 } as const;
const boxed = { clipNorm: 0.02, noiseMultiplier: 1, delta: 1e-5, clipping: "elementwise" } as const;
const cases: readonly (readonly [words: string, change: Partial<FederationConfig>, tolerance: number])[] = [
  ["the median", { aggregator: "median" }, 2e-2],
  ["the trimmed mean, two images each", { aggregator: "trimmedMean", batchSize: 2 }, 2e-2],
  ["Krum", { aggregator: "krum" }, 5e-3],
  ["Multi-Krum", { aggregator: "multiKrum" }, 5e-3],
  ["DnC", { aggregator: "dnc" }, 5e-3],
  ["the geometric median", { aggregator: "geometricMedian" }, 5e-3],
  ["centered clipping", { aggregator: "centeredClipping", aggregatorParameters: { clipNorm: 2 } }, 5e-3],
  ["buckets and the median", { aggregator: "median", preAggregations: ["bucketing"] }, 2e-2],
  ["the clipped mean", clipped, 5e-3],
  ["the mean of clipped boxes", { privacy: "localDp", privacyParameters: boxed }, 2e-2],
  ["the mean of examples that are clipped", perExample, 5e-3],
  ["the median of two steps", { aggregator: "median", localSteps: 2, learningRate: 0.5 }, 2e-2],
  ["the clipped mean of two steps of two images", { ...clip, localSteps: 2, batchSize: 2, learningRate: 0.5 }, 5e-3],
  ["two steps on examples that are clipped", { ...perExample, localSteps: 2, learningRate: 0.5 }, 5e-3],
];

for (const [words, change, tolerance] of cases) {
  for (const objective of ["squared", "cosine"] as const) {
    test(`createForward: the ${objective} derivative equals central differences through ${words}`, () => {
      const { suspicion, dummy, secret, distance } = sceneOf(change);
      const [at] = [distance(dummy, objective)];
      const { distances, gradients } = forward([suspicion], [dummy], objective);
      assert.ok(Math.abs(distances[0]! - at) <= 1e-4 * at, `${distances[0]}, by the federation ${at}`);
      const itself = forward([suspicion], [secret], objective).distances[0]!;
      assert.ok(itself < 1e-9 * Math.max(1, at), `${itself} at the private images`);
      const gradient = gradients[0]!;
      const noise = createRng("direction").normals(gradient.length);
      const [size, spread, step] = [norm(gradient), norm(noise), 1e-3 * norm(dummy)];
      assert.ok(size > 0);
      for (const share of [1, 0.5]) {
        const direction = gradient.map((g, i) => share * (g / size) + Math.sqrt(1 - share ** 2) * (noise[i]! / spread));
        const moved = (t: number): number =>
          distance(
            dummy.map((x, i) => x + t * direction[i]!),
            objective,
          );
        const slope = (moved(step) - moved(-step)) / (2 * step);
        const said = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
        assert.ok(Math.abs(said - slope) <= tolerance * size, `${said}, by differences ${slope}`);
      }
    });
  }
}

test("createForward: momentum, and batches of several steps, are those of matchUnrolled", () => {
  const { whole, secret, dummy } = sceneOf({ learningRate: 0.5 });
  const view = { ...whole, localSteps: 4, localBatches: 1, momentum: 0.6 };
  const labels = createRng("labels").uniforms(numClients - 1).map((x) => Math.floor(10 * x)); // prettier-ignore
  const known = { view: knowingOwnShare(view), labels: Int32Array.from(labels) };
  const out = { ...known, view: withoutOwnShare(view) };
  assert.equal(secret.length, dummy.length);
  const through = forward([known], [dummy], "squared");
  const { match, tensors } = createMatcher(network, [out], { objective: "squared", unroll: true });
  const unrolled = tidy(() => {
    const { value, imagesGradient } = match(stackImages([dummy], network.inputShape));
    return { value: value(), imagesGradient };
  });
  const factor = ((numClients - 1) / numClients) ** 2; // of the others' mean in the mean
  const expected = unrolled.value.dataSync()[0]! * factor;
  assert.ok(Math.abs(through.distances[0]! - expected) <= 1e-4 * expected, `${through.distances[0]}, ${expected}`);
  const [gradient] = unstackImages(unrolled.imagesGradient, 1);
  const error = norm(gradient!.map((x, i) => factor * x - through.gradients[0]![i]!));
  assert.ok(error <= 1e-3 * norm(through.gradients[0]!), `off by ${error}`);
  dispose([unrolled, tensors]);
});

const how = { prior: { kind: "pixel" }, objective: "cosine", steps: 12 } as const;

test("invert: through the protocol of a plain mean is the mean without the attacker's share, to the bit", async () => {
  for (const change of [{}, { localSteps: 2 }, { secureAggregation: true }]) {
    const { config, whole, suspicion } = sceneOf(change);
    const labels = [suspicion.labels];
    const through = await invert([knowingOwnShare(whole)], { ...how, labels, through: "protocol" });
    const asBefore = await invert([withoutOwnShare(whole)], { ...how, labels, unroll: true });
    assert.deepEqual(through, asBefore, JSON.stringify([change, config.localSteps]));
  }
});

test("invert: matches a median as a median, which as a mean it cannot, and keeps no tensor", async () => {
  const [one, two] = [1, 2].map((seed) => sceneOf({ aggregator: "median" }, {}, seed)) as [Scene, Scene];
  const options = { ...how, steps: 150, learningRate: 0.1 } as const;
  const before = tf.memory().numTensors;
  const views = [one, two].map(({ whole }) => knowingOwnShare(whole));
  const labels = [one, two].map(({ suspicion }) => suspicion.labels);
  const found = await invert(views, { ...options, labels, through: "protocol" });
  const asMean = await invert([withoutOwnShare(one.whole)], { ...options, labels: [labels[0]!] });
  assert.equal(tf.memory().numTensors, before);
  const error = ({ images }: { images: Float32Array }): number => norm(images.map((x, i) => x - one.secret[i]!));
  assert.ok(
    found[0]!.matchingLoss < 0.02 * asMean[0]!.matchingLoss,
    `${found[0]!.matchingLoss}, ${asMean[0]!.matchingLoss}`,
  );
  assert.ok(error(found[0]!) < error(asMean[0]!), `${error(found[0]!)}, ${error(asMean[0]!)}`);
  const alone = await invert([views[1]!], { ...options, steps: 3, labels: [labels[1]!], through: "protocol" });
  const stacked = await invert(views, { ...options, steps: 3, labels, through: "protocol" });
  const off = norm(alone[0]!.images.map((x, i) => x - stacked[1]!.images[i]!));
  assert.ok(off < 1e-3 * norm(alone[0]!.images), `${off}`);
});

test("createForward: an own update that is not finite was dropped, and the rule assumes one malicious client less", () => {
  for (const aggregator of ["median", "mean"] as const) {
    const { suspicion, secret } = sceneOf({ aggregator }, { ownUpdate: new Float32Array(network.size).fill(NaN) });
    assert.equal(suspicion.view.ownShare, aggregator === "mean" ? "out" : "known");
    if (aggregator === "median") assert.ok(forward([suspicion], [secret], "cosine").distances[0]! < 1e-9);
    else assert.deepEqual(suspicion.view.observedGradient, sceneOf({ aggregator }, { ownUpdate: new Float32Array(network.size).fill(NaN) }).whole.observedGradient); // prettier-ignore
  }
});

test("createForward: where the rule refuses the dummies' round it is the mean's, and what is not finite is NaN, not an error", () => {
  const { suspicion, dummy } = sceneOf({ aggregator: "median" });
  const { view } = suspicion;
  const by = (aggregator: "flTrust" | "mean"): number => {
    const root = new Float32Array(network.size); // points nowhere: nobody has trust
    const shown = { ...view, observedGradient: root, protocol: { ...view.protocol!, aggregator } };
    return forward([{ ...suspicion, view: shown }], [dummy], "squared").distances[0]!;
  };
  assert.equal(by("flTrust"), by("mean"));
  const lost = forward([suspicion], [dummy.map((x, i) => (i === 3 ? NaN : x))], "cosine");
  assert.ok(Number.isNaN(lost.distances[0]) && lost.gradients[0]!.some(Number.isNaN));
});

test("invert: refuses to go through a protocol that is missing, or that the view contradicts", async () => {
  const { whole, suspicion } = sceneOf({ aggregator: "centeredClipping" });
  const known = knowingOwnShare(whole);
  const { protocol: _, ...bare } = known;
  const { previous: _p, ...forgetful } = known;
  const cases: readonly [AttackerView, object, string][] = [
    [bare, {}, "needs a protocol to go through, got a view of round 3 without one; see protocolOf"],
    [
      whole,
      {},
      'needs a view that knows its own share to go through the protocol, got ownShare "counted"; see knowingOwnShare',
    ],
    [
      withoutOwnShare(whole),
      {},
      'needs a view that knows its own share to go through the protocol, got ownShare "out"; see knowingOwnShare',
    ],
    [
      { ...known, numImages: 2 },
      {},
      "needs the (M - 1) tau B = 6 images of all others to go through the protocol, got 2",
    ],
    [
      forgetful,
      {},
      "needs the aggregate before round 3, which centeredClipping reads, got none; give it in view.previous, null if there was none",
    ],
    [known, { unroll: false }, "needs local steps unrolled through the protocol, got unroll: false; leave unroll out"],
    [known, { through: "rule" }, "needs a through of mean, protocol, got rule"],
  ];
  for (const [view, more, message] of cases) {
    const options = { ...how, labels: [suspicion.labels], through: "protocol", ...more } as const;
    await assert.rejects(invert([view], options), { name: "InputError", message: `invert: ${message}` });
  }
});
