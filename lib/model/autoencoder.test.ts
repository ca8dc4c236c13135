import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, tidy } from "../core/backend";
import { InputError } from "../core/errors";
import { createRng, type Rng } from "../core/rng";
import type { Batch, Shape } from "../core/types";
import { decoderLayer, decoderOf, encoderLayer, trainAutoencoders, type Autoencoder } from "./autoencoder";
import { countWeights } from "./network";
import { stackImages, stackVectors, unpackWeights } from "./stack";

before(backendReady);

const shape: Shape = [1, 8, 8];

/** Images of one bright disc each, at a random place: easy to compress, and their mean image is a poor guess. */
function discs(count: number, rng: Rng, radius = 2): Batch {
  const images = new Float32Array(count * 64);
  for (let b = 0; b < count; b++) {
    const [y, x] = [1 + 6 * rng.uniform(), 1 + 6 * rng.uniform()];
    for (let p = 0; p < 64; p++) {
      const distance = Math.hypot(Math.floor(p / 8) + 0.5 - y, (p % 8) + 0.5 - x);
      images[b * 64 + p] = Math.min(1, Math.max(0, radius - distance));
    }
  }
  return { images, labels: new Int32Array(count), size: count };
}

function meanOf({ images, size }: Batch): Float64Array {
  const mean = new Float64Array(64);
  images.forEach((value, i) => (mean[i % 64]! += value / size));
  return mean;
}

/** The rmse of an image set from its own mean image: what a constant guess gets. */
function spreadOf(batch: Batch): number {
  const { images } = batch;
  const mean = meanOf(batch);
  return Math.sqrt(images.reduce((sum, value, i) => sum + (value - mean[i % 64]!) ** 2, 0) / images.length);
}

/** What the decoder makes of codes, each [4, 2, 2]. */
function decode(autoencoder: Autoencoder, codes: readonly Float32Array[]): Float32Array[] {
  const layer = decoderOf(autoencoder);
  const joined = Float32Array.from(codes.flatMap((code) => [...code]));
  const output = tidy(() => {
    const weights = unpackWeights(layer, stackVectors([autoencoder.decoderWeights]));
    return layer.forward(stackImages([joined], autoencoder.codeShape), weights).output; // [B, 8, 8, 1]
  });
  const values = output.dataSync<"float32">();
  output.dispose();
  return codes.map((_, b) => values.slice(b * 64, (b + 1) * 64));
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

const shards = [discs(40, createRng("first")), discs(40, createRng("second"), 1.5)];

test("encoderLayer, decoderLayer: mirror each other with a quarter-size code of 4 channels", () => {
  assert.deepEqual(encoderLayer([1, 28, 28]).outputShape, [4, 7, 7]);
  assert.deepEqual(decoderLayer([4, 7, 7], 1).outputShape, [1, 28, 28]);
  assert.deepEqual(decoderLayer(encoderLayer([3, 32, 32]).outputShape, 3).outputShape, [3, 32, 32]);
  // encoder: 16·16 + 16 + 32·16·16 + 32 + 4·32·9 + 4;  decoder: 2·196 + 4·32·9 + 32 + 32·16·16 + 16 + 16·16 + 1
  assert.equal(countWeights(encoderLayer([1, 28, 28])), 9652);
  assert.equal(countWeights(decoderLayer([4, 7, 7], 1)), 10041);
});

const wellTrained = trainAutoencoders([shards[0]!], shape, createRng("longer"), { steps: 100, batchSize: 16 });

test("trainAutoencoders: reconstructs better with more steps, and far better than the mean image", async () => {
  const errors: number[] = [];
  for (const steps of [1, 20]) {
    const [trained] = await trainAutoencoders([shards[0]!], shape, createRng("longer"), { steps, batchSize: 16 });
    errors.push(trained!.trainingRmse);
  }
  errors.push((await wellTrained)[0]!.trainingRmse);
  const [first, short, long] = errors as [number, number, number];
  assert.ok(short < first && long < short / 2, String(errors));
  assert.ok(long < spreadOf(shards[0]!) / 2, `${long}, the mean image gets ${spreadOf(shards[0]!)}`);
});

test("trainAutoencoders: leaves no decoder black when images are dark, whatever the start", async () => {
  // Four in five got stuck at an error of 1.1 times the mean image's while the output began at 1/2.
  const dark = Array.from({ length: 5 }, (_, s) => discs(40, createRng("dark").split("shard", s), 1.5));
  const trained = await trainAutoencoders(dark, shape, createRng("dark"), { steps: 60, batchSize: 16 });
  for (const [s, { trainingRmse }] of trained.entries()) {
    const spread = spreadOf(dark[s]!);
    assert.ok(trainingRmse < 0.7 * spread, `shard ${s}: ${trainingRmse}, the mean image gets ${spread}`);
  }
});

test("trainAutoencoders: begins near the mean of the images, channel by channel", async () => {
  const images = Float32Array.from({ length: 8 * 2 * 16 }, (_, i) => (Math.floor(i / 16) % 2 === 0 ? 0.1 : 0.8));
  const flat: Batch = { images, labels: new Int32Array(8), size: 8 };
  const [first] = await trainAutoencoders([flat], [2, 4, 4], createRng(1), {
    steps: 1,
    batchSize: 8,
    learningRate: 1e-9,
  });
  const mean = (channel: number): number =>
    first!.meanImage.slice(16 * channel, 16 * channel + 16).reduce((sum, x) => sum + x / 16, 0);
  assert.ok(Math.abs(mean(0) - 0.1) < 0.05 && Math.abs(mean(1) - 0.8) < 0.1, `${mean(0)}, ${mean(1)}`);
});

test("trainAutoencoders: meanImage is what the decoder makes of z = 0", async () => {
  const [trained] = await trainAutoencoders([shards[0]!], shape, createRng(1), { steps: 30, batchSize: 8 });
  assert.deepEqual(trained!.inputShape, [1, 8, 8]);
  assert.deepEqual(trained!.codeShape, [4, 2, 2]);
  const [decoded] = decode(trained!, [new Float32Array(16)]);
  assert.ok(largestDifference(trained!.meanImage, decoded!) < 1e-5);
});

test("trainAutoencoders: standard normal codes decode to images that vary as the shard does", async () => {
  const rng = createRng("codes");
  const codes = Array.from({ length: 60 }, () => rng.normals(16));
  const images = decode((await wellTrained)[0]!, codes);
  const all = Float32Array.from(images.flatMap((image) => [...image]));
  assert.ok(all.every((value) => value >= 0 && value <= 1));
  const decoded = { images: all, labels: new Int32Array(60), size: 60 };
  const ratio = spreadOf(decoded) / spreadOf(shards[0]!);
  const [a, b] = [meanOf(decoded), meanOf(shards[0]!)];
  const shift = Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2 / 64, 0));
  assert.ok(ratio > 0.4 && ratio < 1.5, `varies ${ratio} times as much`); // 0.34 with the encoder's units for z
  assert.ok(shift < 0.15, `the mean image is off by ${shift}`);
});

