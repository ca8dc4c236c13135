/** @file Squared distances between updates, which most rules that choose among updates begin with. */
import { kernels } from "./kernels";

const blockWidth = 512; // coordinates at a time: the block of ten updates stays in the nearest cache, of a hundred in the next

/**
 * All squared distances, in float64 and from the differences themselves: no offset common to the updates and no huge update of
 * another client costs a digit, as it would through inner products. Every update is read once.
 *
 * D[i n + j] = sum_k (updates[i][k] - updates[j][k])^2
 *
 * @param updates [n][d], n >= 1, finite
 * @returns [n * n], symmetric, zeros on the diagonal
 * @example
 * squaredDistances([Float32Array.of(1, 2), Float32Array.of(4, 6)]); // [0, 25, 25, 0]
 */
export function squaredDistances(updates: readonly Float32Array[]): Float64Array {
  const n = updates.length;
  const d = updates[0]!.length;
  const stride = blockWidth + 8; // rows a power of two apart would share cache lines
  const out = (n + 3) * stride; // the last row's group of four ends three rows further
  const bytes = Float64Array.BYTES_PER_ELEMENT;
  const { memory, distances } = kernels((out + 8) * bytes);
  const block = new Float64Array(memory.buffer);
  const squared = new Float64Array(n * n);
  for (let from = 0; from < d; from += blockWidth) {
    const width = Math.min(blockWidth, d - from);
    for (let i = 0; i < n; i++) {
      block.set(updates[i]!.subarray(from, from + width), i * stride);
      if (width % 2 === 1) block[i * stride + width] = 0; // the kernel takes coordinates in pairs
    }
    const length = (width + (width % 2)) * bytes;
    for (let i = 0; i < n; i++) {
      for (let first = i + 1; first < n; first += 4) {
        distances(i * stride * bytes, first * stride * bytes, stride * bytes, length, out * bytes);
        for (let j = first; j < Math.min(first + 4, n); j++) {
          squared[i * n + j]! += block[out + 2 * (j - first)]! + block[out + 2 * (j - first) + 1]!;
        }
      }
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) squared[i * n + j] = squared[j * n + i]!;
  return squared;
}
