/** @file What every rule asks of its updates, and how it refuses. */
import { ensure, ensureCount, ensureFinite } from "../core/errors";

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
  updates.forEach((update, i) => {
    if (!Number.isFinite(sum(update))) ensureFinite(fn, `update ${i}`, update);
  });
}

/** A double holds any sum of finite float32 numbers, so this is finite where they all are: one addition each, no branches. */
function sum(vector: Float32Array): number {
  const { length } = vector;
  let [a, b, c, d] = [0, 0, 0, 0]; // chains of their own, so that no addition waits for the last
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a += vector[i]!;
    b += vector[i + 1]!;
    c += vector[i + 2]!;
    d += vector[i + 3]!;
  }
  for (; i < length; i++) a += vector[i]!;
  return a + b + c + d;
}
