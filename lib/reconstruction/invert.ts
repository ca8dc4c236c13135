/** @file Inversion: from what a client sees to its peers' images, many views in one stacked computation. */
import { backendReady, dispose, tf, tidy, type Tensor } from "../core/backend";
import { ensureKnown, ensureNames } from "../core/known";
import { ensure, ensureCount } from "../core/errors";
import { memoryBudget } from "../core/memory";
import { createRng, type Rng } from "../core/rng";
import { ensureLabels } from "../core/typed";
import type { Batch } from "../core/types";
import { buildNetwork } from "../model/architectures";
import { adamStart, adamStep, cosineDecay, type AdamState } from "../model/adam";
import { checkBatch, type Network } from "../model/network";
import { stackImages, stackVectors, unpackWeights, unstackImages, volume } from "../model/stack";
import { createForward, throughProtocol, type Matcher } from "./forward";
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
  readonly unroll?: boolean; // for tau > 1: tau steps of each dummy client; default false: all images at the broadcast w
  readonly through?: "mean" | "protocol"; // hold the dummies' plain mean (default), or what view.protocol makes of them, against a view
  readonly steps?: number; // Adam steps, default 250
  readonly learningRate?: number; // of Adam on the code, cosine decay to a tenth; default 0.1
  readonly totalVariation?: number | readonly [from: number, to: number]; // weight of the smoothness term, >= 0, or the two > 0 between which it falls geometrically; default 0
  readonly box?: boolean; // codes stay in [0, 1] at every step, with the pixel prior; default false: images are clipped at the end
  readonly initialCode?: "normal" | "uniform"; // z ~ N(0, 0.1^2) (default) or U[0, 1)
  readonly restarts?: number; // starts per view, of which the best match is returned; default 1
  readonly retryAbove?: number; // views whose best match is worse get the next start, others do not; default: all get all starts
  readonly goal?: number; // a start ends at this matching loss; default: after all its steps
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
  ...["prior", "labels", "objective", "unroll", "steps", "learningRate", "totalVariation", "box", "initialCode"],
  ...["restarts", "retryAbove", "goal", "seed", "onStep", "through"],
];
const enoughBytes = 1e9; // of tensors in a stack: for LeNet-5 half of it is 6 % slower a view, twice as much no faster
const traceEvery = 10; // steps between two entries of a trace

