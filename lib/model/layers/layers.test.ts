/**
 * @file Every layer against a slow, obvious implementation in double precision.
 *
 * The slow forward pass is also the oracle of the derivatives: its central differences (of first and of second order) carry
 * an error below 1e-5, so what is left is the layer's own float32 rounding, about 1e-6 of a vector's norm; hence the
 * tolerance of 1e-4. Differences of the layer itself would be 1e3 times coarser in float32.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy, type Tensor } from "../../core/backend";
import { InputError } from "../../core/errors";
import { createRng, type Rng } from "../../core/rng";
import type { Shape } from "../../core/types";
import { countWeights } from "../network";
import { packWeights, unpackWeights, volume } from "../stack";
import { activation, gainOf } from "./activation";
import { affine, channelAffine } from "./affine";
import { bias } from "./bias";
import { chainOf, residual, sequence } from "./compose";
import { convolution, filters } from "./convolution";
import { dense } from "./dense";
import { earlyMaxima } from "./earlyMaxima";
import type { GradientsR, Layer } from "./layer";
import type { Gradient } from "./product";
import { gelu, leakyRelu, silu } from "./pointwise";
import { pooling } from "./pooling";
import { flatten, identity, normalize, resample } from "./shape";
import { batchNorm, groupNorm, layerNorm, standardize } from "./standardize";
import { transposedConvolution } from "./transposedConvolution";
import { adaptivePooling, windowPooling } from "./windows";

before(backendReady);

const REPLICAS = 2;
const BATCH = 2;
const TOLERANCE = 1e-4; // of a vector's norm, see above
const STEP = 1e-4; // truncation ~ STEP^2, rounding of second differences ~ 1e-16 / STEP^2
const GAP = 0.05; // between any two inputs, and between each and 0: no step crosses a kink of relu or max

/** Numbers of one replica: images in the order [C, B, H, W], features [F, B]. */
type Numbers = Float64Array;
/** y = f(x; w) of one replica, w being the public weight vector. */
type Slow = (x: Numbers, w: Numbers) => Numbers;

interface Case {
  readonly name: string;
  readonly layer: Layer;
  readonly slow: Slow;
}

/** Visits all index tuples below the sides, the last running fastest. */
function loop(sides: readonly number[], visit: (...at: number[]) => void): void {
  const key = sides.join();
  if (!tuples.has(key)) {
    const grow = (all: number[][], side: number): number[][] =>
      all.flatMap((at) => Array.from({ length: side }, (_, i) => [...at, i]));
    const all = sides.reduce(grow, [[]]);
    tuples.set(key, all);
  }
  for (const at of tuples.get(key)!) visit(...at);
}
const tuples = new Map<string, number[][]>();

/** The index of a pixel in [C, B, H, W]. */
function indexer([, h, w]: Shape): (channel: number, image: number, row: number, column: number) => number {
  return (channel, image, row, column) => ((channel * BATCH + image) * h! + row) * w! + column;
}

const elementwise =
  (f: (x: number) => number): Slow =>
  (x) =>
    x.map(f);

function slowDense(features: number, units: number): Slow {
  return (x, w) => {
    const y = new Float64Array(units * BATCH);
    loop([units, BATCH], (o, b) => {
      y[o * BATCH + b] = w[units * features + o] ?? 0; // no bias
      for (let i = 0; i < features; i++) y[o * BATCH + b]! += w[o * features + i]! * x[i * BATCH + b]!;
    });
    return y;
  };
}

interface Filter {
  readonly channels: number;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups?: number;
}

/** Filters are read in the order [O, C / g, k, k], then the biases, where there are some. */
function slowConvolution(input: Shape, output: Shape, { size, stride, padding, groups = 1 }: Filter): Slow {
  const [[all, h, w], [o, oh, ow]] = [input, output] as [number[], number[]];
  const c = all! / groups;
  const [from, to] = [indexer(input), indexer(output)];
  return (x, weights) => {
    const y = new Float64Array(volume(output) * BATCH);
    loop([o!, BATCH, oh!, ow!], (out, b, row, column) => {
      let sum = weights[o! * c * size * size + out] ?? 0;
      const first = Math.floor(out / (o! / groups)) * c; // channel of the output's group
      loop([c, size, size], (channel, i, j) => {
        const [r, s] = [row * stride + i - padding, column * stride + j - padding];
        if (r < 0 || r >= h! || s < 0 || s >= w!) return;
        sum += weights[((out * c + channel) * size + i) * size + j]! * x[from(first + channel, b, r, s)]!;
      });
      y[to(out, b, row, column)] = sum;
    });
    return y;
  };
}

/** Filters are read in the order [C, O, k, k], then the biases. */
function slowTransposed(input: Shape, output: Shape, { size, stride, padding }: Filter): Slow {
  const [[c, h, w], [o, oh, ow]] = [input, output] as [number[], number[]];
  const [from, to] = [indexer(input), indexer(output)];
  return (x, weights) => {
    const y = new Float64Array(volume(output) * BATCH);
    loop([o!, BATCH, oh!, ow!], (out, b, row, column) => {
      y[to(out, b, row, column)] = weights[c! * o! * size * size + out]!;
    });
    loop([c!, BATCH, h!, w!, o!, size, size], (channel, b, row, column, out, i, j) => {
      const [r, s] = [row * stride + i - padding, column * stride + j - padding];
      if (r < 0 || r >= oh! || s < 0 || s >= ow!) return;
      y[to(out, b, r, s)]! +=
        weights[((channel * o! + out) * size + i) * size + j]! * x[from(channel, b, row, column)]!;
    });
    return y;
  };
}

function slowPooling(input: Shape, size: number, rule: (window: number[]) => number): Slow {
  const output = [input[0]!, input[1]! / size, input[2]! / size];
  const [from, to] = [indexer(input), indexer(output)];
  return (x) => {
    const y = new Float64Array(volume(output) * BATCH);
    loop([output[0]!, BATCH, output[1]!, output[2]!], (channel, b, row, column) => {
      const window: number[] = [];
      loop([size, size], (i, j) => window.push(x[from(channel, b, row * size + i, column * size + j)]!));
      y[to(channel, b, row, column)] = rule(window);
    });
    return y;
  };
}
const average = (window: number[]): number => window.reduce((a, b) => a + b, 0) / window.length;
const largest = (window: number[]): number => Math.max(...window);

