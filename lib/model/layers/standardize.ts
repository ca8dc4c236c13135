/** @file Normalisation by statistics of the input itself, and by fixed ones: group, layer and batch normalisation. */
import { tf, type Tensor } from "../../core/backend";
import { ensure, ensureCount } from "../../core/errors";
import type { Shape } from "../../core/types";
import { affine, channelAffine } from "./affine";
import { sequence } from "./compose";
import type { Layer } from "./layer";
import { normalize } from "./shape";

/** Of a normalisation. */
export interface NormOptions {
  readonly eps?: number; // added to variances, > 0; default 1e-5
  readonly affine?: boolean; // whether a trained scale and offset follow; default true
}

/**
 * Every image's groups of channels, each to mean 0 and variance 1:  y = r (x - mean x),  r = 1 / sqrt(var x + eps).
 *
 * With P u = u - mean u - y mean(y u), which is its own adjoint, and d = dL/dy:  dL/dx = r P d.  Along the R-operator, where R{r} =
 * -r^2 mean(y R{x}):  R{y} = r P R{x},  R{dL/dx} = r P R{d} + R{r} P d - r (R{y} mean(y d) + y mean(R{y} d)).
 *
 * @param inputShape [C, H, W] or [F]
 * @param groups of C / groups channels that lie side by side
 * @param eps > 0
 * @returns the layer, without weights
 * @throws InputError when the groups do not divide the channels, or eps is not above 0
 * @example
 * standardize([6, 4, 4], 3, 1e-5).parameters; // []
 */
export function standardize(inputShape: Shape, groups: number, eps: number): Layer {
  const [channels] = inputShape as [number];
  ensureCount("standardize", "groups", groups);
  ensure(channels % groups === 0, "standardize", `needs groups that divide ${channels} channels`, groups);
  ensure(Number.isFinite(eps) && Math.fround(eps) > 0, "standardize", "needs eps > 0", eps);
  const each = channels / groups;
  const isImage = inputShape.length === 3;
  // Axes over which a group lies: images become [B, pixels, S·groups, C / groups], features [S, B, groups, F / groups].
  const [axes, pixels] = isImage ? [[1, 3], inputShape[1]! * inputShape[2]!] : [[3], 0];
  const apart = (x: Tensor): Tensor =>
    tf.reshape(x, isImage ? [x.shape[0], pixels, -1, each] : [x.shape[0], x.shape[1]!, groups, each]);
  const mean = (x: Tensor): Tensor => tf.mean(x, axes, true);
  return {
    kind: "standardize",
    inputShape,
    outputShape: inputShape,
    parameters: [],
    forward(whole) {
      const x = apart(whole);
      const centred = tf.sub(x, mean(x));
      const r = tf.rsqrt(tf.add(mean(tf.square(centred)), eps));
      const y = tf.mul(centred, r);
      const together = (u: Tensor): Tensor => tf.reshape(u, whole.shape);
      const projected = (u: Tensor): Tensor => tf.sub(tf.sub(u, mean(u)), tf.mul(y, mean(tf.mul(y, u))));
      return {
        output: together(y),
        backward: (d) => ({
          outputGradient: d,
          input: together(tf.mul(r, projected(apart(d)))),
          weights: [],
          inner: [],
        }),
        along(_direction, wholeR) {
          if (wholeR === null) {
            return {
              outputR: null,
              backward: (_gradients, dR) => ({ input: together(tf.mul(r, projected(apart(dR)))), weights: [] }),
            };
          }
          const xR = apart(wholeR);
          const yR = tf.mul(r, projected(xR));
          return {
            outputR: together(yR),
            backward({ outputGradient }, dR) {
              const d = apart(outputGradient);
              const ofScale = tf.mul(tf.mul(r, mean(tf.mul(y, xR))), projected(d)); // -R{r} P d / r
              const ofPlace = tf.add(tf.mul(yR, mean(tf.mul(y, d))), tf.mul(y, mean(tf.mul(yR, d))));
              const input = tf.mul(r, tf.sub(projected(apart(dR)), tf.add(ofScale, ofPlace)));
              return { input: together(input), weights: [] };
            },
          };
        },
      };
    },
  };
}

/**
 * Group normalisation, with a scale and an offset per channel.
 *
 * @param inputShape [C, H, W] or [F]
 * @param groups divides C
 * @param options see NormOptions
 * @returns the layer
 * @throws InputError as standardize
 * @example
 * groupNorm([6, 4, 4], 3).parameters.map(({ shape }) => shape); // [[6], [6]]
 * @source Wu and He 2018
 */
export function groupNorm(inputShape: Shape, groups: number, options: NormOptions = {}): Layer {
  const bare = standardize(inputShape, groups, options.eps ?? 1e-5);
  return scaledNorm("group norm", bare, channelAffine(inputShape), options);
}

/**
 * Layer normalisation over all of an image or all features, with a scale and an offset for every number.
 *
 * @param inputShape [C, H, W] or [F]
 * @param options see NormOptions
 * @returns the layer
 * @throws InputError as standardize
 * @example
 * layerNorm([84]).parameters.map(({ shape }) => shape); // [[84], [84]]
 * @source Ba et al. 2016
 */
export function layerNorm(inputShape: Shape, options: NormOptions = {}): Layer {
  const bare = standardize(inputShape, 1, options.eps ?? 1e-5);
  return scaledNorm("layer norm", bare, inputShape.length === 3 ? affine(inputShape) : channelAffine(inputShape), options); // prettier-ignore
}

/** What a batch normalisation has seen in training. */
export interface Statistics {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}

/**
 * Batch normalisation in evaluation mode, (x - mean) / sqrt(variance + eps), with a scale and an offset per channel.
 *
 * @param inputShape [C, H, W] or [F]
 * @param statistics one mean and one variance >= 0 per channel or feature; they do not move
 * @param options see NormOptions
 * @returns the layer
 * @throws InputError for statistics of another count, not finite, or below 0
 * @example
 * batchNorm([2, 4, 4], { mean: [0, 1], variance: [1, 4] }).parameters.length; // 2
 * @source Ioffe and Szegedy 2015
 */
export function batchNorm(inputShape: Shape, { mean, variance }: Statistics, options: NormOptions = {}): Layer {
  const { eps = 1e-5 } = options;
  ensure(Number.isFinite(eps) && eps > 0, "batchNorm", "needs eps > 0", eps);
  const isList = Array.isArray(variance) && variance.every((one) => Number.isFinite(one) && one >= 0);
  ensure(isList, "batchNorm", `needs variance to be ${inputShape[0]} finite numbers >= 0`, variance);
  const bare = normalize(inputShape, { mean, std: variance.map((one) => Math.sqrt(one + eps)) });
  return scaledNorm("batch norm", bare, channelAffine(inputShape), options);
}

/** A normalisation with its scale, which starts at 1, and its offset, which starts at 0. */
function scaledNorm(kind: string, bare: Layer, scale: Layer, options: NormOptions): Layer {
  if (options.affine === false) return { ...bare, kind };
  const [weight, bias] = scale.parameters;
  const parameters = [
    { ...weight!, name: "weight", constant: 1 },
    { ...bias!, name: "bias", constant: 0 },
  ];
  return { ...sequence(bare.inputShape, [() => bare, () => ({ ...scale, parameters })]), kind };
}
