/** @file What labels behind a coordinate-wise rule leave in the last layer, by playing the round with the attacker's own images. */
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { sliceOf } from "../data/batch";
import type { Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { privacies } from "../defense/privacies";
import type { Privacy } from "../defense/privacy/privacy";
import { lossAndGradient, type Network } from "../model/network";
import { innerProduct, squaredNorms } from "../numerics/linear";
import { clipOf } from "./forward";
import { gradientsSent, imagesPerClient, isOwnIn, type AttackerView } from "./view";

const inPool = 64; // gradients of each class that rounds are played with
const plays = 60; // rounds that are played for each choice of labels

/**
 * Whether labels have to be read off ranks: the rule is coordinate-wise, and the attacker knows what it sent.
 *
 * @param view as observe or knowingOwnShare gives it
 * @returns false too where whole updates of several images are clipped, since the last layer does not tell how long they are
 * @example
 * isRanked(knowingOwnShare(view)); // false; under the mean
 */
export function isRanked(view: AttackerView): boolean {
  const { protocol, localSteps, batchSize } = view;
  if (protocol === undefined || !isOwnIn(view)) return false;
  const { byRank }: Aggregator = aggregators[protocol.aggregator];
  const isLone = localSteps * batchSize === 1 || clipOf(protocol).isPerExample;
  const isClear = protocol.privacy === "none" || (isLone && protocol.privacyParameters.clipping !== "elementwise");
  return byRank === true && protocol.preAggregations.length === 0 && isClear;
}

/**
 * How badly counts of labels explain the last layer of a broadcast behind a coordinate-wise rule.
 *
 * The rule sees one number of every client in each place, so that the last layer's weights [K, J] and biases [K] can be played by
 * themselves: clients get own images as of the labels, the attacker's own update is in its place, and the rule aggregates. Of what comes
 * out 12 K numbers are looked at, for each class k the bias and the products of its row of weights with the mean feature a of all own
 * images and with a_c - a of each class c. Over 60 plays they have means m and variances v, and
 *
 * misfit = sum_i (x_i - m_i)^2 / v_i + log v_i,  x the broadcast's own
 *
 * which is minus twice the logarithm of their likelihood as if they were normal and independent. A class of which the attacker has
 * fewer than four images is played with all of them.
 *
 * @param network the model
 * @param view for which isRanked holds
 * @param own labelled images of the attacker's
 * @returns counts of each class, of sum view.numImages -> the misfit; the same plays every time
 * @example
 * const known = knowingOwnShare({ ...view, protocol: { ...view.protocol, aggregator: "median" } });
 * const counts = Array.from({ length: view.numClasses }, (_, c) => (c === 0 ? known.numImages : 0)); // all of class 0
 * Number.isFinite(rankMisfit(network, known, own)(counts)); // true
 * @source our choice
 */
export function rankMisfit(network: Network, view: AttackerView, own: Batch): (counts: readonly number[]) => number {
  const { protocol, numClasses, ownUpdate, observedGradient } = view;
  const { layer, size } = network;
  const { shape } = layer.parameters.at(-2)!; // [K, J], behind which the biases stand
  const features = shape[1]!;
  const from = size - numClasses * (features + 1);
  const tail = (x: Float32Array): Float32Array => x.slice(from).map((value) => value / gradientsSent(view));
  const pool = poolOf(network, view, own, from);
  const directions = directionsOf(pool, numClasses, features);
  const look = (g: Float32Array): number[] =>
    Array.from({ length: numClasses }, (_, k) => {
      const row = g.subarray(k * features, (k + 1) * features);
      return [g[numClasses * features + k]!, ...directions.map((direction) => innerProduct(row, direction))];
    }).flat();
  const target = look(tail(observedGradient));
  const sent = tail(ownUpdate);
  const { aggregator, aggregatorParameters, assumedMalicious: f } = protocol!;
  const rule: Aggregator = aggregators[aggregator];
  const perClient = imagesPerClient(view);
  const play = (labels: readonly number[], number: number): number[] => {
    const rng = createRng("ranks").split("play", number);
    const chosen = labels.map((label) => pool[label]![rng.integer(inPool)]!);
    const order = perClient === 1 ? chosen : Array.from(rng.permutation(chosen.length), (i) => chosen[i]!);
    const updates = Array.from({ length: order.length / perClient }, (_, client) =>
      meanOf(order.slice(client * perClient, (client + 1) * perClient)),
    );
    return look(rule.aggregate([sent, ...updates], { ...aggregatorParameters, f }).update);
  };
  const known = new Map<string, number>();
  return (counts) => {
    const key = counts.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const labels = counts.flatMap((count, c) => new Array<number>(count).fill(c));
    const played = Array.from({ length: plays }, (_, number) => play(labels, number));
    const misfit = target.reduce((sum, x, i) => {
      const mean = played.reduce((all, one) => all + one[i]! / plays, 0);
      const variance = played.reduce((all, one) => all + (one[i]! - mean) ** 2 / (plays - 1), 1e-10);
      return sum + (x - mean) ** 2 / variance + Math.log(variance);
    }, 0);
    known.set(key, misfit);
    return misfit;
  };
}

/** [K][inPool] last layers of own images' gradients as of each class, as clients would send them: clipped, and with their noise. */
function poolOf(network: Network, view: AttackerView, own: Batch, from: number): Float32Array[][] {
  const { protocol, numClasses, weights, batchSize } = view;
  const { privacy, privacyParameters } = protocol!;
  const every = Array.from({ length: own.size }, (_, i) => i);
  return Array.from({ length: numClasses }, (_, c) => {
    const rng = createRng("ranks").split("pool", c);
    const ofClass = every.filter((i) => own.labels[i] === c);
    const chosen = ofClass.length < 4 ? every : ofClass;
    const batches = Array.from({ length: inPool }, () => ({
      ...sliceOf(own, chosen[rng.integer(chosen.length)]!, 1),
      labels: Int32Array.of(c),
    }));
    const { gradients } = lossAndGradient(network, batches.map(() => weights), batches); // prettier-ignore
    if (privacy === "none") return gradients.map((g) => g.slice(from));
    const mechanism: Privacy = privacies[privacy];
    const std = mechanism.stepNoise(privacyParameters, batchSize) * (clipOf(protocol!).isPerExample ? Math.sqrt(batchSize) : 1); // prettier-ignore
    return squaredNorms(gradients).map((square, i) => {
      const share = Math.min(1, privacyParameters.clipNorm / Math.sqrt(square));
      const noise = rng.normals(network.size - from);
      return gradients[i]!.slice(from).map((g, k) => share * g + std * noise[k]!);
    });
  });
}

/** The mean feature of all images of a pool, and how each class's differs from it: a row of weights has (q_k - y_k) times it. */
function directionsOf(pool: readonly Float32Array[][], numClasses: number, features: number): Float32Array[] {
  const featureOf = (g: Float32Array): Float32Array => {
    const biases = g.subarray(numClasses * features);
    const square = innerProduct(biases, biases);
    return Float32Array.from({ length: features }, (_, j) =>
      biases.reduce((sum, b, k) => sum + (b * g[k * features + j]!) / square, 0),
    );
  };
  const byClass = pool.map((gradients) => meanOf(gradients.map(featureOf)));
  const all = meanOf(byClass);
  return [all, ...byClass.map((one) => one.map((x, j) => x - all[j]!))];
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!;
  return vectors[0]!.map((_, i) => vectors.reduce((sum, one) => sum + one[i]! / vectors.length, 0));
}
