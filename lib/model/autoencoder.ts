/** @file The paper's prior: a three-layer convolutional autoencoder, trained by the client on its own images. */
import { type Tensor, backendReady, dispose, tf, tidy } from "../core/backend";
import { ensureNames } from "../core/known";
import { ensure, ensureCount, ensureFinite } from "../core/errors";
import { sumPerReplica } from "../core/ops";
import type { Rng } from "../core/rng";
import { ensureFloats, ensurePixels, ensureVector } from "../core/typed";
import type { Batch, Shape } from "../core/types";
import { adamStart, adamStep, cosineDecay, type AdamState } from "./adam";
import { activation, gainOf } from "./layers/activation";
import { affine } from "./layers/affine";
import { sequence, type LayerBuilder } from "./layers/compose";
import { convolution } from "./layers/convolution";
import type { Layer } from "./layers/layer";
import { asTensor } from "./layers/product";
import { transposedConvolution } from "./layers/transposedConvolution";
import { countWeights, initialWeights } from "./network";
import { packWeights, stackImages, stackVectors, unpackWeights, unstackImages, unstackVectors, volume } from "./stack";

/** A trained decoder and what it takes in. */
export interface Autoencoder {
  /** [C, H, W] of the images. */
  readonly inputShape: Shape;
  /** Of z, [4, H/4, W/4]. */
  readonly codeShape: Shape;
  /** Of decoderLayer(codeShape, C). */
  readonly decoderWeights: Float32Array;
  /** [C, H, W], what the decoder makes of z = 0: its guess without a gradient. */
  readonly meanImage: Float32Array;
  /** On the client's own images, at the end of training. */
  readonly trainingRmse: number;
}

/** How the autoencoder is trained. The paper gives none of these: our choice. */
export interface AutoencoderOptions {
  /** Gradient steps, >= 1; default 400. */
  readonly steps?: number;
  /** Images per step, >= 1, at most those of a shard; default 32. */
  readonly batchSize?: number;
  /** Of Adam, > 0, cosine decay to a tenth; default 0.01. */
  readonly learningRate?: number;
  /** Hears of every step, `step` of `steps`. */
  readonly onStep?: (step: number, steps: number) => void;
}

const codeSample = 512; // own images from which the code's mean and deviation are taken
const widths = [16, 32, 4] as const; // channels after each encoder layer; the last are the code's

/**
 * The encoder: convolutions C -> 16 (4×4, stride 2) -> 32 (4×4, stride 2) -> 4 (3×3), ReLU between: code [4, H/4, W/4].
 *
 * @param inputShape [C, H, W], sides multiples of 4
 * @source "three-layer convolutional autoencoder" is all the paper says; the widths are our choice
 */
export function encoderLayer(inputShape: Shape): Layer {
  const [first, second, code] = widths;
  return sequence(inputShape, [
    (shape) => convolution(shape, { channels: first, ...halving }),
    relu,
    (shape) => convolution(shape, { channels: second, ...halving }),
    relu,
    (shape) => convolution(shape, { channels: code, ...keeping }),
  ]);
}

/**
 * The decoder mirrors it with transposed convolutions 4 -> 32 (3×3) -> 16 (4×4, stride 2) -> C (4×4, stride 2), ReLU between
 * and a sigmoid at the end.
 *
 * Its first layer turns a standardised code into the encoder's units, code = scale z + offset, so z of mean 0 and
 * deviation 1 is what the client's own images have.
 *
 * @param codeShape [4, H/4, W/4]
 * @returns the layer from standardised codes z to images in [0, 1]
 * @source as encoderLayer; the standardisation is our choice
 */
export function decoderLayer(codeShape: Shape, channels: number): Layer {
  const [first, second] = widths;
  return sequence(codeShape, [
    affine,
    (shape) => transposedConvolution(shape, { channels: second, ...keeping }),
    relu,
    (shape) => transposedConvolution(shape, { channels: first, ...halving }),
    relu,
    (shape) => transposedConvolution(shape, { channels, ...halving }),
    (shape) => activation(shape, "sigmoid"),
  ]);
}

const halving = { size: 4, stride: 2, padding: 1 } as const;
const keeping = { size: 3, stride: 1, padding: 1 } as const;
const relu: LayerBuilder = (shape) => activation(shape, "relu");

