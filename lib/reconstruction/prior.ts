/** @file What the attacker takes images to look like: a map from a code z to an image. */
import { type Tensor, tidy } from "../core/backend";
import { ensureOneOf } from "../core/choice";
import { ensure, refuse } from "../core/errors";
import type { Shape } from "../core/types";
import { decoderOf, type Autoencoder } from "../model/autoencoder";
import type { Layer } from "../model/layers/layer";
import { resample } from "../model/layers/shape";
import { stackVectors, unpackWeights } from "../model/stack";

/** A prior; the autoencoder is the attacker's own, one per view. */
export type Prior =
  | { readonly kind: "autoencoder"; readonly autoencoders: readonly Autoencoder[] }
  | { readonly kind: "bicubic" } // a quarter-size image, upsampled
  | { readonly kind: "pixel" }; // the image itself

/** A prior's name. */
export type PriorName = Prior["kind"];

const priors: readonly PriorName[] = ["autoencoder", "bicubic", "pixel"];

/** The decoder of some replicas: a layer from codes to images, and its weights. */
export interface Decoder {
  readonly layer: Layer | null; // null: the code is the image
  readonly weights: readonly Tensor[]; // [S, ...]
  readonly codeShape: Shape;
}

/**
 * The decoder for the views of a stacked inversion.
 *
 * @param prior see Prior
 * @param views index into prior.autoencoders for each of the S replicas
 * @param inputShape [C, H, W]
 * @returns the layer, its weights (tensors that the caller disposes) and the shape of its codes
 * @throws InputError for an unknown prior, when an autoencoder is missing, not whole or was made for another image shape, or
 *   sides do not fit the bicubic prior
 * @example
 * createDecoder({ kind: "bicubic" }, [0], [1, 28, 28]).codeShape; // [1, 7, 7]
 */
export function createDecoder(prior: Prior, views: readonly number[], inputShape: Shape): Decoder {
  ensureOneOf("invert", "prior.kind", (prior as Prior | undefined)?.kind, priors);
  if (prior.kind === "pixel") return { layer: null, weights: [], codeShape: inputShape };
  const [c, h, w] = inputShape as [number, number, number];
  if (prior.kind === "bicubic") {
    ensure(
      h === w && h % 4 === 0,
      "invert",
      "needs square images with sides that are multiples of 4 for the bicubic prior",
      inputShape,
    );
    const codeShape = [c, h / 4, w / 4];
    return { layer: resample(codeShape, cubicMatrix(h / 4, h), h), weights: [], codeShape };
  }
  const chosen = views.map((view) => {
    const autoencoder = (prior.autoencoders as readonly Autoencoder[] | undefined)?.[view];
    if (autoencoder === undefined) refuse("invert", "needs an autoencoder per view", `none for view ${view}`);
    ensure(
      String(autoencoder.inputShape) === String(inputShape),
      "invert",
      `needs an autoencoder for images of [${inputShape.join(", ")}]`,
      autoencoder.inputShape,
    );
    return autoencoder;
  });
  const layer = decoderOf(chosen[0]!);
  const weights = tidy(() => unpackWeights(layer, stackVectors(chosen.map(({ decoderWeights }) => decoderWeights))));
  return { layer, weights, codeShape: layer.inputShape };
}

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
