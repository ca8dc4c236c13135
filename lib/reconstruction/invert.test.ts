import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { batchOf } from "../data/batch";
import { drawStrokes } from "../data/strokes";
import { localUpdates } from "../fl/client";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { trainAutoencoders } from "../model/autoencoder";
import { initialWeights, lossAndGradient, type Network } from "../model/network";
import type { InvertOptions, Reconstruction } from "./inversion";
import { invert, matchingLosses } from "./invert";
import { inferLabels } from "./labels";
import { gradientMatching } from "./objective";
import type { Prior } from "./priors";
import type { AttackerView } from "./view";

before(backendReady);

const pixels = 64;

/** A batch of soft discs on 8x8 pixels, one class after the other. */
function discs(size: number, seed: string): Batch {
  const images = new Float32Array(size * pixels);
  for (let b = 0; b < size; b++) {
    const rng = createRng(seed).split("disc", b);
    const [y, x] = [2 + 4 * rng.uniform(), 2 + 4 * rng.uniform()];
    for (let p = 0; p < pixels; p++) {
      const squared = (Math.floor(p / 8) + 0.5 - y) ** 2 + ((p % 8) + 0.5 - x) ** 2;
      images[b * pixels + p] = Math.exp(-squared / 6);
    }
  }
  return { images, labels: Int32Array.from({ length: size }, (_, b) => b % 3), size };
}

interface Scene {
  readonly view: AttackerView;
  readonly secret: Batch;
}

/** A view of a private batch through an untrained, smooth model. */
function scene(round: number, size = 1, architecture: ArchitectureName = "mlp"): Scene {
  const network = buildNetwork(architecture, [1, 8, 8], 3, { activation: "tanh" });
  const weights = initialWeights(network.layer, createRng("weights").split("round", round), "variancePreserving", 1);
  const secret = discs(size, `secret ${round}`);
  const view: AttackerView = {
    round,
    architecture,
    activation: "tanh",
    pooling: "average",
    inputShape: [1, 8, 8],
    numClasses: 3,
    weights,
    observedGradient: lossAndGradient(network, [weights], [secret]).gradients[0]!,
    ownUpdate: new Float32Array(network.size),
    ownBatch: discs(3, "own"),
    batchSize: 1,
    numClients: size,
    localSteps: 1,
    learningRate: 0.1,
    numImages: size,
  };
  return { view, secret };
}

function modelOf({ architecture, inputShape, numClasses, activation, pooling }: AttackerView): Network {
  return buildNetwork(architecture, inputShape, numClasses, { activation, pooling });
}

function rmse(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const sum = Array.from(a).reduce((total, value, i) => total + (value - b[i]!) ** 2, 0);
  return Math.sqrt(sum / a.length);
}

/** The error of a guess without the gradient: the mean of the attacker's own images. */
function floorOf({ view: { ownBatch }, secret }: Scene, size = pixels): number {
  const mean = Array.from({ length: size }, (_, p) => {
    let sum = 0;
    for (let b = 0; b < ownBatch.size; b++) sum += ownBatch.images[b * size + p]!;
    return sum / ownBatch.size;
  });
  const guess = secret.images.map((_, i) => mean[i % size]!);
  return rmse(secret.images, guess);
}

const pixel: Prior = { kind: "pixel" };
const autoencoders = trainAutoencoders([discs(24, "a"), discs(24, "b")], [1, 8, 8], createRng(1), {
  steps: 60,
  batchSize: 8,
});

test("invert: finds the one private image when the prior is free and the distance squared", async () => {
  const shown = scene(0);
  const [found] = await invert([shown.view], { prior: pixel, objective: "squared", steps: 150 });
  const { trace, matchingLoss, images } = found!;
  assert.ok(matchingLoss < 1e-4 * trace[0]!.matchingLoss, `${trace[0]!.matchingLoss} -> ${matchingLoss}`);
  const [error, floor] = [rmse(images, shown.secret.images), floorOf(shown)];
  assert.ok(error < 0.02 && floor > 0.1, `${error}, floor ${floor}`);
});

test("invert: comes far below the floor by cosine, which the paper uses", async () => {
  const shown = scene(0);
  const [found] = await invert([shown.view], { prior: pixel, steps: 150 });
  assert.ok(found!.matchingLoss < 0.01 * found!.trace[0]!.matchingLoss);
  assert.ok(rmse(found!.images, shown.secret.images) < 0.6 * floorOf(shown));
});

test("invert: finds two private images, each under its label", async () => {
  const { view, secret } = scene(4, 2);
  const options: InvertOptions = { prior: pixel, objective: "squared", steps: 150 };
  const [inferred] = await invert([view], options);
  assert.deepEqual([...inferred!.labels], [0, 1]);
  assert.ok(rmse(inferred!.images, secret.images) < 0.02, `${rmse(inferred!.images, secret.images)}`);
  const [reversed] = await invert([view], { ...options, labels: [Int32Array.of(1, 0)] });
  const swapped = [...secret.images.slice(pixels), ...secret.images.slice(0, pixels)];
  assert.ok(rmse(reversed!.images, swapped) < 0.02, `${rmse(reversed!.images, swapped)}`);
});

