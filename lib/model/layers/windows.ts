/** @file Pooling over any square windows, and over as many as one asks for, as PyTorch has it. */
import { ensure, ensureCount } from "../../core/errors";
import { windowCount, type SlidingWindow } from "../../core/ops";
import type { Shape } from "../../core/types";
import { sequence } from "./compose";
import type { Layer } from "./layer";
import { pooling, type PoolingName } from "./pooling";
import { separable } from "./shape";

/** Windows of a pooling. */
export interface WindowOptions {
  readonly size: number; // k, side of a window
  readonly stride?: number; // default k
  readonly padding?: number; // on every side, at most k / 2; zeros that a mean counts, and no maximum takes; default 0
}

/**
 * Pooling over windows that may overlap, leave pixels out, or reach over the border.
 *
 * A mean of a window is one of its rows' means, so y = A x B'. For maxima the windows are laid side by side, where they tile, and what
 * they hold of the border is far below any number.
 *
 * @param inputShape [C, H, W]
 * @param name "average" | "max"
 * @param options see WindowOptions
 * @returns the layer, without weights
 * @throws InputError when the input is no image, a number is out of range, or no window fits
 * @example
 * windowPooling([6, 7, 7], "max", { size: 3, stride: 2, padding: 1 }).outputShape; // [6, 4, 4]
 * @source MaxPool2d and AvgPool2d of PyTorch, with ceil_mode off and count_include_pad on
 */
export function windowPooling(inputShape: Shape, name: PoolingName, options: WindowOptions): Layer {
  const { size, stride = size, padding = 0 } = options;
  const kind = `${name} pooling`;
  ensure(inputShape.length === 3, "pooling", "needs an image input [C, H, W]", inputShape);
  for (const [what, count] of Object.entries({ size, stride })) ensureCount("pooling", what, count);
  ensureCount("pooling", "padding", padding, 0);
  ensure(2 * padding <= size, "pooling", `needs padding <= ${size} / 2`, padding);
  const [, h, w] = inputShape as [number, number, number];
  if (stride === size && padding === 0 && h % size === 0 && w % size === 0) return pooling(inputShape, name, size);
  ensure(size <= 2 * Math.max(h, w), "pooling", `needs windows of at most ${2 * Math.max(h, w)} pixels a side`, size);
  const window: SlidingWindow = { size, stride, padding };
  const counts = [h, w].map((side) => windowCount(side, window));
  ensure(Math.min(...counts) >= 1, "pooling", `needs an image of at least ${size} pixels a side after padding`, inputShape); // prettier-ignore
  if (name === "average") return separable(kind, inputShape, meansOf(h, window), meansOf(w, window));
  const [rows, columns] = [placesOf(h, window), placesOf(w, window)];
  const offset = rows.flatMap((row) => columns.map((column) => (row < h && column < w && row >= 0 && column >= 0 ? 0 : -1e38))); // prettier-ignore
  const apart = separable("windows", inputShape, pick(h, rows), pick(w, columns), Float32Array.from(offset));
  return { ...sequence(inputShape, [() => apart, (shape) => pooling(shape, "max", size)]), kind };
}

const mostWindows = 1024; // a side; more would be a mistake, and fill the memory

/**
 * Means of as many windows as are asked for: window i of n on a side of m pixels holds floor(i m / n) to ceil((i + 1) m / n) - 1.
 *
 * @param inputShape [C, H, W]
 * @param outputSides [OH, OW]
 * @returns the layer, without weights
 * @throws InputError when the input is no image, or a side is no count
 * @example
 * adaptivePooling([16, 7, 7], [1, 1]).outputShape; // [16, 1, 1]
 * @source AdaptiveAvgPool2d of PyTorch
 */
export function adaptivePooling(inputShape: Shape, outputSides: readonly [number, number]): Layer {
  ensure(inputShape.length === 3, "adaptivePooling", "needs an image input [C, H, W]", inputShape);
  const [rows, columns] = outputSides.map((count, axis) => {
    ensureCount("adaptivePooling", "output side", count);
    ensure(count <= mostWindows, "adaptivePooling", `needs output sides of at most ${mostWindows}`, count);
    const side = inputShape[axis + 1]!;
    const matrix = new Float32Array(count * side);
    for (let i = 0; i < count; i++) {
      const [from, to] = [Math.floor((i * side) / count), Math.ceil(((i + 1) * side) / count)];
      matrix.fill(1 / (to - from), i * side + from, i * side + to);
    }
    return matrix;
  }) as [Float32Array, Float32Array];
  return separable("adaptive pooling", inputShape, rows, columns);
}

/** The pixel of every place in windows laid side by side; in the border, one outside 0..side-1. */
function placesOf(side: number, window: SlidingWindow): number[] {
  const { size, stride, padding } = window;
  const count = windowCount(side, window) * size;
  return Array.from({ length: count }, (_, i) => Math.floor(i / size) * stride + (i % size) - padding);
}

/** The 0/1 matrix [places, side] that takes those pixels, and 0 for what is outside. */
function pick(side: number, places: readonly number[]): Float32Array {
  return Float32Array.from(places.flatMap((place) => Array.from({ length: side }, (_, i) => Number(i === place))));
}

/** The matrix [windows, side] of their means. */
function meansOf(side: number, window: SlidingWindow): Float32Array {
  const matrix = new Float32Array(windowCount(side, window) * side);
  for (const [i, place] of placesOf(side, window).entries())
    if (place >= 0 && place < side) matrix[Math.floor(i / window.size) * side + place]! += 1 / window.size;
  return matrix;
}
