/** @file Bounding what one vector can contribute: by its norm, or coordinate by coordinate. */
import { ensure, ensureFinite } from "../core/errors";
import { combine, innerProduct } from "./linear";

/**
 * A vector no longer than a norm, in its own direction.
 *
 * clipped = u min(1, C / ||u||)
 *
 * @param vector u, [d], finite
 * @param clipNorm C > 0, finite, in the vector's unit
 * @returns [d], a copy owned by the caller: u bit for bit where ||u|| <= C, else of a norm that is never above C
 * @throws InputError for a clipNorm out of range, or a coordinate that is not finite
 * @example
 * clipToNorm(Float32Array.of(3, 4), 1); // [0.6000, 0.8000]
 * @source Abadi et al. 2016, "Deep learning with differential privacy", algorithm 1. Longer vectors lose another 2^-23 of their
 * length, our choice: rounding the coordinates to float32 could otherwise carry the norm beyond C
 */
export function clipToNorm(vector: Float32Array, clipNorm: number): Float32Array {
  checkClip("clipToNorm", vector, clipNorm);
  let squares = 0;
  for (const x of vector) squares += x * x; // in double precision, where squares of float32 cannot overflow
  const norm = Math.sqrt(squares);
  const factor = (clipNorm / norm) * (1 - 2 ** -23);
  return norm <= clipNorm ? vector.slice() : vector.map((x) => x * factor);
}

/**
 * A vector with every coordinate moved into an interval.
 *
 * clipped_i = min(C, max(-C, u_i)), so ||clipped|| <= C sqrt(d)
 *
 * @param vector u, [d], finite
 * @param clipNorm C > 0, finite; rounded to float32
 * @returns [d], a copy owned by the caller
 * @throws InputError for a clipNorm out of range, or a coordinate that is not finite
 * @example
 * clipElementwise(Float32Array.of(3, -0.5), 1); // [1, -0.5]; another direction
 * @source the first author's public code, whose local DP bounds gradients so
 */
export function clipElementwise(vector: Float32Array, clipNorm: number): Float32Array {
  checkClip("clipElementwise", vector, clipNorm);
  return vector.map((x) => Math.min(clipNorm, Math.max(-clipNorm, x)));
}

/** Vectors shortened to a bound that may itself be of their lengths. */
export interface Bounded {
  readonly vectors: readonly Float32Array[]; // [n][d]
  readonly norms: readonly number[]; // their lengths, [n]
  readonly bound: number; // C >= 0
  readonly weights?: readonly number[]; // w, with which each counts, [n]; default 1
  readonly shares?: readonly number[]; // C = sum_i shares[i] |vectors[i]|, [n]; default 0: the bound is given
}

/**
 * The pull-back of shortening vectors to a bound.
 *
 * of w_j u_j min(1, C / |u_j|) by cotangent c_j:  v_i = w_i c_i, or (w_i C / |u_i|) (c_i - e_i <e_i, c_i>) where |u_i| > C,
 * e = u / |u|;  and, where C is of the lengths, + shares[i] e_i sum_(j: |u_j| > C) w_j <e_j, c_j>
 *
 * @param bounded u, |u|, C, w and shares
 * @param cotangents c, [n][d]
 * @returns v [n][d], owned by the caller
 * @example
 * const bounded = { vectors: [Float32Array.of(3, 4)], norms: [5], bound: 1 };
 * pullThroughBound(bounded, [Float32Array.of(5, 0)]); // [[0.64, -0.48]]; (1/5) ([5, 0] - [0.6, 0.8] 3)
 * @source our derivation
 */
export function pullThroughBound(
  { vectors, norms, bound, weights, shares }: Bounded,
  cotangents: readonly Float32Array[],
): Float32Array[] {
  const weightOf = (i: number): number => weights?.[i] ?? 1;
  const isLong = (i: number): boolean => norms[i]! > bound && weightOf(i) !== 0;
  const along = vectors.map((u, i) => (isLong(i) ? (weightOf(i) * innerProduct(u, cotangents[i]!)) / norms[i]! : 0)); // w <e, c>
  const ofBound = along.reduce((sum, x) => sum + x, 0);
  return vectors.map((u, i) => {
    const length = norms[i]!;
    const ofOwn = shares?.[i] ? shares[i] * ofBound : 0;
    const lost = isLong(i) ? (bound / length) * along[i]! : 0;
    const scale = isLong(i) ? (weightOf(i) * bound) / length : weightOf(i);
    return combine([cotangents[i]!, u], [scale, ofOwn === lost ? 0 : (ofOwn - lost) / length]);
  });
}

function checkClip(fn: string, vector: Float32Array, clipNorm: number): void {
  ensure(Number.isFinite(clipNorm) && clipNorm > 0, fn, "needs a finite clipNorm > 0", clipNorm);
  ensureFinite(fn, "vector", vector);
}
