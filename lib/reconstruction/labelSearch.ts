/** @file Labels by what they allow: where the best match is poor, others are tried. */
import { ensure, ensureCount, refuse } from "../core/errors";
import { inferLabels, nearbyLabels } from "./labels";
import type { InvertOptions, Reconstruction } from "./inversion";
import { invert } from "./invert";
import { countedNoise } from "./noise";
import { priorOf } from "./decoder";
import type { AttackerView } from "./view";

/** How to look for labels. */
export interface LabelSearch {
  /** Labels that are tried at a time for a view, >= 1, those first that explain the bias gradient best. */
  readonly candidates: number;
  /** Adam steps of a trial, >= 1. */
  readonly trialSteps: number;
  /** Starts of a trial and of what follows from it, >= 1, of which the best goes on after restartSteps; default 1. */
  readonly starts?: number;
  /** Exchanges of a label at most, >= 1. */
  readonly rounds: number;
}

/**
 * Reconstructs the private images behind views whose labels are not known: with labels inferred from the bias gradient first; then, for
 * views that stay above retryAbove, labels one exchange away are tried for a few steps, and where one of them gets further than the
 * present ones do in as many steps, the view is inverted again with it, until none does. Restarts go to the views that are left.
 *
 * The bias gradient tells little of late labels, as it holds what the model makes of images that nobody knows; all other gradients tell
 * more. With one label wrong of nine the loss stays ten to a thousand times above that of the right ones.
 *
 * @param views at least one
 * @param options see InvertOptions; retryAbove says which views are done, and labels are not given
 * @param search see LabelSearch
 * @returns one reconstruction per view, in the order of the views, owned by the caller
 * @throws InputError as invert, for options with labels or without retryAbove, and for numbers below 1
 * @example
 * const options = { prior: { kind: "pixel" }, own: batch, steps: 4, retryAbove: 1e-4 };
 * const [found] = await invertWithLabels([view], options, { candidates: 2, trialSteps: 2, rounds: 1 });
 * found.labels.length; // view.numImages
 * @source our choice
 */
export async function invertWithLabels(
  views: readonly AttackerView[],
  options: InvertOptions,
  { candidates, trialSteps, starts = 1, rounds }: LabelSearch,
): Promise<Reconstruction[]> {
  const fn = "invertWithLabels";
  ensure(options.labels === undefined, fn, "needs labels that are not given", "some", "call invert with them");
  const { retryAbove } = options;
  if (typeof retryAbove !== "number") refuse(fn, "needs a number retryAbove", retryAbove);
  for (const [name, count] of Object.entries({ candidates, trialSteps, starts, rounds })) ensureCount(fn, name, count);
  const { onStep, restarts = 1, ...rest } = options;
  const quiet = { ...rest, restarts: 1 };
  const { retryAbove: _retryAbove, ...tried } = { ...rest, restarts: starts };
  const labels: Int32Array[] = [];
  for (const view of views) labels.push(await inferLabels(view, options.own));
  const found = await invert(views, { ...quiet, labels, ...(onStep && { onStep }) });
  const isMatched = (i: number): boolean => found[i]!.matchingLoss <= leastLoss(views[i]!, options, retryAbove);
  const seen = labels.map((first) => new Set([String(first)]));
  let open = [...views.keys()];
  for (let round = 0; round < rounds; round++) {
    open = open.filter((i) => !isMatched(i));
    const trials: { readonly view: number; readonly labels: Int32Array }[] = [];
    for (const i of open) {
      const present = found[i]!.labels.slice().sort();
      const others = (await nearbyLabels(views[i]!, present, options.own)).filter(
        (other) => !seen[i]!.has(String(other)),
      );
      const chosen = others.slice(0, candidates);
      for (const one of chosen) seen[i]!.add(String(one));
      if (chosen.length > 0) trials.push(...[present, ...chosen].map((one) => ({ view: i, labels: one })));
    }
    if (trials.length === 0) break;
    const trial = await invert(...chosenFrom(views, trials, { ...tried, steps: trialSteps }));
    open = [...new Set(trials.map(({ view }) => view))];
    const better = open.flatMap((i) => {
      const own = trials.flatMap(({ view, labels: one }, t) =>
        view === i ? [{ labels: one, loss: trial[t]!.matchingLoss }] : [],
      );
      const best = own.reduce((a, b) => (b.loss < a.loss ? b : a));
      return best === own[0] ? [] : [{ view: i, labels: best.labels }];
    });
    if (better.length === 0) break;
    const again = await invert(...chosenFrom(views, better, tried));
    better.forEach(({ view }, b) => {
      if (again[b]!.matchingLoss < found[view]!.matchingLoss) found[view] = again[b]!;
    });
    open = better.map(({ view }) => view);
  }
  const poor = [...views.keys()].filter((i) => !isMatched(i)).map((i) => ({ view: i, labels: found[i]!.labels })); // prettier-ignore
  if (restarts === 1 || poor.length === 0) return found;
  const others = { ...rest, restarts: restarts - 1, seed: (rest.seed ?? 0) + 2 ** 20 }; // starts of their own
  const last = await invert(...chosenFrom(views, poor, others));
  poor.forEach(({ view }, p) => {
    if (last[p]!.matchingLoss < found[view]!.matchingLoss) found[view] = last[p]!;
  });
  return found;
}

/**
 * What a view's match need not be better than: retryAbove; where its noise s is counted with, the squared distance that the private
 * images themselves have in all but one of a thousand rounds, d s^2 (1 + 3 sqrt(2 / d)).
 */
function leastLoss(view: AttackerView, options: InvertOptions, retryAbove: number): number {
  const s = countedNoise(view, options);
  const d = view.weights.length;
  return s === 0 ? retryAbove : d * s ** 2 * (1 + 3 * Math.sqrt(2 / d));
}

/** Some of the views, perhaps repeatedly, with labels of their own: what invert takes. */
function chosenFrom(
  views: readonly AttackerView[],
  chosen: readonly { readonly view: number; readonly labels: Int32Array }[],
  { prior, also, ...options }: InvertOptions,
): [AttackerView[], InvertOptions] {
  const numbers = chosen.map(({ view }) => view);
  return [
    numbers.map((view) => views[view]!),
    {
      ...options,
      prior: priorOf(prior, numbers),
      labels: chosen.map(({ labels }) => labels),
      ...(also && { also: numbers.map((view) => also[view]!) }),
    },
  ];
}