/**
 * Trains one autoencoder per client on that client's own images, all of them in one stacked computation.
 *
 * minimises (1/B) sum_b mean_pixels (decode(encode(x_b)) - x_b)^2 with Adam
 *
 * @param shards each client's own images in [0, 1]; any number from batchSize up
 * @param inputShape [C, H, W], sides multiples of 4
 * @param rng initial weights and batches
 * @param options steps, batchSize, learningRate, onStep
 * @returns one autoencoder a shard, in the order of the shards, owned by the caller
 * @throws InputError when there is no shard, one holds fewer images than a batch, another number of pixels or one that is not finite,
 *   the sides are no multiples of 4, an option is unknown or out of range, or training does not stay finite; whatever onStep throws.
 *   No tensor is left then
 * @example
 * const [autoencoder] = await trainAutoencoders([own], [1, 28, 28], createRng(1), { steps: 2 });
 * autoencoder.codeShape; // [4, 7, 7]
 * @source "three-layer convolutional autoencoder" is all the paper says; widths, code and training are our choice
 */
export async function trainAutoencoders(
  shards: readonly Batch[],
  inputShape: Shape,
  rng: Rng,
  options: AutoencoderOptions = {},
): Promise<Autoencoder[]> {
  const fn = "trainAutoencoders";
  ensureNames(fn, "options", options, ["steps", "batchSize", "learningRate", "onStep"]);
  const { steps = 400, batchSize = 32, learningRate = 0.01, onStep } = options;
  ensureCount(fn, "steps", steps);
  ensureCount(fn, "batchSize", batchSize);
  ensure(Number.isFinite(learningRate) && learningRate > 0, fn, "needs a finite learningRate > 0", learningRate);
  ensure(onStep === undefined || typeof onStep === "function", fn, "needs a function onStep", onStep);
  ensure(Array.isArray(shards) && shards.length >= 1, fn, "needs at least one shard", (shards as Batch[] | undefined)?.length); // prettier-ignore
  const isImage = Array.isArray(inputShape) && inputShape.length === 3 && inputShape.every((side) => Number.isInteger(side) && side >= 1); // prettier-ignore
  ensure(
    isImage && inputShape[1]! % 4 === 0 && inputShape[2]! % 4 === 0,
    fn,
    "needs images [C, H, W] with sides that are multiples of 4",
    inputShape,
  );
  ensure(typeof (rng as Rng | undefined)?.split === "function", fn, "needs an rng as createRng gives it", typeof rng);
  const least = Math.min(...shards.map(({ size }) => size));
  const enough = `needs at least batchSize = ${batchSize} images a shard`;
  ensure(least >= batchSize, fn, enough, least, "choose a smaller batchSize");
  shards.forEach(({ images, size }, s) => {
    ensureVector(fn, `images of shard ${s}`, images, size * volume(inputShape));
    ensurePixels(fn, `shard ${s}`, images);
  });
  await backendReady();
  const encoder = encoderLayer(inputShape);
  const decoder = decoderLayer(encoder.outputShape, inputShape[0]!);
  const initial = shards.map((shard, s) => {
    const draw = (layer: Layer, name: string): Float32Array =>
      initialWeights(layer, rng.split(name, s), "variancePreserving", gainOf("relu"));
    return [draw(encoder, "encoder"), startAtMean(decoder, identityCode(decoder, draw(decoder, "decoder")), shard)];
  });
  const streams = shards.map((_, s) => rng.split("batches", s));
  const start = (part: 0 | 1, layer: Layer): Tensor[] =>
    tidy(() => unpackWeights(layer, stackVectors(initial.map((both) => both[part]!))));
  let squaredErrors: number[] = [];
  let training = tidy((): Training => {
    const parameters = [...start(0, encoder), ...start(1, decoder)];
    return { parameters, state: adamStart(parameters) };
  });
  let trained: { readonly packed: Tensor; readonly decoded: Tensor } | null = null;
  let decoderWeights: Float32Array[];
  let meanImages: Float32Array[];
  try {
    for (let step = 0; step < steps; step++) {
      const images = shards.map((shard, s) => randomImages(shard, batchSize, volume(inputShape), streams[s]!));
      const rate = cosineDecay(learningRate, step, steps);
      const { parameters, state } = training;
      const next = tidy(() =>
        autoencoderStep(encoder, decoder, parameters, state, stackImages(images, inputShape), rate),
      );
      dispose(training);
      training = next;
      if (step >= steps - 20) squaredErrors = [...squaredErrors, ...next.error.dataSync()];
      onStep?.(step + 1, steps);
      if (step % 10 === 0) await new Promise(setImmediate);
    }
    const split = encoder.parameters.length;
    const weights = training.parameters;
    trained = tidy(() => {
      const images = shards.map((shard, s) => randomImages(shard, codeSample, volume(inputShape), streams[s]!));
      const codes = encoder.forward(stackImages(images, inputShape), weights.slice(0, split)).output;
      const { mean: offset, variance } = tf.moments(codes, 0); // [h, w, S·C]
      const scale = tf.mul(tf.onesLike(offset), tf.sqrt(tf.mean(variance, [0, 1])));
      const decoderWeights = [scale, offset, ...weights.slice(split + 2)];
      const [c, h, w] = encoder.outputShape as [number, number, number];
      const zero = tf.zeros([1, h, w, shards.length * c]);
      const decoded = decoder.forward(zero, decoderWeights).output;
      return { packed: packWeights(decoder, decoderWeights), decoded };
    });
    decoderWeights = unstackVectors(trained.packed);
    meanImages = unstackImages(trained.decoded, shards.length);
  } finally {
    dispose([training, trained ?? []]);
  }
  const isFinite = squaredErrors.every(Number.isFinite) && decoderWeights.every((all) => all.every(Number.isFinite));
  ensure(isFinite, fn, "needs training that stays finite", "NaN or an infinity", "lower the learningRate");
  return shards.map((_, s) => ({
    inputShape,
    codeShape: encoder.outputShape,
    decoderWeights: decoderWeights[s]!,
    meanImage: meanImages[s]!,
    trainingRmse: rootMean(squaredErrors.filter((_, i) => i % shards.length === s)),
  }));
}

