/**
 * @file Convolutions of stacked images: every replica's images with that replica's own filters.
 *
 * Images are [B, H, W, S·C], channels last and a replica's channels side by side; filters [k, k, C, S·O]. That is one convolution
 * in S groups, a single call of oneDNN for all replicas. Where TensorFlow has no grouped kernels (the wasm backend, or oneDNN
 * switched off) it is a batched matrix product of patches.
 */
import { tf, tidy, type Tensor } from "./backend";
import { hasKernels, runKernel, type Attributes } from "./kernels";
import { col2im, im2col, windowCount, type SlidingWindow } from "./ops";

type FourSizes = [number, number, number, number];

/** Images on their way into convolutions. */
export interface Convolvable {
  /** Filters [k, k, C, S·O] -> [B, OH, OW, S·O]. */
  convolve(filters: Tensor): Tensor;
  /** The adjoint in the filters: d [B, OH, OW, S·O] -> [k, k, C, S·O]. */
  filterGradient(d: Tensor): Tensor;
}

/**
 * Convolutions (cross-correlations) of images, and their adjoint in the filters.
 *
 * y_(b,i,j,s,o) = sum_(u,v,c) filters_(u,v,c,s,o) x_(b, i stride + u - padding, j stride + v - padding, s, c)
 *
 * @param x images [B, H, W, S·C]
 * @param window k = size, stride and padding
 * @returns both maps; the caller's tidy owns every tensor they make
 */
export function convolvable(x: Tensor, replicas: number, window: SlidingWindow): Convolvable {
  const [batch, height, width, channels] = x.shape as FourSizes;
  const { size } = window;
  const filterShape = (d: Tensor): number[] => [size, size, channels / replicas, d.shape[3]!];
  if (groupsWork()) {
    const { attributes, margin } = grouped([height, width], window);
    const padded = margin === 0 ? x : tf.pad(x, around(margin));
    return {
      convolve: (filters) => runKernel("Conv2D", attributes, [padded, filters])[0]!,
      filterGradient: (d) =>
        runKernel("Conv2DBackpropFilter", attributes, [padded, tf.tensor1d(filterShape(d), "int32"), d])[0]!,
    };
  }
  let known: Tensor | undefined;
  const patches = (): Tensor => (known ??= im2col(replicasFirst(x, replicas), window));
  const sides = [windowCount(height, window), windowCount(width, window)];
  return {
    convolve(filters) {
      const y = tf.matMul(filterRows(filters, replicas), patches());
      return replicasLast(tf.reshape(y, [replicas, -1, batch, ...sides]));
    },
    filterGradient(d) {
      const images = replicasFirst(d, replicas);
      const rows = tf.reshape(images, [replicas, images.shape[1]!, -1]);
      return tf.reshape(tf.transpose(tf.matMul(rows, patches(), false, true), [2, 0, 1]), filterShape(d));
    },
  };
}

/**
 * The adjoint of a convolution in its images.
 *
 * @param d [B, OH, OW, S·O]
 * @param filters [k, k, C, S·O]
 * @returns [B, H, W, S·C]; the caller's tidy owns it
 */
export function imageGradient(
  d: Tensor,
  filters: Tensor,
  replicas: number,
  [height, width]: readonly [number, number],
  window: SlidingWindow,
): Tensor {
  const [batch, channels] = [d.shape[0], filters.shape[2]!];
  if (groupsWork()) {
    if (paysInBlocks(d, channels, [height, width], window)) return blockGradient(d, filters, replicas, window);
    const { attributes, margin } = grouped([height, width], window);
    const sizes = [batch, height + 2 * margin, width + 2 * margin, replicas * channels];
    const padded = runKernel("Conv2DBackpropInput", attributes, [tf.tensor1d(sizes, "int32"), filters, d])[0]!;
    return margin === 0 ? padded : tf.slice(padded, [0, margin, margin, 0], [batch, height, width, sizes[3]!]);
  }
  const images = replicasFirst(d, replicas);
  const rows = tf.reshape(images, [replicas, images.shape[1]!, -1]);
  const patches = tf.matMul(filterRows(filters, replicas), rows, true);
  return replicasLast(col2im(patches, [replicas, channels, batch, height, width], window));
}

const block = 4; // pixels a side

/**
 * Whether to compute an image gradient block by block. oneDNN computes 16 channels of a group at a time, of which images have one
 * or three; the price is larger filters, which a few images do not pay back.
 */
function paysInBlocks(
  d: Tensor,
  channels: number,
  sides: readonly number[],
  { size, stride, padding }: SlidingWindow,
): boolean {
  const fits = stride === 1 && padding < size && sides.every((side) => side % block === 0);
  return fits && channels <= 3 && d.shape[0] >= 4;
}

