import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch, Shape } from "../core/types";
import { architectures } from "./architectures";
import { buildNetwork, stateDictOf, type NetworkOptions } from "./buildNetwork";
import { layerNames, withStatistics, type LayerList, type LayerSpec } from "./layerList";
import { chainOf } from "./layers/compose";
import { initialWeights, lossAndGradient, type Network } from "./network";
import { volume } from "./stack";

before(backendReady);

const digits: Shape = [1, 28, 28];
const photos: Shape = [3, 32, 32];

/** LeNet-5 in the words of torch.nn. */
const lenet = (act: LayerSpec, pool: LayerSpec): LayerList => [
  ...[{ conv2d: { out: 6, kernel: 5, padding: 2 } }, act, pool],
  ...[{ conv2d: { out: 16, kernel: 5 } }, act, pool],
  ...["flatten" as const, { linear: 120 }, act, { linear: 84 }, act, { linear: 10 }],
];

/** The network of PyTorch's tutorial "Training a classifier". */
const tutorial: LayerList = [
  ...[{ conv2d: { out: 6, kernel: 5 } }, "relu" as const, { maxPool2d: 2 }],
  ...[{ conv2d: { out: 16, kernel: 5 } }, "relu" as const, { maxPool2d: 2 }],
  ...["flatten" as const, { linear: 120 }, "relu" as const, { linear: 84 }, "relu" as const, { linear: 10 }],
];

function batchOf(shape: Shape, size = 3): Batch {
  const rng = createRng("batch");
  return { images: rng.uniforms(size * volume(shape)), labels: Int32Array.from({ length: size }, (_, i) => i), size };
}

function evaluated(network: Network): ReturnType<typeof lossAndGradient> {
  const weights = initialWeights(network.layer, createRng("weights"), "pytorch", 1);
  return lossAndGradient(network, [weights], [batchOf(network.inputShape)]);
}

for (const activation of ["relu", "tanh", "sigmoid"] as const) {
  for (const pooling of ["max", "average"] as const) {
    test(`layer list: LeNet-5 with ${activation} and ${pooling} pooling is the architecture's, bit for bit`, () => {
      const list = lenet(activation, pooling === "max" ? { maxPool2d: 2 } : { avgPool2d: { kernel: 2 } });
      const named = buildNetwork("lenet5", digits, 10, { activation, pooling });
      const listed = buildNetwork(list, digits, 10);
      assert.deepEqual(evaluated(listed), evaluated(named));
    });
  }
}

test("layer list: PyTorch's tutorial network has its 62006 weights, and is LeNet-5 on photographs bit for bit", () => {
  const network = buildNetwork(tutorial, photos, 10);
  assert.equal(network.size, 62_006);
  assert.deepEqual(evaluated(network), evaluated(buildNetwork("lenet5", photos, 10)));
});

test("layer list: survives JSON", () => {
  const again = JSON.parse(JSON.stringify(tutorial)) as LayerList;
  assert.deepEqual(evaluated(buildNetwork(again, photos, 10)), evaluated(buildNetwork(tutorial, photos, 10)));
});

test("buildNetwork: normalize is (x - mean) / std before the model, for a name as for a list", () => {
  const normalize = { mean: [0.5, 0.25, 0.125], std: [0.5, 2, 0.25] };
  const batch = batchOf(photos);
  const area = 32 * 32;
  const images = batch.images.map((x, i) => {
    const channel = Math.floor(i / area) % 3;
    return Math.fround(Math.fround(x - normalize.mean[channel]!) / normalize.std[channel]!);
  });
  for (const model of ["lenet5", tutorial] as const) {
    const [plain, inside] = [buildNetwork(model, photos, 10), buildNetwork(model, photos, 10, { normalize })];
    assert.equal(inside.size, plain.size);
    const weights = initialWeights(plain.layer, createRng("weights"), "pytorch", 1);
    const expected = lossAndGradient(plain, [weights], [{ ...batch, images }]);
    assert.deepEqual(lossAndGradient(inside, [weights], [batch]), expected);
  }
});

