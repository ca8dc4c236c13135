/** @file Inversion: from what a client sees to its peers' images, many views in one stacked computation. */
import { backendReady, dispose, tf, tidy, type Tensor } from "../core/backend";
import { ensureOneOf, ensureOptions } from "../core/choice";
import { ensure, ensureCount } from "../core/errors";
import { memoryBudget } from "../core/memory";
import { createRng, type Rng } from "../core/rng";
import { ensureLabels } from "../core/typed";
import { buildNetwork } from "../model/architectures";
import { adamStart, adamStep, cosineDecay, type AdamState } from "../model/adam";
import { type Network } from "../model/network";
import { stackVectors, unpackWeights, unstackImages, volume } from "../model/stack";
import { inferLabels } from "./labels";
import { checkObjective, createTarget, matchGradient, type Matching, type ObjectiveName } from "./objective";
import { createDecoder, type Decoder, type Prior } from "./prior";
import { totalVariation } from "./totalVariation";
import { byStep, fromSteps, matchUnrolled, targetsByStep } from "./unroll";
import { checkView, type AttackerView } from "./view";

/** How to invert. The paper states none of these numbers: our choices, swept in the sensitivity notebooks. */
export interface InvertOptions {
  readonly prior: Prior;
  readonly labels?: readonly Int32Array[]; // the private labels of every view; default: inferred from its gradient
  readonly objective?: ObjectiveName; // default "cosine"
  readonly localSteps?: "mean" | "unrolled"; // for tau > 1: all images at the broadcast w (default), or tau steps of each dummy client
  readonly steps?: number; // Adam steps, default 250
  readonly learningRate?: number; // of Adam on the code, cosine decay to a tenth; default 0.1
  readonly totalVariation?: number; // weight of the smoothness term, >= 0; default 0
  readonly initialCode?: "normal" | "uniform"; // z ~ N(0, 0.1^2) (default) or U[0, 1)
  readonly restarts?: number; // starts per view, of which the best match is returned; default 1
  readonly seed?: number; // of the initial codes; default 0
  readonly onStep?: (done: number, total: number) => void; // stacked steps over all views
}

/** What came out of one view. */
export interface Reconstruction {
  readonly round: number; // of the view
  readonly images: Float32Array; // [numImages, C, H, W], clipped to [0, 1]
  readonly labels: Int32Array; // [numImages]; images[i] was reconstructed as of class labels[i]
  readonly matchingLoss: number; // the objective at the end, without the smoothness term
  readonly trace: readonly { readonly step: number; readonly matchingLoss: number }[];
}

const optionNames = [
  ...["prior", "labels", "objective", "localSteps", "steps", "learningRate", "totalVariation", "initialCode"],
  ...["restarts", "seed", "onStep"],
];
const enoughBytes = 1e9; // of tensors in a stack: for LeNet-5 half of it is 6 % slower a view, twice as much no faster
const traceEvery = 10; // steps between two entries of a trace

/**
 * Reconstructs the private images behind attacker's views by gradient matching.
 *
 * minimises over z:  D(grad_w L(decode(z), labels; w), g*) + lambda TV(decode(z)),  g* = view.observedGradient / tau
 *
 * with Adam on the code z of the prior. For tau > 1 local steps "mean" asks all images for their gradient at the broadcast w, as if
 * clients had not moved; "unrolled" lets every dummy client take its tau steps (see matchUnrolled), which needs the images in
 * order: client by client, and in each step by step, the labels too. Views of equal shapes are inverted together, as many at once as
 * fit into memoryBudget(); how they are split changes rounding only: 1e-3 in a pixel over six steps.
 *
 * @param views at least one
 * @param options see InvertOptions
 * @returns one reconstruction a view, in the order of the views, owned by the caller
 * @throws InputError for options that are unknown or out of range, a view that no round could have shown, labels that do not fit it,
 *   a gradient that is 0 everywhere (by cosine) or too long (squared), images that are not tau batches of whole clients where their
 *   steps are to be unrolled, or a search of which no start stayed finite; whatever onStep throws. No tensor is left then
 * @example
 * const [reconstruction] = await invert([view], { prior: { kind: "bicubic" }, steps: 20 });
 * reconstruction.images.length; // view.numImages * 784
 * @source the paper's equation 22; ROG (Yue et al. 2023) for codes, Geiping et al. 2020 for cosine distance and total variation
 */
