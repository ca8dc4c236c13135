/** @file From what went into the first dense layer to the images themselves: each by itself, with its label. */
import { backendReady, dispose, tf, tidy, type Tensor } from "../core/backend";
import { ensure, ensureCount } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Batch } from "../core/types";
import { sliceOf } from "../data/batch";
import { adamStart, adamStep, cosineDecay } from "../model/adam";
import { chainOf, sequence } from "../model/layers/compose";
import type { Layer, Trace } from "../model/layers/layer";
import { checkBatch } from "../model/network";
import { stackImages, stackVectors, unpackWeights, unstackImages } from "../model/stack";
import type { Reconstruction } from "./inversion";
import { matchingLosses } from "./invert";
import { checkObjective, type ObjectiveName } from "./objective";
import { isPlainMean } from "./protocol";
import { firstDense, separateInputs, type Separated, type SeparationOptions } from "./separation";
import { totalVariation } from "./totalVariation";
import { checkView, type AttackerView } from "./view";

/** How to look for images. */
export interface SeparatedOptions extends SeparationOptions {
  /** Own images, nearest in features, from which every image is looked for, >= 1; default 6. */
  readonly starts?: number;
  /** Adam steps, >= 1; default 1500. */
  readonly steps?: number;
  /** Of Adam, > 0, cosine decay to a tenth; default 0.05. */
  readonly learningRate?: number;
  /** In which the match is told, not looked for: "cosine" (default) or "squared". */
  readonly objective?: ObjectiveName;
  /** The two weights > 0 between which the smoothness term falls geometrically; default [1, 1e-3]. */
  readonly totalVariation?: readonly [from: number, to: number];
}

/**
 * Reconstructs the private images behind the mean gradient of a ReLU network one by one, since what went into its first dense layer can
 * be told apart (see separateInputs).
 *
 * minimises over x in [0, 1]:  |f(x) - a_n|^2 / |a_n|^2 + lambda TV(x),  f the layers before the first dense one
 *
 * from the attacker's own images whose f is nearest to a_n; where f changes nothing the image is a_n itself. The label is the y for which
 * the layers behind have the slope that was separated, d1_n = J' (softmax(z(a_n)) - y).
 *
 * @param view as of separateInputs
 * @param own labelled images of the attacker's
 * @param options see SeparatedOptions and SeparationOptions
 * @returns the reconstruction, with the distance of its gradient; null where the images could not be told apart
 * @throws InputError as separateInputs, for own images that are none for the model, and options out of range
 * @example
 * const found = await invertSeparated(withoutOwnShare(view), own, { starts: 1, steps: 2 });
 * found.labels.length; // view.numImages - 1
 * @source our choice
 */
export async function invertSeparated(
  view: AttackerView,
  own: Batch,
  options: SeparatedOptions = {},
): Promise<Reconstruction | null> {
  const fn = "invertSeparated";
  const network = checkView(fn, view);
  ensureNames(fn, "options", options, [
    "starts",
    "steps",
    "learningRate",
    "objective",
    "totalVariation",
    "tries",
    "seed",
  ]);
  const { starts = 6, steps = 1500, learningRate = 0.05, totalVariation: smooth = [1, 1e-3], ...rest } = options;
  const { objective = "cosine", ...separation } = rest;
  checkObjective(fn, objective, [view.observedGradient]);
  for (const [name, count] of Object.entries({ starts, steps })) ensureCount(fn, name, count);
  ensure(Number.isFinite(learningRate) && learningRate > 0, fn, "needs learningRate > 0", learningRate);
  ensure(smooth.length === 2 && smooth.every((x) => Number.isFinite(x) && x > 0), fn, "needs two totalVariation > 0", smooth); // prettier-ignore
  checkBatch(fn, "own", network, own);
  await backendReady();
  const separated = separateInputs(view, separation);
  if (separated === null) return null;
  const parts = chainOf(network.layer);
  const first = parts.findIndex(({ kind }) => kind === "dense");
  const [front, dense, back] = [chained(parts.slice(0, first)), parts[first]!, chained(parts.slice(first + 1))];
  const weights = tidy(() => unpackWeights(network.layer, stackVectors([view.weights])));
  const [before, behind] = [front.parameters.length, front.parameters.length + dense.parameters.length];
  try {
    const outputs = (inputs: Tensor): Tensor => dense.forward(inputs, weights.slice(before, behind)).output;
    const labels = labelsOf(separated, (inputs) => back.forward(outputs(inputs), weights.slice(behind)), view);
    const features = (images: Tensor): Trace => front.forward(images, weights.slice(0, before));
    const images = await imagesOf(separated, features, view, own, { starts, steps, learningRate, smooth });
    const order = [...labels.keys()].sort((a, b) => labels[a]! - labels[b]!);
    const sorted: Batch = {
      images: Float32Array.from(order.flatMap((i) => [...images[i]!])),
      labels: Int32Array.from(order, (i) => labels[i]!),
      size: order.length,
    };
    const [matchingLoss] = await matchingLosses([view], [sorted], { prior: { kind: "pixel" }, objective });
    return { round: view.round, images: sorted.images, labels: sorted.labels, matchingLoss: matchingLoss!, trace: [] };
  } finally {
    dispose(weights);
  }
}

/**
 * Whether a view is one that separateInputs takes: the plain mean of others' gradients of one step, of a model with ReLU and two dense
 * layers.
 *
 * @param view of an attacker whose share is out, with a protocol
 * @returns false where the share is in, clients clip or take several steps, or the model is another
 * @example
 * isSeparable(view); // false; the attacker's share is counted
 */