function slowFlatten(input: Shape): Slow {
  const [c, h, w] = input as [number, number, number];
  const from = indexer(input);
  return (x) => {
    const y = new Float64Array(x.length);
    loop([c, h, w, BATCH], (channel, row, column, b) => {
      y[((channel * h + row) * w + column) * BATCH + b] = x[from(channel, b, row, column)]!;
    });
    return y;
  };
}

function slowResample(input: Shape, matrix: Float32Array, side: number): Slow {
  const [c, h] = input as [number, number];
  const output = [c, side, side];
  const [from, to] = [indexer(input), indexer(output)];
  return (x) => {
    const y = new Float64Array(volume(output) * BATCH);
    loop([c, BATCH, side, side, h, h], (channel, b, row, column, i, j) => {
      y[to(channel, b, row, column)]! += matrix[row * h + i]! * x[from(channel, b, i, j)]! * matrix[column * h + j]!;
    });
    return y;
  };
}

function slowAffine(input: Shape): Slow {
  const [c, h, w] = input as [number, number, number];
  const at = indexer(input);
  return (x, weights) => {
    const y = new Float64Array(x.length);
    loop([c, BATCH, h, w], (channel, b, row, column) => {
      const pixel = (channel * h + row) * w + column;
      y[at(channel, b, row, column)] = weights[pixel]! * x[at(channel, b, row, column)]! + weights[c * h * w + pixel]!;
    });
    return y;
  };
}

function slowBias(input: Shape): Slow {
  const [c, h, w] = input as [number, number, number];
  const at = indexer(input);
  return (x, weights) => {
    const y = new Float64Array(x.length);
    loop([c, BATCH, h, w], (channel, b, row, column) => {
      y[at(channel, b, row, column)] = x[at(channel, b, row, column)]! + weights[channel]!;
    });
    return y;
  };
}

/** One case after the other; each takes its weights from the front of what is left. */
function slowChain(cases: readonly Case[]): Slow {
  return (x, w) => {
    let at = 0;
    return cases.reduce((value, { layer, slow }) => {
      const size = countWeights(layer);
      return slow(value, w.subarray(at, (at += size)));
    }, x);
  };
}

function convolutionCase(input: Shape, filter: Filter, hasBias = true): Case {
  const layer = (hasBias ? convolution : filters)(input, filter);
  const { channels, size, stride, padding, groups = 1 } = filter;
  const what = `${hasBias ? "convolution" : "filters"} ${channels} of ${size}x${size}`;
  const name = `${what}, stride ${stride}, padding ${padding}, groups ${groups} on [${input.join()}]`;
  return { name, layer, slow: slowConvolution(input, layer.outputShape, filter) };
}

function transposedCase(input: Shape, filter: Filter): Case {
  const layer = transposedConvolution(input, filter);
  const { channels, size, stride, padding } = filter;
  const name = `transposedConvolution ${channels} of ${size}x${size}, stride ${stride}, padding ${padding}`;
  return { name, layer, slow: slowTransposed(input, layer.outputShape, filter) };
}

function poolingCase(input: Shape, rule: "average" | "max", size: number): Case {
  const slow = slowPooling(input, size, rule === "max" ? largest : average);
  return { name: `pooling ${rule} ${size}x${size}`, layer: pooling(input, rule, size), slow };
}

/** PyTorch's windows, whose maxima leave the border out and whose means count it as zeros. */
function windowCase(input: Shape, rule: "average" | "max", size: number, stride: number, padding: number): Case {
  const layer = windowPooling(input, rule, { size, stride, padding });
  const [[, h, w], output] = [input as number[], layer.outputShape];
  const [from, to] = [indexer(input), indexer(output)];
  const slow: Slow = (x) => {
    const y = new Float64Array(volume(output) * BATCH);
    loop([output[0]!, BATCH, output[1]!, output[2]!], (channel, b, row, column) => {
      const window: number[] = [];
      loop([size, size], (i, j) => {
        const [r, s] = [row * stride + i - padding, column * stride + j - padding];
        const isInside = r >= 0 && r < h! && s >= 0 && s < w!;
        if (isInside) window.push(x[from(channel, b, r, s)]!);
        else if (rule === "average") window.push(0);
      });
      y[to(channel, b, row, column)] = (rule === "max" ? largest : average)(window);
    });
    return y;
  };
  return { name: `windowPooling ${rule} ${size}x${size}, stride ${stride}, padding ${padding} on [${input.join()}]`, layer, slow }; // prettier-ignore
}

function adaptiveCase(input: Shape, sides: readonly [number, number]): Case {
  const layer = adaptivePooling(input, sides);
  const [[c, h, w], [oh, ow]] = [input as number[], sides];
  const [from, to] = [indexer(input), indexer(layer.outputShape)];
  const span = (i: number, side: number, count: number): number[] =>
    Array.from({ length: side }, (_, at) => at).filter(
      (at) => at >= Math.floor((i * side) / count) && at < Math.ceil(((i + 1) * side) / count),
    );
  const slow: Slow = (x) => {
    const y = new Float64Array(volume(layer.outputShape) * BATCH);
    loop([c!, BATCH, oh, ow], (channel, b, row, column) => {
      const [rows, columns] = [span(row, h!, oh), span(column, w!, ow)];
      y[to(channel, b, row, column)] = average(rows.flatMap((r) => columns.map((s) => x[from(channel, b, r, s)]!)));
    });
    return y;
  };
  return { name: `adaptivePooling to [${sides.join()}] on [${input.join()}]`, layer, slow };
}

