/** @file Arrays for numpy. */
import type { Shape } from "../core/types";

/**
 * An array as a .npy file of float32, version 1.0, in C order.
 *
 * @param values in C order
 * @param shape of them
 * @returns the file's bytes
 * @example
 * toNpy(Float32Array.of(1, 2), [2]).length; // 136; a header of 128 bytes
 * @source NEP 1
 */
export function toNpy(values: Float32Array, shape: Shape): Buffer {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sides}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, " ");
  header.write("\x93NUMPY\x01\0", "latin1");
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10);
  header.write("\n", length - 1);
  const data = Buffer.alloc(4 * values.length);
  values.forEach((x, i) => data.writeFloatLE(x, 4 * i));
  return Buffer.concat([header, data]);
}
