/** @file Which labels the private images have, read off the last layer's gradient. */
import { backendReady, dispose, tf, tidy } from "../core/backend";
import { ensure } from "../core/errors";
import { ensureLabels } from "../core/typed";
import type { Batch } from "../core/types";
import { joinBatches, sliceOf } from "../data/batch";
import { privacies } from "../defense/privacies";
import type { Privacy } from "../defense/privacy/privacy";
import { chainOf } from "../model/layers/compose";
import { checkBatch, lossAndGradient, type Network } from "../model/network";
import { stackImages, stackVectors, unpackWeights } from "../model/stack";
import { squaredNorms } from "../numerics/linear";
import { ownShareOut } from "./observe";
import { isMean } from "./protocol";
import { isRanked, rankMisfit } from "./rankMisfit";
import { checkView, clientShares, gradientsPerBatch, gradientsSent, type AttackerView } from "./view";

const mostOwn = 256; // of own images that are looked at

/**
 * Infers how many private images of each class are behind an observed gradient.
 *
 * The gradient of the last bias is db_k = (1/N) sum_n (q_nk - y_nk), with q the model's output and y the one-hot labels. The
 * attacker does not know the private q; it takes C_ck, the model's mean output on its own images of class c (of all of them
 * for a class it has none of), and looks for the counts n_c >= 0 with sum N that minimise
 *
 *     sum_k (N db_k - sum_c n_c (C_ck - [c = k]))^2
 *
 * by adding one label at a time where it helps most, then exchanging single labels while that helps. It starts from the counts
 * that are proven whatever q is. As N db_c = sum_n q_nc - n_c and q_nc > 0,
 *
 *     n_c >= max(1, ceil(-N db_c))  wherever db_c < 0;  for N = 1 the label is the only negative entry
 *
 * For tau > 1 the same holds of all N = M tau B images, at whatever weights each step's gradient was taken: N db / tau is the sum
 * of their q - y, and each is at least -y. It holds of clipped updates too, as s (q - y) >= -y for 0 <= s <= 1; how much clipping
 * leaves, the attacker reads off the gradients of its own images.
 *
 * An entry proves nothing within the rounding of the broadcasts, nor within |sum_k N db_k|, which is 0 for every sum of q - y and
 * so shows how far noise or a coordinate-wise rule moved this one. And where the bounds add up to more than N, none does: no N
 * honest images have such a gradient (a poison, noise, a mean of fewer clients), and the fit alone decides. A mild poison that is
 * still in the sum can pass for honest: where the server takes the mean, call withoutOwnShare first.
 *
 * A coordinate-wise rule hides most of the bias gradient, and nothing is proven by what is left; there an attacker who knows its own
 * share compares the whole last layer with what the rule would make of its own images' gradients, see rankMisfit.
 *
 * @param view with observedGradient over view.numImages images; for tau > 1 the mean over the local steps is used
 * @param own labelled images of the attacker's, of which 256 evenly spaced ones are used; default its batch of the round
 * @returns view.numImages labels in ascending order, owned by the caller
 * @throws InputError when the view is none, its model ends in no dense layer with biases, or own is no batch for it
 * @example
 * const labels = await inferLabels(view); // Int32Array, e.g. [0, 3, 3, 7] for four images
 * labels.length; // view.numImages
 * @source the sign of the bias gradient as in iDLG (Zhao et al. 2020), its size as in LLG (Wainakh et al. 2022); bounds on counts,
 *   their tolerance, and estimating the mean output by class from the attacker's own images are ours
 */
export async function inferLabels(view: AttackerView, own?: Batch): Promise<Int32Array> {
  const network = checkView("inferLabels", view);
  ensureLastBias("inferLabels", network);
  const known = own ?? view.ownBatch;
  checkBatch("inferLabels", "own", network, known);
  await backendReady();
  const counts = fitCounts(goalOf(view), effects(network, view, known), view.numImages, provenCounts(view));
  return labelsOf(isRanked(view) ? descend(counts, rankMisfit(network, view, known)) : counts);
}

/**
 * The labels one exchange away from these: one image less of a class of which more are there than is proven, one more of another.
 *
 * @param view as observe gives it
 * @param labels view.numImages of them
 * @param own as inferLabels
 * @returns labels in ascending order, those first that explain the bias gradient best by the mean outputs of inferLabels
 * @throws InputError as inferLabels, and for labels that do not fit the view
 * @example
 * (await nearbyLabels(view, new Int32Array(view.numImages))).every((labels) => labels.length === view.numImages); // true
 * @source our choice
 */