/** Statistics over groups of channels of one image, then scale and offset per channel, or per number. */
function slowNorm(input: Shape, groups: number, eps: number, scales: "none" | "channel" | "number"): Slow {
  const [c, h = 1, w = 1] = input as [number, number?, number?];
  const area = h * w;
  const at = (channel: number, b: number, pixel: number): number => (channel * BATCH + b) * area + pixel;
  return (x, weights) => {
    const y = new Float64Array(x.length);
    const scaleAt = (channel: number, pixel: number): number =>
      scales === "channel" ? channel : channel * area + pixel;
    loop([groups, BATCH], (group, b) => {
      const places: [number, number][] = [];
      loop([c / groups, area], (channel, pixel) => places.push([(group * c) / groups + channel, pixel]));
      const mean = average(places.map(([channel, pixel]) => x[at(channel, b, pixel)]!));
      const variance = average(places.map(([channel, pixel]) => (x[at(channel, b, pixel)]! - mean) ** 2));
      for (const [channel, pixel] of places) {
        const value = (x[at(channel, b, pixel)]! - mean) / Math.sqrt(variance + eps);
        const i = scaleAt(channel, pixel);
        y[at(channel, b, pixel)] = scales === "none" ? value : weights[i]! * value + weights[weights.length / 2 + i]!;
      }
    });
    return y;
  };
}

/** (x - mean) / std, then scale and offset where there are weights. */
function slowFixed(input: Shape, mean: readonly number[], std: readonly number[]): Slow {
  const [c, h = 1, w = 1] = input as [number, number?, number?];
  return (x, weights) =>
    x.map((value, i) => {
      const channel = Math.floor(i / (BATCH * h * w));
      const y = (value - mean[channel]!) / std[channel]!;
      return weights.length === 0 ? y : weights[channel]! * y + weights[c + channel]!;
    });
}