/**
 * Reconstructs the private images behind attacker's views by gradient matching.
 *
 * minimises over z:  D(grad_w L(decode(z), labels; w), g*) + lambda TV(decode(z)),  g* = view.observedGradient / tau
 *
 * with Adam on the code z of the prior. For tau > 1 local steps all images are asked for their gradient at the broadcast w, as if
 * clients had not moved; `unroll` lets every dummy client take its tau steps (see matchUnrolled), which needs the images in
 * order: client by client, and in each step by step, the labels too. Views of equal shapes are inverted together, as many at once as
 * fit into memoryBudget(); how they are split changes rounding only: 1e-3 in a pixel over six steps.
 *
 * Through the protocol, dummy clients stand for the others alone: they take their tau steps, clip, and are aggregated by the view's rule
 * together with what the attacker sent itself (see createForward). That needs the others' labels in the same order, and views of
 * knowingOwnShare; the plain mean is then matched without the attacker's share, as after withoutOwnShare.
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
  ensureNames("invert", "options", options, optionNames);
  const {
    steps = 250,
    restarts = 1,
    labels,
    through = "mean",
    unroll = through === "protocol",
    objective = "cosine",
    initialCode = "normal",
  } = options;
  ensure(Array.isArray(views), "invert", "needs an array of views", typeof views);
  ensure(views.length >= 1, "invert", "needs at least one view", 0);
  ensureCount("invert", "steps", steps);
  ensureCount("invert", "restarts", restarts);
  ensure(typeof unroll === "boolean", "invert", "needs true or false for unroll", unroll);
  ensureKnown("invert", "a through", through, ["mean", "protocol"]);
  ensure(through === "mean" || unroll, "invert", "needs local steps unrolled through the protocol", "unroll: false", "leave unroll out"); // prettier-ignore
  ensure(Number.isInteger(options.seed ?? 0), "invert", "needs an integer seed", options.seed);
  ensureKnown("invert", "an initialCode", initialCode, ["normal", "uniform"]);
  const { learningRate: rate = 1, goal, retryAbove, onStep } = options;
  checkTotalVariation(options.totalVariation);
  checkBox(options);
  for (const [name, loss] of Object.entries({ goal, retryAbove }))
    ensure(loss === undefined || (Number.isFinite(loss) && loss >= 0), "invert", `needs ${name} >= 0`, loss);
  ensure(Number.isFinite(rate) && rate > 0, "invert", "needs learningRate > 0", rate);
  ensure(onStep === undefined || typeof onStep === "function", "invert", "needs a function onStep", onStep);
  checkObjective("invert", objective, []);
  ensure(
    labels === undefined || (Array.isArray(labels) && labels.length === views.length),
    "invert",
    `needs labels for each of the ${views.length} views`,
    labels?.length,
  );
  for (const view of views) checkView("invert", view);
  const seen = through === "mean" ? views : views.map((view) => throughProtocol("invert", view));
  for (const view of seen) {
    const { round, observedGradient } = view;
    checkObjective("invert", objective, [observedGradient]);
    const shows = objective !== "cosine" || observedGradient.some((x) => Math.abs(x) >= 2 ** -126); // less is 0 to the engine
    ensure(shows, "invert", "needs a gradient with a direction for the cosine objective", `0 everywhere in round ${round}`, "leave the round out: it shows nothing"); // prettier-ignore
  }
  await backendReady();
  const starts: Omit<Job, "restart">[] = [];
  for (const [index, view] of seen.entries()) {
    const own = labels?.[index] ?? (await inferLabels(view));
    ensureLabels("invert", `labels for view ${index}`, own, view.numImages, view.numClasses);
    if (unroll) {
      const perClient = view.localSteps * view.batchSize;
      const whole = view.numImages % perClient === 0;
      ensure(
        whole,
        "invert",
        `needs a multiple of tau B = ${perClient} images to unroll view ${index}`,
        view.numImages,
      );
    }
    starts.push({ index, view, labels: own });
  }
  const found = new Array<Reconstruction | undefined>(views.length);
  const turns = retryAbove === undefined ? 1 : restarts;
  for (let turn = 0; turn < turns; turn++) {
    const isOpen = ({ index }: { readonly index: number }): boolean => !(found[index]!.matchingLoss <= retryAbove!);
    const open = turn === 0 ? starts : starts.filter(isOpen);
    const jobs = open.flatMap((start) =>
      Array.from({ length: restarts / turns }, (_, i) => ({ ...start, restart: turn + i })),
    );
    const groups = await groupJobs(jobs, options);
    for (const [g, group] of groups.entries()) {
      const total = groups.length * steps;
      const results = await invertTogether(group, options, (step) =>
        onStep?.(turn * total + g * steps + step, turns * total),
      );
      results.forEach((result, i) => {
        const { index } = group[i]!;
        const best = found[index];
        // A start that diverged to NaN is worse than any other.
        const worse = best === undefined || Number.isNaN(best.matchingLoss);
        if (worse || result.matchingLoss < best.matchingLoss) found[index] = result;
      });
    }
  }
  return found.map((best, index) => {
    const loss = best!.matchingLoss;
    ensure(Number.isFinite(loss), "invert", "needs a search that stays finite", `a matching loss of ${loss} for view ${index}`, "lower the learningRate"); // prettier-ignore
    return best!;
  });
}

/**
 * The matching losses of images at hand, under the objective that invert minimises: what a search could reach.
 *
 * @param views as of invert
 * @param batches for each view view.numImages images with their labels, in order where local steps are unrolled
 * @param options as of invert; objective, unroll and through are read
 * @returns D per view, without the smoothness term
 * @throws InputError for a view that no round could have shown, and for images or labels that do not fit it
 * @example
 * const [loss] = await matchingLosses([view], [joinBatches(records[0].batches.flat())], { prior: { kind: "pixel" } });
 * loss < 1e-6; // true; the images that the broadcasts are of
 */