test("invert: comes below the floor through lenet5's convolutions and pooling", async () => {
  const strokes = drawStrokes(40, createRng("strokes"));
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const [secret, ownBatch] = [batchOf(strokes, [3]), batchOf(strokes, range(10, 40))];
  const network = buildNetwork("lenet5", [1, 28, 28], 10, { activation: "tanh", pooling: "average" });
  const weights = initialWeights(network.layer, createRng(1), "variancePreserving", 1);
  const { gradients } = lossAndGradient(network, [weights], [secret]);
  const view: AttackerView = {
    ...scene(0).view,
    architecture: "lenet5",
    inputShape: [1, 28, 28],
    numClasses: 10,
    weights,
    observedGradient: gradients[0]!,
    ownUpdate: new Float32Array(network.size),
    ownBatch,
  };
  const [found] = await invert([view], { prior: pixel, steps: 80, totalVariation: 0.01 });
  const [error, floor] = [rmse(found!.images, secret.images), floorOf({ view, secret }, 784)];
  assert.ok(found!.matchingLoss < 0.05 * found!.trace[0]!.matchingLoss, `${found!.matchingLoss}`);
  assert.ok(error < 0.75 * floor, `${error}, floor ${floor}`);
});

test("invert: every prior, objective and start gives images in [0, 1] that match better than at the start", async () => {
  const { view } = scene(1, 2);
  const priors: Prior[] = [pixel, { kind: "bicubic" }, { kind: "autoencoder", autoencoders: await autoencoders }];
  for (const prior of priors) {
    for (const objective of ["squared", "cosine"] as const) {
      for (const initialCode of ["normal", "uniform"] as const) {
        const [found] = await invert([view], { prior, objective, initialCode, steps: 25 });
        const words = `${prior.kind} ${objective} ${initialCode}`;
        assert.equal(found!.images.length, 2 * pixels, words);
        const outside = found!.images.filter((x) => !(x >= 0 && x <= 1));
        assert.equal(outside.length, 0, words);
        const [start, end] = [found!.trace[0]!.matchingLoss, found!.matchingLoss];
        assert.ok(end < 0.7 * start, `${words}: ${start} -> ${end}`);
      }
    }
  }
});

test("invert: each view is decoded by its own autoencoder", async () => {
  const prior: Prior = { kind: "autoencoder", autoencoders: await autoencoders };
  const [first, second] = prior.autoencoders!;
  const views = [scene(0).view, scene(1).view];
  const options = { steps: 5 };
  const [, ofSecond] = await invert(views, { ...options, prior });
  const swapped = { ...prior, autoencoders: [second!, first!] };
  const [, ofFirst] = await invert(views, { ...options, prior: swapped });
  const [alone] = await invert([views[1]!], { ...options, prior: { ...prior, autoencoders: [second!] } });
  assert.ok(rmse(ofSecond!.images, alone!.images) < 1e-3);
  assert.ok(rmse(ofSecond!.images, ofFirst!.images) > 1e-2);
});

/** Stacks of other sizes round otherwise, and Adam's steps divide by a gradient's size: 1e-3 after ten of them. */
function assertSame(a: Reconstruction, b: Reconstruction): void {
  assert.equal(a.round, b.round);
  assert.deepEqual(a.labels, b.labels);
  assert.ok(rmse(a.images, b.images) < 1e-3, `images are off by ${rmse(a.images, b.images)}`);
  for (const [i, { step, matchingLoss }] of a.trace.entries()) {
    assert.equal(step, b.trace[i]!.step);
    assert.ok(Math.abs(matchingLoss - b.trace[i]!.matchingLoss) < 1e-3);
  }
}

test("invert: views together equal the views one at a time, in their order, when shapes are mixed", async () => {
  const views = [scene(0).view, scene(1, 2).view, scene(2).view, scene(3, 1, "softmaxRegression").view, scene(4).view];
  const options: InvertOptions = { prior: pixel, steps: 10 };
  const together = await invert(views, options);
  const backwards = (await invert([...views].reverse(), options)).reverse();
  assert.equal(together.length, 5);
  for (const [i, view] of views.entries()) {
    const [alone] = await invert([view], options);
    assertSame(together[i]!, alone!);
    assertSame(backwards[i]!, alone!);
  }
  assert.ok(rmse(together[0]!.images, together[2]!.images) > 0.01);
});

/** Runs with so much memory for tensors. */
async function withMemory<T>(amount: string, run: () => Promise<T>): Promise<T> {
  const before = process.env["CURIOUS_MEMORY"];
  process.env["CURIOUS_MEMORY"] = amount;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env["CURIOUS_MEMORY"];
    else process.env["CURIOUS_MEMORY"] = before;
  }
}

