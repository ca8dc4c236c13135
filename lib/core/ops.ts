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
 * @param x [S, C, B, H, W]
 * @returns [S, k·k·C, B·OH·OW]; the caller's tidy owns it
 */
export function im2col(x: Tensor, window: Window): Tensor {
  const [s, c, b, h, w] = shape5(x);
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const padded = p === 0 ? x : tf.pad(x, [[0, 0], [0, 0], [0, 0], [p, p], [p, p]]); // prettier-ignore
  const shifted: Tensor[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const rows = (oh - 1) * stride + 1;
      const columns = (ow - 1) * stride + 1;
      shifted.push(
        stride === 1
          ? tf.slice(padded, [0, 0, 0, i, j], [s, c, b, oh, ow])
          : tf.stridedSlice(padded, [0, 0, 0, i, j], [s, c, b, i + rows, j + columns], [1, 1, 1, stride, stride]),
      );
    }
  }
  return tf.reshape(tf.concat(shifted, 1), [s, size * size * c, b * oh * ow]);
}

/**
 * The adjoint of im2col: adds every patch back to where it came from.
 *
 * @param patches [S, k·k·C, B·OH·OW]
 * @param sizes [S, C, B, H, W] of the result
 */
export function col2im(patches: Tensor, sizes: readonly number[], window: Window): Tensor {
  const [s, c, b, h, w] = sizes as FiveSizes;
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const [height, width] = [h + 2 * p, w + 2 * p];
  const parts = tf.split(tf.reshape(patches, [s, size * size * c, b, oh, ow]), size * size, 1);
  const [spreadHeight, spreadWidth] = [(oh - 1) * stride + 1, (ow - 1) * stride + 1];
  const rows: Tensor[] = [];
  for (let i = 0; i < size; i++) {
    const columns: Tensor[] = [];
    for (let j = 0; j < size; j++) {
      const part = spread(parts[i * size + j]!, stride);
      columns.push(tf.pad(part, [[0, 0], [0, 0], [0, 0], [0, 0], [j, width - spreadWidth - j]])); // prettier-ignore
    }
    rows.push(tf.pad(tf.addN(columns), [[0, 0], [0, 0], [0, 0], [i, height - spreadHeight - i], [0, 0]])); // prettier-ignore
  }
  const sum = tf.addN(rows);
  return p === 0 ? sum : tf.slice(sum, [0, 0, 0, p, p], [s, c, b, h, w]);
}

/** Puts stride - 1 zeros between neighbouring rows and columns: [.., OH, OW] -> [.., (OH-1)·stride+1, (OW-1)·stride+1]. */
function spread(x: Tensor, stride: number): Tensor {
  if (stride === 1) return x;
  const [s, c, b, h, w] = shape5(x);
  const wide = tf.pad(tf.reshape(x, [s * c * b, h, 1, w, 1]), [[0, 0], [0, 0], [0, stride - 1], [0, 0], [0, stride - 1]]); // prettier-ignore
  const full = tf.reshape(wide, [s, c, b, h * stride, w * stride]);
  return tf.slice(full, [0, 0, 0, 0, 0], [s, c, b, (h - 1) * stride + 1, (w - 1) * stride + 1]);
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
