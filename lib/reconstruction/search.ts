/** @file The search: many starts, stacked, each from a code of its own to images that match their view. */
import { dispose, tf, tidy, type Tensor } from "../core/backend";
import { memoryBudget } from "../core/memory";
import { scaleReplicas } from "../core/ops";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { adamStart, adamStep, cosineDecay, type AdamState } from "../model/adam";
import { stackImages, stackVectors, unstackImages, volume } from "../model/stack";
import type { Matcher } from "./forward";
import { classGuesses } from "./guess";
import type { InvertOptions, Reconstruction } from "./inversion";
import { createMatcher, isThroughProtocol, isUnrolled } from "./matcher";
import type { Decoder } from "./prior";
import { createDecoder } from "./decoder";
import { totalVariation } from "./totalVariation";
import { networkOf, type AttackerView } from "./view";

/** One start for one view. */
export interface Start {
  /** Of the view. */
  readonly index: number;
  readonly restart: number;
  readonly view: AttackerView;
  readonly labels: Int32Array;
  /** Further views of the same images. */
  readonly also?: readonly AttackerView[];
  /** Of what the view shows, per coordinate; 0 where it is not counted with. */
  readonly noiseStd: number;
}

/** The options of a search, and what the attacker has. */
export type SearchOptions = InvertOptions & { readonly own: Batch };

/** Hears of the stacked steps that are done, of all. */
export type FollowSteps = (done: number, total: number) => void;

const enoughBytes = 1e9; // of tensors in a stack: for LeNet-5 half of it is 6 % slower per view, twice as much no faster
const traceEvery = 10; // steps between two entries of a trace

/**
 * Searches from every start.
 *
 * @param starts any; those alike are stacked, as many as fit into memory
 * @param options see InvertOptions
 * @param follow hears of the stacked steps
 * @returns one reconstruction per start, in their order
 */
export async function search(
  starts: readonly Start[],
  options: SearchOptions,
  follow: FollowSteps,
): Promise<Reconstruction[]> {
  const { steps = 250 } = options;
  const results = new Map<Start, Reconstruction>();
  const groups = await inGroups(starts, options);
  for (const [g, group] of groups.entries()) {
    const found = await searchTogether(group, options, (step) => follow(g * steps + step, groups.length * steps));
    found.forEach((one, i) => results.set(group[i]!, one));
  }
  return starts.map((start) => results.get(start)!);
}

/** Starts that can be stacked: of equal shapes, in stacks of equal size that fit into memory. */
async function inGroups(starts: readonly Start[], options: SearchOptions): Promise<Start[][]> {
  const alike = new Map<string, Start[]>();
  for (const start of starts) {
    const { architecture, activation, pooling, normalize, inputShape, numClasses, numImages } = start.view;
    const model = [architecture, activation, pooling, normalize, inputShape, numClasses];
    const { localSteps, localBatches, batchSize, learningRate, momentum, clientWeights, numClients, protocol } =
      start.view;
    const isModelled = isThroughProtocol(start.view, options);
    const steps = isUnrolled(start.view, options) || isModelled ? [localSteps, localBatches, batchSize, learningRate, momentum, clientWeights] : []; // prettier-ignore
    const round = isModelled ? [numClients, protocol] : [];
    const key = JSON.stringify([model, numImages, steps, round, start.also?.length]);
    alike.set(key, [...(alike.get(key) ?? []), start]);
  }
  const groups: Start[][] = [];
  for (const all of alike.values()) {
    const stacks = all.length === 1 ? 1 : Math.ceil(all.length / (await startsAtOnce(all[0]!, options)));
    const at = (stack: number): number => Math.floor((stack * all.length) / stacks);
    for (let stack = 0; stack < stacks; stack++) groups.push(all.slice(at(stack), at(stack + 1)));
  }
  return groups;
}

/** How many starts like this one to stack, at least one: a step of one is made to see how many bytes of tensors it takes. */
async function startsAtOnce(start: Start, options: SearchOptions): Promise<number> {
  const before = tf.memory().numBytes;
  let bytes = 0;
  await searchTogether([start], { ...options, steps: 1 }, (_step, held) => void (bytes = held - before));
  return Math.max(1, Math.floor(Math.min(memoryBudget(), enoughBytes) / bytes));
}