/** Six views of two images through lenet5, inverted with so much memory, and how many stacks that takes. */
async function invertWithin(memory: string): Promise<{ results: Reconstruction[]; stacks: number }> {
  const network = buildNetwork("lenet5", [1, 28, 28], 10, { activation: "relu", pooling: "max" });
  const strokes = drawStrokes(12, createRng("strokes"));
  const views = Array.from({ length: 6 }, (_, round): AttackerView => {
    const weights = initialWeights(network.layer, createRng(round), "variancePreserving", 1.4);
    const secret = batchOf(strokes, [2 * round, 2 * round + 1]);
    const { gradients } = lossAndGradient(network, [weights], [secret]);
    const model = { architecture: "lenet5", activation: "relu", pooling: "max", numClasses: 10 } as const;
    const seen = { inputShape: [1, 28, 28], weights, observedGradient: gradients[0]!, numImages: 2 } as const;
    const own = { ownUpdate: new Float32Array(network.size), ownBatch: batchOf(strokes, [0]), batchSize: 2 };
    return { ...scene(round).view, ...model, ...seen, ...own };
  });
  const labels = views.map(() => Int32Array.of(3, 8));
  const steps = 6;
  const calls: (readonly [done: number, total: number])[] = [];
  const onStep = (...call: [number, number]): void => void calls.push(call);
  const options: InvertOptions = { prior: { kind: "bicubic" }, steps, labels, onStep };
  const results = await withMemory(memory, () => invert(views, options));
  const total = calls[0]![1];
  assert.deepEqual(
    calls,
    Array.from({ length: total }, (_, i) => [i + 1, total]),
  );
  return { results, stacks: total / steps };
}

test("invert: gives the same however memory splits the views, and hears of every step", async () => {
  const [whole, single] = [await invertWithin("100 GB"), await invertWithin("1 B")];
  let some = whole;
  for (let megabytes = 32; some.stacks === 1; megabytes /= 2) some = await invertWithin(`${megabytes} MB`);
  assert.deepEqual([whole.stacks, single.stacks], [1, 6]);
  assert.ok(some.stacks < 6, `${some.stacks} stacks`);
  for (const { results } of [some, single]) results.forEach((result, i) => assertSame(result, whole.results[i]!));
});

test("invert: fills no more memory than it may", () => {
  // A process of its own, as what a process once filled stays with it. Unlimited, these views take 500 MB (measured).
  const megabytes = 150;
  const script = `
    const load = (file) => require(${JSON.stringify(join(__dirname, ".."))} + "/" + file);
    const { backendReady } = load("core/backend");
    const { createRng } = load("core/rng");
    const { invert } = load("reconstruction/invert");
    const { buildNetwork } = load("model/buildNetwork");
    const d = buildNetwork("lenet5", [1, 28, 28], 10, { activation: "relu", pooling: "max" }).size;
    const labels = Int32Array.from({ length: 9 }, (_, b) => b);
    const views = Array.from({ length: 20 }, (_, round) => ({
      ...{ round, architecture: "lenet5", activation: "relu", pooling: "max", inputShape: [1, 28, 28], numClasses: 10 },
      ...{ weights: createRng(round).normals(d).map((x) => x / 10), observedGradient: createRng("g").normals(d) },
      ...{ numImages: 9, localSteps: 1, batchSize: 9, numClients: 1, learningRate: 1, ownUpdate: new Float32Array(d) },
      ...{ ownBatch: { images: new Float32Array(784), labels: Int32Array.of(0), size: 1 } },
    }));
    const options = (of) => ({ prior: { kind: "pixel" }, steps: 2, labels: of.map(() => labels) });
    const peak = () => process.resourceUsage().maxRSS / 1e3;
    void (async () => {
      await backendReady();
      await invert(views.slice(0, 1), options(views.slice(0, 1))); // what is loaded when first used
      const before = peak();
      await invert(views, options(views));
      console.log(peak() - before);
    })();`;
  const env = { ...process.env, CURIOUS_MEMORY: `${megabytes} MB` };
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { env, encoding: "utf8" });
  const filled = Number(stdout);
  assert.ok(filled > 0, stderr);
  assert.ok(filled <= 1.25 * megabytes, `${filled} MB`);
});

test("invert: restarts return the best match, whatever their number", async () => {
  const { view } = scene(5, 2);
  const losses: number[] = [];
  for (const restarts of [1, 2, 3, 4, 5]) {
    const found = await invert([view, scene(6, 2).view], { prior: { kind: "bicubic" }, steps: 6, restarts });
    assert.equal(found.length, 2);
    losses.push(found[0]!.matchingLoss);
  }
  for (const [i, loss] of losses.entries()) assert.ok(i === 0 || loss <= losses[i - 1]! + 1e-5, String(losses));
  assert.ok(losses[4]! < 0.98 * losses[0]!, String(losses));
});