test("trainAutoencoders: sets the code's units, a scale per channel and an offset per place, at the end", async () => {
  const { decoderWeights } = (await wellTrained)[0]!;
  const [scale, offset] = [decoderWeights.subarray(0, 16), decoderWeights.subarray(16, 32)];
  const perChannel = [0, 4, 8, 12].map((at) => scale[at]!);
  const spread = perChannel.flatMap((value) => [value, value, value, value]);
  assert.deepEqual([...scale], spread);
  assert.equal(new Set(perChannel).size, 4);
  assert.ok(perChannel.every((value) => value > 0));
  assert.ok(offset.every((value) => value !== 0));
});

test("trainAutoencoders: two shards stacked equal the first alone when streams belong to shards", async () => {
  const options = { steps: 15, batchSize: 8 };
  const together = await trainAutoencoders(shards, shape, createRng(3), options);
  const [alone] = await trainAutoencoders([shards[0]!], shape, createRng(3), options);
  assert.equal(together.length, 2);
  // Rounding differs between stacks, and Adam's first steps divide tiny gradients by their size: hence 1e-3, not 1e-6.
  assert.ok(largestDifference(together[0]!.meanImage, alone!.meanImage) < 1e-3);
  assert.ok(Math.abs(together[0]!.trainingRmse - alone!.trainingRmse) < 1e-3);
  assert.ok(largestDifference(together[0]!.meanImage, together[1]!.meanImage) > 1e-2);
});

test("trainAutoencoders: the second of two shards is trained on its own images alone", async () => {
  const options = { steps: 15, batchSize: 8 };
  const [, second] = await trainAutoencoders(shards, shape, createRng(3), options);
  const other = discs(50, createRng("third"));
  const [, again] = await trainAutoencoders([other, shards[1]!], shape, createRng(3), options);
  assert.ok(largestDifference(second!.meanImage, again!.meanImage) < 1e-3);
  assert.ok(Math.abs(second!.trainingRmse - again!.trainingRmse) < 1e-3);
});

test("trainAutoencoders: the same stream gives the same weights, another one others", async () => {
  const run = async (seed: number): Promise<Autoencoder> => {
    const [trained] = await trainAutoencoders([shards[0]!], shape, createRng(seed), { steps: 5, batchSize: 8 });
    return trained!;
  };
  const [a, b, c] = [await run(4), await run(4), await run(5)];
  assert.deepEqual(a.decoderWeights, b.decoderWeights);
  assert.notDeepEqual(a.decoderWeights, c.decoderWeights);
});