export async function nearbyLabels(view: AttackerView, labels: ArrayLike<number>, own?: Batch): Promise<Int32Array[]> {
  const network = checkView("nearbyLabels", view);
  ensureLastBias("nearbyLabels", network);
  ensureLabels("nearbyLabels", "labels", labels, view.numImages, view.numClasses);
  const known = own ?? view.ownBatch;
  checkBatch("nearbyLabels", "own", network, known);
  await backendReady();
  const least = provenCounts(view);
  const counts = Array.from({ length: view.numClasses }, (_, c) => Array.from(labels).filter((l) => l === c).length);
  const misfit = isRanked(view) ? rankMisfit(network, view, known) : biasMisfit(network, view, known);
  return exchanges(counts, least)
    .map((n) => ({ n, misfit: misfit(n) }))
    .sort((a, b) => a.misfit - b.misfit)
    .map(({ n }) => labelsOf(n));
}

/** Refuses a model whose logits are not the last dense layer's with a bias each: there is no gradient that counts labels. */
function ensureLastBias(fn: string, { layer, name, numClasses }: Network): void {
  const last = chainOf(layer)
    .filter(({ kind }) => kind !== "identity")
    .at(-1)!;
  const fits = last.kind === "dense" && last.parameters.length === 2 && last.outputShape[0] === numClasses;
  ensure(
    fits,
    fn,
    "needs a model that ends in a dense layer with biases",
    `${last.kind} in ${name}`,
    "give the labels",
  );
}

/** How far counts are from explaining the bias gradient by the mean outputs of own images, squared. */
function biasMisfit(network: Network, view: AttackerView, own: Batch): (counts: readonly number[]) => number {
  const effect = effects(network, view, own);
  const goal = goalOf(view);
  return (n) =>
    goal.reduce((sum, g, k) => sum + (g - n.reduce((all, count, c) => all + count * effect[c]![k]!, 0)) ** 2, 0);
}

/** All counts one exchange away, of a class of which more are there than the least. */
function exchanges(counts: readonly number[], least: readonly number[] = counts.map(() => 0)): number[][] {
  return counts.flatMap((count, from) =>
    counts.flatMap((_, to) =>
      from === to || count <= least[from]! ? [] : [counts.map((n, c) => n - Number(c === from) + Number(c === to))],
    ),
  );
}

/** Exchanges the label that helps most, until none does. */
function descend(start: readonly number[], misfit: (counts: readonly number[]) => number): readonly number[] {
  let [now, least] = [start, misfit(start)];
  for (;;) {
    const tried = exchanges(now).map((counts) => ({ counts, misfit: misfit(counts) }));
    const best = tried.reduce((a, b) => (b.misfit < a.misfit ? b : a), { counts: now, misfit: least });
    if (best.counts === now) return now;
    [now, least] = [best.counts, best.misfit];
  }
}

/** Counts by class as labels in ascending order. */
function labelsOf(counts: readonly number[]): Int32Array {
  return Int32Array.from(counts.flatMap((count, c) => new Array<number>(count).fill(c)));
}

/**
 * What an image of class c adds to N db / tau, [c][K]: the mean over own images of its class of s (q - y), q the model's output and s
 * the share that clipping leaves of their gradient.
 */
function effects(network: Network, view: AttackerView, all: Batch): number[][] {
  const own = spaced(all, mostOwn);
  const outputs = outputsOf(network, view, own);
  const shares = clippedShares(network, view, own);
  const every = Array.from({ length: own.size }, (_, i) => i);
  return Array.from({ length: view.numClasses }, (_, c) => {
    const ofClass = every.filter((i) => own.labels[i] === c);
    const chosen = ofClass.length > 0 ? ofClass : every;
    return Array.from({ length: view.numClasses }, (__, k) =>
      chosen.reduce((sum, i) => sum + (shares[i]! * (outputs[i]![k]! - Number(c === k))) / chosen.length, 0),
    );
  });
}

/**
 * The share that clipping leaves of the gradient of each own image; for whole updates, of batches of own images in their order,
 *
 * s = min(1, C / |g|),  g the gradient of one image, or tau times that of a batch
 */
function clippedShares(
  network: Network,
  { protocol, weights, batchSize, localSteps }: AttackerView,
  own: Batch,
): number[] {
  if (protocol === undefined || protocol.privacy === "none" || protocol.privacyParameters.clipping === "elementwise")
    return new Array<number>(own.size).fill(1);
  const { clips }: Privacy = privacies[protocol.privacy];
  const [size, steps] = clips === "example" ? [1, 1] : [Math.min(batchSize, own.size), localSteps];
  const batches = Array.from({ length: Math.floor(own.size / size) }, (_, i) => sliceOf(own, i * size, size));
  const shares: number[] = [];
  for (let from = 0; from < batches.length; from += 32) {
    const some = batches.slice(from, from + 32);
    const { gradients } = lossAndGradient(network, some.map(() => weights), some); // prettier-ignore
    for (const square of squaredNorms(gradients))
      shares.push(Math.min(1, protocol.privacyParameters.clipNorm / (steps * Math.sqrt(square))));
  }
  return Array.from({ length: own.size }, (_, i) => shares[Math.min(shares.length - 1, Math.floor(i / size))]!);
}