export function isSeparable(view: AttackerView): boolean {
  const { localSteps, ownShare, protocol } = view;
  if (localSteps > 1 || ownShare !== "out" || !protocol || !isPlainMean(protocol)) return false;
  return firstDense(checkView("isSeparable", view).layer) !== undefined;
}

/** Some of a model's layers as one. */
function chained(parts: readonly Layer[]): Layer {
  return sequence(parts[0]!.inputShape, parts.map((part) => () => part)); // prettier-ignore
}

/** A forward pass, with the weights in it. */
type Forward = (input: Tensor) => Trace;

/** For each image the label whose loss has the slope that was separated. */
function labelsOf(separated: readonly Separated[], back: Forward, { numClasses }: AttackerView): number[] {
  const slopes = tidy(() => {
    const inputs = stackVectors(separated.flatMap(({ input }) => new Array<Float32Array>(numClasses).fill(input)));
    const trace = back(tf.expandDims(inputs, 0)); // of [1, N K, features]
    const q = tf.softmax(trace.output);
    const y = tf.tile(tf.oneHot(tf.range(0, numClasses, 1, "int32"), numClasses), [separated.length, 1]);
    return trace.backward(tf.sub(q, tf.expandDims(y, 0)), "input").input!; // behind the first dense layer
  });
  const values = slopes.dataSync();
  dispose([slopes]);
  return separated.map(({ slope }, n) => {
    const cosines = Array.from({ length: numClasses }, (_, c) => {
      const at = (n * numClasses + c) * slope.length;
      const [dot, square] = slope.reduce(
        ([d, s], x, k) => [d + x * values[at + k]!, s + values[at + k]! ** 2] as const,
        [0, 1e-30] as readonly [number, number],
      );
      return dot / Math.sqrt(square);
    });
    return cosines.indexOf(Math.max(...cosines));
  });
}

/** The images by themselves, from the nearest own ones. */
async function imagesOf(
  separated: readonly Separated[],
  front: Forward,
  { inputShape }: AttackerView,
  own: Batch,
  how: {
    readonly starts: number;
    readonly steps: number;
    readonly learningRate: number;
    readonly smooth: readonly [number, number];
  },
): Promise<Float32Array[]> {
  const { starts, steps, learningRate, smooth } = how;
  const pixels = own.images.length / own.size;
  const near = nearest(separated, front, inputShape, own, starts);
  const each = near.length / separated.length;
  const tensors = tidy(() => {
    const targets = stackVectors(separated.flatMap(({ input }) => new Array<Float32Array>(each).fill(input)));
    const begun = near.map((i) => own.images.subarray(i * pixels, (i + 1) * pixels));
    const batch = stackImages([Float32Array.from(begun.flatMap((x) => [...x]))], inputShape);
    return { targets: tf.expandDims(targets, 0), scale: tf.expandDims(tf.sum(tf.square(targets), 1, true), 0), batch };
  });
  const { targets, scale, batch } = tensors;
  let now = { codes: batch, state: tidy(() => adamStart([batch])) };
  const lossOf = (output: Tensor): Tensor => tf.div(tf.sum(tf.square(tf.sub(output, targets)), 2, true), scale);
  try {
    for (let step = 0; step < steps; step++) {
      const { codes, state } = now;
      const next = tidy(() => {
        const trace = front(codes);
        const slope = tf.div(tf.mul(tf.sub(trace.output, targets), 2), scale);
        const weight = smooth[0] * (smooth[1] / smooth[0]) ** (step / steps);
        const rough = tf.mul(totalVariation(codes, 1).gradient, weight * near.length); // of each image by itself
        const gradient = tf.add(trace.backward(slope, "input").input!, rough);
        const moved = adamStep([codes], [gradient], state, cosineDecay(learningRate, step, steps));
        return { codes: tf.clipByValue(moved.parameters[0]!, 0, 1), state: moved.state };
      });
      dispose(now);
      now = next;
      if (step % 10 === 9) await new Promise(setImmediate);
    }
    const value = tidy(() => lossOf(front(now.codes).output));
    const losses = value.dataSync();
    dispose([value]);
    const [images] = unstackImages(now.codes, 1);
    return separated.map((_, n) => {
      const tried = Array.from({ length: each }, (__, k) => n * each + k);
      const best = tried.reduce((a, b) => (losses[b]! < losses[a]! ? b : a));
      return images!.slice(best * pixels, (best + 1) * pixels);
    });
  } finally {
    dispose([now, targets, scale]);
  }
}

const atOnce = 256; // own images whose features are computed together

/** For each image the own ones whose features are nearest, [N * starts] or fewer each. */
function nearest(
  separated: readonly Separated[],
  front: Forward,
  inputShape: AttackerView["inputShape"],
  own: Batch,
  starts: number,
): number[] {
  const size = separated[0]!.input.length;
  const values = new Float32Array(own.size * size);
  for (let from = 0; from < own.size; from += atOnce) {
    const { images } = sliceOf(own, from, Math.min(atOnce, own.size - from));
    const features = tidy(() => front(stackImages([images], inputShape)).output);
    values.set(features.dataSync(), from * size);
    dispose([features]);
  }
  return separated.flatMap(({ input }) => {
    const distances = Array.from({ length: own.size }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (values[i * size + k]! - input[k]!) ** 2;
      return { i, sum };
    });
    return distances
      .sort((a, b) => a.sum - b.sum)
      .slice(0, starts)
      .map(({ i }) => i);
  });
}
