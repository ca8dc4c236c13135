/** @file Bucketing (s-bucketing). */
import { refuse } from "../../core/errors";
import { ensureFiniteUpdates, ensureRound } from "../updates";
import { checkedPreAggregation } from "../checked";
import { averageOf } from "../average";
import { squaredNorms } from "../../numerics/linear";

/**
 * Puts the updates into buckets of s at random and averages each: ceil(n / s) vectors, of which the last may hold fewer updates.
 *
 * f malicious clients spoil at most f buckets, so the rule behind it gets the same f. Reads bucketSize = s (default 2) and, of the
 * round, rng. Refuses the round when a number is not finite or f >= n/2.
 *
 * @example
 * const updates = [1, 2, 3].map((x) => Float32Array.of(x));
 * bucketing.transform(updates, { f: 0, bucketSize: 3, rng: createRng(1) }).updates[0]; // [2]
 * @source Karimireddy, He and Jaggi 2022; s = 2 is theirs
 */
export const bucketing = checkedPreAggregation({
  name: "bucketing",
  label: "bucketing",
  source: "Karimireddy et al. 2022",
  reads: ["f", "bucketSize"],
  transform(updates, { f, bucketSize = 2, rng }) {
    ensureRound("bucketing", updates, f);
    if (rng === undefined) refuse("bucketing", "needs rng, the round's random stream", rng);
    const order = [...rng.permutation(updates.length)];
    const count = Math.ceil(updates.length / bucketSize);
    const buckets = Array.from({ length: count }, (_, b) => order.slice(b * bucketSize, (b + 1) * bucketSize));
    const mixed = buckets.map((bucket) => averageOf(updates, bucket));
    const vectors = mixed.map(({ update }) => update);
    if (!squaredNorms(vectors).every(isFinite)) ensureFiniteUpdates("bucketing", updates);
    return { updates: vectors, members: mixed.map(({ weights }) => weights!) };
  },
  pullBack: "members",
});
