/** @file Bounding what one vector can contribute: by its norm, or coordinate by coordinate. */
import { ensure, ensureFinite } from "../core/errors";

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
 * clipped_i = min(C, max(-C, u_i)), so that ||clipped|| <= C sqrt(d)
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

function checkClip(fn: string, vector: Float32Array, clipNorm: number): void {
  ensure(Number.isFinite(clipNorm) && clipNorm > 0, fn, "needs a finite clipNorm > 0", clipNorm);
  ensureFinite(fn, "vector", vector);
}