test("invert: matchingLoss is the objective of the images that are returned", async () => {
  const { view } = scene(2, 2);
  const prior: Prior = { kind: "autoencoder", autoencoders: await autoencoders }; // its images need no clipping
  const network = modelOf(view);
  for (const objective of ["squared", "cosine"] as const) {
    const [found] = await invert([view], { prior, objective, steps: 12, restarts: 3, totalVariation: 0.1 });
    const dummy = { images: found!.images, labels: found!.labels, size: 2 };
    const { distance } = await gradientMatching(network, view.weights, dummy, view.observedGradient, objective);
    assert.ok(Math.abs(distance - found!.matchingLoss) < 1e-3 * distance, `${distance}, ${found!.matchingLoss}`);
  }
});

test("invert: starts from the codes of the seed's stream, N(0, 0.1^2) or U[0, 1)", async () => {
  const { view } = scene(7, 2);
  const network = modelOf(view);
  for (const initialCode of ["normal", "uniform"] as const) {
    const [found] = await invert([view], { prior: pixel, initialCode, seed: 9, steps: 1 });
    const stream = createRng(9).split("code", 7, 0);
    const images = initialCode === "normal" ? stream.normals(128).map((z) => 0.1 * z) : stream.uniforms(128);
    const dummy = { images, labels: found!.labels, size: 2 };
    const { distance } = await gradientMatching(network, view.weights, dummy, view.observedGradient, "cosine");
    assert.ok(Math.abs(found!.trace[0]!.matchingLoss - distance) < 1e-5);
  }
});

test("invert: the same seed gives the same result to the bit, another seed another", async () => {
  const views = [scene(0).view, scene(1).view];
  const run = (seed: number) => invert(views, { prior: pixel, steps: 10, seed });
  assert.deepEqual(await run(1), await run(1));
  assert.notDeepEqual((await run(1))[0]!.images, (await run(2))[0]!.images);
});

test("invert: keeps labels that are given, in their order, and infers the others", async () => {
  const { view } = scene(1, 3);
  const labels = Int32Array.of(2, 0, 1);
  const [given] = await invert([view], { prior: pixel, steps: 2, labels: [labels] });
  assert.deepEqual(given!.labels, labels);
  const [inferred] = await invert([view], { prior: pixel, steps: 2 });
  assert.deepEqual(inferred!.labels, await inferLabels(view));
  assert.notEqual(given!.trace[0]!.matchingLoss, inferred!.trace[0]!.matchingLoss);
});

test("invert: takes the mean over the local steps when the update sums them", async () => {
  const { view } = scene(2);
  const summed = { ...view, localSteps: 4, observedGradient: view.observedGradient.map((g) => 4 * g) };
  const options: InvertOptions = { prior: pixel, objective: "squared", steps: 10 };
  assertSame((await invert([summed], options))[0]!, (await invert([view], options))[0]!);
});

/** What two clients sent after three steps of one image each, far from the broadcast; images client by client, step by step. */
function trained(round = 5): Scene {
  const { view, secret } = scene(round, 6);
  const { weights } = view;
  const network = buildNetwork("mlp", [1, 8, 8], 3, { activation: "tanh" });
  const learningRate = 0.5;
  const batches = [0, 1].map((m) => [0, 1, 2].map((t) => one(secret, 3 * m + t)));
  const [first, second] = localUpdates(network, weights, batches, learningRate);
  const observedGradient = first!.map((g, i) => (g + second![i]!) / 2);
  return { view: { ...view, observedGradient, localSteps: 3, learningRate }, secret };
}

function one({ images, labels }: Batch, i: number): Batch {
  return { images: images.slice(i * pixels, (i + 1) * pixels), labels: labels.slice(i, i + 1), size: 1 };
}

test("invert: unrolled finds the images of two clients' three steps, which one gradient for all of them does not", async () => {
  const { view, secret } = trained();
  const options: InvertOptions = { prior: pixel, objective: "squared", steps: 400, labels: [secret.labels] };
  const [mean] = await invert([view], options);
  const [unrolled] = await invert([view], { ...options, unroll: true });
  const [ofMean, ofUnrolled] = [mean, unrolled].map((found) => rmse(found!.images, secret.images)) as [number, number];
  assert.ok(unrolled!.matchingLoss < 0.1 * mean!.matchingLoss, `${mean!.matchingLoss} -> ${unrolled!.matchingLoss}`);
  assert.ok(ofUnrolled < 0.7 * ofMean, `${ofMean} -> ${ofUnrolled}`);
});

test("invert: unrolled is the same to the bit where there is one local step", async () => {
  const { view } = scene(1, 2);
  const options: InvertOptions = { prior: pixel, steps: 10 };
  assert.deepEqual(await invert([view], { ...options, unroll: true }), await invert([view], options));
});

