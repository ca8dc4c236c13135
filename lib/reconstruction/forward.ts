/** @file The forward model of a round: dummy clients do what clients do, the server's rule does what it does, and then it is compared. */
import { tf, tidy, type Tensor } from "../core/backend";
import { ensure, refuse } from "../core/errors";
import { createRng } from "../core/rng";
import type { AggregationOptions, AggregationParameters, Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { privacies } from "../defense/privacies";
import { RoundRefused } from "../defense/updates";
import { ruleOf } from "../fl/aggregation";
import { differentiate, gradientsAlong, type Network, type Pass } from "../model/network";
import { packWeights, stackVectors, unpackWeights, unstackVectors } from "../model/stack";
import { isFiniteVector } from "../numerics/linear";
import { recycle } from "../numerics/spare";
import { createTarget, gradientDistance, type Matching, type ObjectiveName } from "./objective";
import { ownShareOut } from "./observe";
import { isMean, isPlainMean, type Protocol } from "./protocol";
import { byStep, fromSteps, targetsByStep } from "./unroll";
import { imagesPerClient, isOwnIn, type AttackerView } from "./view";

/** Holds images [N, H, W, S·C] against what the views show. */
export interface Matcher {
  readonly match: (images: Tensor) => Matching;
  readonly tensors: object; // of the views, which the caller disposes
}

/** A view, and the labels of the others' images: client by client, in each step by step. */
export interface Suspicion {
  readonly view: AttackerView;
  readonly labels: Int32Array; // [(M - 1) tau B]
  readonly also?: readonly AttackerView[]; // which show the same images
}

/**
 * A view as the forward model takes it. Of a plain mean, where nobody clips, the attacker's share can be taken out, and the rest is the
 * mean of the dummies: no model is needed, all images go in one batch (tau = 1) or through matchUnrolled.
 *
 * @param fn name of the public function that was called
 * @param view of an attacker who knows its own share, see knowingOwnShare
 * @returns the view, or the one without the attacker's share
 * @throws InputError for a view without a protocol, of other images than the others', or without the last aggregate for a rule that
 *   reads it
 * @example
 * throughProtocol("invert", knowingOwnShare(view)).ownShare; // "out"; under the mean
 */
export function throughProtocol(fn: string, view: AttackerView): AttackerView {
  const { protocol, round, numClients: m, ownShare = "counted" } = view;
  if (protocol === undefined)
    return refuse(fn, "needs a protocol to go through", `a view of round ${round} without one`, "see protocolOf");
  if (ownShare === "out" && isMean(protocol)) return view;
  ensure(ownShare === "known", fn, "needs a view that knows its own share to go through the protocol", `ownShare "${ownShare}"`, "see knowingOwnShare"); // prettier-ignore
  const others = (m - 1) * imagesPerClient(view);
  ensure(view.numImages === others, fn, `needs the (M - 1) tau B = ${others} images of all others to go through the protocol`, view.numImages); // prettier-ignore
  const { readsPrevious }: Aggregator = aggregators[protocol.aggregator];
  const hasPrevious = view.previous !== undefined || round === 0 || readsPrevious !== true;
  ensure(hasPrevious, fn, `needs the aggregate before round ${round}, which ${protocol.aggregator} reads`, "none", "give it in view.previous, null if there was none"); // prettier-ignore
  return isPlainMean(protocol) ? ownShareOut(view) : view;
}

/**
 * The matcher of a stack of views whose rounds are played again with dummy clients.
 *
 * n = M - 1 dummies start from the broadcast w and take tau steps on their own dummy batches; each clips as the privacy mechanism does;
 * the rule A aggregates what they send and, in its place, what the attacker sent itself; and that is held against the broadcast:
 *
 *     w_(m,0) = w,  w_(m,t+1) = w_(m,t) - eta g_(m,t),  s_m = clip(sum_t g_(m,t)),  D(A(s_1, ..., own, ..., s_n) / tau, g* / tau)
 *
 * with momentum and batches of several steps as in matchUnrolled. g_(m,t) is the gradient of a batch, where examples are clipped (1/B) sum_b clip(grad L(w_(m,t); x_b)). Backwards go the objective's derivative, the
 * rule's pull-back, that of the clip, and the steps' as in matchUnrolled: with u_t = dD/dg_t, J the symmetric derivative of the clip of an
 * example (else the identity) and H its Hessian,
 *
 *     u_(t-1) = u_t - (eta / B) sum_b H_b J_b u_t,  dD/dx_b = grad_x <grad_w L(w_t; x_b), J_b u_t> / B
 *
 * What a client cannot know is assumed. Noise has mean 0 and is left out. A rule's own draws (bucketing, dnc) are made anew, the same in
 * every step: clients have no names, so a bucketing is as good as another. foolsGold's histories are empty, as they are in the
 * first round. flTrust's root update points where the aggregate does. The oracle knows whether the attacker poisons. An update of its
 * own that is not finite was dropped. Where the rule refuses the dummies' round, it is the mean's for that step.
 *
 * @param network the model that all clients train
 * @param stack views alike in all but weights, own update and what they show, as throughProtocol gives them
 * @param objective "squared" | "cosine"
 * @returns the matcher of images [n·tau·B, H, W, S·C]; its tensors are the caller's. Per step and view the rule costs an aggregate and a
 *   pull-back of M updates, linear in M but for rules that compare all pairs; the rest is as in matchUnrolled
 * @example
 * const known = { ...knowingOwnShare(view), protocol: { ...protocolOf(config), aggregator: "median" } };
 * const labels = new Int32Array(known.numImages);
 * const { match } = createForward(network, [{ view: known, labels }], "cosine");
 * match(tf.ones([known.numImages, 28, 28, 1])).imagesGradient.shape; // [known.numImages, 28, 28, 1]
 * @source our derivation; the paper's equation 22 matches the plain mean
 */
export function createForward(network: Network, stack: readonly Suspicion[], objective: ObjectiveName): Matcher {
  const { numClients, localSteps, localBatches = localSteps, momentum = 0 } = stack[0]!.view;
  const { batchSize, learningRate, protocol } = stack[0]!.view;
  const { layer, numClasses } = network;
  const [views, clients] = [stack.length, numClients - 1];
  const { isPerExample, clip: clipped } = clipOf(protocol!);
  const [perExample, perUpdate] = isPerExample ? [clipped, noClip] : [noClip, clipped];
  const lanes = isPerExample ? batchSize : 1; // replicas of a client, each with an example of its own
  const rounds = stack.map(({ view }) => replay(network, view));
  const tensors = tidy(() => ({
    start: stackVectors(stack.flatMap(({ view }) => new Array<Float32Array>(clients).fill(view.weights))),
    target: createTarget(
      network,
      stackVectors(stack.map(({ view }) => view.observedGradient.map((g) => g / localSteps))),
      objective,
    ).whole,
    targets: targetsByStep(
      stack.map(({ labels }) => labels),
      clients,
      localBatches,
      numClasses,
    ).map((one) => tf.reshape(one, [views * clients * lanes, -1, numClasses])),
  }));
  const apart = (x: Tensor): Tensor => (lanes > 1 ? byStep(x, views * clients, lanes, 1)[0]! : x);
  const together = (x: Tensor): Tensor => (lanes > 1 ? fromSteps([x], views * clients, lanes) : x);
  const toLanes = (rows: Tensor): Tensor =>
    lanes > 1 ? tf.reshape(tf.tile(tf.expandDims(rows, 1), [1, lanes, 1]), [-1, network.size]) : rows;
  const sumOfLanes = (rows: Tensor): Tensor =>
    lanes > 1 ? tf.sum(tf.reshape(rows, [-1, lanes, network.size]), 1) : rows;

  const match = (images: Tensor): Matching => {
    const batches = byStep(images, views, clients, localBatches).map(apart);
    const passes: { readonly pass: Pass; readonly clip: Clipped }[] = [];
    let local: Tensor = tensors.start;
    let sum: Tensor | null = null;
    let step: Tensor | null = null;
    for (let t = 0; t < localSteps; t++) {
      const [batch, targets] = [batches[t % localBatches]!, tensors.targets[t % localBatches]!];
      const pass = differentiate(network, unpackWeights(layer, toLanes(local)), batch, targets);
      const clip = perExample(packWeights(layer, pass.gradients.weights));
      passes.push({ pass, clip });
      const g = tf.div(sumOfLanes(clip.value), lanes);
      step = step === null || momentum === 0 ? g : tf.add(g, tf.mul(step, momentum));
      sum = sum === null ? step : tf.add(sum, step);
      if (t + 1 < localSteps) local = tf.sub(local, tf.mul(step, learningRate));
    }
    const sent = perUpdate(sum!);
    const updates = unstackVectors(sent.value);
    const outcomes = rounds.map((play, s) => play(updates.slice(s * clients, (s + 1) * clients)));
    const aggregated = stackVectors(outcomes.map(({ update }) => update));
    const { value, derivative } = gradientDistance(tf.div(aggregated, localSteps), tensors.target, objective);
    const cotangents = unstackVectors(tf.div(derivative, localSteps));
    const pulled = outcomes.flatMap(({ pullBack }, s) => pullBack(cotangents[s]!));
    let q = sent.pull(stackVectors(pulled));
    let u = q;
    recycle([...pulled, ...outcomes.map(({ update }) => update)]);
    const imagesGradients = new Array<Tensor | undefined>(localBatches);
    for (let t = localSteps - 1; t >= 0; t--) {
      const { pass, clip } = passes[t]!;
      const direction = clip.pull(toLanes(tf.div(u, lanes)));
      const along = gradientsAlong(pass, unpackWeights(layer, direction), t > 0 ? "both" : "input");
      const others = imagesGradients[t % localBatches];
      const input = together(along.input!);
      imagesGradients[t % localBatches] = others === undefined ? input : tf.add(others, input);
      if (t === 0) break;
      q = tf.sub(q, tf.mul(sumOfLanes(packWeights(layer, along.weights)), learningRate));
      u = momentum === 0 ? q : tf.add(q, tf.mul(u, momentum));
    }
    return { value, imagesGradient: fromSteps(imagesGradients as Tensor[], views, clients) };
  };
  return { match, tensors };
}

/** Rows after a clip, and its derivative there, which is symmetric: forwards as backwards. */
export interface Clipped {
  readonly value: Tensor; // [R, d]
  readonly pull: (cotangents: Tensor) => Tensor;
}

/** A bound on what a client sends. */
export type Clip = (rows: Tensor) => Clipped;

const noClip: Clip = (value) => ({ value, pull: (cotangents) => cotangents });

/** u min(1, C / |u|) of every row; see pullThroughBound. */
function toNorm(clipNorm: number): Clip {
  return (rows) => {
    const squares = tf.sum(tf.square(rows), 1, true);
    const factor = tf.minimum(tf.mul(tf.rsqrt(tf.add(squares, 1e-30)), clipNorm), 1);
    const isLong = tf.cast(tf.less(factor, 1), "float32");
    const along = (cotangents: Tensor): Tensor =>
      tf.mul(tf.div(tf.sum(tf.mul(rows, cotangents), 1, true), tf.add(squares, 1e-30)), isLong);
    return {
      value: tf.mul(rows, factor),
      pull: (cotangents) => tf.mul(tf.sub(cotangents, tf.mul(rows, along(cotangents))), factor),
    };
  };
}

function toBox(clipNorm: number): Clip {
  return (rows) => ({
    value: tf.clipByValue(rows, -clipNorm, clipNorm),
    pull: (cotangents) => tf.mul(cotangents, tf.cast(tf.less(tf.abs(rows), clipNorm), "float32")),
  });
}

/**
 * How a client clips: every example's gradient by itself, or its whole update.
 *
 * @param protocol of the round, of which the privacy mechanism is read
 * @returns the clip, and whether it is of examples; without a mechanism the identity
 */
export function clipOf({ privacy, privacyParameters }: Protocol): { isPerExample: boolean; clip: Clip } {
  const { clipNorm, clipping } = privacyParameters;
  if (privacy === "none") return { isPerExample: false, clip: noClip };
  return {
    isPerExample: privacies[privacy].clips === "example",
    clip: clipping === "elementwise" ? toBox(clipNorm) : toNorm(clipNorm),
  };
}

/** An aggregate, and its pull-back to the dummies' updates. */
interface Outcome {
  readonly update: Float32Array;
  readonly pullBack: (cotangent: Float32Array) => Float32Array[];
}

/**
 * How the server of a view aggregates, as far as its attacker knows.
 *
 * @param view with a protocol
 * @returns whether the attacker's own update is among those that are aggregated, whose they are, the rule with its parameters, and the
 *   malicious ones' places, which the oracle is told
 * @example
 * serverOf(knowingOwnShare(view)).clients.length; // view.numClients
 */
export function serverOf(view: AttackerView): {
  readonly isIn: boolean;
  readonly clients: readonly number[];
  readonly rule: Aggregator;
  readonly parameters: AggregationParameters;
  readonly malicious: readonly number[];
} {
  const { protocol, numClients } = view;
  const { maliciouslyCuriousClient: own, poisoning } = protocol!;
  const isIn = isOwnIn(view);
  const clients = Array.from({ length: numClients }, (_, client) => client).filter((c) => c !== own || isIn);
  const malicious = isIn && poisoning !== "none" ? [own] : []; // its place too, as then nobody is left out
  return { isIn, clients, ...ruleOf({ ...protocol!, numClients }, clients), malicious };
}

/** What the server makes of the dummies' updates and the attacker's own. */
function replay({ layer, size }: Network, view: AttackerView): (dummies: readonly Float32Array[]) => Outcome {
  const { protocol, ownUpdate, observedGradient, previous, round } = view;
  const { maliciouslyCuriousClient: own } = protocol!;
  const { isIn, clients, rule, parameters, malicious } = serverOf(view);
  const history = clients.map(() => new Float32Array(rule.needs?.includes("history") ? size : 0));
  const options = (): AggregationOptions => ({
    ...parameters,
    rng: createRng("forward").split("draws", round),
    layers: layer.parameters.map(({ shape }) => shape),
    malicious,
    rootUpdate: observedGradient,
    history,
    ...(previous && { previous }),
  });
  return (dummies) => {
    if (!dummies.every(isFiniteVector)) return lost(size, dummies.length);
    const updates = isIn ? [...dummies.slice(0, own), ownUpdate, ...dummies.slice(own)] : dummies;
    const ofDummies = (pulled: Float32Array[]): Float32Array[] => (isIn ? pulled.filter((_, i) => i !== own) : pulled);
    const through = (by: Aggregator): Outcome => ({
      update: by.aggregate(updates, options()).update,
      pullBack: (cotangent) => ofDummies(by.pullBack(updates, options(), cotangent)),
    });
    try {
      return through(rule);
    } catch (error) {
      if (error instanceof RoundRefused) return through(aggregators.mean);
      throw error;
    }
  };
}

/** Of a search that has left the numbers: NaN, which invert reports. */
function lost(size: number, dummies: number): Outcome {
  const nothing = (): Float32Array => new Float32Array(size).fill(NaN);
  return { update: nothing(), pullBack: () => Array.from({ length: dummies }, nothing) };
}
