/** @file Memory for results that is used again. New memory costs a short sum more than its arithmetic. */

const spare: Float32Array[] = []; // given back, to be written on again
const mostSpare = 128;

/**
 * Takes back vectors that nobody reads any more: results of aggregation are then written on them.
 *
 * Left to the garbage collector, vectors pile up to tens of megabytes first, and every new one costs the pages it is written on.
 *
 * @param vectors that a rule, a pre-aggregation or this folder's functions made; they are no longer the caller's
 */
export function recycle(vectors: readonly Float32Array[]): void {
  spare.push(...vectors.slice(0, mostSpare - spare.length));
}

/**
 * A vector that is going to be written whole: its numbers are whatever its memory held before.
 *
 * @returns one given back, or a new one, [d]
 * @example
 * unwritten(3).fill(0); // Float32Array [0, 0, 0]
 */
export function unwritten(d: number): Float32Array {
  const last = spare.pop();
  if (last?.length === d) return last;
  spare.length = 0; // of another model
  return new Float32Array(Buffer.allocUnsafeSlow(4 * d).buffer, 0, d);
}
