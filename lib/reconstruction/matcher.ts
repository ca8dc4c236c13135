/** @file What dummy images are held against: the views of a stack, as means, with local steps unrolled, or through the protocol. */
import { tf, tidy, type Tensor } from "../core/backend";
import type { Network } from "../model/network";
import { stackVectors, unpackWeights } from "../model/stack";
import { createForward, type Matcher, type Suspicion } from "./forward";
import { createTarget, matchGradient, type Matching, type ObjectiveName } from "./objective";
import { isPlainMean } from "./protocol";
import { byStep, fromSteps, matchUnrolled, targetsByStep, type Unrolling } from "./unroll";
import { clientShares, gradientsSent, imagesPerClient, type AttackerView } from "./view";

/** How views are matched; see InvertOptions. */
export interface Matched {
  readonly objective?: ObjectiveName;
  readonly unroll?: boolean;
  readonly through?: "mean" | "protocol";
}

/** Whether a view's clients are told apart, and take their steps one by one; one step of clients that weigh alike leaves nothing to unroll. */
export function isUnrolled({ localSteps, clientWeights }: AttackerView, { unroll, through }: Matched): boolean {
  return (unroll === true || through === "protocol") && (localSteps > 1 || clientWeights !== undefined);
}

/** Whether a view goes through the forward model; of a plain mean of which nobody clips and the own share is out no model is needed. */
export function isThroughProtocol({ ownShare, protocol }: AttackerView, { through }: Matched): boolean {
  return through === "protocol" && (ownShare === "known" || !isPlainMean(protocol!));
}

/** The matcher of a stack of views that are alike: the mean of the distances where several show the same images. */
export function createMatcher(network: Network, stack: readonly Suspicion[], how: Matched): Matcher {
  const { also = [] } = stack[0]!;
  const first = matcherOf(network, stack, how);
  if (also.length === 0) return first;
  const all = [first, ...also.map((_, i) => matcherOf(network, stack.map((one) => ({ ...one, view: one.also![i]! })), how))]; // prettier-ignore
  const match = (images: Tensor): Matching => {
    const found = all.map((one) => one.match(images));
    const mean = (of: readonly Tensor[]): Tensor => tf.div(tf.addN([...of]), of.length);
    return {
      value: () => mean(found.map(({ value }) => value())),
      imagesGradient: mean(found.map(({ imagesGradient }) => imagesGradient)),
    };
  };
  return { match, tensors: all.map(({ tensors }) => tensors) };
}

/** The matcher of a stack of views, each by itself. */
function matcherOf(network: Network, stack: readonly Suspicion[], how: Matched): Matcher {
  const { objective = "cosine" } = how;
  const { view } = stack[0]!;
  if (isThroughProtocol(view, how)) return createForward(network, stack, objective);
  const { localSteps, localBatches = localSteps, learningRate, momentum, numImages } = view;
  const unrolled = isUnrolled(view, how);
  const clients = unrolled ? numImages / imagesPerClient(view) : 1; // with weights of their own
  const sent = unrolled ? localSteps : gradientsSent(view); // gradients in an update
  const batches = unrolled ? localBatches : 1;
  const unrolling: Unrolling = { learningRate, localSteps, momentum, weights: clientShares(view) };
  const tensors = tidy(() => {
    const starts = stack.flatMap((one) => new Array<Float32Array>(clients).fill(one.view.weights));
    const observed = stack.map((one) => one.view.observedGradient.map((g) => g / sent));
    return {
      weights: unpackWeights(network.layer, stackVectors(starts)),
      target: createTarget(network, stackVectors(observed), objective),
      targets: targetsByStep(stack.map(({ labels }) => labels), clients, batches, network.numClasses), // prettier-ignore
    };
  });
  const { weights, target, targets } = tensors;
  const match = (images: Tensor): Matching => {
    if (!unrolled) return matchGradient(network, weights, target, images, targets[0]!, objective);
    const steps = byStep(images, stack.length, clients, batches);
    const found = matchUnrolled(network, weights, target.whole, steps, targets, objective, unrolling);
    return { value: found.value, imagesGradient: fromSteps(found.imagesGradients, stack.length, clients) };
  };
  return { match, tensors };
}