export async function matchingLosses(
  views: readonly AttackerView[],
  batches: readonly Batch[],
  options: InvertOptions,
): Promise<number[]> {
  const fn = "matchingLosses";
  ensure(batches.length === views.length, fn, `needs images for each of ${views.length} views`, batches.length);
  await backendReady();
  return views.map((given, index) => {
    const network = checkView(fn, given);
    const view = options.through === "protocol" ? throughProtocol(fn, given) : given;
    const batch = batches[index]!;
    checkBatch(fn, `images of view ${index}`, network, batch);
    ensure(batch.size === view.numImages, fn, `needs ${view.numImages} images for view ${index}`, batch.size);
    const { match, tensors } = createMatcher(network, [{ index, restart: 0, view, labels: batch.labels }], options);
    const value = tidy(() => match(stackImages([batch.images], view.inputShape)).value());
    const [loss] = value.dataSync();
    dispose([value, tensors]);
    return loss!;
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
    const isModelled = isThroughProtocol(job.view, options);
    const steps = isUnrolled(job.view, options) || isModelled ? [localSteps, batchSize, learningRate] : [];
    const round = isModelled ? [job.view.numClients, job.view.protocol] : [];
    const key = JSON.stringify([
      architecture,
      activation,
      pooling,
      inputShape,
      numClasses,
      numImages,
      ...steps,
      ...round,
    ]);
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

/** What the jobs of a stack are judged by. */
interface Stack {
  readonly jobs: readonly Job[];
  readonly decoder: Decoder;
  readonly matcher: Matcher;
}

function openStack(jobs: readonly Job[], options: InvertOptions): Stack {
  const { view } = jobs[0]!;
  const { architecture, inputShape, numClasses, activation, pooling } = view;
  const network = buildNetwork(architecture, inputShape, numClasses, { activation, pooling });
  const decoder = createDecoder(options.prior, jobs.map(({ index }) => index), inputShape); // prettier-ignore
  try {
    return { jobs, decoder, matcher: createMatcher(network, jobs, options) };
  } catch (error) {
    dispose([decoder.weights]);
    throw error;
  }
}

const closeStack = ({ decoder, matcher }: Stack): void => dispose([decoder.weights, matcher.tensors]);

/** Where a search stands. */
interface Search {
  readonly parameters: readonly Tensor[];
  readonly state: AdamState;
  readonly recorded?: Tensor | null;
}

async function invertTogether(
  all: readonly Job[],
  options: InvertOptions,
  onStep: (step: number, bytes: number) => void, // bytes of all tensors at the end of the step
): Promise<Reconstruction[]> {
  const { steps = 250, learningRate = 0.1, seed = 0, goal = -Infinity, box = false } = options;
  const traces = new Map(all.map((job) => [job, [] as { step: number; matchingLoss: number }[]]));
  const results = new Map<Job, Reconstruction>();
  let stack = openStack(all, options);
  let search: Search | null = null;
  const record = (step: number, values: ArrayLike<number>): void =>
    stack.jobs.forEach((job, i) => traces.get(job)!.push({ step, matchingLoss: values[i]! }));
  /** Takes the images of those jobs as they are, after so many steps. */
  const finish = (jobs: readonly Job[], step: number): void => {
    const { decoder, matcher } = stack;
    const code = search!.parameters[0]!;
    const found = tidy(() => ({
      images: tf.clipByValue(decode(decoder, code).output, 0, 1),
      value: judge(matcher.match, decoder, code, stack.jobs.length, 0).value(),
    }));
    const values = found.value.dataSync();
    const images = unstackImages(found.images, stack.jobs.length);
    dispose(found);
    stack.jobs.forEach((job, i) => {
      if (!jobs.includes(job)) return;
      const trace = [...traces.get(job)!, { step, matchingLoss: values[i]! }];
      const { view, labels } = job;
      results.set(job, { round: view.round, images: images[i]!, labels, matchingLoss: values[i]!, trace });
    });
  };
  try {
    search = tidy(() => {
      const parameters = [initialCodes(all, stack.decoder, options, createRng(seed))];
      return { parameters, state: adamStart(parameters) };
    });
    for (let step = 0; step < steps; step++) {
      let bytes = 0;
      const { parameters, state }: Search = search;
      const { jobs, decoder, matcher } = stack;
      const next = tidy((): Search => {
        const smoothing = smoothingAt(options.totalVariation, step / steps);
        const { value, codeGradient } = judge(matcher.match, decoder, parameters[0]!, jobs.length, smoothing);
        const recorded = step % traceEvery === 0 ? value() : null;
        const moved = adamStep(parameters, [codeGradient], state, cosineDecay(learningRate, step, steps));
        bytes = tf.memory().numBytes; // nothing is freed within a tidy: this is the peak
        return {
          recorded,
          ...(box ? { ...moved, parameters: moved.parameters.map((x) => tf.clipByValue(x, 0, 1)) } : moved),
        };
      });
      dispose(search);
      search = next;
      if (next.recorded) {
        const values = next.recorded.dataSync();
        record(step, values);
        const done = jobs.filter((_, i) => values[i]! <= goal);
        if (done.length > 0) finish(done, step + 1);
        const left = jobs.filter((job) => !done.includes(job));
        if (left.length === 0) {
          onStep(steps, bytes);
          break;
        }
        if (done.length > 0) {
          const smaller = openStack(left, options);
          closeStack(stack);
          stack = smaller;
          const kept = ofJobs(next, left.map((job) => jobs.indexOf(job)), jobs.length); // prettier-ignore
          dispose(search);
          search = kept;
        }
      }
      onStep(step + 1, bytes);
      if (step % 10 === 9) await new Promise(setImmediate); // lets a progress bar draw
    }
    const left = stack.jobs.filter((job) => !results.has(job));
    if (left.length > 0) finish(left, steps);
    return all.map((job) => results.get(job)!);
  } finally {
    closeStack(stack);
    dispose(search ?? []);
  }
}

/** A search of some of its jobs alone. */
function ofJobs({ parameters, state }: Search, kept: readonly number[], jobs: number): Search {
  const only = (x: Tensor): Tensor => {
    const channels = x.shape[3]! / jobs;
    return tf.gather(x, kept.flatMap((job) => Array.from({ length: channels }, (_, c) => job * channels + c)), 3); // prettier-ignore
  };
  return tidy(() => ({
    parameters: parameters.map(only),
    state: { ...state, first: state.first.map(only), second: state.second.map(only) },
  }));
}

function checkTotalVariation(weight: InvertOptions["totalVariation"]): void {
  if (weight === undefined) return;
  const isFalling = Array.isArray(weight) && weight.length === 2 && weight.every((x) => Number.isFinite(x) && x > 0);
  const isFixed = typeof weight === "number" && Number.isFinite(weight) && weight >= 0;
  ensure(isFixed || isFalling, "invert", "needs totalVariation >= 0, or two numbers > 0", weight);
}

function checkBox({ box, prior }: InvertOptions): void {
  ensure(box === undefined || typeof box === "boolean", "invert", "needs box of true or false", box);
  const kind = (prior as Prior | undefined)?.kind;
  ensure(
    box !== true || kind === "pixel",
    "invert",
    "needs the pixel prior for a box: other codes are no pixels",
    kind,
  );
}

/** The smoothness term's weight after a share of the steps. */
function smoothingAt(weight: InvertOptions["totalVariation"] = 0, share: number): number {
  if (typeof weight === "number") return weight;
  const [from, to] = weight;
  return from * (to / from) ** share;
}

function isUnrolled({ localSteps }: AttackerView, { unroll, through }: InvertOptions): boolean {
  return (unroll === true || through === "protocol") && localSteps > 1; // one step leaves nothing to unroll
}

function isThroughProtocol({ ownShare }: AttackerView, { through }: InvertOptions): boolean {
  return through === "protocol" && ownShare === "known"; // of a plain mean the share is out
}

function createMatcher(network: Network, jobs: readonly Job[], options: InvertOptions): Matcher {
  const { objective = "cosine" } = options;
  const { view } = jobs[0]!;
  if (isThroughProtocol(view, options)) return createForward(network, jobs, objective);
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
  lambda: number, // weight of the smoothness term
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
