/** @file What dummy images are held against: the views of a stack, as means, with local steps unrolled, or through the protocol. */
import { tidy, type Tensor } from "../core/backend";
import type { Network } from "../model/network";
import { stackVectors, unpackWeights } from "../model/stack";
import { createForward, type Matcher, type Suspicion } from "./forward";
import { createTarget, matchGradient, type Matching, type ObjectiveName } from "./objective";
import { isPlainMean } from "./protocol";
import { byStep, fromSteps, matchUnrolled, targetsByStep } from "./unroll";
import type { AttackerView } from "./view";

/** How views are matched; see InvertOptions. */
export interface Matched {
  readonly objective?: ObjectiveName;
  readonly unroll?: boolean;
  readonly through?: "mean" | "protocol";
}

/** Whether a view's local steps are taken one by one; one step leaves nothing to unroll. */
export function isUnrolled({ localSteps }: AttackerView, { unroll, through }: Matched): boolean {
  return (unroll === true || through === "protocol") && localSteps > 1;
}

/** Whether a view goes through the forward model; of a plain mean of which nobody clips and the own share is out no model is needed. */
export function isThroughProtocol({ ownShare, protocol }: AttackerView, { through }: Matched): boolean {
  return through === "protocol" && (ownShare === "known" || !isPlainMean(protocol!));
}

/** The matcher of a stack of views that are alike. */
export function createMatcher(network: Network, stack: readonly Suspicion[], how: Matched): Matcher {
  const { objective = "cosine" } = how;
  const { view } = stack[0]!;
  if (isThroughProtocol(view, how)) return createForward(network, stack, objective);
  const { localSteps, batchSize, learningRate, numImages } = view;
  const unrolled = isUnrolled(view, how);
  const clients = unrolled ? numImages / (localSteps * batchSize) : 1; // with weights of their own
  const tensors = tidy(() => {
    const starts = stack.flatMap((one) => new Array<Float32Array>(clients).fill(one.view.weights));
    const observed = stack.map((one) => one.view.observedGradient.map((g) => g / one.view.localSteps));
    return {
      weights: unpackWeights(network.layer, stackVectors(starts)),
      target: createTarget(network, stackVectors(observed), objective),
      targets: targetsByStep(stack.map(({ labels }) => labels), clients, unrolled ? localSteps : 1, network.numClasses), // prettier-ignore
    };
  });
  const { weights, target, targets } = tensors;
  const match = (images: Tensor): Matching => {
    if (!unrolled) return matchGradient(network, weights, target, images, targets[0]!, objective);
    const steps = byStep(images, stack.length, clients, localSteps);
    const found = matchUnrolled(network, weights, target.whole, steps, targets, objective, learningRate);
    return { value: found.value, imagesGradient: fromSteps(found.imagesGradients, stack.length, clients) };
  };
  return { match, tensors };
}