export async function invert(views: readonly AttackerView[], options: InvertOptions): Promise<Reconstruction[]> {
  ensureOptions("invert", options, optionNames);
  const {
    steps = 250,
    restarts = 1,
    labels,
    localSteps = "mean",
    objective = "cosine",
    initialCode = "normal",
  } = options;
  ensure(Array.isArray(views), "invert", "needs an array of views", typeof views);
  ensure(views.length >= 1, "invert", "needs at least one view", 0);
  ensureCount("invert", "steps", steps);
  ensureCount("invert", "restarts", restarts);
  ensure(["mean", "unrolled"].includes(localSteps), "invert", 'needs localSteps of "mean" or "unrolled"', localSteps);
  ensure(Number.isInteger(options.seed ?? 0), "invert", "needs an integer seed", options.seed);
  ensureOneOf("invert", "initialCode", initialCode, ["normal", "uniform"]);
  const { totalVariation: lambda = 0, learningRate: rate = 1, onStep } = options;
  ensure(Number.isFinite(lambda) && lambda >= 0, "invert", "needs totalVariation >= 0", lambda);
  ensure(Number.isFinite(rate) && rate > 0, "invert", "needs learningRate > 0", rate);
  ensure(onStep === undefined || typeof onStep === "function", "invert", "needs a function onStep", onStep);
  checkObjective("invert", objective, []);
  ensure(
    labels === undefined || (Array.isArray(labels) && labels.length === views.length),
    "invert",
    `needs labels for each of the ${views.length} views`,
    labels?.length,
  );
  for (const view of views) {
    checkView("invert", view);
    const { round, observedGradient } = view;
    checkObjective("invert", objective, [observedGradient]);
    const shows = objective !== "cosine" || observedGradient.some((x) => Math.abs(x) >= 2 ** -126); // less is 0 to the engine
    ensure(shows, "invert", "needs a gradient with a direction for the cosine objective", `0 everywhere in round ${round}`, "leave the round out: it shows nothing"); // prettier-ignore
  }
  await backendReady();
  const jobs: Job[] = [];
  for (const [index, view] of views.entries()) {
    const own = labels?.[index] ?? (await inferLabels(view));
    ensureLabels("invert", `labels for view ${index}`, own, view.numImages, view.numClasses);
    if (localSteps === "unrolled") {
      const perClient = view.localSteps * view.batchSize;
      const whole = view.numImages % perClient === 0;
      ensure(
        whole,
        "invert",
        `needs a multiple of tau B = ${perClient} images to unroll view ${index}`,
        view.numImages,
      );
    }
    for (let restart = 0; restart < restarts; restart++) jobs.push({ index, restart, view, labels: own });
  }
  const groups = await groupJobs(jobs, options);
  const found = new Array<Reconstruction | undefined>(views.length);
  for (const [g, group] of groups.entries()) {
    const results = await invertTogether(group, options, (step) => onStep?.(g * steps + step, groups.length * steps));
    results.forEach((result, i) => {
      const { index } = group[i]!;
      const best = found[index];
      // A start that diverged to NaN is worse than any other.
      const worse = best === undefined || Number.isNaN(best.matchingLoss);
      if (worse || result.matchingLoss < best.matchingLoss) found[index] = result;
    });
  }
  return found.map((best, index) => {
    const loss = best!.matchingLoss;
    ensure(Number.isFinite(loss), "invert", "needs a search that stays finite", `a matching loss of ${loss} for view ${index}`, "lower the learningRate"); // prettier-ignore
    return best!;
  });
}

/** One start for one view. */
interface Job {
  readonly index: number;
  readonly restart: number;
  readonly view: AttackerView;
  readonly labels: Int32Array;
}