test("buildNetwork: padding behind normalize is the mean, as the border of an image that is all mean shows", () => {
  const list: LayerList = [{ conv2d: { out: 1, kernel: 3, padding: 1, bias: false } }, "flatten", { linear: 2 }];
  const network = buildNetwork(list, [1, 3, 3], 2, { normalize: { mean: [0.3], std: [0.2] } });
  const weights = initialWeights(network.layer, createRng("weights"), "pytorch", 1);
  const batch = { images: new Float32Array(9).fill(0.3), labels: Int32Array.of(1), size: 1 };
  const [gradient] = lossAndGradient(network, [weights], [batch]).gradients;
  assert.deepEqual([...gradient!.subarray(0, 9)].map(Math.abs), new Array(9).fill(0)); // nothing but mean, nothing to see
});

test("layer list: words may stand as objects, and options at their defaults change nothing", () => {
  const short: LayerList = [{ conv2d: { out: 2, kernel: 3 } }, { avgPool2d: 2 }, "leakyRelu", "layerNorm", "flatten", "dropout", { linear: 3 }]; // prettier-ignore
  const long = [
    { conv2d: { out: 2, kernel: 3, stride: 1, padding: 0, groups: 1, bias: true } },
    { avgPool2d: { kernel: 2, stride: 2, padding: 0 } },
    { leakyRelu: { slope: 0.01 } },
    { layerNorm: { eps: 1e-5, affine: true } },
    { flatten: true },
    { dropout: 0.5 },
    { linear: { out: 3, bias: true } },
  ] as unknown as LayerList;
  assert.deepEqual(evaluated(buildNetwork(long, [1, 8, 8], 3)), evaluated(buildNetwork(short, [1, 8, 8], 3)));
});

test("layer list: normalisations start at scale 1 and offset 0, by either rule", () => {
  const { layer } = buildNetwork([{ groupNorm: 1 }, "flatten", { linear: 2 }], [2, 2, 2], 2);
  for (const rule of ["pytorch", "variancePreserving"] as const)
    assert.deepEqual([...initialWeights(layer, createRng(1), rule, 1).subarray(0, 4)], [1, 1, 0, 0]);
});

/** One of every layer, statistics missing. */
const everything: LayerList = [
  { conv2d: { out: 4, kernel: 3, padding: 1, groups: 2, bias: false } },
  { batchNorm2d: {} },
  "silu",
  { residual: { body: [{ conv2d: { out: 6, kernel: 1 } }, { batchNorm2d: { affine: false } }], shortcut: [{ conv2d: { out: 6, kernel: 1, bias: false } }] } }, // prettier-ignore
  { residual: [{ groupNorm: 2 }, "gelu"] },
  { maxPool2d: { kernel: 3, stride: 2, padding: 1 } },
  "layerNorm",
  { adaptiveAvgPool2d: [2, 1] },
  "flatten",
  { linear: { out: 5, bias: false } },
  { batchNorm1d: {} },
  { leakyRelu: 0.2 },
  "dropout",
  { linear: 3 },
];

test("stateDictOf: gives nn.Sequential's names, PyTorch's shapes and its buffers, in order", () => {
  const buffers = (at: string, channels: number): string[] => [`${at}.running_mean [${channels}] buffer`, `${at}.running_var [${channels}] buffer`, `${at}.num_batches_tracked [] buffer`]; // prettier-ignore
  assert.deepEqual(
    stateDictOf(everything, [2, 8, 8]).map(
      ({ name, shape, kind }) => `${name} [${shape.join()}]${kind === "buffer" ? " buffer" : ""}`,
    ),
    [
      "0.weight [4,1,3,3]",
      ...["1.weight [4]", "1.bias [4]", ...buffers("1", 4)],
      ...["3.body.0.weight [6,4,1,1]", "3.body.0.bias [6]", ...buffers("3.body.1", 6), "3.shortcut.0.weight [6,4,1,1]"],
      ...["4.body.0.weight [6]", "4.body.0.bias [6]"],
      ...["6.weight [6,4,4]", "6.bias [6,4,4]"],
      "9.weight [5,12]",
      ...["10.weight [5]", "10.bias [5]", ...buffers("10", 5)],
      ...["13.weight [3,5]", "13.bias [3]"],
    ],
  );
});

test("stateDictOf: its parameters in order are the network's", () => {
  const filled = withStatistics(everything, ones(everything));
  const { layer } = buildNetwork(filled, [2, 8, 8], 3);
  const shapes = stateDictOf(everything, [2, 8, 8]).filter(({ kind }) => kind === "parameter");
  assert.deepEqual(
    shapes.map(({ shape }) => shape),
    layer.parameters.map(({ shape }) => shape),
  );
});