test("invert: unrolled views together equal the views one at a time when learning rates and steps are mixed", async () => {
  const [slow, once, other] = [trained(), scene(1, 2), trained(6)];
  const views = [slow.view, once.view, { ...other.view, learningRate: 0.1 }, other.view];
  const options: InvertOptions = { prior: pixel, steps: 10, unroll: true, totalVariation: 0.01 };
  const together = await invert(views, options);
  for (const [i, view] of views.entries()) assertSame(together[i]!, (await invert([view], options))[0]!);
  assert.ok(rmse(together[2]!.images, together[3]!.images) > 1e-3);
});

test("invert: records the matching loss of every tenth step and of the end", async () => {
  const [found] = await invert([scene(0).view], { prior: pixel, steps: 25 });
  assert.deepEqual(
    found!.trace.map(({ step }) => step),
    [0, 10, 20, 25],
  );
  assert.equal(found!.trace.at(-1)!.matchingLoss, found!.matchingLoss);
  assert.equal(found!.round, 0);
});

test("invert: total variation makes smoother images, and is left out of the matching loss", async () => {
  const { view } = scene(3);
  const roughness = ({ images }: Reconstruction): number =>
    images.reduce((sum, x, p) => sum + (p % 8 < 7 ? Math.abs(images[p + 1]! - x) : 0), 0);
  const options: InvertOptions = { prior: pixel, steps: 60 };
  const [plain] = await invert([view], options);
  const [smooth] = await invert([view], { ...options, totalVariation: 1 });
  assert.ok(roughness(smooth!) < 0.7 * roughness(plain!), `${roughness(smooth!)} of ${roughness(plain!)}`);
  assert.equal(smooth!.trace[0]!.matchingLoss, plain!.trace[0]!.matchingLoss);
  const [hardly] = await invert([view], { ...options, totalVariation: 1e-6 });
  assert.ok(roughness(hardly!) > 0.9 * roughness(plain!), `${roughness(hardly!)} of ${roughness(plain!)}`);
});

test("invert: in a box each step leaves the images in [0, 1], so the last ones are what was judged", async () => {
  const { view } = scene(3, 2);
  const options: InvertOptions = {
    prior: pixel,
    steps: 30,
    learningRate: 1,
    initialCode: "uniform",
    objective: "squared",
  };
  const [boxed] = await invert([view], { ...options, box: true });
  const [free] = await invert([view], options);
  const scored = async ({ images, labels }: Reconstruction): Promise<number> =>
    (await matchingLosses([view], [{ images, labels, size: 2 }], options))[0]!;
  assert.ok(Math.abs((await scored(boxed!)) / boxed!.matchingLoss - 1) < 1e-3);
  assert.ok(Math.abs((await scored(free!)) / free!.matchingLoss - 1) > 1e-2); // it was clipped after it was judged
});

test("invert: a smoothness weight falls from its first to its last value, geometrically", async () => {
  const { view } = scene(4);
  const run = async (totalVariation: number | readonly [number, number], steps: number): Promise<Float32Array> =>
    (await invert([view], { prior: pixel, objective: "squared", steps, totalVariation }))[0]!.images;
  assert.deepEqual(await run([0.1, 1e-6], 1), await run(0.1, 1)); // the first step has the first weight
  assert.deepEqual(await run([0.01, 0.01], 40), await run(0.01, 40));
  const falling = await run([0.3, 0.3 * 1e-12], 200);
  assert.ok(rmse(falling, await run(0, 200)) < rmse(falling, await run(0.3, 200)));
});

test("invert: a view that reached the goal stops, and the others go on as if it had never been there", async () => {
  const views = [scene(1).view, scene(2, 1).view, scene(5, 1).view];
  const options: InvertOptions = { prior: pixel, steps: 100, objective: "squared" };
  const whole = await invert(views, options);
  const losses = whole.map(({ trace }) => trace[5]!.matchingLoss);
  const goal = losses.reduce((a, b) => Math.min(a, b)) * 1.01; // of one of them after 50 steps
  const first = losses.findIndex((loss) => loss <= goal);
  let heard: (readonly number[])[] = [];
  const stopped = await invert(views, { ...options, goal, onStep: (...call) => void heard.push(call) });
  assert.ok(stopped[first]!.trace.at(-1)!.step <= 51);
  assert.ok(stopped[first]!.matchingLoss <= goal * 1.5);
  for (const [i, { trace, images }] of stopped.entries()) {
    const same = whole[i]!.trace.filter(({ step }) => step < trace.at(-1)!.step);
    for (const [t, { step, matchingLoss }] of same.entries()) {
      assert.equal(trace[t]!.step, step);
      assert.ok(Math.abs(trace[t]!.matchingLoss / matchingLoss - 1) < 1e-2, `view ${i}, step ${step}`);
    }
    if (trace.at(-1)!.step === 100) assert.ok(rmse(images, whole[i]!.images) < 1e-2);
  }
  assert.deepEqual(heard.at(-1), [100, 100]);
  heard = [];
  await invert(views, { ...options, goal: 1e9, onStep: (...call) => void heard.push(call) }); // all at the first look
  assert.deepEqual(heard, [[100, 100]]);
});