/**
 * The image gradient as a convolution of d in strides of a block, with a channel for every pixel of the block.
 *
 * Pixel 4 I + a takes d_j times the tap u = 4 I + a + padding - j; with j = 4 I + padding - (k - 1) + r that is tap a + k - 1 - r,
 * whatever I is: filters of side k + 3 over r.
 */
function blockGradient(d: Tensor, filters: Tensor, replicas: number, { size, padding }: SlidingWindow): Tensor {
  const [, , c, total] = filters.shape as FourSizes;
  const [outputs, side, numbers] = [total / replicas, size + block - 1, block * block * c]; // numbers of a block
  const spread = tf.tensor2d(tapsOfBlocks(size, c), [size * size * c, side * side * numbers]);
  const taps = tf.matMul(tf.reshape(filters, [size * size * c, total]), spread, true);
  const kernel = tf.transpose(tf.reshape(taps, [replicas, outputs, side * side, numbers]), [2, 1, 0, 3]);
  const blocks = convolvable(d, replicas, { size: side, stride: block, padding: size - 1 - padding }).convolve(
    tf.reshape(kernel, [side, side, outputs, replicas * numbers]),
  );
  const [b, h, w] = blocks.shape as FourSizes;
  const pixels = tf.transpose(tf.reshape(blocks, [b * h, w, replicas, block, block, c]), [0, 3, 1, 4, 2, 5]);
  return tf.reshape(pixels, [b, h * block, w * block, replicas * c]);
}

/** 0/1 matrix [k·k·C, (k+3)·(k+3)·4·4·C]: which tap (u, v) of a channel stands at (r, s) in the filter of its pixel (a, b). */
function tapsOfBlocks(size: number, channels: number): Float32Array {
  const side = size + block - 1;
  const matrix = new Float32Array((size * side * block * channels) ** 2);
  const at = (u: number, a: number): number => a + size - 1 - u; // r
  for (let u = 0; u < size; u++)
    for (let v = 0; v < size; v++)
      for (let c = 0; c < channels; c++)
        for (let a = 0; a < block; a++)
          for (let b = 0; b < block; b++) {
            const place = (((u * size + v) * channels + c) * side + at(u, a)) * side + at(v, b);
            matrix[((place * block + a) * block + b) * channels + c] = 1;
          }
  return matrix;
}

/** The kernels' attributes, and the zeros to put around the images first where the kernels' own padding differs. */
function grouped(
  sides: readonly [number, number],
  window: SlidingWindow,
): { readonly attributes: Attributes; readonly margin: number } {
  const { size, stride, padding } = window;
  // "SAME" gives ceil(side / stride) outputs and shares the zeros that this takes between both sides.
  const isSame = sides.every((side) => {
    const count = Math.ceil(side / stride);
    return count === windowCount(side, window) && (count - 1) * stride + size - side === 2 * padding;
  });
  const attributes = { T: "float", strides: [1, stride, stride, 1], padding: isSame ? "SAME" : "VALID" };
  return { attributes, margin: isSame ? 0 : padding };
}

function around(margin: number): [number, number][] {
  return [0, margin, margin, 0].map((count) => [count, count]);
}

/** [B, H, W, S·C] -> [S, C, B, H, W] */
function replicasFirst(x: Tensor, replicas: number): Tensor {
  const [b, h, w, channels] = x.shape as FourSizes;
  return tf.transpose(tf.reshape(x, [b, h, w, replicas, channels / replicas]), [3, 4, 0, 1, 2]);
}

/** [S, C, B, H, W] -> [B, H, W, S·C] */
function replicasLast(x: Tensor): Tensor {
  const [s, c, b, h, w] = x.shape as [number, number, number, number, number];
  return tf.reshape(tf.transpose(x, [2, 3, 4, 0, 1]), [b, h, w, s * c]);
}

/** [k, k, C, S·O] -> [S, O, k·k·C] */
function filterRows(filters: Tensor, replicas: number): Tensor {
  const [k, , c, outputs] = filters.shape as FourSizes;
  return tf.transpose(tf.reshape(filters, [k * k * c, replicas, outputs / replicas]), [1, 2, 0]);
}

let asked: boolean | undefined;

/** Whether this TensorFlow convolves in groups, and differentiates that: asked once, with two groups of one pixel. */
function groupsWork(): boolean {
  asked ??= hasKernels && tidy(probe);
  return asked;
}

/** Whether the backend computes grouped convolutions and their adjoints. */
function probe(): boolean {
  const one = tf.ones([1, 1, 1, 2]);
  try {
    const { attributes } = grouped([1, 1], { size: 1, stride: 1, padding: 0 });
    const sizes = tf.tensor1d([1, 1, 1, 2], "int32");
    runKernel("Conv2DBackpropFilter", attributes, [one, sizes, one]);
    runKernel("Conv2DBackpropInput", attributes, [sizes, one, one]);
    return true;
  } catch {
    return false;
  }
}