/** Buffers that are 1 throughout. */
function ones(list: LayerList): Record<string, number[]> {
  const buffers = stateDictOf(list, [2, 8, 8]).filter(({ kind }) => kind === "buffer");
  return Object.fromEntries(buffers.map(({ name, shape }) => [name, new Array<number>(volume(shape)).fill(1)]));
}

test("stateDictOf: of a named architecture has the shapes, its layers with weights numbered", () => {
  const named = stateDictOf("lenet5", digits, 10);
  const listed = stateDictOf(lenet("relu", { maxPool2d: 2 }), digits, 10);
  assert.deepEqual(
    named.map(({ shape }) => shape),
    listed.map(({ shape }) => shape),
  );
  assert.deepEqual(
    named.map(({ name }) => name),
    [0, 1, 2, 3, 4].flatMap((i) => [`${i}.weight`, `${i}.bias`]),
  );
});

test("stateDictOf: refuses what buildNetwork does, by its own name", () => {
  const refused: readonly [unknown, number | undefined, string][] = [
    ["lenet5", undefined, "needs an integer numClasses >= 2, got undefined"],
    ["lenet", 10, `needs an architecture of ${Object.keys(architectures).join(", ")}, got lenet; did you mean lenet5?`],
    [["flatten", { linear: 9 }], 10, 'needs a list of layers that ends in 10 logits, got [9]; end it with { "linear": 10 }'], // prettier-ignore
    [["flatten", { lineal: 9 }], undefined, `needs layer 1 to be one of ${layerNames.join(", ")}, got lineal; did you mean linear?`], // prettier-ignore
    [[{ linear: 9 }], undefined, "layer 0 (linear) needs a flat input [F], got [1, 28, 28]; put flatten before it"],
  ];
  for (const [model, classes, message] of refused)
    assert.throws(() => stateDictOf(model as LayerList, digits, classes), {
      name: "InputError",
      message: `stateDictOf: ${message}`,
    });
});

test("withStatistics: fills what is missing wherever it stands, and leaves what is given", () => {
  const list: LayerList = [{ residual: [{ batchNorm2d: {} }] }, { batchNorm2d: { mean: [7], variance: [8] } }];
  const filled = withStatistics(list, { "0.body.0.running_mean": [1], "0.body.0.running_var": Float32Array.of(2) });
  assert.deepEqual(filled, [
    { residual: { body: [{ batchNorm2d: { mean: [1], variance: [2] } }] } },
    { batchNorm2d: { mean: [7], variance: [8] } },
  ]);
  const word = withStatistics(["batchNorm2d"], { "0.running_mean": [1], "0.running_var": [2] });
  assert.deepEqual(word, [{ batchNorm2d: { mean: [1], variance: [2] } }]);
});

test("withStatistics: refuses what is no list, no layer or no buffers, naming the layer as a state_dict does", () => {
  const refused: readonly [unknown, unknown, string][] = [
    [[{ residual: ["batchNorm2d"] }], { running: [1] }, "needs 0.body.0.running_mean among the buffers, got [running]"],
    [["relu"], null, "needs an object of buffers by their names, got null"],
    ["mlp", {}, "needs a list of layers, got mlp"],
    [["relu", { residual: 3 }], {}, "needs a list of layers as 1.body, got 3"],
    [[{ residual: null }], {}, "needs a list of layers as 0.body, got null"],
    [[{ batchNorm2d: null }], {}, "needs an object of options for layer 0 (batchNorm2d), got null; options are: mean, variance, eps, affine"], // prettier-ignore
    [[{ residual: ["rely"] }], {}, `needs layer 0.body.0 to be one of ${layerNames.join(", ")}, got rely; did you mean relu?`], // prettier-ignore
  ];
  for (const [list, buffers, message] of refused)
    assert.throws(() => withStatistics(list as LayerList, buffers as Record<string, number[]>), {
      name: "InputError",
      message: `withStatistics: ${message}`,
    });
});

