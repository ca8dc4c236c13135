/**
 * @file The unrolled objective against local training computed one gradient at a time.
 *
 * The oracle's distance is in double precision; the float32 gradients inside carry 1e-6 of their norm. A step of 2e-3 of the
 * images' norm moves them by 1e-3 or more, which leaves about 1e-3 of error, and as much from the curvature: the tolerance is 1e-2.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy, type Tensor } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch, Shape } from "../core/types";
import { localUpdates } from "../fl/client";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import type { ArchitectureOptions } from "../model/options";
import { initialWeights, lossAndGradient, type Network } from "../model/network";
import { stackImages, stackTargets, stackVectors, unpackWeights, unstackImages, volume } from "../model/stack";
import { createTarget, matchGradient, type ObjectiveName } from "./objective";
import { byStep, fromSteps, matchUnrolled, targetsByStep } from "./unroll";

before(backendReady);

/** A scene: S views of n clients, each with tau batches of B images. */
interface Scene {
  readonly network: Network;
  readonly clients: number;
  readonly localSteps: number;
  readonly learningRate: number;
  readonly momentum?: number;
  readonly localBatches?: number; // default tau
  readonly clientWeights?: readonly number[]; // of sum 1
  readonly weights: readonly Float32Array[]; // [S]
  readonly observed: readonly Float32Array[]; // [S][d]
  readonly labels: readonly Int32Array[]; // [S][n tau B]
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
const norm = (x: ArrayLike<number>): number => Math.sqrt(dot(x, x));

function randomBatch(size: number, seed: string, shape: Shape): Batch {
  const rng = createRng(seed);
  const labels = Int32Array.from({ length: size }, () => rng.integer(10));
  return { images: rng.uniforms(size * volume(shape)), labels, size };
}

/** A view's images as the batches of its clients' steps, [n][tau]. */
function asBatches({ images, labels, size }: Batch, clients: number, localSteps: number): Batch[][] {
  const [batch, pixels] = [size / clients / localSteps, images.length / size];
  return Array.from({ length: clients }, (_, m) =>
    Array.from({ length: localSteps }, (_, t) => {
      const [from, to] = [(m * localSteps + t) * batch, (m * localSteps + t + 1) * batch];
      return { images: images.slice(from * pixels, to * pixels), labels: labels.slice(from, to), size: batch };
    }),
  );
}

/** What the clients of a view send on average, over tau: the obvious way. */
function meanGradient(
  {
    network,
    clients,
    localSteps,
    localBatches = localSteps,
    learningRate,
    momentum = 0,
    clientWeights,
    weights,
  }: Scene,
  batch: Batch,
  view = 0,
): Float64Array {
  const mean = new Float64Array(network.size);
  for (const [m, own] of asBatches(batch, clients, localBatches).entries()) {
    let local = weights[view]!;
    let step = new Float32Array(network.size);
    for (let t = 0; t < localSteps; t++) {
      const g = lossAndGradient(network, [local], [own[t % localBatches]!]).gradients[0]!;
      step = step.map((value, i) => momentum * value + g[i]!);
      step.forEach((value, i) => (mean[i]! += ((clientWeights?.[m] ?? 1 / clients) * value) / localSteps));
      local = local.map((w, i) => w - learningRate * step[i]!);
    }
  }
  return mean;
}

/** The distance in double precision, in a form that keeps its digits near a match. */
function distance(g: ArrayLike<number>, target: ArrayLike<number>, objective: ObjectiveName): number {
  const [a, b] = objective === "squared" ? [1, 1] : [norm(g), norm(target)];
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += (g[i]! / a - target[i]! / b) ** 2;
  return objective === "squared" ? sum : sum / 2;
}

/** D and dD/dx of all images of every view, in their order. */
function unrolled(scene: Scene, images: readonly Float32Array[], objective: ObjectiveName) {
  const { network, clients, localSteps, localBatches = localSteps, weights, observed, labels } = scene;
  const views = images.length;
  const found = tidy(() => {
    const w = weights.flatMap((own) => Array.from({ length: clients }, () => own));
    const { whole } = createTarget(network, stackVectors(observed), objective);
    const steps = byStep(stackImages(images, network.inputShape), views, clients, localBatches);
    const targets = targetsByStep(labels, clients, localBatches, 10);
    const local = unpackWeights(network.layer, stackVectors(w));
    const match = matchUnrolled(network, local, whole, steps, targets, objective, {
      ...scene,
      weights: scene.clientWeights,
    });
    return { value: match.value(), gradient: fromSteps(match.imagesGradients, views, clients) };
  });
  const result = { distances: [...found.value.dataSync()], gradients: unstackImages(found.gradient, views) };
  dispose(found);
  return result;
}

function draw(
  [name, options, shape]: readonly [ArchitectureName, ArchitectureOptions, Shape],
  [views, clients, localSteps, batch]: readonly [number, number, number, number],
  learningRate: number,
): { scene: Scene; dummies: Batch[]; secrets: Batch[] } {
  const network = buildNetwork(name, shape, 10, options);
  const count = clients * localSteps * batch;
  const all = (what: string): Batch[] =>
    Array.from({ length: views }, (_, s) => randomBatch(count, `${what} ${s}`, shape));
  const [dummies, secrets] = [all("dummy"), all("secret")];
  const weights = secrets.map((_, s) => initialWeights(network.layer, createRng(s), "variancePreserving", 1));
  const observed = secrets.map((secret, s) => {
    const updates = localUpdates(network, weights[s]!, asBatches(secret, clients, localSteps), learningRate);
    return updates[0]!.map((_, i) => updates.reduce((sum, u) => sum + u[i]!, 0) / clients / localSteps);
  });
  const labels = dummies.map((dummy) => dummy.labels);
  return { scene: { network, clients, localSteps, learningRate, weights, observed, labels }, dummies, secrets };
}

const lenet = ["lenet5", { activation: "tanh", pooling: "average" }, [1, 28, 28]] as const;
const mlp = ["mlp", { activation: "tanh" }, [2, 4, 4]] as const;
const cases: readonly (readonly [string, Parameters<typeof draw>, Partial<Scene>?])[] = [
  ["lenet5, two clients, three steps of one image", [lenet, [1, 2, 3, 1], 0.1]],
  ["lenet5, one client, three steps of two images", [lenet, [1, 1, 3, 2], 0.1]],
  ["mlp, three clients, four steps of two images", [mlp, [1, 3, 4, 2], 0.5]],
  ["mlp, two clients, three steps with momentum", [mlp, [1, 2, 3, 1], 0.3], { momentum: 0.9 }],
  [
    "lenet5, two clients, four steps on the same two images",
    [lenet, [1, 2, 1, 2], 0.1],
    { localSteps: 4, localBatches: 1 },
  ],
  [
    "mlp, three clients that weigh differently, five steps with momentum on two batches",
    [mlp, [1, 3, 2, 2], 0.3],
    { localSteps: 5, localBatches: 2, momentum: 0.5, clientWeights: [0.5, 0.2, 0.3] },
  ],
];

for (const [words, args, change] of cases) {
  for (const objective of ["squared", "cosine"] as const) {
    test(`matchUnrolled: the ${objective} derivative equals central differences for ${words}`, () => {
      const { scene: drawn, dummies } = draw(...args);
      const scene: Scene = { ...drawn, ...change };
      const { localBatches = scene.localSteps } = scene;
      const dummy = dummies[0]!;
      const at = (images: Float32Array): number =>
        distance(meanGradient(scene, { ...dummy, images }), scene.observed[0]!, objective);
      const { distances, gradients } = unrolled(scene, [dummy.images], objective);
      const expected = at(dummy.images);
      assert.ok(Math.abs(distances[0]! - expected) <= 1e-4 * expected, `${distances[0]}, in doubles ${expected}`);
      const gradient = gradients[0]!;
      const noise = createRng("direction").normals(gradient.length);
      const [size, spread, step] = [norm(gradient), norm(noise), 2e-3 * norm(dummy.images)];
      // Each batch by itself, as a wrong adjoint may hide in the sum: zeros elsewhere.
      const perBatch = gradient.length / scene.clients / localBatches;
      for (let t = 0; t < localBatches; t++) {
        const isIn = (i: number): boolean => Math.floor(i / perBatch) % localBatches === t;
        const direction = gradient.map((x, i) => (isIn(i) ? x / size + noise[i]! / spread : 0));
        const [up, down] = [step, -step].map((by) => at(dummy.images.map((x, i) => x + by * direction[i]!)));
        const [slope, measured] = [dot(gradient, direction), (up! - down!) / (2 * step)];
        const error = Math.abs(measured - slope);
        assert.ok(error <= 1e-2 * Math.abs(slope), `batch ${t}: ${slope}, differences ${measured}`);
      }
    });
  }
}

test("matchUnrolled: is matchGradient at one local step, whatever the clients", () => {
  const { scene, dummies } = draw(lenet, [2, 3, 1, 1], 0.5);
  const images = dummies.map((dummy) => dummy.images);
  for (const objective of ["squared", "cosine"] as const) {
    const plain = tidy(() => {
      const { network, weights, observed, labels } = scene;
      const target = createTarget(network, stackVectors(observed), objective);
      const w = unpackWeights(network.layer, stackVectors(weights));
      const x = stackImages(images, network.inputShape);
      const { value, imagesGradient } = matchGradient(network, w, target, x, stackTargets(labels, 10), objective);
      return { value: value(), imagesGradient };
    });
    const { distances, gradients } = unrolled(scene, images, objective);
    const expected = unstackImages(plain.imagesGradient, 2);
    plain.value.dataSync().forEach((value, s) => assert.ok(Math.abs(distances[s]! - value) <= 1e-5 * value));
    for (const s of [0, 1]) {
      const error = norm(gradients[s]!.map((x, i) => x - expected[s]![i]!));
      assert.ok(error <= 1e-4 * norm(expected[s]!), `${objective}, view ${s}: off by ${error}`);
    }
    dispose(plain);
  }
});

test("matchUnrolled: vanishes at what the clients trained on, where one gradient for all images does not", () => {
  const { scene, secrets } = draw(lenet, [1, 2, 3, 1], 0.5);
  const secret = secrets[0]!;
  const labelled = { ...scene, labels: [secret.labels] };
  const { distances, gradients } = unrolled(labelled, [secret.images], "cosine");
  assert.ok(distances[0]! < 1e-9, `${distances[0]}`);
  assert.ok(norm(gradients[0]!) < 1e-3, `${norm(gradients[0]!)}`);
  const still = lossAndGradient(scene.network, [scene.weights[0]!], [secret]).gradients[0]!;
  assert.ok(distance(still, scene.observed[0]!, "cosine") > 1e-3);
});

test("matchUnrolled: two views together give what each gives alone", () => {
  const { scene, dummies } = draw(mlp, [2, 3, 4, 2], 0.5);
  const images = dummies.map((dummy) => dummy.images);
  const together = unrolled(scene, images, "cosine");
  for (const s of [0, 1]) {
    const [weights, observed, labels] = [[scene.weights[s]!], [scene.observed[s]!], [scene.labels[s]!]];
    const alone = unrolled({ ...scene, weights, observed, labels }, [images[s]!], "cosine");
    assert.ok(Math.abs(alone.distances[0]! - together.distances[s]!) <= 1e-5);
    const error = norm(alone.gradients[0]!.map((x, i) => x - together.gradients[s]![i]!));
    assert.ok(error <= 1e-4 * norm(alone.gradients[0]!), `view ${s}: off by ${error}`);
  }
});

test("byStep: image b of client m in step t stands at (m tau + t) B + b, and fromSteps undoes it", () => {
  // Two views, three clients, two steps of two images of one pixel with two channels: 12 images per view.
  const [views, clients, localSteps, batch, channels] = [2, 3, 2, 2, 2];
  const count = clients * localSteps * batch;
  const code = (s: number, image: number, c: number): number => 100 * s + 2 * image + c;
  const images = Array.from({ length: views }, (_, s) =>
    Float32Array.from({ length: count * channels }, (_, i) => code(s, Math.floor(i / channels), i % channels)),
  );
  const found = tidy(() => {
    const stacked = stackImages(images, [channels, 1, 1]);
    const steps = byStep(stacked, views, clients, localSteps);
    return { stacked, steps, back: fromSteps(steps, views, clients) };
  });
  for (let t = 0; t < localSteps; t++) {
    const replicas = unstackImages(found.steps[t]!, views * clients);
    for (let s = 0; s < views; s++)
      for (let m = 0; m < clients; m++)
        for (let b = 0; b < batch; b++)
          for (let c = 0; c < channels; c++)
            assert.equal(replicas[s * clients + m]![b * channels + c], code(s, (m * localSteps + t) * batch + b, c));
  }
  assert.deepEqual(found.back.dataSync(), found.stacked.dataSync());
  assert.deepEqual(found.back.shape, found.stacked.shape);
  dispose(found);
});

test("targetsByStep: follows the order of byStep", () => {
  // One view, two clients, two steps of one image: labels of client 0 are 0 and 1, of client 1 are 2 and 0.
  const steps = tidy(() => targetsByStep([[0, 1, 2, 0]], 2, 2, 3));
  const found = steps.map((one: Tensor) => one.arraySync());
  assert.deepEqual(found, [
    [[[1, 0, 0]], [[0, 0, 1]]],
    [[[0, 1, 0]], [[1, 0, 0]]],
  ]);
  dispose(steps);
});

test("matchUnrolled: keeps no tensors after 20 calls", () => {
  const { scene, dummies } = draw(mlp, [1, 2, 3, 1], 0.5);
  const call = () => unrolled(scene, [dummies[0]!.images], "cosine");
  call();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 20; i++) call();
  assert.equal(tf.memory().numTensors, before);
});