/** N db / tau = sum_n s_n (q_n - y_n), [K]; the attacker's own share is taken out where it is known, of the mean alone. */
function goalOf(view: AttackerView): number[] {
  const { protocol, ownShare, numClasses, numImages } = view;
  const isKnown = ownShare === "known" && protocol !== undefined && isMean(protocol);
  const { observedGradient } = isKnown ? ownShareOut(view) : view;
  return Array.from(observedGradient.subarray(-numClasses), (g) => (numImages * g) / gradientsSent(view));
}

/**
 * The least number of images of each class that is behind a view, whatever the model makes of them; see inferLabels.
 *
 * n_c >= max(1, ceil(-N db_c / tau))  wherever db_c < 0 beyond the tolerance; where images weigh differently, by their clients or by the
 * steps that momentum carries on, N is the inverse of the largest weight
 *
 * @param view as observe gives it
 * @returns K counts of sum N or less, owned by the caller; all 0 where no N honest images have such a gradient
 * @example
 * provenCounts({ ...view, observedGradient: new Float32Array(network.size) }); // [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
 * @source as inferLabels
 */
export function provenCounts(view: AttackerView): number[] {
  const { numImages, numClasses, weights, learningRate } = view;
  const goal = goalOf(view);
  const heaviest = heaviestImage(view);
  if (isRanked(view)) return goal.map(() => 0); // of no sum
  const lowest = goal.indexOf(Math.min(...goal));
  if (numImages === 1) return goal.map((_, c) => (c === lowest && goal[lowest]! < 0 ? 1 : 0));
  const unexplained = Math.abs(goal.reduce((sum, x) => sum + x, 0));
  const bounds = goal.map((x, c) => {
    // Half a unit in the last place of w^(k+1), doubled at most by taking the own share out, and a few of q itself.
    const broadcast = (2 ** -23 * Math.abs(weights.at(c - numClasses)!)) / (learningRate * gradientsSent(view));
    const tolerance = Math.max(unexplained, numImages * (broadcast + 2 ** -20));
    return x < -tolerance ? Math.ceil((-x - tolerance) / heaviest) : 0;
  });
  return bounds.reduce((sum, bound) => sum + bound, 0) <= numImages ? bounds : goal.map(() => 0);
}

/** The largest weight of an image in the mean, of which the average is 1. */
function heaviestImage(view: AttackerView): number {
  const batches = gradientsPerBatch(view);
  const shares = clientShares(view) ?? [1];
  return ((Math.max(...batches) * batches.length) / gradientsSent(view)) * Math.max(...shares) * shares.length;
}

/** The model's softmax output on each image, [B][K]. */
function outputsOf({ layer }: Network, view: AttackerView, own: Batch): number[][] {
  const { numClasses } = view;
  const output = tidy(() => {
    const images = stackImages([own.images], view.inputShape);
    const logits = layer.forward(images, unpackWeights(layer, stackVectors([view.weights]))).output; // [1, B, K]
    return tf.softmax(tf.reshape(logits, [own.size, numClasses]));
  });
  const q = output.dataSync();
  dispose([output]);
  return Array.from({ length: own.size }, (_, i) => Array.from(q.subarray(i * numClasses, (i + 1) * numClasses)));
}

/** So many images of a batch, evenly spaced, or all of fewer. */
function spaced(batch: Batch, atMost: number): Batch {
  if (batch.size <= atMost) return batch;
  const at = (i: number): number => Math.floor((i * batch.size) / atMost);
  return joinBatches(Array.from({ length: atMost }, (_, i) => sliceOf(batch, at(i), 1)));
}

/** Counts n >= least with the given sum for which sum_c n_c effect[c] comes near the goal, in least squares. */
function fitCounts(
  goal: readonly number[],
  effect: readonly (readonly number[])[],
  total: number,
  least: readonly number[],
): number[] {
  const classes = effect.map((_, c) => c);
  const counts = [...least];
  const without = (from: readonly number[], c: number, times: number): number[] =>
    from.map((x, k) => x - times * effect[c]![k]!);
  const error = (x: readonly number[]): number => x.reduce((sum, value) => sum + value * value, 0);
  let rest = least.reduce((from, count, c) => without(from, c, count), [...goal]); // goal - sum_c n_c effect[c]
  for (let i = least.reduce((sum, count) => sum + count, 0); i < total; i++) {
    const best = classes.reduce((a, b) => (error(without(rest, b, 1)) < error(without(rest, a, 1)) ? b : a));
    counts[best]!++;
    rest = without(rest, best, 1);
  }
  for (let improved = true; improved;) {
    improved = false;
    for (const a of classes) {
      for (const b of classes) {
        if (a === b || counts[a] === least[a]) continue;
        const exchanged = without(without(rest, b, 1), a, -1);
        if (error(exchanged) < error(rest) - 1e-12) {
          counts[a]!--;
          counts[b]!++;
          rest = exchanged;
          improved = true;
        }
      }
    }
  }
  return counts;
}