test("invert: starts go to the views that are poor, and the others stay as they are", async () => {
  const views = [scene(1).view, scene(2).view, scene(5).view];
  const options: InvertOptions = { prior: pixel, steps: 12, objective: "squared" };
  const once = await invert(views, options);
  const worst = Math.max(...once.map(({ matchingLoss }) => matchingLoss));
  const again = await invert(views, { ...options, restarts: 4, retryAbove: worst * 0.999 });
  once.forEach((first, i) => {
    if (first.matchingLoss < worst) assert.deepEqual(again[i], first);
    else assert.ok(again[i]!.matchingLoss <= first.matchingLoss);
  });
  const [all, every] = [
    { ...options, restarts: 4, retryAbove: 0 },
    { ...options, restarts: 4 },
  ];
  const [inTurn, atOnce] = [await invert(views, all), await invert(views, every)];
  inTurn.forEach((one, i) => assert.ok(Math.abs(one.matchingLoss - atOnce[i]!.matchingLoss) < 1e-3 * worst));
});

test("invert: of starts that are made together the best goes on alone, as it would by itself", async () => {
  const views = [scene(1).view, scene(2).view];
  const options: InvertOptions = { prior: pixel, steps: 30, objective: "squared", restarts: 4 };
  const pruned = await invert(views, { ...options, restartSteps: 15 });
  const whole = await invert(views, options);
  pruned.forEach(({ trace, matchingLoss }, i) => {
    assert.equal(trace.at(-1)!.step, 30);
    assert.ok(trace.some(({ step }) => step === 15)); // where the others ended
    assert.ok(matchingLoss >= whole[i]!.matchingLoss * (1 - 1e-3)); // the best of all at the end is at least as good
  });
  const late = await invert(views, { ...options, restartSteps: 29 });
  late.forEach(({ matchingLoss }, i) => assert.ok(Math.abs(matchingLoss / whole[i]!.matchingLoss - 1) < 1e-2));
  const never = await invert(views, { ...options, restartSteps: 99 });
  assert.deepEqual(never, whole);
});

test("matchingLosses: is 0 of the private images, in whatever order a single step leaves them, and that of no others", async () => {
  const { view, secret } = scene(6, 2);
  const images = Float32Array.from([...secret.images.subarray(pixels), ...secret.images.subarray(0, pixels)]);
  const turned: Batch = { images, labels: Int32Array.of(secret.labels[1]!, secret.labels[0]!), size: 2 };
  const others = discs(2, "others");
  const options: InvertOptions = { prior: pixel };
  const losses = await matchingLosses([view, view, view], [secret, turned, others], options);
  assert.ok(losses[0]! < 1e-9 && losses[1]! < 1e-9 && losses[2]! > 1e-2, losses.join(", "));
  await assert.rejects(matchingLosses([view], [], options), /needs images for each of 1 views, got 0/);
  await assert.rejects(matchingLosses([view], [discs(3, "x")], options), /needs 2 images for view 0, got 3/);
});

test("invert: images that clients trained on in several rounds are found from all of them, where one round shows too little", async () => {
  const secret = discs(3, "several rounds");
  const [view, ...also] = [1, 2, 3].map((round): AttackerView => {
    const { view: shown } = scene(round, 3, "softmaxRegression");
    const [observedGradient] = lossAndGradient(modelOf(shown), [shown.weights], [secret]).gradients;
    return { ...shown, observedGradient: observedGradient! };
  });
  const how: InvertOptions = {
    ...({ prior: { kind: "pixel" }, objective: "squared", initialCode: "uniform" } as const),
    ...{ labels: [secret.labels], steps: 600, learningRate: 0.05, box: true },
  };
  const [alone] = await invert([view!], how);
  const [together] = await invert([view!], { ...how, also: [also] });
  const [one, all] = [alone!, together!].map(({ images }) => rmse(images, secret.images));
  assert.ok(all! < 0.5 * one!, `RMSE ${all} from three rounds, ${one} from one`);
  const found: Batch = { ...secret, images: together!.images };
  const distances = await matchingLosses([view!, ...also], [found, found, found], how);
  const mean = distances.reduce((sum, d) => sum + d, 0) / 3;
  assert.ok(Math.abs(together!.matchingLoss - mean) <= 1e-3 * mean, `${together!.matchingLoss}, the mean is ${mean}`);
  const [itself] = await matchingLosses([view!], [secret], { ...how, also: [also] });
  assert.ok(itself! < 1e-10, `${itself} at the private images`);
});