/** erf by its power series, to double precision for the small arguments here. */
function slowErf(x: number): number {
  let [sum, term] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const slowGelu = (x: number): number => (x * (1 + slowErf(x / Math.SQRT2))) / 2;

function denseCase(features: number, units: number): Case {
  return { name: "dense", layer: dense([features], units), slow: slowDense(features, units) };
}

const tanh = (input: Shape): Case => ({
  name: "tanh",
  layer: activation(input, "tanh"),
  slow: elementwise(Math.tanh),
});
const flat = (input: Shape): Case => ({ name: "flatten", layer: flatten(input), slow: slowFlatten(input) });
const builder =
  ({ layer }: Case) =>
  () =>
    layer;

function chainCase(name: string, cases: readonly Case[]): Case {
  return { name, layer: sequence(cases[0]!.layer.inputShape, cases.map(builder)), slow: slowChain(cases) };
}

function residualCase(name: string, branch: readonly Case[], shortcut: readonly Case[]): Case {
  const layer = residual(branch[0]!.layer.inputShape, branch.map(builder), shortcut.map(builder));
  const [main, side] = [slowChain(branch), slowChain(shortcut)];
  const split = branch.reduce((sum, one) => sum + countWeights(one.layer), 0);
  const slow: Slow = (x, w) => {
    const [a, b] = [main(x, w.subarray(0, split)), side(x, w.subarray(split))];
    return a.map((value, i) => value + b[i]!);
  };
  return { name, layer, slow };
}

const anyMatrix = createRng("matrix").normals(5 * 3);
const image: Shape = [2, 6, 6];
const cases: readonly Case[] = [
  denseCase(7, 4),
  convolutionCase([2, 5, 6], { channels: 3, size: 3, stride: 1, padding: 0 }),
  convolutionCase([2, 6, 5], { channels: 3, size: 3, stride: 2, padding: 1 }),
  convolutionCase([1, 7, 7], { channels: 2, size: 5, stride: 1, padding: 2 }),
  convolutionCase([3, 4, 5], { channels: 2, size: 1, stride: 3, padding: 0 }),
  convolutionCase([2, 6, 6], { channels: 2, size: 4, stride: 2, padding: 1 }),
  transposedCase([2, 4, 3], { channels: 3, size: 3, stride: 1, padding: 1 }),
  transposedCase([3, 3, 4], { channels: 2, size: 4, stride: 2, padding: 1 }),
  transposedCase([2, 3, 3], { channels: 2, size: 2, stride: 3, padding: 0 }),
  poolingCase(image, "average", 2),
  poolingCase(image, "average", 3),
  poolingCase(image, "max", 2),
  poolingCase(image, "max", 3),
  { name: "sigmoid", layer: activation(image, "sigmoid"), slow: elementwise((x) => 1 / (1 + Math.exp(-x))) },
  tanh(image),
  { name: "relu", layer: activation(image, "relu"), slow: elementwise((x) => Math.max(x, 0)) },
  { name: "relu on features", layer: activation([9], "relu"), slow: elementwise((x) => Math.max(x, 0)) },
  flat([2, 3, 4]),
  { name: "leakyRelu", layer: leakyRelu(image, 0.2), slow: elementwise((x) => (x > 0 ? x : 0.2 * x)) },
  { name: "silu", layer: silu(image), slow: elementwise((x) => x / (1 + Math.exp(-x))) },
  { name: "gelu", layer: gelu([1, 6, 6]), slow: elementwise(slowGelu) },
  { name: "gelu on features", layer: gelu([9]), slow: elementwise(slowGelu) },
  { name: "dense without bias", layer: dense([7], 4, false), slow: slowDense(7, 4) },
  convolutionCase([2, 5, 6], { channels: 3, size: 3, stride: 1, padding: 1 }, false),
  convolutionCase([4, 5, 4], { channels: 6, size: 3, stride: 1, padding: 1, groups: 2 }),
  convolutionCase([3, 4, 4], { channels: 6, size: 3, stride: 2, padding: 1, groups: 3 }, false), // depthwise
  windowCase(image, "max", 2, 2, 0),
  windowCase([2, 5, 7], "max", 2, 2, 0), // a row and a column are left out
  windowCase([2, 5, 6], "max", 3, 2, 1),
  windowCase([1, 6, 5], "max", 2, 3, 1), // no window has some pixels
  windowCase([1, 5, 5], "max", 3, 1, 0),
  windowCase([2, 5, 7], "average", 2, 2, 0),
  windowCase([2, 5, 6], "average", 3, 2, 1),
  windowCase([1, 5, 5], "average", 3, 1, 0),
  adaptiveCase([2, 4, 6], [2, 3]),
  adaptiveCase([2, 5, 7], [3, 2]), // windows overlap
  adaptiveCase([3, 5, 4], [1, 1]),
  adaptiveCase([1, 2, 3], [4, 5]), // more windows than pixels
  { name: "identity", layer: identity(image), slow: (x) => x },
  { name: "normalize", layer: normalize([2, 3, 4], { mean: [0.3, -1], std: [0.5, 2] }), slow: slowFixed([2, 3, 4], [0.3, -1], [0.5, 2]) }, // prettier-ignore
  { name: "normalize on features", layer: normalize([3], { mean: [1, 2, 3], std: [0.5, 2, 4] }), slow: slowFixed([3], [1, 2, 3], [0.5, 2, 4]) }, // prettier-ignore
  { name: "channelAffine", layer: channelAffine([2, 3, 4]), slow: slowFixed([2, 3, 4], [0, 0], [1, 1]) },
  { name: "channelAffine on features", layer: channelAffine([3]), slow: slowFixed([3], [0, 0, 0], [1, 1, 1]) },
  { name: "standardize", layer: standardize([4, 3, 2], 2, 0.1), slow: slowNorm([4, 3, 2], 2, 0.1, "none") },
  { name: "standardize on features", layer: standardize([6], 2, 0.1), slow: slowNorm([6], 2, 0.1, "none") },
  { name: "groupNorm", layer: groupNorm([4, 2, 3], 2), slow: slowNorm([4, 2, 3], 2, 1e-5, "channel") },
  { name: "groupNorm, a group per channel", layer: groupNorm([2, 3, 3], 2, { eps: 0.5 }), slow: slowNorm([2, 3, 3], 2, 0.5, "channel") }, // prettier-ignore
  { name: "layerNorm", layer: layerNorm([2, 3, 3]), slow: slowNorm([2, 3, 3], 1, 1e-5, "number") },
  { name: "layerNorm on features", layer: layerNorm([7]), slow: slowNorm([7], 1, 1e-5, "channel") },
  { name: "batchNorm", layer: batchNorm([2, 3, 2], { mean: [0.5, -1], variance: [4, 0.25] }, { eps: 0.01 }), slow: slowFixed([2, 3, 2], [0.5, -1], [Math.sqrt(4.01), Math.sqrt(0.26)]) }, // prettier-ignore
  { name: "batchNorm on features", layer: batchNorm([2], { mean: [0.5, -1], variance: [4, 0.25] }, { eps: 0.01 }), slow: slowFixed([2], [0.5, -1], [Math.sqrt(4.01), Math.sqrt(0.26)]) }, // prettier-ignore
  { name: "resample", layer: resample([2, 3, 3], anyMatrix, 5), slow: slowResample([2, 3, 3], anyMatrix, 5) },
  { name: "affine", layer: affine([2, 3, 4]), slow: slowAffine([2, 3, 4]) },
  { name: "bias", layer: bias([2, 3, 4], 1), slow: slowBias([2, 3, 4]) },
  chainCase("sequence", [
    tanh([1, 6, 6]), // without weights, before the first layer that has some
    convolutionCase([1, 6, 6], { channels: 2, size: 3, stride: 1, padding: 1 }),
    tanh([2, 6, 6]),
    poolingCase([2, 6, 6], "average", 2),
    flat([2, 3, 3]),
    denseCase(18, 3),
  ]),
  residualCase(
    "residual",
    [
      convolutionCase([2, 4, 4], { channels: 2, size: 3, stride: 1, padding: 1 }),
      tanh([2, 4, 4]),
      convolutionCase([2, 4, 4], { channels: 2, size: 3, stride: 1, padding: 1 }),
    ],
    [],
  ),
  residualCase(
    "residual with a shortcut",
    [convolutionCase([2, 4, 4], { channels: 3, size: 3, stride: 2, padding: 1 }), tanh([3, 2, 2])],
    [convolutionCase([2, 4, 4], { channels: 3, size: 1, stride: 2, padding: 0 })],
  ),
  chainCase("normalisations, windows and pointwise functions behind weights", [
    { name: "", layer: normalize([2, 5, 5], { mean: [0.5, 0], std: [2, 3] }), slow: slowFixed([2, 5, 5], [0.5, 0], [2, 3]) }, // prettier-ignore
    convolutionCase([2, 5, 5], { channels: 2, size: 3, stride: 1, padding: 1, groups: 2 }),
    { name: "", layer: groupNorm([2, 5, 5], 1), slow: slowNorm([2, 5, 5], 1, 1e-5, "channel") },
    { name: "", layer: silu([2, 5, 5]), slow: elementwise((x) => x / (1 + Math.exp(-x))) },
    windowCase([2, 5, 5], "average", 3, 2, 1),
    adaptiveCase([2, 3, 3], [2, 2]),
    flat([2, 2, 2]),
    { name: "", layer: layerNorm([8]), slow: slowNorm([8], 1, 1e-5, "channel") },
    { name: "", layer: gelu([8]), slow: elementwise(slowGelu) },
    { name: "", layer: dense([8], 2, false), slow: slowDense(8, 2) },
  ]),
  chainCase("sequence in a sequence, around a residual", [
    chainCase("", [convolutionCase([1, 4, 4], { channels: 2, size: 3, stride: 1, padding: 1 }), tanh([2, 4, 4])]),
    residualCase(
      "",
      [tanh([2, 4, 4]), convolutionCase([2, 4, 4], { channels: 2, size: 1, stride: 1, padding: 0 })],
      [],
    ),
    flat([2, 4, 4]),
    denseCase(32, 2),
  ]),
];

/** Distinct numbers, GAP apart from each other and from 0, in random order. */
function spaced(count: number, rng: Rng): Numbers {
  const order = rng.permutation(count);
  return Float64Array.from(order, (i) => (i - Math.floor(count / 2) + 0.5) * 2 * GAP).map(Math.fround);
}

/** The Numbers of so many replicas, one after the other, in the engine's layout: [B, H, W, S·C] or [S, B, F]. */
function toEngine(values: Float32Array, [c, h, w]: Shape, replicas: number): Tensor {
  if (h === undefined) return tf.transpose(tf.tensor3d(values, [replicas, c!, BATCH]), [0, 2, 1]);
  const last = tf.transpose(tf.tensor(values, [replicas, c!, BATCH, h, w!]), [2, 3, 4, 0, 1]);
  return tf.reshape(last, [BATCH, h, w!, replicas * c!]);
}

/** The inverse of toEngine, as one row per replica. */
function fromEngine(x: Tensor, [c, h, w]: Shape, replicas: number): Tensor {
  const first =
    h === undefined
      ? tf.transpose(x, [0, 2, 1])
      : tf.transpose(tf.reshape(x, [BATCH, h, w!, replicas, c!]), [3, 4, 0, 1, 2]);
  return tf.reshape(first, [replicas, -1]);
}

interface Drawn {
  readonly x: readonly Numbers[]; // [REPLICAS]
  readonly xR: readonly Numbers[]; // a direction for the input
  readonly w: readonly Numbers[];
  readonly v: readonly Numbers[]; // a direction for the weights
  readonly d: readonly Numbers[]; // a gradient with respect to the output
  readonly dR: readonly Numbers[]; // a direction for it
}

function draw({ name, layer }: Case): Drawn {
  const rng = createRng(name);
  const [inputs, outputs] = [volume(layer.inputShape) * BATCH, volume(layer.outputShape) * BATCH];
  const all = (what: string, make: (stream: Rng) => Numbers): Numbers[] =>
    Array.from({ length: REPLICAS }, (_, s) => make(rng.split(what, s)));
  const normals = (count: number) => (stream: Rng) => Float64Array.from(stream.normals(count));
  return {
    x: all("x", (stream) => spaced(inputs, stream)),
    xR: all("xR", normals(inputs)),
    w: all("w", normals(countWeights(layer))),
    v: all("v", normals(countWeights(layer))),
    d: all("d", normals(outputs)),
    dR: all("dR", normals(outputs)),
  };
}

interface Computed {
  readonly output: readonly Numbers[];
  readonly input: readonly Numbers[]; // dL/dx
  readonly weights: readonly Numbers[]; // dL/dw
  readonly withoutInput: { readonly isNull: boolean; readonly weights: readonly Numbers[] }; // when dL/dx is not wanted
  readonly outputR: readonly Numbers[]; // along (v, xR)
  readonly inputR: readonly Numbers[]; // R{dL/dx} along (v, xR, dR)
  readonly outputAlongWeights: readonly Numbers[] | null; // along v alone; null where nothing moves
  readonly inputAlongWeights: readonly Numbers[];
  readonly inputAlongWeightsLean: readonly Numbers[]; // the same from the gradients without dL/dx: all that a network keeps
  readonly weightsR: readonly Numbers[]; // R{dL/dw} along (v, xR, dR)
  readonly weightsAlongWeights: readonly Numbers[]; // along v alone
  readonly withoutInputR: { readonly isNull: boolean; readonly weights: readonly Numbers[] }; // when R{dL/dx} is not wanted
  readonly unwanted: number; // entries of R{dL/dw} when only R{dL/dx} is wanted
}

/** The layer's four functions on the replicas given. */
function compute({ layer }: Case, drawn: Drawn, replicas: readonly number[]): Computed {
  const count = replicas.length;
  const found = tidy(() => {
    const join = (all: readonly Numbers[]): Float32Array => Float32Array.from(replicas.flatMap((s) => [...all[s]!]));
    const { inputShape, outputShape } = layer;
    const stack = (all: readonly Numbers[], shape: Shape): Tensor => toEngine(join(all), shape, count);
    const rows = (x: Tensor, shape: Shape): Tensor => fromEngine(x, shape, count);
    const weigh = (all: readonly Numbers[]): Tensor[] =>
      countWeights(layer) === 0 ? [] : unpackWeights(layer, tf.tensor2d(join(all), [count, countWeights(layer)]));
    const pack = (all: readonly Gradient[]): Tensor =>
      all.length === 0 ? tf.zeros([count, 0]) : packWeights(layer, all);
    const [x, xR] = [stack(drawn.x, inputShape), stack(drawn.xR, inputShape)];
    const [d, dR, v] = [stack(drawn.d, outputShape), stack(drawn.dR, outputShape), weigh(drawn.v)];
    const trace = layer.forward(x, weigh(drawn.w));
    assert.deepEqual(trace.output.shape, d.shape);
    const gradients = trace.backward(d, "both");
    const lean = trace.backward(d, "weights");
    const [both, weightsOnly] = [trace.along(v, xR), trace.along(v, null)];
    const [bothR, weightsOnlyR] = [both, weightsOnly].map((moving) => moving.backward(gradients, dR, "both")) as [
      GradientsR,
      GradientsR,
    ];
    const inputOnlyR = weightsOnly.backward(lean, dR, "input");
    const leanR = weightsOnly.backward(lean, dR, "weights");
    return {
      output: rows(trace.output, outputShape),
      input: rows(gradients.input!, inputShape),
      weights: pack(gradients.weights),
      isNull: lean.input === null ? tf.ones([1]) : tf.zeros([1]),
      leanWeights: pack(lean.weights),
      outputR: rows(both.outputR!, outputShape),
      inputR: rows(bothR.input!, inputShape),
      weightsR: pack(bothR.weights),
      outputAlongWeights: weightsOnly.outputR === null ? tf.zeros([0]) : rows(weightsOnly.outputR, outputShape),
      inputAlongWeights: rows(weightsOnlyR.input!, inputShape),
      inputAlongWeightsLean: rows(inputOnlyR.input!, inputShape),
      weightsAlongWeights: pack(weightsOnlyR.weights),
      isNullR: leanR.input === null ? tf.ones([1]) : tf.zeros([1]),
      leanWeightsR: pack(leanR.weights),
      unwanted: tf.scalar(inputOnlyR.weights.length),
    };
  });
  const read = (tensor: Tensor): Numbers[] => {
    const values = Float64Array.from(tensor.dataSync<"float32">());
    return replicas.map((_, i) => values.slice((i * values.length) / count, ((i + 1) * values.length) / count));
  };
  const computed = {
    output: read(found.output),
    input: read(found.input),
    weights: read(found.weights),
    withoutInput: { isNull: found.isNull.dataSync()[0] === 1, weights: read(found.leanWeights) },
    outputR: read(found.outputR),
    inputR: read(found.inputR),
    outputAlongWeights: found.outputAlongWeights.size === 0 ? null : read(found.outputAlongWeights),
    inputAlongWeights: read(found.inputAlongWeights),
    inputAlongWeightsLean: read(found.inputAlongWeightsLean),
    weightsR: read(found.weightsR),
    weightsAlongWeights: read(found.weightsAlongWeights),
    withoutInputR: { isNull: found.isNullR.dataSync()[0] === 1, weights: read(found.leanWeightsR) },
    unwanted: found.unwanted.dataSync()[0]!,
  };
  dispose(found);
  return computed;
}

function norm(x: ArrayLike<number>): number {
  return Math.hypot(...Array.from(x));
}

function assertClose(actual: Numbers, expected: Numbers, what: string, tolerance = TOLERANCE): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const error = norm(actual.map((value, i) => value - expected[i]!));
  const scale = norm(expected);
  assert.ok(error <= tolerance * scale, `${what}: off by ${error} of ${scale}`);
}