/** Jobs that can be stacked: of equal shapes, in stacks of equal size that fit into memory. */
async function groupJobs(jobs: readonly Job[], options: InvertOptions): Promise<Job[][]> {
  const alike = new Map<string, Job[]>();
  for (const job of jobs) {
    const { architecture, activation, pooling, inputShape, numClasses, numImages } = job.view;
    const { localSteps, batchSize, learningRate } = job.view;
    const steps = isUnrolled(job.view, options) ? [localSteps, batchSize, learningRate] : [];
    const key = JSON.stringify([architecture, activation, pooling, inputShape, numClasses, numImages, ...steps]);
    const like = alike.get(key);
    if (like) like.push(job);
    else alike.set(key, [job]);
  }
  const groups: Job[][] = [];
  for (const all of alike.values()) {
    const stacks = all.length === 1 ? 1 : Math.ceil(all.length / (await jobsAtOnce(all[0]!, options)));
    const at = (stack: number): number => Math.floor((stack * all.length) / stacks);
    for (let stack = 0; stack < stacks; stack++) groups.push(all.slice(at(stack), at(stack + 1)));
  }
  return groups;
}

/** How many jobs like this one to stack, at least one: a step of one is made to see how many bytes of tensors it takes. */
async function jobsAtOnce(job: Job, options: InvertOptions): Promise<number> {
  const before = tf.memory().numBytes;
  let bytes = 0;
  const onStep = (_step: number, held: number): void => void (bytes = held - before);
  await invertTogether([job], { ...options, steps: 1 }, onStep);
  return Math.max(1, Math.floor(Math.min(memoryBudget(), enoughBytes) / bytes));
}

async function invertTogether(
  jobs: readonly Job[],
  options: InvertOptions,
  onStep: (step: number, bytes: number) => void, // bytes of all tensors at the end of the step
): Promise<Reconstruction[]> {
  const { prior, steps = 250, learningRate = 0.1, seed = 0 } = options;
  const { view } = jobs[0]!;
  const network = buildNetwork(view.architecture, view.inputShape, view.numClasses, {
    activation: view.activation,
    pooling: view.pooling,
  });
  const indices = jobs.map(({ index }) => index);
  const traces = jobs.map((): { step: number; matchingLoss: number }[] => []);
  const record = (step: number, values: Tensor): void =>
    values.dataSync().forEach((matchingLoss, i) => traces[i]!.push({ step, matchingLoss }));
  const held: object[] = []; // tensors of the whole search
  let search: {
    readonly parameters: readonly Tensor[];
    readonly state: AdamState;
    readonly recorded?: Tensor | null;
  } | null = null;
  try {
    const decoder = createDecoder(prior, indices, view.inputShape);
    held.push(decoder.weights);
    const { match, tensors } = createMatcher(network, jobs, options);
    held.push(tensors);
    search = tidy(() => {
      const parameters = [initialCodes(jobs, decoder, options, createRng(seed))];
      return { parameters, state: adamStart(parameters) };
    });
    for (let step = 0; step < steps; step++) {
      let bytes = 0;
      const { parameters, state } = search;
      const next = tidy(() => {
        const { value, codeGradient } = judge(match, decoder, parameters[0]!, jobs.length, options);
        const recorded = step % traceEvery === 0 ? value() : null;
        const moved = adamStep(parameters, [codeGradient], state, cosineDecay(learningRate, step, steps));
        bytes = tf.memory().numBytes; // nothing is freed within a tidy: this is the peak
        return { recorded, ...moved };
      });
      dispose(search);
      search = next;
      if (next.recorded !== null) record(step, next.recorded);
      onStep(step + 1, bytes);
      if (step % 10 === 9) await new Promise(setImmediate); // lets a progress bar draw
    }
    const code = search.parameters[0]!;
    const found = tidy(() => ({
      images: tf.clipByValue(decode(decoder, code).output, 0, 1),
      value: judge(match, decoder, code, jobs.length, options).value(),
    }));
    held.push(found);
    record(steps, found.value);
    const reconstructed = unstackImages(found.images, jobs.length);
    return jobs.map(({ view: { round }, labels }, i) => ({
      round,
      images: reconstructed[i]!,
      labels,
      matchingLoss: traces[i]!.at(-1)!.matchingLoss,
      trace: traces[i]!,
    }));
  } finally {
    dispose([held, search ?? []]);
  }
}

