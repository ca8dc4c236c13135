/** @file What the readers of files give: arrays with names, as numbers that the library computes with. */
import type { Shape } from "../core/types";
import type { Dtype, Values } from "./dtypes";

/** One array of a file. */
export interface NamedArray {
  /** As in the file: an entry's of .npz without ".npy"; "" in a .npy, which names nothing. */
  readonly name: string;
  /** Lengths of its axes, outermost first; [] is a single number. */
  readonly shape: Shape;
  /** Type of its numbers in the file, whatever their byte order. */
  readonly dtype: Dtype;
  /** In C order (row-major): a Float32Array of floats, exact integers in the typed array of their width; see Values. */
  readonly values: Values;
}

/** What the readers of files may be asked. */
export interface ReadOptions {
  /** Whether NaN and infinities in the file are read as they are; by default they are refused. */
  readonly allowNonFinite?: boolean;
  /** Bytes that a file may hold, and also that its arrays may become; default 2e9. */
  readonly maxBytes?: number;
}
