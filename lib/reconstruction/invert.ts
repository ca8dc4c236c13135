/** @file Inversion: from what a client sees to its peers' images, many views in one stacked computation. */
import { backendReady, dispose, tidy } from "../core/backend";
import { ensureKnown, ensureNames } from "../core/known";
import { ensure, ensureCount } from "../core/errors";
import { ensureLabels } from "../core/typed";
import type { Batch } from "../core/types";
import { checkBatch } from "../model/network";
import { stackImages } from "../model/stack";
import { throughProtocol } from "./forward";
import { inferLabels } from "./labels";
import { createMatcher } from "./matcher";
import { countedNoise } from "./noise";
import { checkObjective } from "./objective";
import type { InvertOptions, Reconstruction } from "./inversion";
import { priorRule } from "./decoder";
import { gaussian } from "./priors/gaussian"; // by its file: it is used where no option names it
import { search, type Start } from "./search";
import { checkView, imagesPerClient, type AttackerView } from "./view";

const optionNames = [
  ...[
    "prior",
    "own",
    "labels",
    "also",
    "objective",
    "unroll",
    "through",
    "noise",
    "steps",
    "learningRate",
    "totalVariation",
  ],
  ...["box", "initialCode", "restarts", "restartSteps", "retryAbove", "goal", "seed", "onStep"],
];

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
 * Where clients trained on the same images in several rounds, `also` gives the other rounds' views, and the mean of the distances is
 * minimised: a gradient more for the same unknown.
 *
 * A view in which clients added noise of a known size s (see noiseSeen) cannot be matched better than the noise lets it be: a search for
 * the best match returns noise. With noise "known" the most likely images are looked for instead, in the codes of the Gaussian prior,
 *
 * minimises over z:  |grad_w L(decode(z), labels; w) - g*|^2 / (2 s^2) + |z|^2 / 2
 *
 * once, from the attacker's guess on, which is what is left where the noise hides everything. Such views' matchingLoss is the squared
 * distance; objective, prior, box, initialCode, totalVariation, restarts and goal are for the others.
 *
 * @param views at least one
 * @param options see InvertOptions
 * @returns one reconstruction per view, in the order of the views, owned by the caller
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
  const { steps = 250, restarts = 1, labels, objective = "cosine", initialCode = "normal" } = options;
  const { through = "mean", unroll = through === "protocol", noise = "ignored" } = options;
  ensure(Array.isArray(views), "invert", "needs an array of views", typeof views);
  ensure(views.length >= 1, "invert", "needs at least one view", 0);
  ensureCount("invert", "steps", steps);
  ensureCount("invert", "restarts", restarts);
  if (options.restartSteps !== undefined) ensureCount("invert", "restartSteps", options.restartSteps);
  ensure(typeof unroll === "boolean", "invert", "needs true or false for unroll", unroll);
  ensureKnown("invert", "a through", through, ["mean", "protocol"]);
  ensure(through === "mean" || unroll, "invert", "needs local steps unrolled through the protocol", "unroll: false", "leave unroll out"); // prettier-ignore
  ensure(Number.isInteger(options.seed ?? 0), "invert", "needs an integer seed", options.seed);
  ensureKnown("invert", "an initialCode", initialCode, ["normal", "uniform", "guess"]);
  ensureKnown("invert", "a noise", noise, ["ignored", "known"]);
  const { learningRate: rate = 1, goal, retryAbove, onStep } = options;
  checkTotalVariation(options.totalVariation);
  checkPixels(options);
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
  const taken = (view: AttackerView): AttackerView => (through === "mean" ? view : throughProtocol("invert", view));
  const seen = views.map(taken);
  const also = options.also === undefined ? undefined : checkAlso(seen, options).map((more) => more.map(taken));
  const own = options.own ?? seen[0]!.ownBatch;
  const starts = seen.map((view, index) => {
    return { index, view, noiseStd: countedNoise(view, options), ...(also && { also: also[index]! }) };
  });
  for (const { view, noiseStd } of starts) {
    checkBatch("invert", "own", view, own);
    const { round, observedGradient } = view;
    const asked = noiseStd > 0 ? "squared" : objective;
    checkObjective("invert", asked, [observedGradient]);
    const shows = asked !== "cosine" || observedGradient.some((x) => Math.abs(x) >= 2 ** -126); // less is 0 to the engine
    ensure(shows, "invert", "needs a gradient with a direction for the cosine objective", `0 everywhere in round ${round}`, "leave the round out: it shows nothing"); // prettier-ignore
  }
  await backendReady();
  const labelled: Omit<Start, "restart">[] = [];
  for (const start of starts) {
    const { index, view } = start;
    const known = labels?.[index] ?? (await inferLabels(view, options.own));
    ensureLabels("invert", `labels for view ${index}`, known, view.numImages, view.numClasses);
    const perClient = imagesPerClient(view);
    const isWhole = !unroll || view.numImages % perClient === 0;
    ensure(isWhole, "invert", `needs whole clients of ${perClient} images to unroll view ${index}`, view.numImages); // prettier-ignore
    labelled.push({ ...start, labels: known });
  }
  const [quiet, noisy] = [labelled.filter(({ noiseStd: s }) => s === 0), labelled.filter(({ noiseStd: s }) => s > 0)];
  const found = new Array<Reconstruction | undefined>(views.length);
  const firstTurn = retryAbove === undefined ? restarts : 1; // starts; the second turn makes the others
  const turns = quiet.length === 0 ? 0 : firstTurn < restarts ? 2 : 1;
  const stages = turns + (noisy.length > 0 ? 1 : 0);
  const run = async (jobs: readonly Start[], how: InvertOptions, stage: number): Promise<void> => {
    const follow = (done: number, all: number): void => onStep?.(stage * all + done, stages * all);
    const results = await search(jobs, { ...how, own }, follow);
    results.forEach((result, i) => {
      const { index } = jobs[i]!;
      const best = found[index];
      // A start that diverged to NaN is worse than any other.
      const worse = best === undefined || Number.isNaN(best.matchingLoss);
      if (worse || result.matchingLoss < best.matchingLoss) found[index] = result;
    });
  };
  for (let turn = 0; turn < turns; turn++) {
    const isOpen = ({ index }: { readonly index: number }): boolean => !(found[index]!.matchingLoss <= retryAbove!);
    const open = turn === 0 ? quiet : quiet.filter(isOpen);
    const all = Array.from({ length: restarts }, (_, i) => i);
    const inTurn = turn === 0 ? all.slice(0, firstTurn) : all.slice(firstTurn);
    await run(
      open.flatMap((start) => inTurn.map((restart) => ({ ...start, restart }))),
      options,
      turn,
    );
  }
  if (noisy.length > 0)
    await run(
      noisy.map((start) => ({ ...start, restart: 0 })),
      likelihood(options),
      turns,
    );
  return found.map((best, index) => {
    const loss = best!.matchingLoss;
    ensure(Number.isFinite(loss), "invert", "needs a search that stays finite", `a matching loss of ${loss} for view ${index}`, "lower the learningRate"); // prettier-ignore
    return best!;
  });
}

