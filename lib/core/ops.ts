/** @file Operations on stacked images. */
import type { Tensor4D } from "@tensorflow/tfjs";
import { tf, tidy, type Tensor } from "./backend";
import { hasKernels, runKernel } from "./kernels";

/** The geometry of a convolution window. */
export interface SlidingWindow {
  readonly size: number; // k
  readonly stride: number;
  readonly padding: number; // zeros on every side
}

/**
 * The number of window positions along an axis.
 *
 * count = floor((length + 2 padding - size) / stride) + 1
 *
 * @returns the count; below 1 where the window does not fit
 */
export function windowCount(length: number, { size, stride, padding }: SlidingWindow): number {
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
 * @param x images [S, C, B, H, W]
 * @param window k = size, stride and padding
 * @returns [S, k·k·C, B·OH·OW], OH and OW by windowCount; the caller's tidy owns it
 * @source Chellapilla, Puri and Simard 2006; the order of the rows is our choice
 */
export function im2col(x: Tensor, window: SlidingWindow): Tensor {
  const [s, c, b, h, w] = shape5(x);
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const [height, width] = [Math.ceil((h + 2 * p) / stride), Math.ceil((w + 2 * p) / stride)]; // of a sublattice
  const [below, right] = [height * stride - h - p, width * stride - w - p];
  const planes = s * c * b; // three axes instead of five: slices of more than four are slow on the wasm backend
  const padded = padPlanes(tf.reshape(x, [planes, h, w]), [p, below], [p, right]);
  const lines = separate(padded, planes * height, stride, width * stride);
  const sublattices = lines.map((line) =>
    separate(line, planes * height * width, stride).map((part) => tf.reshape(part, [planes, height, width])),
  );
  const shifted: Tensor[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const from = [0, Math.floor(i / stride), Math.floor(j / stride)];
      const part = tf.slice(sublattices[i % stride]![j % stride]!, from, [planes, oh, ow]);
      shifted.push(tf.reshape(part, [s, c * b * oh * ow]));
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
 * @param window as im2col had it
 * @returns images [S, C, B, H, W]; the caller's tidy owns them
 */
export function col2im(patches: Tensor, sizes: readonly number[], window: SlidingWindow): Tensor {
  const [s, c, b, h, w] = sizes as FiveSizes;
  const { size, stride, padding: p } = window;
  const [oh, ow] = [windowCount(h, window), windowCount(w, window)];
  const planes = s * c * b;
  const parts = tf
    .split(tf.reshape(patches, [s, size * size, c * b * oh * ow]), size * size, 1)
    .map((part) => tf.reshape(part, [planes, oh, ow]));
  const [height, width] = [Math.ceil((h + 2 * p) / stride), Math.ceil((w + 2 * p) / stride)]; // of a sublattice
  const residues = Array.from({ length: stride }, (_, a) => a);
  const offsets = (residue: number): number[] =>
    Array.from({ length: Math.ceil((size - residue) / stride) }, (_, i) => residue + i * stride);
  const sublattice = (rowResidue: number, columnResidue: number): Tensor => {
    // A stride beyond the window leaves sublattices that no patch touches.
    if (Math.max(rowResidue, columnResidue) >= size) return tf.zeros([planes, height, width]);
    const rows = offsets(rowResidue).map((i, down) => {
      const columns = offsets(columnResidue).map((j, right) =>
        padPlanes(parts[i * size + j]!, [0, 0], [right, width - ow - right]),
      );
      return padPlanes(tf.addN(columns), [down, height - oh - down], [0, 0]);
    });
    return tf.addN(rows);
  };
  const lines = residues.map((a) => {
    const line = residues.map((b) => sublattice(a, b));
    return tf.reshape(interleave(line, planes * height * width), [-1, width * stride]);
  });
  const wholeShape = [planes, height * stride, width * stride];
  const whole = tf.reshape(interleave(lines, planes * height, width * stride), wholeShape);
  const isWhole = p === 0 && h === height * stride && w === width * stride;
  return tf.reshape(isWhole ? whole : tf.slice(whole, [0, p, p], [planes, h, w]), [s, c, b, h, w]);
}

/** Planes [n, H, W] with zeros [before, after] their rows and columns. */
function padPlanes(planes: Tensor, rows: [number, number], columns: [number, number]): Tensor {
  return [...rows, ...columns].every((count) => count === 0) ? planes : tf.pad(planes, [[0, 0], rows, columns]);
}

/** Runs of `length` numbers of each tensor in turn: [count·length] each -> [count, tensors, length]. */
function interleave(tensors: readonly Tensor[], count: number, length = 1): Tensor {
  if (tensors.length === 1) return tensors[0]!;
  const runs = tensors.map((x) => tf.reshape(x, [count, 1, length]));
  return tf.concat(runs, 1);
}

/** The inverse of interleave: [count, parts, length] -> `parts` tensors of count·length numbers. */
function separate(x: Tensor, count: number, parts: number, length = 1): Tensor[] {
  return parts === 1 ? [x] : tf.split(tf.reshape(x, [count, parts, length]), parts, 1);
}

/** The maxima of windows, and where they are. */
export interface Maxima {
  readonly output: Tensor; // [B, H/size, W/size, N]
  readonly chosen: Tensor; // [B·H/size, size, W/size, size, N], 1 at one place of a window, else 0
}

/**
 * The maxima of windows that tile images; of equal ones the first in reading order is chosen.
 *
 * @param x images [B, H, W, N], H and W multiples of size
 * @returns the maxima and a mask of the chosen places; the caller's tidy owns them
 */
export function windowMaxima(x: Tensor, size: number): Maxima {
  const [b, h, w, n] = x.shape as [number, number, number, number];
  const [rows, columns] = [(b * h) / size, w / size];
  const perWindow = (y: Tensor): Tensor => tf.reshape(y, [rows, 1, columns, 1, n]);
  const inWindows = (y: Tensor): Tensor => tf.reshape(y, [rows, size, columns, size, n]);
  const asMask = (places: Tensor, own: Tensor): Tensor => tf.cast(tf.equal(places, own), "float32");
  if (hasKernels) {
    const [sides, types] = [[1, size, size, 1], { T: "float", Targmax: "int32" }];
    const attributes = { ...types, ksize: sides, strides: sides, padding: "VALID", include_batch_in_index: true };
    return tidy(() => {
      const [output, places] = runKernel("MaxPoolWithArgmax", attributes, [x], 2);
      return { output: output!, chosen: asMask(inWindows(tf.range(0, x.size, 1, "int32")), perWindow(places!)) };
    });
  }
  // The wasm backend takes the argument of a negative maximum wrongly, and compares without broadcasting.
  const largest = (y: Tensor): Tensor => tf.maxPool(y as Tensor4D, size, size, "valid");
  const everywhere = (y: Tensor): Tensor => tf.mul(tf.ones([rows, size, columns, size, n]), y);
  const output = largest(x);
  const order = everywhere(tf.reshape(tf.range(0, -(size ** 2), -1), [1, size, 1, size, 1])); // falls in reading order
  const hits = tf.where(
    tf.equal(inWindows(x), everywhere(perWindow(output))),
    order,
    tf.fill(order.shape, -(size ** 2)),
  );
  return { output, chosen: asMask(order, everywhere(perWindow(largest(tf.reshape(hits, x.shape))))) };
}

const kernelOf = { relu: "ReluGrad", sigmoid: "SigmoidGrad", tanh: "TanhGrad" } as const;

/**
 * What passes backwards through an activation: f'(z) d, from the output a = f(z).
 *
 * relu: d where a > 0, else 0;  sigmoid: a (1 - a) d;  tanh: (1 - a^2) d
 *
 * @param d of the output's shape
 * @returns of the same shape; the caller's tidy owns it
 * @example
 * throughActivation("relu", tf.tensor1d([5, 6]), tf.tensor1d([0, 2])).dataSync(); // [0, 6]
 */
export function throughActivation(name: keyof typeof kernelOf, d: Tensor, a: Tensor): Tensor {
  if (hasKernels) return runKernel(kernelOf[name], { T: "float" }, name === "relu" ? [d, a] : [a, d])[0]!;
  if (name === "relu") return tf.mul(d, tf.cast(tf.greater(a, 0), "float32")); // tf.step is 15 times slower
  return tf.mul(d, tf.sub(name === "sigmoid" ? a : 1, tf.square(a)));
}

/**
 * Sums of every channel over all pixels of all images.
 *
 * @param x [B, H, W, N]
 * @returns [N]; the caller's tidy owns it
 * @example
 * sumPixels(tf.ones([2, 3, 3, 4])).dataSync(); // [18, 18, 18, 18]
 */
export function sumPixels(x: Tensor): Tensor {
  return hasKernels ? runKernel("BiasAddGrad", { T: "float", data_format: "NHWC" }, [x])[0]! : tf.sum(x, [0, 1, 2]);
}

/**
 * Sums over the numbers of each replica in stacked images.
 *
 * @param x [B, H, W, S·C]
 * @returns [S]; the caller's tidy owns it
 */
export function sumPerReplica(x: Tensor, replicas: number): Tensor {
  return tf.sum(tf.reshape(sumPixels(x), [replicas, -1]), 1);
}

/**
 * One number per replica, shaped to broadcast over tensors [S, ...] of a rank.
 *
 * @param x [S], or one number for all
 * @param rank of the tensors, at least 1
 * @returns [S, 1, ...] of that rank; the caller's tidy owns it
 */
export function perReplica(x: Tensor | number, rank: number): Tensor {
  return typeof x === "number" ? tf.scalar(x) : tf.reshape(x, [-1, ...Array.from({ length: rank - 1 }, () => 1)]);
}

/**
 * Stacked images, each replica's multiplied by a number of its own.
 *
 * @param x [B, H, W, S·C]
 * @param factors [S], or one number for all
 * @returns of the shape of x; the caller's tidy owns it
 * @example
 * scaleReplicas(tf.ones([1, 1, 1, 4]), tf.tensor1d([2, 3])).dataSync(); // [2, 2, 3, 3]
 */
export function scaleReplicas(x: Tensor, factors: Tensor | number): Tensor {
  if (typeof factors === "number") return tf.mul(x, factors);
  const channels = tf.ones([1, x.shape[3]! / factors.size]);
  return tf.mul(x, tf.reshape(tf.mul(tf.reshape(factors, [-1, 1]), channels), [-1]));
}