const dot = (a: Numbers, b: Numbers): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const moved = (x: Numbers, direction: Numbers | null, t: number): Numbers =>
  direction === null ? x : x.map((value, i) => value + t * direction[i]!);

/** [f(x + t e_i) - f(x - t e_i)] / 2t for every coordinate i. */
function gradientOf(f: (x: Numbers) => number, x: Numbers): Numbers {
  return x.map((_, i) => {
    const at = (t: number): number => f(x.map((value, k) => (k === i ? value + t : value)));
    return (at(STEP) - at(-STEP)) / (2 * STEP);
  });
}

for (const one of cases) {
  const { name, layer, slow } = one;
  const drawn = draw(one);
  let computed: Computed | undefined;
  const stacked = (): Computed => (computed ??= compute(one, drawn, [0, 1])); // when the backend is ready
  const replicas = [0, 1].map((s) => ({
    x: drawn.x[s]!,
    xR: drawn.xR[s]!,
    w: drawn.w[s]!,
    v: drawn.v[s]!,
    d: drawn.d[s]!,
    dR: drawn.dR[s]!,
  }));

  test(`${name}: forward equals a slow loop when weights differ per replica`, () => {
    const together = stacked();
    for (const [s, { x, w }] of replicas.entries()) assertClose(together.output[s]!, slow(x, w), `replica ${s}`);
  });

  test(`${name}: backward equals differences of <d, f(x; w)>`, () => {
    const together = stacked();
    for (const [s, { x, w, d }] of replicas.entries()) {
      assertClose(
        together.input[s]!,
        gradientOf((y) => dot(d, slow(y, w)), x),
        `dL/dx of replica ${s}`,
      );
      assertClose(
        together.weights[s]!,
        gradientOf((u) => dot(d, slow(x, u)), w),
        `dL/dw of replica ${s}`,
      );
    }
  });

  test(`${name}: backward leaves the input out when it is not wanted`, () => {
    const together = stacked();
    const { isNull, weights } = together.withoutInput;
    if (countWeights(layer) > 0) assert.ok(isNull, "computed nevertheless");
    assert.deepEqual(weights, together.weights);
    assert.deepEqual(together.inputAlongWeightsLean, together.inputAlongWeights);
    if (countWeights(layer) > 0) assert.ok(together.withoutInputR.isNull, "R{dL/dx} computed nevertheless");
    assert.deepEqual(together.withoutInputR.weights, together.weightsAlongWeights);
    assert.equal(together.unwanted, 0, "R{dL/dw} computed nevertheless");
  });

  test(`${name}: R-forward equals differences along a direction in weights and input`, () => {
    const together = stacked();
    for (const [s, { x, xR, w, v }] of replicas.entries()) {
      const along = (input: Numbers | null): Numbers => {
        const [up, down] = [STEP, -STEP].map((t) => slow(moved(x, input, t), moved(w, v, t))) as [Numbers, Numbers];
        return up.map((value, i) => (value - down[i]!) / (2 * STEP));
      };
      assertClose(together.outputR[s]!, along(xR), `along weights and input, replica ${s}`);
      if (countWeights(layer) === 0) assert.equal(together.outputAlongWeights, null);
      else assertClose(together.outputAlongWeights![s]!, along(null), `along weights, replica ${s}`);
    }
  });

  test(`${name}: R-backward equals differences of the backward pass along the direction`, () => {
    const together = stacked();
    for (const [s, { x, xR, w, v, d, dR }] of replicas.entries()) {
      const change = (gradientAt: (t: number) => Numbers): Numbers => {
        const [up, down] = [gradientAt(STEP), gradientAt(-STEP)];
        return up.map((value, i) => (value - down[i]!) / (2 * STEP));
      };
      const along = (input: Numbers | null): { x: Numbers; w: Numbers } => ({
        x: change((t) => gradientOf((y) => dot(moved(d, dR, t), slow(y, moved(w, v, t))), moved(x, input, t))),
        w: change((t) => gradientOf((u) => dot(moved(d, dR, t), slow(moved(x, input, t), u)), moved(w, v, t))),
      });
      const [both, weightsOnly] = [along(xR), along(null)];
      assertClose(together.inputR[s]!, both.x, `of dL/dx along weights and input, replica ${s}`);
      assertClose(together.inputAlongWeights[s]!, weightsOnly.x, `of dL/dx along weights, replica ${s}`);
      assertClose(together.weightsR[s]!, both.w, `of dL/dw along weights and input, replica ${s}`);
      assertClose(together.weightsAlongWeights[s]!, weightsOnly.w, `of dL/dw along weights, replica ${s}`);
    }
  });

  test(`${name}: two replicas together give what each gives alone`, () => {
    const together = stacked();
    for (const s of [0, 1]) {
      const alone = compute(one, drawn, [s]);
      for (const key of [
        "output",
        "input",
        "weights",
        "outputR",
        "inputR",
        "inputAlongWeights",
        "weightsR",
        "weightsAlongWeights",
      ] as const) {
        assertClose(together[key][s]!, alone[key][0]!, `${key} of replica ${s}`, 1e-6);
      }
    }
  });

  test(`${name}: unpack then pack gives the vector back, one axis per parameter shape`, () => {
    const size = countWeights(layer);
    const vectors = Float32Array.from({ length: 2 * size }, (_, i) => i);
    if (size === 0) return assert.deepEqual(layer.parameters, []);
    const back = tidy(() => packWeights(layer, unpackWeights(layer, tf.tensor2d(vectors, [2, size]))));
    assert.deepEqual([...back.dataSync()], [...vectors]);
    back.dispose();
  });
}

