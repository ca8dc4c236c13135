/**
 * @file Stacked tensor operations: every tensor carries a leading replica axis S, images are [S, C, B, H, W].
 *
 * Channels first with the batch inside: a shifted window of the patches is one contiguous copy a row, and the long side of
 * the matrix product is B·OH·OW.
 */
import { tf, type Tensor } from "./backend";

/** The geometry of a convolution window. */
export interface Window {
  readonly size: number; // k
  readonly stride: number;
  readonly padding: number; // zeros on every side
}

/** The number of window positions along an axis of that length: floor((length + 2 padding - size) / stride) + 1. */
export function windowCount(length: number, { size, stride, padding }: Window): number {
  return Math.floor((length + 2 * padding - size) / stride) + 1;
}

type FiveSizes = [number, number, number, number, number];

function shape5(x: Tensor): FiveSizes {
  return x.shape as FiveSizes;
}

/**
 * Patches of images, window offset major: row (i·k + j)·C + c of the result holds channel c shifted by (i, j).
 *
 * With a stride the image is first taken apart into its sublattices (pixels of equal residues modulo the stride): a window offset is
 * then a contiguous slice of one of them, which is ten times as fast as a strided slice.
 *
 * @param x [S, C, B, H, W]
 * @returns [S, k·k·C, B·OH·OW]; the caller's tidy owns it
 */
export function im2col(x: Tensor, window: Window): Tensor {
  const [s, c, b, h, w] = shape5(x);
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const [height, width] = [Math.ceil((h + 2 * p) / stride), Math.ceil((w + 2 * p) / stride)]; // of a sublattice
  const [below, right] = [height * stride - h - p, width * stride - w - p];
  const padded = p + below + right === 0 ? x : tf.pad(x, [[0, 0], [0, 0], [0, 0], [p, below], [p, right]]); // prettier-ignore
  const lines = separate(padded, s * c * b * height, stride, width * stride);
  const sublattices = lines.map((line) =>
    separate(line, s * c * b * height * width, stride).map((part) => tf.reshape(part, [s, c, b, height, width])),
  );
  const shifted: Tensor[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const from = [0, 0, 0, Math.floor(i / stride), Math.floor(j / stride)];
      shifted.push(tf.slice(sublattices[i % stride]![j % stride]!, from, [s, c, b, oh, ow]));
    }
  }
  return tf.reshape(tf.concat(shifted, 1), [s, size * size * c, b * oh * ow]);
}

/**
 * The adjoint of im2col: adds every patch back to where it came from.
 *
 * Offsets with the same residues modulo the stride fall on the same sublattice of the image; each sublattice is summed at its
 * own (lower) resolution, then they are interleaved.
 *
 * @param patches [S, k·k·C, B·OH·OW]
 * @param sizes [S, C, B, H, W] of the result
 */
export function col2im(patches: Tensor, sizes: readonly number[], window: Window): Tensor {
  const [s, c, b, h, w] = sizes as FiveSizes;
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const parts = tf.split(tf.reshape(patches, [s, size * size * c, b, oh, ow]), size * size, 1);
  const [height, width] = [Math.ceil((h + 2 * p) / stride), Math.ceil((w + 2 * p) / stride)]; // of a sublattice
  const residues = Array.from({ length: stride }, (_, a) => a);
  const offsets = (residue: number): number[] =>
    Array.from({ length: Math.ceil((size - residue) / stride) }, (_, i) => residue + i * stride);
  const sublattice = (rowResidue: number, columnResidue: number): Tensor => {
    // A stride beyond the window leaves sublattices that no patch touches.
    if (Math.max(rowResidue, columnResidue) >= size) return tf.zeros([s, c, b, height, width]);
    const rows = offsets(rowResidue).map((i, down) => {
      const columns = offsets(columnResidue).map(
        (j, right) =>
        tf.pad(parts[i * size + j]!, [[0, 0], [0, 0], [0, 0], [0, 0], [right, width - ow - right]]), // prettier-ignore
      );
      return tf.pad(tf.addN(columns), [[0, 0], [0, 0], [0, 0], [down, height - oh - down], [0, 0]]); // prettier-ignore
    });
    return tf.addN(rows);
  };
  const lines = residues.map(
    (a) =>
    tf.reshape(interleave(residues.map((b) => sublattice(a, b)), s * c * b * height * width), [-1, width * stride]), // prettier-ignore
  );
  const whole = tf.reshape(interleave(lines, s * c * b * height, width * stride), [s, c, b, height * stride, width * stride]); // prettier-ignore
  return p === 0 && h === height * stride && w === width * stride
    ? whole
    : tf.slice(whole, [0, 0, 0, p, p], [s, c, b, h, w]);
}

/** Runs of `length` numbers of each tensor in turn: [count·length] each -> [count, tensors, length]. */
function interleave(tensors: readonly Tensor[], count: number, length = 1): Tensor {
  if (tensors.length === 1) return tensors[0]!;
  return tf.concat(tensors.map((x) => tf.reshape(x, [count, 1, length])), 1); // prettier-ignore
}

/** The inverse of interleave: [count, parts, length] -> `parts` tensors of count·length numbers. */
function separate(x: Tensor, count: number, parts: number, length = 1): Tensor[] {
  return parts === 1 ? [x] : tf.split(tf.reshape(x, [count, parts, length]), parts, 1);
}

/** Sum over all axes but the first: [S, ...] -> [S]. */
export function sumPerReplica(x: Tensor): Tensor {
  return tf.sum(tf.reshape(x, [x.shape[0]!, -1]), 1);
}

/** <a, b> per replica over lists of tensors of equal shapes [S, ...]: -> [S]. */
export function dotPerReplica(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  return tf.addN(a.map((x, i) => sumPerReplica(tf.mul(x, b[i]!))));
}

/** A [S] tensor shaped to broadcast over tensors of that rank: [S, 1, ...]. */
export function perReplica(x: Tensor, rank: number): Tensor {
  return tf.reshape(x, [x.shape[0]!, ...Array.from({ length: rank - 1 }, () => 1)]);
}