/** What the starts of a stack are searched with. */
interface Stack {
  readonly starts: readonly Start[];
  readonly decoder: Decoder;
  readonly matcher: Matcher;
  /** 1 / (2 s^2) of each, where the noise is counted with. */
  readonly precision: Tensor | null;
}

/** What is computed on: decoder, model and targets of some starts; the caller closes it. */
function openStack(starts: readonly Start[], options: SearchOptions): Stack {
  const { inputShape, numClasses } = starts[0]!.view;
  const network = networkOf(starts[0]!.view);
  const views = starts.map(({ index }) => index);
  const labels = starts.map((start) => start.labels);
  const decoder = createDecoder(options.prior, { inputShape, numClasses, views, labels, own: options.own });
  try {
    const matcher = createMatcher(network, starts, options);
    const isNoisy = starts[0]!.noiseStd > 0;
    const precision = isNoisy ? tf.tensor1d(starts.map(({ noiseStd: s }) => 1 / (2 * s * s))) : null;
    return { starts, decoder, matcher, precision };
  } catch (error) {
    dispose([decoder.tensors]);
    throw error;
  }
}

const closeStack = ({ decoder, matcher, precision }: Stack): void =>
  dispose([decoder.tensors, matcher.tensors, precision ?? []]);

/** Where a search stands. */
interface Search {
  readonly codes: Tensor;
  readonly state: AdamState;
  readonly recorded?: Tensor | null;
}

/** Searches from starts that are alike, in one stack that shrinks as they come to their goal. */
async function searchTogether(
  all: readonly Start[],
  options: SearchOptions,
  onStep: (step: number, bytes: number) => void, // bytes of all tensors at the end of the step
): Promise<Reconstruction[]> {
  const { steps = 250, learningRate = 0.1, goal = -Infinity, box = false, restartSteps } = options;
  const traces = new Map(all.map((start) => [start, [] as { step: number; matchingLoss: number }[]]));
  const results = new Map<Start, Reconstruction>();
  let stack = openStack(all, options);
  let now: Search | null = null;
  const record = (step: number, values: ArrayLike<number>): void =>
    stack.starts.forEach((start, i) => traces.get(start)!.push({ step, matchingLoss: values[i]! }));
  /** Takes the images of those starts as they are, after so many steps. */
  const finish = (starts: readonly Start[], step: number): void => {
    const { decoder, matcher } = stack;
    const found = tidy(() => {
      const { images } = decoder.decode(now!.codes);
      return { images: tf.clipByValue(images, 0, 1), value: matcher.match(images).value() };
    });
    const values = found.value.dataSync();
    const images = unstackImages(found.images, stack.starts.length);
    dispose(found);
    stack.starts.forEach((start, i) => {
      if (!starts.includes(start)) return;
      const trace = [...traces.get(start)!, { step, matchingLoss: values[i]! }];
      const { view, labels } = start;
      results.set(start, { round: view.round, images: images[i]!, labels, matchingLoss: values[i]!, trace });
    });
  };
  try {
    now = tidy(() => {
      const codes = initialCodes(all, stack.decoder, options);
      return { codes, state: adamStart([codes]) };
    });
    for (let step = 0; step < steps; step++) {
      let bytes = 0;
      const { codes, state }: Search = now;
      const next = tidy((): Search => {
        const smoothing = smoothingAt(options.totalVariation, step / steps);
        const { value, codeGradient } = regularized(stack, codes, smoothing);
        const recorded = step % traceEvery === 0 || step === restartSteps ? value() : null;
        const moved = adamStep([codes], [codeGradient], state, cosineDecay(learningRate, step, steps));
        bytes = tf.memory().numBytes; // nothing is freed within a tidy: this is the peak
        const [there] = moved.parameters as [Tensor];
        return { recorded, codes: box ? tf.clipByValue(there, 0, 1) : there, state: moved.state };
      });
      dispose(now);
      now = next;
      if (next.recorded) {
        const values = next.recorded.dataSync();
        record(step, values);
        const { starts } = stack;
        const behind = step === restartSteps ? notBest(starts, values) : [];
        const done = starts.filter((start, i) => values[i]! <= goal || behind.includes(start));
        if (done.length > 0) finish(done, step + 1);
        const left = starts.filter((start) => !done.includes(start));
        if (left.length === 0) {
          onStep(steps, bytes);
          break;
        }
        if (done.length > 0) {
          const smaller = openStack(left, options);
          closeStack(stack);
          stack = smaller;
          const kept = ofStarts(next, left.map((start) => starts.indexOf(start)), starts.length); // prettier-ignore
          dispose(now);
          now = kept;
        }
      }
      onStep(step + 1, bytes);
      if (step % 10 === 9) await new Promise(setImmediate); // lets a progress bar draw
    }
    const left = stack.starts.filter((start) => !results.has(start));
    if (left.length > 0) finish(left, steps);
    return all.map((start) => results.get(start)!);
  } finally {
    closeStack(stack);
    dispose(now ?? []);
  }
}