function isUnrolled({ localSteps }: AttackerView, options: InvertOptions): boolean {
  return options.localSteps === "unrolled" && localSteps > 1; // one step leaves nothing to unroll
}

/** Holds images [N, H, W, S·C] against what the views show. */
interface Matcher {
  readonly match: (images: Tensor) => Matching;
  readonly tensors: object; // of the views, which the caller disposes
}

function createMatcher(network: Network, jobs: readonly Job[], options: InvertOptions): Matcher {
  const { objective = "cosine" } = options;
  const { view } = jobs[0]!;
  const { localSteps, batchSize, learningRate, numImages } = view;
  const labels = jobs.map((job) => job.labels);
  const unrolled = isUnrolled(view, options);
  const clients = unrolled ? numImages / (localSteps * batchSize) : 1; // with weights of their own
  const tensors = tidy(() => {
    const starts = jobs.flatMap((job) => new Array<Float32Array>(clients).fill(job.view.weights));
    const observed = jobs.map((job) => job.view.observedGradient.map((g) => g / job.view.localSteps));
    return {
      weights: unpackWeights(network.layer, stackVectors(starts)),
      target: createTarget(network, stackVectors(observed), objective),
      targets: targetsByStep(labels, clients, unrolled ? localSteps : 1, network.numClasses),
    };
  });
  const { weights, target, targets } = tensors;
  const match = (images: Tensor): Matching => {
    if (!unrolled) return matchGradient(network, weights, target, images, targets[0]!, objective);
    const steps = byStep(images, jobs.length, clients, localSteps);
    const found = matchUnrolled(network, weights, target.whole, steps, targets, objective, learningRate);
    return { value: found.value, imagesGradient: fromSteps(found.imagesGradients, jobs.length, clients) };
  };
  return { match, tensors };
}

function decode(
  { layer, weights }: Decoder,
  code: Tensor,
): { output: Tensor; pull: (imagesGradient: Tensor) => Tensor } {
  if (layer === null) return { output: code, pull: (imagesGradient) => imagesGradient };
  const trace = layer.forward(code, weights);
  return { output: trace.output, pull: (imagesGradient) => trace.backward(imagesGradient, "input").input! };
}

/** The objective per replica, and the gradient of objective plus smoothness with respect to the codes. */
function judge(
  match: Matcher["match"],
  decoder: Decoder,
  code: Tensor,
  views: number,
  { totalVariation: lambda = 0 }: InvertOptions,
): { value: () => Tensor; codeGradient: Tensor } {
  const { output, pull } = decode(decoder, code);
  const { value, imagesGradient } = match(output);
  if (lambda === 0) return { value, codeGradient: pull(imagesGradient) };
  const rough = totalVariation(output, views);
  return { value, codeGradient: pull(tf.add(imagesGradient, tf.mul(rough.gradient, lambda))) };
}

/** A start per job that depends on the seed, the view's round and the restart, not on what else is inverted. */
function initialCodes(
  jobs: readonly Job[],
  { codeShape }: Decoder,
  { initialCode = "normal" }: InvertOptions,
  rng: Rng,
): Tensor {
  const [c, h, w] = codeShape as [number, number, number];
  const batch = jobs[0]!.view.numImages;
  const codes = jobs.map(({ view, restart }) => {
    const stream = rng.split("code", view.round, restart);
    const count = batch * volume(codeShape);
    return initialCode === "normal" ? stream.normals(count).map((x) => 0.1 * x) : stream.uniforms(count);
  });
  return tidy(() => {
    const pixels = tf.reshape(stackVectors(codes), [jobs.length, c, batch, h * w]); // channels before the batch
    return tf.reshape(tf.transpose(pixels, [2, 3, 0, 1]), [batch, h, w, jobs.length * c]);
  });
}