test("invert: refuses options out of range, labels that do not fit, and gradients that are not finite", async () => {
  const { view } = scene(8);
  const [autoencoder] = await autoencoders;
  const broken = { ...view, observedGradient: view.observedGradient.map((g, i) => (i === 3 ? NaN : g)) };
  const refused: readonly [AttackerView[], Partial<InvertOptions>, string][] = [
    [[], {}, "needs at least one view, got 0"],
    [[view], { steps: 0 }, "needs an integer steps >= 1, got 0"],
    [[view], { restarts: 1.5 }, "needs an integer restarts >= 1, got 1.5"],
    [[view], { learningRate: 0 }, "needs learningRate > 0, got 0"],
    [[view], { learningRate: NaN }, "needs learningRate > 0, got NaN"],
    [[view], { totalVariation: -1 }, "needs totalVariation >= 0, or two numbers > 0, got -1"],
    [[view], { totalVariation: [1, 0] }, "needs totalVariation >= 0, or two numbers > 0, got [1, 0]"],
    [[view], { box: "yes" as never }, "needs box of true or false, got yes"],
    [
      [view],
      { box: true, prior: { kind: "bicubic" } },
      "needs the pixel prior for a box: other codes are no pixels, got bicubic",
    ],
    [[view], { goal: -1 }, "needs goal >= 0, got -1"],
    [[view], { retryAbove: NaN }, "needs retryAbove >= 0, got NaN"],
    [[view], { also: [] }, "needs a list of further views for each of the 1 views, got []"],
    [
      [view],
      { also: [[{ ...view, numImages: 2, numClients: 2 }]] },
      "needs further views of the 1 images of view 0, got 2",
    ],
    [[view], { also: [[broken]] }, "needs finite numbers in observedGradient of round 8, got NaN at index 3"],
    [[view, view], { labels: [Int32Array.of(1)] }, "needs labels for each of the 2 views, got 1"],
    [[view], { labels: [Int32Array.of(1, 2)] }, "needs 1 labels for view 0, got 2"],
    [[view], { labels: [Int32Array.of(3)] }, "needs labels for view 0 in 0..2, got 3 at index 0"],
    [[view], { labels: [Int32Array.of(-1)] }, "needs labels for view 0 in 0..2, got -1 at index 0"],
    [[broken], {}, "needs finite numbers in observedGradient of round 8, got NaN at index 3"],
    [[view], { unroll: "yes" as unknown as boolean }, "needs true or false for unroll, got yes"],
    [
      [{ ...view, numClients: 2, localSteps: 2, numImages: 3 }],
      { unroll: true, labels: [Int32Array.of(0, 1, 2)] },
      "needs whole clients of 2 images to unroll view 0, got 3",
    ],
    [
      [view, view],
      { prior: { kind: "autoencoder", autoencoders: [autoencoder!] } },
      "needs an autoencoder per view, got none for view 1",
    ],
  ];
  const silent = { ...view, observedGradient: view.observedGradient.map(() => 0) };
  const huge = { ...view, observedGradient: view.observedGradient.map((g) => 1e19 * g) };
  const withoutDecoder = {
    ...autoencoder!,
    decoderWeights: autoencoder!.decoderWeights.map((w, i) => (i === 5 ? NaN : w)),
  };
  const fromJavaScript: readonly [unknown, Record<string, unknown>, string][] = [
    [view, {}, "needs an array of views, got object"],
    [[view], { step: 2 }, "needs only known names in options, got step; did you mean steps?"],
    [[view], { objective: "cos" }, "needs an objective of squared, cosine, got cos; did you mean cosine?"],
    [[view], { objective: "constructor" }, "needs an objective of squared, cosine, got constructor"],
    [[view], { initialCode: "gauss" }, "needs an initialCode of normal, uniform, guess, got gauss"],
    [[view], { prior: { kind: "Pixel" } }, "needs a prior.kind of autoencoder, bicubic, gaussian, pixel, got Pixel"],
    [[view], { prior: undefined }, "needs a prior.kind of autoencoder, bicubic, gaussian, pixel, got undefined"],
    [[view], { prior: { kind: "autoencoder" } }, "needs an autoencoder per view, got none for view 0"],
    [[view], { restartSteps: 0 }, "needs an integer restartSteps >= 1, got 0"],
    [[view], { restarts: -1 }, "needs an integer restarts >= 1, got -1"],
    [[view], { learningRate: Infinity }, "needs learningRate > 0, got Infinity"],
    [[view], { seed: "one" }, "needs an integer seed, got one"],
    [[view], { onStep: true }, "needs a function onStep, got true"],
    [[view], { labels: [[0.5]] }, "needs labels for view 0 in 0..2, got 0.5 at index 0"],
    [[view], { labels: [1] }, "needs an array of labels for view 0, got number"],
    [
      [silent],
      {},
      "needs a gradient with a direction for the cosine objective, got 0 everywhere in round 8; leave the round out: it shows nothing",
    ],
    [[huge], { objective: "squared" }, "needs gradients of norm below 1e18 for the squared objective, got"],
  ];
  const before = tf.memory().numTensors;
  for (const [views, options, message] of fromJavaScript) {
    const call = invert(views as AttackerView[], { prior: pixel, steps: 2, ...options });
    await assert.rejects(
      call,
      (error: Error) => error.name === "InputError" && error.message.startsWith(`invert: ${message}`),
    );
  }
  await assert.rejects(
    invert([view], { prior: { kind: "autoencoder", autoencoders: [withoutDecoder] } }),
    /^InputError: decoderOf: needs finite numbers in decoderWeights, got NaN at index 5$/,
  );
  for (const [views, options, message] of refused) {
    await assert.rejects(invert(views, { prior: pixel, steps: 2, ...options }), {
      name: "InputError",
      message: `invert: ${message}`,
    });
  }
  assert.equal(tf.memory().numTensors, before);
});

