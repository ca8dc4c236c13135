/** @file How well the labels of a batch were inferred. */
import { ensure } from "../core/errors";

/**
 * The share of a batch's labels that were inferred, as multisets: a gradient says which labels are in a batch, not in
 * which order.
 *
 *     labelAccuracy = sum over classes c of min(#{actual = c}, #{inferred = c}) / n
 *
 * @param actual labels of the n private images
 * @param inferred as many labels, in any order
 * @returns a share in [0, 1]; 1 when the inferred labels are a permutation of the actual ones
 * @throws InputError when there are none, or the counts differ
 * @example
 * labelAccuracy([3, 3, 5, 7], [3, 5, 5, 7]); // 0.75; one 3, one 5 and one 7 of four
 */
export function labelAccuracy(actual: ArrayLike<number>, inferred: ArrayLike<number>): number {
  const n = actual.length;
  ensure(
    n > 0 && inferred.length === n,
    "labelAccuracy",
    "needs equally many labels, at least one",
    `${n} and ${inferred.length}`,
  );
  const left = new Map<number, number>();
  for (let i = 0; i < n; i++) left.set(actual[i]!, (left.get(actual[i]!) ?? 0) + 1);
  let found = 0;
  for (let i = 0; i < n; i++) {
    const count = left.get(inferred[i]!) ?? 0;
    if (count === 0) continue;
    left.set(inferred[i]!, count - 1);
    found++;
  }
  return found / n;
}
