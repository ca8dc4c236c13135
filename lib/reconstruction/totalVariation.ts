/** @file Total variation: how rough an image is. */
import { tf, type Tensor } from "../core/backend";
import { sumPerReplica } from "../core/ops";

/**
 * Anisotropic total variation per replica, and its gradient.
 *
 * TV(x) = mean over pixels of sqrt((x_(i+1,j) - x_ij)^2 + eps^2) + sqrt((x_(i,j+1) - x_ij)^2 + eps^2)
 *
 * @param images [B, H, W, S·C]
 * @param replicas S
 * @returns a function that gives the values [S], and the gradient of the images' shape; the caller's tidy owns them
 * @example
 * totalVariation(tf.zeros([1, 4, 4, 1]), 1).value().dataSync(); // [0.0015]; 24 differences of eps = 0.001 over 16 pixels
 * @source Geiping et al. 2020 use it as a prior; eps = 1e-3 makes it smooth
 */
export function totalVariation(images: Tensor, replicas: number): { value: () => Tensor; gradient: Tensor } {
  const [b, h, w, channels] = images.shape as [number, number, number, number];
  const count = images.size / replicas;
  const along = (axis: 1 | 2): { value: () => Tensor; gradient: Tensor } => {
    const size = [b, h, w, channels];
    size[axis]! -= 1;
    const start = (at: number): number[] => [0, 1, 2, 3].map((i) => (i === axis ? at : 0));
    const difference = tf.sub(tf.slice(images, start(1), size), tf.slice(images, start(0), size));
    const magnitude = tf.sqrt(tf.add(tf.square(difference), 1e-6));
    const slope = tf.div(difference, magnitude);
    const pad = (before: number): Tensor =>
      tf.pad(
        slope,
        size.map((_, i): [number, number] => (i === axis ? [before, 1 - before] : [0, 0])),
      );
    return { value: () => sumPerReplica(magnitude, replicas), gradient: tf.sub(pad(1), pad(0)) };
  };
  const [vertical, horizontal] = [along(1), along(2)];
  return {
    value: () => tf.div(tf.add(vertical.value(), horizontal.value()), count),
    gradient: tf.div(tf.add(vertical.gradient, horizontal.gradient), count),
  };
}
