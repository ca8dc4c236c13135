/** @file What every rule asks of its updates, and how it refuses. */
import { InputError, ensure, ensureCount, ensureFinite } from "../core/errors";
import { squaredDistances } from "../numerics/distances";
import { squaredNorms } from "../numerics/linear";

/**
 * What clients sent leaves a rule with nobody to take: another round may well pass. Wrong parameters and too few updates, which no round
 * would make good, are other InputErrors.
 */
export class RoundRefused extends InputError {}

/**
 * Refuses a round for what its updates hold.
 *
 * @param fn name of the rule
 * @param requirement what it needs, as a clause
 * @param actual what it got, in words, and a remedy behind a semicolon if there is one
 * @throws RoundRefused always
 * @example
 * refuseRound("dnc", "needs an update that every iteration keeps", "none"); // throws "dnc: needs an update that every iteration keeps, got none"
 */
export function refuseRound(fn: string, requirement: string, actual: string): never {
  throw new RoundRefused(`${fn}: ${requirement}, got ${actual}`);
}

/**
 * Refuses a round that a rule cannot aggregate: no update, unequal lengths, f out of range, too few updates for f, or a number
 * that is not finite (a Byzantine client may send one). Nothing is dropped here; that is for whoever calls the rule.
 *
 * n >= a f + b and n >= 2 f + 1, with n = updates.length and [a, b] = least
 *
 * @param fn name of the rule
 * @param updates [n][d]
 * @param f assumed number of malicious clients, an integer, 0 <= f < n/2; rules that do not read it leave it out
 * @param least [a, b], default [2, 1]
 * @returns the updates' squared lengths |updates[i]|^2, [n]: finite where all their numbers are, which is how that is checked
 * @throws InputError naming what is wrong, and the update if it is one
 * @example
 * const updates = [1, 2, 3, 4, 5, 6].map((x) => Float32Array.of(x));
 * ensureUpdates("krum", updates, 2, [2, 3]); // throws "krum: needs n >= 2f + 3 updates, got n = 6, f = 2"
 * ensureUpdates("krum", [Float32Array.of(1), Float32Array.of(NaN)], 0); // throws "krum: needs finite numbers in update 1, got NaN…"
 */
export function ensureUpdates(
  fn: string,
  updates: readonly Float32Array[],
  f = 0,
  least?: readonly [a: number, b: number],
): number[] {
  ensureRound(fn, updates, f, least);
  return ensureFiniteUpdates(fn, updates);
}

/**
 * What ensureUpdates refuses but for numbers that are not finite: for rules whose result shows at once whether there was one.
 *
 * @param fn name of the rule
 * @param updates [n][d]
 * @param f assumed number of malicious clients; rules that do not read it leave it out
 * @param least [a, b] of n >= a f + b, default [2, 1]
 * @throws InputError naming what is wrong
 * @example
 * ensureRound("mean", []); // throws "mean: needs n >= 1 updates, got 0"
 */
export function ensureRound(
  fn: string,
  updates: readonly Float32Array[],
  f = 0,
  [a, b]: readonly [a: number, b: number] = [2, 1],
): void {
  const n = updates.length;
  ensure(n >= 1, fn, "needs n >= 1 updates", n);
  const d = updates[0]!.length;
  const odd = updates.findIndex(({ length }) => length !== d);
  if (odd >= 0) {
    ensure(false, fn, `needs updates of one length (the first has ${d})`, `${updates[odd]!.length} in update ${odd}`);
  }
  ensureCount(fn, "f", f, 0);
  ensure(2 * f < n, fn, "needs f < n/2", `n = ${n}, f = ${f}`);
  ensure(n >= a * f + b, fn, `needs n >= ${a}f + ${b} updates`, `n = ${n}, f = ${f}`);
}

/**
 * Refuses numbers that are not finite.
 *
 * @param fn name of the rule
 * @param updates [n][d]
 * @returns the updates' squared lengths, [n]: finite where all their numbers are
 * @throws InputError naming the first such update, the place in it, and the number
 * @example
 * ensureFiniteUpdates("mean", [Float32Array.of(3, 4)]); // [25]
 */
export function ensureFiniteUpdates(fn: string, updates: readonly Float32Array[]): number[] {
  const lengths = squaredNorms(updates);
  const wrong = lengths.findIndex((length) => !Number.isFinite(length));
  if (wrong >= 0) ensureFinite(fn, `update ${wrong}`, updates[wrong]!);
  return lengths;
}

/**
 * All squared distances of updates that must be finite, which the distances show: rules that need both read the updates once.
 *
 * @param fn name of the rule
 * @param updates [n][d], n >= 1
 * @returns see squaredDistances
 * @throws InputError naming the first update with a number that is not finite, the place in it, and the number
 * @example
 * ensureDistances("krum", [Float32Array.of(1), Float32Array.of(NaN)]); // throws "krum: needs finite numbers in update 1, got NaN…"
 */
export function ensureDistances(fn: string, updates: readonly Float32Array[]): Float64Array {
  const squared = squaredDistances(updates);
  if (updates.length === 1 || !squared.every(Number.isFinite)) ensureFiniteUpdates(fn, updates);
  return squared;
}
