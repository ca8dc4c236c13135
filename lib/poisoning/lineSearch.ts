/** @file How far to go against a server whose rule one knows. */
import { ensure } from "../core/errors";
import { honestOf, meanOf } from "./honest";
import type { PoisoningContext } from "./poisoning";

const TRIALS = 20;
const FIRST_STEP = 10;
const SHRINK = 0.8; // of a step that did not help

/**
 * The scale at which a joint poisoning moves the server's aggregate farthest from the honest mean, as far as twenty trials tell.
 *
 *     farthest = argmax_s |aggregate(honestUpdates, numMalicious times poisonedAt(s)) - mean(honestUpdates)|
 *
 * From s = 0 on the step of 10 doubles as long as every step goes farther; from the first that does not, it shrinks to 0.8 of itself
 * each time, and the best scale seen moves where a step goes farther, never back. A rule that clips has plateaus: the first of equals stands.
 *
 * @param fn name of the rule
 * @param own the malicious client's own update, [d]
 * @param context of which honestUpdates, numMalicious and aggregate are read; that is the server's rule, pre-aggregation included
 * @param poisonedAt the vector that the rule would send at a scale
 * @returns s >= 0
 * @throws InputError when the server's rule or the honest updates are missing, or as the server's rule
 * @example
 * const honestUpdates = [Float32Array.of(0), Float32Array.of(2)];
 * const aggregate = ([a, b, c]) => Float32Array.of([a[0], b[0], c[0]].sort((x, y) => x - y)[1]); // the median
 * const context = { parameters: {}, numClients: 3, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3, aggregate };
 * farthestScale("x", Float32Array.of(9), context, (s) => Float32Array.of(1 + s)); // 10; from there on the median is 2
 * @source byzfl's Optimal_ attacks (Allouah et al. 2023)
 */
export function farthestScale(
  fn: string,
  own: Float32Array,
  context: PoisoningContext,
  poisonedAt: (scale: number) => Float32Array,
): number {
  const { aggregate, numMalicious } = context;
  const honest = honestOf(fn, own, context);
  ensure(aggregate !== undefined, fn, "needs the server's rule", "none", "give it in context.aggregate");
  const mean = meanOf(honest);
  const distanceAt = (scale: number): number => {
    const poisoned = poisonedAt(scale);
    const update = aggregate!([...honest, ...Array.from({ length: numMalicious }, () => poisoned)]);
    return Math.sqrt(update.reduce((sum, x, j) => sum + (x - mean[j]!) ** 2, 0));
  };
  let best = { scale: 0, distance: distanceAt(0) };
  let step = FIRST_STEP;
  let expanding = true;
  for (let trial = 1; trial < TRIALS; trial++) {
    const scale = best.scale + step;
    const distance = distanceAt(scale);
    const farther = distance > best.distance;
    expanding &&= farther;
    step *= expanding ? 2 : SHRINK;
    if (farther) best = { scale, distance };
  }
  return best.scale;
}
