/** @file Typed arrays one after the other. */

/**
 * Numbers of several arrays in one.
 *
 * @returns all their numbers in order, owned by the caller
 */
export function joined<T extends Float32Array | Float64Array | Int32Array>(
  Kind: new (length: number) => T,
  pieces: readonly T[],
): T {
  const all = new Kind(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