test("trainAutoencoders: calls onStep after every step", async () => {
  const calls: string[] = [];
  const onStep = (step: number, steps: number): void => void calls.push(`${step} of ${steps}`);
  await trainAutoencoders([shards[0]!], shape, createRng(1), { steps: 3, batchSize: 2, onStep });
  assert.deepEqual(calls, ["1 of 3", "2 of 3", "3 of 3"]);
});

test("trainAutoencoders, decoderOf: refuse what does not fit", async () => {
  const rng = createRng(1);
  const refused: readonly [RegExp, Parameters<typeof trainAutoencoders>][] = [
    [/^trainAutoencoders: needs at least one shard, got 0$/, [[], shape, rng]],
    [/^trainAutoencoders: needs an integer steps >= 1, got 0$/, [shards, shape, rng, { steps: 0 }]],
    [
      /^trainAutoencoders: needs images \[C, H, W\] with sides that are multiples of 4, got \[1, 6, 8\]$/,
      [shards, [1, 6, 8], rng],
    ],
    [
      /^trainAutoencoders: needs at least batchSize = 64 images a shard, got 40; choose a smaller batchSize$/,
      [shards, shape, rng, { batchSize: 64 }],
    ],
  ];
  for (const [message, args] of refused) {
    const check = (error: unknown): boolean => error instanceof InputError && message.test(error.message);
    await assert.rejects(trainAutoencoders(...args), check, String(message));
  }
  const [trained] = await trainAutoencoders([shards[0]!], shape, rng, { steps: 1, batchSize: 2 });
  const short = { ...trained!, decoderWeights: trained!.decoderWeights.subarray(1) };
  assert.throws(() => decoderOf(short), /^InputError: decoderOf: needs \d+ decoder weights, got \d+/);
});

test("trainAutoencoders: keeps no tensors when onStep throws, at the first call or later", async () => {
  const before = tf.memory().numTensors;
  for (const throwAt of [1, 2, 12]) {
    const onStep = (step: number): void => {
      if (step === throwAt) throw new Error("stop");
    };
    await assert.rejects(
      trainAutoencoders(shards, shape, createRng(1), { steps: 12, batchSize: 2, onStep }),
      /^Error: stop$/,
    );
    assert.equal(tf.memory().numTensors, before, `step ${throwAt}`);
  }
});

test("trainAutoencoders, decoderOf: refuse what is no image, no option or no number, keeping no tensors", async () => {
  const rng = createRng(1);
  const [shard] = shards as [Batch];
  const refused: readonly [RegExp, unknown[]][] = [
    [/needs only known names in options, got step; did you mean steps\?$/, [shards, shape, rng, { step: 2 }]],
    [/needs an integer batchSize >= 1, got 0$/, [shards, shape, rng, { batchSize: 0 }]],
    [/needs a finite learningRate > 0, got NaN$/, [shards, shape, rng, { learningRate: NaN }]],
    [/needs a function onStep, got 1$/, [shards, shape, rng, { onStep: 1 }]],
    [/needs an rng as createRng gives it, got number$/, [shards, shape, 1]],
    [/needs a Float32Array in images of shard 0, got Array/, [[{ ...shard, images: [...shard.images] }], shape, rng]],
    [
      /needs \d+ numbers in images of shard 1, got \d+$/,
      [[shard, { ...shard, images: shard.images.subarray(1) }], shape, rng],
    ],
    [
      /needs finite numbers in images of shard 0, got NaN at index 0$/,
      [[{ ...shard, images: shard.images.map(() => NaN) }], shape, rng],
    ],
    [
      /needs training that stays finite, got NaN or an infinity; lower the learningRate$/,
      [shards, shape, rng, { steps: 30, learningRate: 1e30 }],
    ],
  ];
  const before = tf.memory().numTensors;
  for (const [message, args] of refused) {
    const check = (error: Error): boolean => error.name === "InputError" && message.test(error.message);
    await assert.rejects(trainAutoencoders(...(args as Parameters<typeof trainAutoencoders>)), check, String(message));
  }
  assert.equal(tf.memory().numTensors, before);
});

test("trainAutoencoders: refuse images that are not in [0, 1], which no decoder here can give", async () => {
  const shard = { images: new Float32Array(2 * 16).fill(0.5), labels: new Int32Array(2), size: 2 };
  const bytes = { ...shard, images: shard.images.map((x) => 255 * x) };
  await assert.rejects(trainAutoencoders([shard, bytes], [1, 4, 4], createRng(1), { steps: 1, batchSize: 2 }), {
    name: "InputError",
    message: "trainAutoencoders: needs pixels of shard 1 in [0, 1], got 127.5 at index 0; divide bytes by 255",
  });
});

test("trainAutoencoders: keeps no tensors when 2 or 60 steps are made", async () => {
  const tensorsAfter = async (steps: number): Promise<number> => {
    await trainAutoencoders(shards, shape, createRng(1), { steps, batchSize: 2 });
    return tf.memory().numTensors;
  };
  const before = await tensorsAfter(2);
  assert.equal(await tensorsAfter(60), before);
});
