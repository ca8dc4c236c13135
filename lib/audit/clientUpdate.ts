/** @file What a client sends, computed from its images. */
import type { Batch } from "../core/types";
import { sliceOf } from "../data/batch";
import { lossAndGradient, type Network } from "../model/network";

/** How clients take their steps. */
export interface LocalTraining {
  /** Eta. */
  readonly learningRate: number;
  /** Tau. */
  readonly localSteps: number;
  /** Mu, from 0 on. */
  readonly momentum: number;
  /** B. */
  readonly batchSize: number;
}

/**
 * What a client sends that trains on so many images, step t on batch t mod their number.
 *
 * s_0 = g_0,  s_t = mu s_(t-1) + g_t,  w_(t+1) = w_t - eta s_t,  u = (w_0 - w_tau) / eta = sum_t s_t
 *
 * @param network that it trains
 * @param weights w_0, [d]
 * @param images batches of B one after the other
 * @param how see LocalTraining
 * @returns u, [d], owned by the caller
 * @throws InputError as lossAndGradient
 * @example
 * const how = { learningRate: 0.1, localSteps: 2, momentum: 0, batchSize: 1 };
 * clientUpdate(network, new Float32Array(network.size), sliceOf(batch, 0, 1), how).length; // network.size
 */
export function clientUpdate(network: Network, weights: Float32Array, images: Batch, how: LocalTraining): Float32Array {
  const { learningRate, localSteps, momentum, batchSize } = how;
  const batches = Math.max(1, Math.floor(images.size / batchSize));
  let local = weights;
  let step = new Float32Array(weights.length);
  const sum = new Float64Array(weights.length);
  for (let t = 0; t < localSteps; t++) {
    const batch = batches === 1 ? images : sliceOf(images, (t % batches) * batchSize, batchSize);
    const [gradient] = lossAndGradient(network, [local], [batch]).gradients;
    step = step.map((s, i) => momentum * s + gradient![i]!);
    for (let i = 0; i < sum.length; i++) sum[i]! += step[i]!;
    local = local.map((w, i) => w - learningRate * step[i]!);
  }
  return Float32Array.from(sum);
}

/**
 * How far a vector is from another, relative to the latter's length.
 *
 * @param got [d]
 * @param wanted [d]
 * @returns |got - wanted| / |wanted|; Infinity where wanted is 0 and got is not
 * @example
 * relativeError(Float32Array.of(1, 1), Float32Array.of(1, 0)); // 1
 */
export function relativeError(got: Float32Array, wanted: Float32Array): number {
  let [apart, length] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    apart += (got[i]! - wanted[i]!) ** 2;
    length += wanted[i]! ** 2;
  }
  return apart === 0 ? 0 : Math.sqrt(apart / length);
}