/** Those that another start for the same view is ahead of. */
function notBest(starts: readonly Start[], losses: ArrayLike<number>): Start[] {
  const ahead = new Map<number, number>();
  starts.forEach(({ index }, i) => {
    const best = ahead.get(index);
    if (best === undefined || losses[i]! < losses[best]! || Number.isNaN(losses[best]!)) ahead.set(index, i);
  });
  return starts.filter(({ index }, i) => ahead.get(index) !== i);
}

/** A search of some of its starts alone. */
function ofStarts({ codes, state }: Search, kept: readonly number[], starts: number): Search {
  const only = (x: Tensor): Tensor => {
    const channels = x.shape[3]! / starts;
    return tf.gather(x, kept.flatMap((start) => Array.from({ length: channels }, (_, c) => start * channels + c)), 3); // prettier-ignore
  };
  return tidy(() => ({
    codes: only(codes),
    state: { ...state, first: state.first.map(only), second: state.second.map(only) },
  }));
}

/** The smoothness term's weight after a share of the steps. */
function smoothingAt(weight: InvertOptions["totalVariation"] = 0, share: number): number {
  if (typeof weight === "number") return weight;
  const [from, to] = weight;
  return from * (to / from) ** share;
}

/**
 * The objective per replica, and the gradient of what is minimised with respect to the codes: the objective plus lambda TV; or, where
 * the noise is counted with, the negative logarithm of the posterior, D / (2 s^2) + |z|^2 / 2.
 */
function regularized(
  { starts, decoder, matcher, precision }: Stack,
  codes: Tensor,
  lambda: number, // weight of the smoothness term
): { value: () => Tensor; codeGradient: Tensor } {
  const { images, pull } = decoder.decode(codes);
  const { value, imagesGradient } = matcher.match(images);
  if (precision !== null) return { value, codeGradient: tf.add(pull(scaleReplicas(imagesGradient, precision)), codes) };
  if (lambda === 0) return { value, codeGradient: pull(imagesGradient) };
  const rough = totalVariation(images, starts.length);
  return { value, codeGradient: pull(tf.add(imagesGradient, tf.mul(rough.gradient, lambda))) };
}

const guessSpread = 0.05; // standard deviation around the guess that a search starts with

/** Codes that depend on the seed, the view's round and the restart, not on what else is inverted. */
function initialCodes(starts: readonly Start[], { codeShape }: Decoder, options: SearchOptions): Tensor {
  const { initialCode = "normal", seed = 0, own } = options;
  const [c, h, w] = codeShape as [number, number, number];
  const { numImages, numClasses } = starts[0]!.view;
  const drawn = starts.map(({ view, restart }) => {
    const stream = createRng(seed).split("code", view.round, restart);
    const count = numImages * volume(codeShape);
    return initialCode === "uniform" ? stream.uniforms(count) : stream.normals(count);
  });
  const laid = tf.reshape(stackVectors(drawn), [starts.length, c, numImages, h * w]); // channels before the batch
  const codes = tf.reshape(tf.transpose(laid, [2, 3, 0, 1]), [numImages, h, w, starts.length * c]);
  if (starts[0]!.noiseStd > 0) return tf.mul(codes, 0.01); // beside the guess, see gaussian
  if (initialCode === "uniform") return codes;
  if (initialCode === "normal") return tf.mul(codes, 0.1);
  const guesses = classGuesses(own, numClasses);
  const images = starts.map(({ labels }) => Float32Array.from([...labels].flatMap((label) => [...guesses[label]!])));
  return tf.add(stackImages(images, codeShape), tf.mul(codes, guessSpread));
}
