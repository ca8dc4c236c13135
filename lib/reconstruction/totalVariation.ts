/** @file Total variation: how rough an image is. */
import { tf, type Tensor } from "../core/backend";

/**
 * Anisotropic total variation per replica, and its gradient.
 *
 * TV(x) = mean over pixels of sqrt((x_(i+1,j) - x_ij)^2 + eps^2) + sqrt((x_(i,j+1) - x_ij)^2 + eps^2)
 *
 * @param images [S, C, B, H, W]
 * @returns value [S] and gradient of the images' shape; the caller's tidy owns them
 * @example
 * totalVariation(tf.zeros([1, 1, 1, 4, 4])).value.dataSync(); // [0.0015]; 24 differences of eps = 0.001 over 16 pixels
 * @source Geiping et al. 2020 use it as a prior; eps = 1e-3 makes it smooth
 */
export function totalVariation(images: Tensor): { value: Tensor; gradient: Tensor } {
  const [s, c, b, h, w] = images.shape as [number, number, number, number, number];
  const count = c * b * h * w;
  const along = (axis: 3 | 4): { value: Tensor; gradient: Tensor } => {
    const length = axis === 3 ? h : w;
    const size = [s, c, b, h, w];
    size[axis] = length - 1;
    const begin = [0, 0, 0, 0, 0];
    begin[axis] = 1;
    const difference = tf.sub(tf.slice(images, begin, size), tf.slice(images, [0, 0, 0, 0, 0], size));
    const magnitude = tf.sqrt(tf.add(tf.square(difference), 1e-6));
    const slope = tf.div(difference, tf.mul(magnitude, count));
    const pad = (before: number): Tensor =>
      tf.pad(
        slope,
        size.map((_, i): [number, number] => (i === axis ? [before, 1 - before] : [0, 0])),
      );
    return { value: tf.div(tf.sum(magnitude, [1, 2, 3, 4]), count), gradient: tf.sub(pad(1), pad(0)) };
  };
  const [vertical, horizontal] = [along(3), along(4)];
  return {
    value: tf.add(vertical.value, horizontal.value),
    gradient: tf.add(vertical.gradient, horizontal.gradient),
  };
}
