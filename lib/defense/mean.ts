/** @file The plain mean: no defense. */
import { ensure } from "../core/errors";
import type { Aggregator } from "./aggregator";

/**
 * The arithmetic mean, update = (1/n) sum_i updates[i]; keeps everybody.
 *
 * Sums run in double precision, so the result does not depend on the order of the clients beyond the last digit.
 *
 * Its `aggregate` takes the updates [n][d], n >= 1, and returns a new vector [d] and the indices 0..n-1; it throws an InputError
 * when there is no update, or lengths differ. It does not read f.
 *
 * @example
 * mean.aggregate([Float32Array.of(1, 2), Float32Array.of(3, 6)], { f: 0 }).update; // [2, 4]
 * @source McMahan et al. 2017
 */
export const mean: Aggregator = {
  name: "mean",
  source: "McMahan et al. 2017",
  aggregate(updates) {
    ensure(updates.length >= 1, "mean", "needs n >= 1 updates", updates.length);
    const d = updates[0]!.length;
    const sum = new Float64Array(d);
    for (const [i, vector] of updates.entries()) {
      ensure(
        vector.length === d,
        "mean",
        `needs updates of one length (the first has ${d})`,
        `${vector.length} in update ${i}`,
      );
      for (let j = 0; j < d; j++) sum[j]! += vector[j]!;
    }
    const n = updates.length;
    return { update: Float32Array.from(sum, (x) => x / n), kept: updates.map((_, i) => i), effective: n };
  },
};
