/** @file The perfect filter: an oracle that knows who is Byzantine. */
import { ensure, ensureCount, refuse } from "../../core/errors";
import { ensureUpdates } from "../updates";
import { checkedAggregator } from "../checked";
import { averageOf } from "../average";

/**
 * What no server can do: the mean of the honest updates, by being told who is malicious.
 *
 * update = mean of updates[i], i not in malicious
 *
 * Its `aggregate` takes the updates [n][d], n >= 1, reads options.malicious (indices, possibly none) and does not read f. It throws an
 * InputError when malicious is missing, holds what is no index, or names everybody; and refuses the round when an update is
 * not finite, a malicious one too.
 *
 * @example
 * const updates = [1, 50, 3].map((x) => Float32Array.of(x));
 * oracle.aggregate(updates, { f: 1, malicious: [1] }).update; // [2]
 * @source the paper's perfect filter
 */
export const oracle = checkedAggregator({
  name: "oracle",
  label: "oracle filter",
  source: "the paper's perfect filter",
  reads: [],
  keeps: (n, { malicious = [] }) => [n - malicious.length],
  aggregate(updates, { malicious }) {
    ensureUpdates("oracle", updates);
    if (malicious === undefined) refuse("oracle", "needs to know who is malicious", "none", "give options.malicious");
    for (const client of malicious) {
      ensureCount("oracle", "index in malicious", client, 0);
      ensure(client < updates.length, "oracle", `needs malicious among 0..${updates.length - 1}`, client);
    }
    const honest = [...updates.keys()].filter((i) => !malicious.includes(i));
    ensure(honest.length > 0, "oracle", "needs an honest client", "none");
    return averageOf(updates, honest);
  },
  pullBack: "weights",
});