test("buildNetwork: refuses a bad list in one line, with the layer's place", () => {
  const head = ["flatten", { linear: 10 }];
  const all = layerNames.join(", ");
  const refused: readonly [unknown, string][] = [
    [[], "needs at least one layer, got none"],
    [[7], 'needs a name, or an object with one, as layer 0, got 7; e.g. "relu", or { "linear": 10 }'],
    [[null], 'needs a name, or an object with one, as layer 0, got null; e.g. "relu", or { "linear": 10 }'],
    [[{ linear: 1, relu: true }], 'needs a name, or an object with one, as layer 0, got {"linear":1,"relu":true}; e.g. "relu", or { "linear": 10 }'], // prettier-ignore
    [["relu", "Conv2d"], `needs layer 1 to be one of ${all}, got Conv2d; did you mean conv2d?`],
    [["constructor"], `needs layer 0 to be one of ${all}, got constructor`],
    [[{ MaxPool2D: 2 }, ...head], `needs layer 0 to be one of ${all}, got MaxPool2D; did you mean maxPool2d?`],
    [[{ conv2d: { out: 4, kernal: 3 } }, ...head], "needs only known names in layer 0 (conv2d), got kernal; did you mean kernel?"], // prettier-ignore
    [[{ conv2d: { kernel: 3 } }, ...head], "needs an integer out of layer 0 (conv2d) >= 1, got undefined"],
    [[{ conv2d: { out: 4, kernel: 3, stride: 0 } }], "needs an integer stride of layer 0 (conv2d) >= 1, got 0"],
    [[{ conv2d: { out: 4, kernel: 3, stride: null } }], "needs an integer stride of layer 0 (conv2d) >= 1, got null"],
    [[{ dropout: 2 }], "needs p of layer 0 (dropout) in 0..1, got 2"],
    [[{ conv2d: { out: 4, kernel: [3, 3] } }], "needs an integer kernel of layer 0 (conv2d) >= 1, got [3, 3]"],
    [[{ conv2d: { out: 4, kernel: 3, padding: -1 } }], "needs an integer padding of layer 0 (conv2d) >= 0, got -1"],
    [[{ conv2d: { out: 4, kernel: 3, bias: 0 } }], "needs true or false as bias of layer 0 (conv2d), got 0"],
    [[{ conv2d: { out: 4, kernel: 3, groups: 2 } }], "layer 0 (conv2d) needs groups that divide 1 input and 4 output channels, got 2"], // prettier-ignore
    [[{ conv2d: { out: 4, kernel: 30 } }], "layer 0 (conv2d) needs an image of at least 30 pixels a side after padding, got [1, 28, 28]"], // prettier-ignore
    [[{ conv2d: 4 }], "needs an object of options for layer 0 (conv2d), got 4; options are: out, kernel, stride, padding, groups, bias"], // prettier-ignore
    [[{ relu: 0.1 }], "needs an object of options for layer 0 (relu), got 0.1; it takes none"],
    [[{ relu: null }], "needs an object of options for layer 0 (relu), got null; it takes none"],
    [[{ leakyRelu: "0.1" }], "needs a number as slope of layer 0 (leakyRelu), got 0.1"],
    [[{ linear: 10 }], "layer 0 (linear) needs a flat input [F], got [1, 28, 28]; put flatten before it"],
    [["flatten", { linear: "10" }], "needs an integer out of layer 1 (linear) >= 1, got 10"],
    [["flatten", { maxPool2d: 2 }], "layer 1 (maxPool2d) needs an image input [C, H, W], got [784]"],
    [[{ maxPool2d: { kernel: 2, padding: 2 } }], "layer 0 (maxPool2d) needs padding <= 2 / 2, got 2"],
    [[{ avgPool2d: 29 }], "layer 0 (avgPool2d) needs an image of at least 29 pixels a side after padding, got [1, 28, 28]"], // prettier-ignore
    [[{ maxPool2d: { kernel: 2, ceil_mode: true } }], "needs only known names in layer 0 (maxPool2d), got ceil_mode; known are: kernel, stride, padding"], // prettier-ignore
    [[{ adaptiveAvgPool2d: [1, 2, 3] }], "needs one output side or two in layer 0 (adaptiveAvgPool2d), got [1, 2, 3]"],
    [[{ adaptiveAvgPool2d: 0 }], "needs an integer output side of layer 0 (adaptiveAvgPool2d) >= 1, got 0"],
    [[{ groupNorm: 2 }], "layer 0 (groupNorm) needs groups that divide 1 channels, got 2"],
    [[{ layerNorm: { eps: 0 } }], "needs eps > 0 of layer 0 (layerNorm), got 0"],
    [[{ batchNorm2d: {} }, ...head], "needs mean and variance of layer 0 (batchNorm2d), got none; read them from a checkpoint by withStatistics"], // prettier-ignore
    [[{ batchNorm2d: { mean: [1, 2], variance: [1, 1] } }], "layer 0 (batchNorm2d) needs mean to be 1 numbers, one per channel, got [1, 2]"], // prettier-ignore
    [[{ batchNorm2d: { mean: [1], variance: [-1] } }], "layer 0 (batchNorm2d) needs variance to be 1 finite numbers >= 0, got [-1]"], // prettier-ignore
    [["flatten", { batchNorm2d: {} }], "needs images [C, H, W] before layer 1 (batchNorm2d), got [784]"],
    [[{ batchNorm1d: {} }], "needs features [F] before layer 0 (batchNorm1d), got [1, 28, 28]"],
    [[{ residual: [] }], "needs at least one layer in the body of layer 0 (residual), got none"],
    [[{ residual: { body: ["relu", "rely"] } }], `needs layer 1 in the body of layer 0 (residual) to be one of ${all}, got rely; did you mean relu?`], // prettier-ignore
    [[{ residual: [{ avgPool2d: 2 }] }], "layer 0 (residual) needs a shortcut of shape [1, 14, 14], got [1, 28, 28]; give a shortcut that changes the shape"], // prettier-ignore
    [[{ residual: [{ residual: [{ linear: 3 }] }] }], "layer 0 (linear) in the body of layer 0 (residual) in the body of layer 0 (residual) needs a flat input [F], got [1, 28, 28]; put flatten before it"], // prettier-ignore
    [
      ["flatten", { linear: 84 }],
      'needs a list of layers that ends in 10 logits, got [84]; end it with { "linear": 10 }',
    ],
    [["relu"], 'needs a list of layers that ends in 10 logits, got [1, 28, 28]; end it with { "linear": 10 }'],
  ];
  for (const [list, message] of refused) {
    assert.throws(() => buildNetwork(list as LayerList, digits, 10), {
      name: "InputError",
      message: `buildNetwork: ${message}`,
    });
  }
});