/** Where training is between two steps. */
interface Training {
  readonly parameters: readonly Tensor[]; // of the encoder, then of the decoder
  readonly state: AdamState;
  readonly error?: Tensor; // [S], mean squares of the last step
}

/** One step of Adam on the squared error, all replicas at once. */
function autoencoderStep(
  encoder: Layer,
  decoder: Layer,
  weights: readonly Tensor[],
  state: AdamState,
  images: Tensor,
  rate: number,
): Training & { readonly error: Tensor } {
  const split = encoder.parameters.length;
  const code = encoder.forward(images, weights.slice(0, split));
  const decoded = decoder.forward(code.output, weights.slice(split));
  const difference = tf.sub(decoded.output, images);
  const replicas = images.shape[3]! / encoder.inputShape[0]!;
  const perReplica = images.size / replicas;
  const inDecoder = decoded.backward(tf.mul(difference, 2 / perReplica), "both");
  const inEncoder = code.backward(inDecoder.input!, "weights");
  const decoderGradients = inDecoder.weights.map(asTensor);
  // The standardisation is set once at the end; while training it is the identity.
  const fixed = decoderGradients.slice(0, 2).map((gradient) => tf.zerosLike(gradient));
  const error = tf.div(sumPerReplica(tf.square(difference), replicas), perReplica);
  return {
    ...adamStep(weights, [...inEncoder.weights.map(asTensor), ...fixed, ...decoderGradients.slice(2)], state, rate),
    error,
  };
}

/** Decoder weights whose standardisation is the identity: scale 1, offset 0. */
function identityCode(decoder: Layer, weights: Float32Array): Float32Array {
  const size = volume(decoder.inputShape);
  return weights.fill(1, 0, size).fill(0, size, 2 * size);
}

/**
 * Decoder weights whose output begins near the images' mean: the last bias of a channel is the logit of its mean pixel.
 *
 * From a bias of 0 the first steps drive dark images into the sigmoid's saturation, where its gradient vanishes for good: six of
 * ten clients of strokes and MNIST ended with a black image for every code.
 */
function startAtMean(decoder: Layer, weights: Float32Array, { images }: Batch): Float32Array {
  const [channels, height, width] = decoder.outputShape as [number, number, number];
  const area = height * width;
  const sums = new Float64Array(channels);
  images.forEach((value, i) => (sums[Math.floor(i / area) % channels]! += value));
  const means = sums.map((sum) => Math.min(0.99, Math.max(0.01, (sum * channels) / images.length)));
  weights.set(
    means.map((mean) => Math.log(mean / (1 - mean))),
    weights.length - channels,
  );
  return weights;
}

function randomImages(shard: Batch, count: number, pixels: number, stream: Rng): Float32Array {
  const images = new Float32Array(count * pixels);
  for (let b = 0; b < count; b++) {
    const from = stream.integer(shard.size) * pixels;
    images.set(shard.images.subarray(from, from + pixels), b * pixels);
  }
  return images;
}

function rootMean(squares: readonly number[]): number {
  return Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / squares.length);
}

/** The decoder of an autoencoder as a layer, checked against its weights. */
export function decoderOf({ codeShape, inputShape, decoderWeights }: Autoencoder): Layer {
  const layer = decoderLayer(codeShape, inputShape[0]!);
  ensureFloats("decoderOf", "decoderWeights", decoderWeights);
  ensure(
    decoderWeights.length === countWeights(layer),
    "decoderOf",
    `needs ${countWeights(layer)} decoder weights`,
    decoderWeights.length,
  );
  ensureFinite("decoderOf", "decoderWeights", decoderWeights);
  return layer;
}
