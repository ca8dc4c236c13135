/** @file What rules compute of the honest clients' updates. */
import { ensure, ensureFinite } from "../core/errors";
import type { PoisoningContext } from "./poisoning";

/**
 * The honest clients' updates, after checking that they are there and fit.
 *
 * @param own the malicious client's own update, [d]
 * @param least how many the rule needs, default 1
 * @returns context.honestUpdates, [h][d]
 * @example
 * const context = { parameters: {}, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 4, 4], numClasses: 3 };
 * honestOf("alie", Float32Array.of(1), context, 2); // throws "alie: needs the updates of at least 2 honest clients, got 0…"
 */
export function honestOf(
  fn: string,
  own: Float32Array,
  { honestUpdates }: PoisoningContext,
  least = 1,
): readonly Float32Array[] {
  ensure(
    honestUpdates.length >= least,
    fn,
    `needs the updates of at least ${least} honest clients`,
    honestUpdates.length,
    honestUpdates.length === 0 ? "give them in context.honestUpdates" : "take more clients",
  );
  honestUpdates.forEach((update, i) => {
    ensure(
      update.length === own.length,
      fn,
      `needs honest updates as long as its own (${own.length})`,
      `${update.length} in honest update ${i}`,
    );
    ensureFinite(fn, `honest update ${i}`, update);
  });
  return honestUpdates;
}

/**
 * The mean of vectors, in double precision.
 *
 * mean[j] = (1/h) sum_i vectors[i][j]
 *
 * @param vectors [h][d], h >= 1
 * @returns [d], owned by the caller
 */
export function meanOf(vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) for (let j = 0; j < sum.length; j++) sum[j]! += vector[j]!;
  return sum.map((x) => x / vectors.length);
}

/**
 * The standard deviation of each coordinate of vectors, in double precision.
 *
 * std[j] = sqrt(sum_i (vectors[i][j] - mean[j])^2 / (h - 1))
 *
 * @param vectors [h][d], h >= 2
 * @param mean as meanOf gives it, [d]
 * @returns [d], owned by the caller
 */
export function stdOf(vectors: readonly Float32Array[], mean: Float64Array): Float64Array {
  const squares = new Float64Array(mean.length);
  for (const vector of vectors) for (let j = 0; j < mean.length; j++) squares[j]! += (vector[j]! - mean[j]!) ** 2;
  return squares.map((square) => Math.sqrt(square / (vectors.length - 1)));
}