test("buildNetwork: refuses a list without weights, which has no gradient", () => {
  assert.throws(() => buildNetwork(["flatten"], [1, 2, 5], 10), {
    name: "InputError",
    message: "buildNetwork: needs a list of layers of which one has weights, got none",
  });
});

test("buildNetwork: refuses a normalisation that is none", () => {
  const refused: readonly [unknown, RegExp][] = [
    [{ mean: [0.5] }, /^normalize: needs std to be 1 numbers, one per channel, got undefined$/],
    [{ mean: [0.5, 0.5], std: [1] }, /^normalize: needs mean to be 1 numbers, one per channel, got \[0\.5, 0\.5\]$/],
    [{ mean: [0.5], std: [0] }, /^normalize: needs std > 0, got \[0\]$/],
    [{ mean: [NaN], std: [1] }, /^normalize: needs finite numbers in mean, got NaN at index 0$/],
    [{ mean: [0.5], std: [1], variance: [1] }, /^buildNetwork: needs only known names in normalize, got variance/],
    [0.5, /^buildNetwork: needs an object for normalize, got 0\.5$/],
  ];
  for (const [normalize, message] of refused) {
    const options = { normalize } as NetworkOptions;
    assert.throws(() => buildNetwork("mlp", digits, 10, options), { name: "InputError", message });
  }
});

test("layer list: maxima come before biases and rising activations, and only those", () => {
  const kinds = (list: LayerList): string[] => chainOf(buildNetwork(list, digits, 2).layer).map(({ kind }) => kind);
  const conv = { conv2d: { out: 2, kernel: 5 } };
  const end: LayerList = ["flatten", { linear: 2 }];
  const pool = { maxPool2d: 2 };
  assert.deepEqual(kinds([conv, "tanh", pool, ...end]), ["filters", "max pooling", "bias", "tanh", "flatten", "dense"]);
  assert.deepEqual(kinds([conv, pool, "relu", ...end]), ["filters", "max pooling", "bias", "relu", "flatten", "dense"]);
  assert.deepEqual(kinds([conv, "gelu", pool, ...end]), ["filters", "bias", "gelu", "max pooling", "flatten", "dense"]);
});
