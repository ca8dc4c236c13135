/** @file The bicubic prior: a quarter-size image, upsampled. */
import { ensure } from "../../core/errors";
import { resample } from "../../model/layers/shape";
import type { PriorRule } from "../prior";
import { throughLayer } from "./throughLayer";

/** Images without fine detail: the code is a quarter-size image, upsampled by bicubic interpolation. */
export const bicubic: PriorRule = {
  name: "bicubic",
  label: "bicubic",
  source: "Yue et al. 2023 (ROG)",
  codes: "free",
  createDecoder({ inputShape }) {
    const [c, h, w] = inputShape as [number, number, number];
    const fits = h === w && h % 4 === 0;
    ensure(fits, "invert", "needs square images with sides that are multiples of 4 for the bicubic prior", inputShape);
    return throughLayer(resample([c, h / 4, w / 4], cubicMatrix(h / 4, h), h), []);
  },
};

/**
 * The matrix A of bicubic interpolation along one axis, from `from` to `to` samples: row i holds the weights of output i.
 *
 * Pixel centres are aligned at half-integers, the kernel is Keys' cubic with a = -0.75, borders repeat.
 *
 * @param from samples there are
 * @param to samples there shall be
 * @returns row-major [to, from], owned by the caller; every row adds up to 1
 * @example
 * cubicMatrix(2, 4).subarray(0, 2); // [1.105, -0.105]; the border repeats
 * @source Keys 1981; the same convention as PyTorch's interpolate(mode="bicubic", align_corners=False), which ROG uses
 */
export function cubicMatrix(from: number, to: number): Float32Array {
  const a = -0.75;
  const kernel = (distance: number): number => {
    const x = Math.abs(distance);
    if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
    if (x < 2) return a * (x ** 3 - 5 * x ** 2 + 8 * x - 4);
    return 0;
  };
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    for (let j = Math.floor(centre) - 1; j <= Math.floor(centre) + 2; j++) {
      matrix[i * from + Math.min(from - 1, Math.max(0, j))]! += kernel(centre - j);
    }
  }
  return matrix;
}
