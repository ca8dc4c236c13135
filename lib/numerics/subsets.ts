/** @file Subsets of the clients, for the rules that try them all. */
import { refuse } from "../core/errors";

const most = 100_000; // subsets: seconds with SMEA, less with MDA

/** Refuses to leave f of n out in every possible way when there are more than 100,000 ways. */
export function ensureFewSubsets(fn: string, n: number, f: number): void {
  let ways = 1;
  for (let i = 1; i <= f; i++) ways *= (n - f + i) / i;
  if (ways > most) {
    const got = `${ways.toPrecision(2)} (n = ${n}, f = ${f})`;
    refuse(fn, `needs at most ${most} ways to leave f updates out`, got, "take a smaller f, or multiKrum");
  }
}

/**
 * The subset with the smallest measure, of equals the lexicographically first: tries them all.
 *
 * @param n the subsets are of 0..n-1
 * @param size of a subset, 1..n
 * @param measure of a subset; where it is not below the bound, the smallest so far, any number that is not does
 */
export function smallestSubset(
  n: number,
  size: number,
  measure: (subset: readonly number[], bound: number) => number,
): readonly number[] {
  let smallest = Infinity;
  let found: readonly number[] = [];
  for (const subset of subsets(n, size)) {
    const measured = measure(subset, smallest);
    if (measured < smallest) [smallest, found] = [measured, [...subset]];
  }
  return found;
}

/**
 * All subsets of a size, in lexicographic order.
 *
 * @param n the subsets are of 0..n-1
 * @param size of a subset, 1..n
 * @returns yields each subset ascending, the same array every time: copy what is to stay
 */
export function* subsets(n: number, size: number): Generator<readonly number[]> {
  const subset = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    yield subset;
    let last = size - 1; // the last place that can still move on
    while (last >= 0 && subset[last] === n - size + last) last--;
    if (last < 0) return;
    subset[last]!++;
    for (let place = last + 1; place < size; place++) subset[place] = subset[place - 1]! + 1;
  }
}
