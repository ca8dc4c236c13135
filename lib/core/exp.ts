/** @file An exponential whose bits do not depend on where a number stands. */
import { tf, type Tensor } from "./backend";

const register = 16; // floats in the widest SIMD register

/**
 * e^x, to the same bits wherever a number stands in the tensor, so that a replica's result does not depend on the stack it is in.
 *
 * TensorFlow fills SIMD registers and computes the numbers left over at the tensor's end by another routine, which differs in
 * the last bit. A register's worth of zeros at the end leaves none of ours over. (Sums, products, quotients and square roots are
 * exact to the last bit either way; rsqrt is not.)
 *
 * @param x any shape
 * @returns of the same shape; the caller's tidy owns it
 * @example
 * exp(tf.tensor2d([[0, 1]])).arraySync(); // [[1, 2.718]]
 */
export function exp(x: Tensor): Tensor {
  const padded = tf.pad1d(tf.reshape(x, [x.size]), [0, register]);
  return tf.reshape(tf.slice1d(tf.exp(padded), 0, x.size), x.shape);
}