function packed(layer: Layer, tensors: readonly { values: number[]; sizes: number[] }[]): number[] {
  const vector = tidy(() =>
    packWeights(
      layer,
      tensors.map(({ values, sizes }) => tf.tensor(values, sizes)),
    ),
  );
  const numbers = [...vector.dataSync()];
  vector.dispose();
  return numbers;
}

test("convolution: public filters are [O, C, k, k] when the engine holds [k, k, C, O]", () => {
  // One filter on two channels of 2x2. The engine's order is (offset, channel): 00a 00b 01a 01b 10a 10b 11a 11b.
  const layer = convolution([2, 3, 3], { channels: 1, size: 2 });
  const engine = [1, 5, 2, 6, 3, 7, 4, 8]; // channel a holds 1 2 3 4, channel b 5 6 7 8
  assert.deepEqual(layer.parameters[0]!.shape, [1, 2, 2, 2]);
  assert.deepEqual(
    packed(layer, [
      { values: engine, sizes: [2, 2, 2, 1] },
      { values: [9], sizes: [1] },
    ]),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test("transposedConvolution: public filters are [C, O, k, k] when the engine holds [k, k, O, C]", () => {
  // Two inputs, one output, patches of 2x2: offset by offset, and in each the two inputs.
  const layer = transposedConvolution([2, 3, 3], { channels: 1, size: 2 });
  assert.deepEqual(layer.parameters[0]!.shape, [2, 1, 2, 2]);
  assert.deepEqual(
    packed(layer, [
      { values: [1, 5, 2, 6, 3, 7, 4, 8], sizes: [2, 2, 1, 2] },
      { values: [9], sizes: [1] },
    ]),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test("gelu: is PyTorch's within the rounding of 1 + erf, far into the tails", () => {
  // torch.nn.functional.gelu of float64
  const expected: readonly [z: number, a: number][] = [
    [-8, -4.88498130835e-15],
    [-5, -1.43325785934e-6],
    [-4, -0.000126684967332],
    [-3, -0.00404969409489],
    [-2, -0.0455002638964],
    [-1, -0.158655253931],
    [-0.5, -0.154268769363],
    [-0.1, -0.0460172162723],
    [0, 0],
    [0.1, 0.0539827837277],
    [0.5, 0.345731230637],
    [1, 0.841344746069],
    [2, 1.9544997361],
    [3, 2.99595030591],
    [5, 4.99999856674],
    [8, 8],
  ];
  const found = tidy(() => gelu([expected.length]).forward(tf.tensor3d(expected.map(([z]) => z), [1, 1, expected.length]), []).output); // prettier-ignore
  const values = found.dataSync();
  found.dispose();
  for (const [i, [z, a]] of expected.entries())
    assert.ok(Math.abs(values[i]! - a) <= 2 ** -23 * Math.max(1, Math.abs(z)), `gelu(${z}) is ${values[i]}, not ${a}`);
});

test("windowPooling max: never takes the border, however negative the image is", () => {
  const found = tidy(
    () => windowPooling([1, 2, 2], "max", { size: 3, stride: 2, padding: 1 }).forward(tf.fill([1, 2, 2, 1], -1e30), []).output, // prettier-ignore
  );
  assert.deepEqual([...found.dataSync()], [Math.fround(-1e30)]);
  found.dispose();
});

test("earlyMaxima: computes the same, with the weights in the same order", () => {
  const layers = blockLayers();
  assert.deepEqual(earlyMaxima(layers).map(({ kind }) => kind), ["filters", "max pooling", "bias", "tanh"]); // prettier-ignore
  const [late, early] = [layers, earlyMaxima(layers)].map((all) => sequence([2, 6, 6], all.map((one) => () => one))); // prettier-ignore
  const outputs = [late!, early!].map((layer) => {
    const rng = createRng("early");
    const [x, w] = [rng.normals(72), rng.normals(countWeights(layer))];
    const found = tidy(() => layer.forward(tf.tensor(x, [1, 6, 6, 2]), unpackWeights(layer, tf.tensor2d(w, [1, w.length]))).output); // prettier-ignore
    const values = [...found.dataSync()];
    found.dispose();
    return values;
  });
  assert.deepEqual(outputs[1], outputs[0]);
});

/** Convolution, tanh, max pooling. */
function blockLayers(): Layer[] {
  return [convolution([2, 6, 6], { channels: 3, size: 3 }), activation([3, 4, 4], "tanh"), pooling([3, 4, 4], "max")];
}

test("chainOf: takes chains apart, and nothing else", () => {
  const layer = sequence([2, 6, 6], [
    ...blockLayers().map((one) => () => one),
    (shape) => residual(shape, [(s) => activation(s, "relu")]),
  ]); // prettier-ignore
  assert.deepEqual(chainOf(layer).map(({ kind }) => kind), ["filters", "bias", "tanh", "max pooling", "residual"]); // prettier-ignore
});

test("dense, convolution, transposedConvolution: fanIn counts the inputs of one output", () => {
  assert.deepEqual(fanIns(dense([7], 3)), [7, 7]);
  assert.deepEqual(fanIns(convolution([2, 5, 5], { channels: 3, size: 3 })), [18, 18]);
  assert.deepEqual(fanIns(convolution([4, 5, 5], { channels: 4, size: 3, groups: 2 })), [18, 18]);
  assert.deepEqual(fanIns(dense([7], 3, false)), [7]);
  // 4·4·2 taps spread over 2·2 outputs a step
  assert.deepEqual(fanIns(transposedConvolution([2, 5, 5], { channels: 3, size: 4, stride: 2 })), [8, 8]);
});

function fanIns(layer: Layer): number[] {
  return layer.parameters.map(({ fanIn }) => fanIn);
}

test("pooling max: the first of equal maxima takes the gradient when a window is constant", () => {
  const gradient = (values: number[], size: number): number[] => {
    const input = tidy(() => {
      const trace = pooling([1, size, size], "max", size).forward(tf.tensor(values, [1, size, size, 1]), []);
      return trace.backward(tf.ones([1, 1, 1, 1]), "both").input!;
    });
    const found = [...input.dataSync()];
    input.dispose();
    return found;
  };
  assert.deepEqual(gradient([3, 3, 3, 3], 2), [1, 0, 0, 0]);
  assert.deepEqual(gradient([0, 3, 3, 3], 2), [0, 1, 0, 0]); // the first row that holds a 3, whatever its column
  assert.deepEqual(gradient([0, 3, 0, 3], 2), [0, 1, 0, 0]);
  assert.deepEqual(gradient([0, 0, 3, 3], 2), [0, 0, 1, 0]);
  assert.deepEqual(gradient([0, 0, 0, 0, 7, 7, 7, 7, 0], 3), [0, 0, 0, 0, 1, 0, 0, 0, 0]);
});

test("pooling max, size 1: is the identity, forward and backward", () => {
  const found = tidy(() => {
    const trace = pooling([1, 1, 2], "max", 1).forward(tf.tensor([5, -6], [1, 1, 2, 1]), []);
    return { output: trace.output, input: trace.backward(tf.tensor([2, 3], [1, 1, 2, 1]), "both").input! };
  });
  assert.deepEqual([...found.output.dataSync()], [5, -6]);
  assert.deepEqual([...found.input.dataSync()], [2, 3]);
  dispose(found);
});

test("gainOf: is sqrt(2) for relu and 1 for the others", () => {
  assert.deepEqual([gainOf("relu"), gainOf("tanh"), gainOf("sigmoid")], [Math.SQRT2, 1, 1]);
});

test("layers: refuse shapes that do not fit, naming themselves", () => {
  const refused: readonly [RegExp, () => Layer][] = [
    [/^dense: needs a flat input \[F\], got \[1, 2, 2\]; put flatten before it$/, () => dense([1, 2, 2], 3)],
    [/^convolution: needs an image input/, () => convolution([4], { channels: 1, size: 1 })],
    [/^convolution: needs an image of at least 5 pixels/, () => convolution([1, 4, 6], { channels: 1, size: 5 })],
    [/^transposedConvolution: needs an image input/, () => transposedConvolution([4], { channels: 1, size: 1 })],
    [/^pooling: needs an image input/, () => pooling([4], "max")],
    [/^pooling: needs sides that are multiples of 2, got \[1, 4, 5\]$/, () => pooling([1, 4, 5], "average")],
    [/^pooling: needs an integer stride >= 1, got 0/, () => windowPooling([1, 4, 4], "max", { size: 2, stride: 0 })],
    [/^pooling: needs padding <= 3 \/ 2, got 2$/, () => windowPooling([1, 4, 4], "max", { size: 3, padding: 2 })],
    [/^pooling: needs an image of at least 5 pixels/, () => windowPooling([1, 4, 4], "average", { size: 5 })],
    [/^pooling: needs windows of at most 8 pixels a side, got 1000000000$/, () => windowPooling([1, 4, 4], "max", { size: 1e9, padding: 5e8 })], // prettier-ignore
    [/^adaptivePooling: needs output sides of at most 1024, got 1000000000$/, () => adaptivePooling([1, 4, 4], [1e9, 1])], // prettier-ignore
    [/^adaptivePooling: needs an image input/, () => adaptivePooling([4], [1, 1])],
    [/^adaptivePooling: needs an integer output side >= 1, got 0/, () => adaptivePooling([1, 4, 4], [1, 0])],
    [
      /^convolution: needs groups that divide 3 input and 4 output channels, got 2$/,
      () => convolution([3, 4, 4], { channels: 4, size: 1, groups: 2 }),
    ],
    [/^standardize: needs groups that divide 3 channels, got 2$/, () => groupNorm([3, 4, 4], 2)],
    [/^standardize: needs eps > 0, got 0$/, () => layerNorm([3], { eps: 0 })],
    [/^leakyRelu: needs a finite negativeSlope, got NaN$/, () => leakyRelu([3], NaN)],
    [/^flatten: needs an image input/, () => flatten([4])],
    [/^resample: needs a square image/, () => resample([1, 2, 3], new Float32Array(6), 3)],
    [/^resample: needs a matrix of 4 x 2 numbers, got 6$/, () => resample([1, 2, 2], new Float32Array(6), 4)],
    [/^affine: needs an image input/, () => affine([4])],
    [/^sequence: needs at least one layer/, () => sequence([4], [])],
    [
      /^residual: needs a shortcut of shape \[3\], got \[4\]; give a shortcut/,
      () => residual([4], [(shape) => dense(shape, 3)]),
    ],
  ];
  for (const [message, build] of refused) {
    assert.throws(build, (error) => error instanceof InputError && message.test(error.message));
  }
});