test("invert: by cosine a gradient of any scale gives the same images", async () => {
  const { view, secret } = scene(0);
  const options: InvertOptions = { prior: pixel, steps: 60, labels: [secret.labels] };
  const [plain] = await invert([view], options);
  assert.ok(plain!.matchingLoss < 0.1);
  for (const scale of [1e19, 1e30, 1e-12, 1e-30]) {
    const [scaled] = await invert(
      [{ ...view, observedGradient: view.observedGradient.map((g) => scale * g) }],
      options,
    );
    assert.ok(rmse(scaled!.images, plain!.images) < 0.01, `${scale}: ${scaled!.matchingLoss}`);
  }
  const [stacked] = await invert([{ ...view, observedGradient: view.observedGradient.map((g) => 1e30 * g) }, view], {
    ...options,
    labels: [secret.labels, secret.labels],
  });
  assertSame(stacked!, plain!);
});

test("invert: says so when no start stays finite, keeping no tensors", async () => {
  const { view } = scene(0);
  const diverging: InvertOptions = { prior: { kind: "bicubic" }, steps: 30, learningRate: 1e38, objective: "squared" };
  const before = tf.memory().numTensors;
  await assert.rejects(
    invert([view], diverging),
    /^InputError: invert: needs a search that stays finite, got a matching loss of (NaN|Infinity) for view 0; lower the learningRate$/,
  );
  assert.equal(tf.memory().numTensors, before);
});

test("invert: keeps no tensors when onStep throws, at the first call or later, whatever is inverted", async () => {
  const priors: Prior[] = [pixel, { kind: "bicubic" }, { kind: "autoencoder", autoencoders: await autoencoders }];
  const before = tf.memory().numTensors;
  for (const prior of priors) {
    for (const throwAt of [1, 2, 11, 31]) {
      let calls = 0;
      const onStep = (): void => {
        if (++calls === throwAt) throw new Error("stop");
      };
      const views = [scene(0).view, scene(1).view]; // then a second stack, of another size
      const all = prior.kind === "autoencoder" ? views : [...views, scene(4, 2).view];
      await assert
        .rejects(invert(all, { prior, steps: 20, onStep, totalVariation: 0.1 }), /^Error: stop$/)
        .catch((error) => {
          if (throwAt <= 20 || prior.kind !== "autoencoder") throw error; // one stack of 20 steps makes no 31st call
        });
      assert.equal(tf.memory().numTensors, before, `${prior.kind}, call ${throwAt}`);
    }
  }
  const options: InvertOptions = { prior: pixel, steps: 5, unroll: true };
  const onStep = (): void => {
    throw new Error("stop");
  };
  await assert.rejects(invert([trained().view], { ...options, onStep }), /^Error: stop$/);
  assert.equal(tf.memory().numTensors, before, "unrolled");
});

test("invert: keeps no tensors when 2 or 200 steps are made", async () => {
  const views = [scene(0).view, scene(1).view];
  const priors: Prior[] = [pixel, { kind: "bicubic" }, { kind: "autoencoder", autoencoders: await autoencoders }];
  for (const prior of priors) {
    const tensorsAfter = async (steps: number): Promise<number> => {
      await invert(views, { prior, steps, restarts: 2, totalVariation: 0.1 });
      return tf.memory().numTensors;
    };
    const before = await tensorsAfter(2);
    assert.equal(await tensorsAfter(prior.kind === "autoencoder" ? 50 : 200), before, prior.kind);
  }
  const unrolled = async (steps: number): Promise<number> => {
    await invert([trained().view, trained(6).view], { prior: pixel, steps, unroll: true });
    return tf.memory().numTensors;
  };
  const before = await unrolled(2);
  assert.equal(await unrolled(20), before, "unrolled");
});
