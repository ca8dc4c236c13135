/**
 * @file The gradient of a dense layer's weights as the product it is.
 *
 * G = d' x has rank B at most. Gradient matching wants its norm, its inner product with a fixed T, and what V = own G - T does to
 * x and to d: all of that needs Gram matrices [S, B, B] and two products with T, but never G itself, which for one image is as
 * large as the weights and as quickly computed as read.
 */
import { tf, type Tensor } from "../../core/backend";

/** G = d' x [S, O, F], one per replica. */
export interface Product {
  readonly d: Tensor; // [S, B, O]
  readonly x: Tensor; // [S, B, F]
  readonly gramD: () => Tensor; // d d' [S, B, B], computed once
  readonly gramX: () => Tensor; // x x'
}

/** V = own G - T, by what it does to the d and x of G. */
export interface Blend {
  readonly alongX: () => Tensor; // x V' [S, B, O]
  readonly alongD: () => Tensor; // d V [S, B, F]
}

/** dL/dw of a parameter. */
export type Gradient = Tensor | Product;

/** Where a parameter moves in the R-operator. */
export type Direction = Tensor | Blend;

/**
 * The product G = d' x.
 *
 * @param d [S, B, O]
 * @param x [S, B, F]
 * @returns G, not computed; its tensors stay the caller's
 * @example
 * asTensor(product(tf.tensor3d([[[1, 2]]]), tf.tensor3d([[[3, 4]]]))).arraySync(); // [[[3, 4], [6, 8]]]
 */
export function product(d: Tensor, x: Tensor): Product {
  const gram = (a: Tensor): (() => Tensor) => {
    let known: Tensor | undefined;
    return () => (known ??= tf.matMul(a, a, false, true));
  };
  return { d, x, gramD: gram(d), gramX: gram(x) };
}

/**
 * A gradient as a tensor.
 *
 * @param gradient of a parameter
 * @returns the tensor in the layer's layout; the caller's tidy owns it where it had to be computed
 * @example
 * asTensor(tf.ones([2])).shape; // [2]
 */
export function asTensor(gradient: Gradient): Tensor {
  return isProduct(gradient) ? tf.matMul(gradient.d, gradient.x, true) : gradient;
}

/**
 * Whether a gradient is kept as a product.
 *
 * @param gradient of a parameter
 * @returns true for a Product
 * @example
 * isProduct(tf.ones([2])); // false
 */
export function isProduct(gradient: Gradient): gradient is Product {
  return "gramD" in gradient;
}

/**
 * Whether a direction is one of `against`.
 *
 * @param direction of a parameter
 * @returns true for a Blend
 * @example
 * isBlend(tf.ones([2])); // false
 */
export function isBlend(direction: Direction): direction is Blend {
  return "alongX" in direction;
}

/**
 * Squared norms: ||d' x||^2 = sum_(bc) (d d')_bc (x x')_bc.
 *
 * @param g the product
 * @returns [S]; the caller's tidy owns it
 * @example
 * productNorms(product(tf.tensor3d([[[1, 2]]]), tf.tensor3d([[[3, 4]]]))).dataSync(); // [125]; (1 + 4) (9 + 16)
 */
export function productNorms({ gramD, gramX }: Product): Tensor {
  return tf.sum(tf.mul(gramD(), gramX()), [1, 2]);
}

/**
 * Inner products with fixed matrices, and the directions own G - T that can be had from the same numbers.
 *
 * <d' x, T> = sum d (x T'),  x V' = own (x x') d - x T',  d V = own (d d') x - d T
 *
 * @param g the product G
 * @param target T, [S, O, F]
 * @returns the inner products [S], and the direction for given own [S, 1, 1]; the caller's tidy owns the tensors
 * @example
 * const { dots } = against(product(tf.tensor3d([[[1, 2]]]), tf.tensor3d([[[3, 4]]])), tf.ones([1, 2, 2]));
 * dots.dataSync(); // [21]; 3 + 4 + 6 + 8
 */
export function against(g: Product, target: Tensor): { dots: Tensor; blend: (own: Tensor) => Blend } {
  const { d, x, gramD, gramX } = g;
  const xT = tf.matMul(x, target, false, true);
  return {
    dots: tf.sum(tf.mul(d, xT), [1, 2]),
    blend: (own) => ({
      alongX: () => tf.sub(tf.matMul(tf.mul(gramX(), own), d), xT),
      alongD: () => tf.sub(tf.matMul(tf.mul(gramD(), own), x), tf.matMul(d, target)),
    }),
  };
}
