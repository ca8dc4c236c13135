/** @file Assumption A3 at a broadcast model: what the laws and bounds need to know of the clients. */
import { ensure } from "../core/errors";
import type { Vector } from "./vectors";

/** Assumption A3 at the broadcast model: what client m sends is grad F + b_m + noise of E||n_m||^2 <= σ^2. */
export interface Clients {
  /** b_m [M][d], sum 0. */
  readonly biases: readonly Vector[];
  /** σ >= 0. */
  readonly samplingStd: number;
}

/**
 * Refuses clients that are none, and indices that are no clients of theirs.
 *
 * @param fn name of the public function that was called
 * @param clients b_m and σ
 * @param indices of clients, all different
 * @returns M
 * @throws InputError when there is no client, σ is negative or not finite, or an index is no client's or comes twice
 * @example
 * countOf("honestMeanLaw", { biases: [[-2], [2]], samplingStd: 4 }); // 2
 */
export function countOf(fn: string, { biases, samplingStd }: Clients, indices: readonly number[] = []): number {
  const count = biases.length;
  ensure(count >= 1, fn, "needs at least one client", 0);
  ensure(samplingStd >= 0 && Number.isFinite(samplingStd), fn, "needs a finite samplingStd >= 0", samplingStd);
  const isFine = indices.every((i) => Number.isInteger(i) && i >= 0 && i < count) && new Set(indices).size === indices.length; // prettier-ignore
  ensure(isFine, fn, `needs different clients of 0..${count - 1}`, [...indices]);
  return count;
}