/** How a view with counted noise is inverted; see invert. */
function likelihood(options: InvertOptions): InvertOptions {
  const { goal: _goal, totalVariation: _totalVariation, ...rest } = options;
  return { ...rest, prior: { kind: gaussian.name }, objective: "squared", box: false, learningRate: 0.1 };
}

/**
 * The matching losses of images at hand, under the objective that invert minimises: what a search could reach.
 *
 * @param views as of invert
 * @param batches for each view view.numImages images with their labels, in order where local steps are unrolled
 * @param options as of invert; also, objective, unroll and through are read
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
    const how = countedNoise(view, options) > 0 ? likelihood(options) : options;
    const also = options.also?.[index]!.map((one) => (options.through === "protocol" ? throughProtocol(fn, one) : one));
    const { match, tensors } = createMatcher(network, [{ view, labels: batch.labels, ...(also && { also }) }], how);
    const value = tidy(() => match(stackImages([batch.images], view.inputShape)).value());
    const [loss] = value.dataSync();
    dispose([value, tensors]);
    return loss!;
  });
}

function checkTotalVariation(weight: InvertOptions["totalVariation"]): void {
  if (weight === undefined) return;
  const isFalling = Array.isArray(weight) && weight.length === 2 && weight.every((x) => Number.isFinite(x) && x > 0);
  const isFixed = typeof weight === "number" && Number.isFinite(weight) && weight >= 0;
  ensure(isFixed || isFalling, "invert", "needs totalVariation >= 0, or two numbers > 0", weight);
}

/** Refuses what speaks of pixels where codes are something else. */
function checkPixels({ box, initialCode, prior }: InvertOptions): void {
  ensure(box === undefined || typeof box === "boolean", "invert", "needs box of true or false", box);
  const isPixels = priorRule(prior).codes === "pixels";
  ensure(box !== true || isPixels, "invert", "needs the pixel prior for a box: other codes are no pixels", prior.kind);
  const isGuess = initialCode === "guess";
  ensure(!isGuess || isPixels, "invert", "needs the pixel prior for the guess: other codes are no pixels", prior.kind);
}

/** The further views of each, which can show the same images: of the same model, as many, alike in all that the search is stacked by. */
function checkAlso(views: readonly AttackerView[], options: InvertOptions): readonly (readonly AttackerView[])[] {
  const also = options.also!;
  const isOnePerView = Array.isArray(also) && also.length === views.length && also.every((more) => Array.isArray(more));
  ensure(isOnePerView, "invert", `needs a list of further views for each of the ${views.length} views`, also);
  for (const [index, more] of also.entries())
    for (const view of more) {
      const { size } = checkView("invert", view);
      const { weights, numImages } = views[index]!;
      ensure(size === weights.length, "invert", `needs further views of the model of view ${index}`, `${size} weights in round ${view.round}`); // prettier-ignore
      ensure(view.numImages === numImages, "invert", `needs further views of the ${numImages} images of view ${index}`, view.numImages); // prettier-ignore
      const noise = countedNoise(view, options);
      ensure(noise === 0, "invert", "needs further views without noise that is counted with", `one of std ${noise} in round ${view.round}`, 'say noise: "ignored"'); // prettier-ignore
    }
  return also;
}
