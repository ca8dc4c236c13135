/**
 * @file Whole networks. Their layers are held against double precision in layers/layers.test.ts, and lenet5's second
 * derivatives against another library's by the vectors command; here it is what networks add.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy } from "../core/backend";
import { InputError } from "../core/errors";
import { createRng, type Rng } from "../core/rng";
import type { Batch, Shape } from "../core/types";
import { architectures, type ArchitectureName } from "./architectures";
import { buildNetwork } from "./buildNetwork";
import { activation, gainOf } from "./layers/activation";
import { dense } from "./layers/dense";
import { crossEntropy } from "./loss";
import {
  createNetwork,
  evaluate,
  hessianVectorProduct,
  initialWeights,
  lossAndGradient,
  type Network,
} from "./network";
import { volume } from "./stack";
import type { ArchitectureOptions } from "./options";

before(backendReady);

const digits: Shape = [1, 28, 28];

function randomBatch(size: number, rng: Rng, shape: Shape = digits, classes = 10): Batch {
  return {
    images: rng.split("images").uniforms(size * volume(shape)),
    labels: Int32Array.from({ length: size }, () => rng.integer(classes)),
    size,
  };
}

function norm(x: ArrayLike<number>): number {
  return Math.sqrt(Array.from(x).reduce((sum, value) => sum + value * value, 0));
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const error = norm(actual.map((value, i) => value - expected[i]!));
  assert.ok(error <= tolerance * norm(expected), `${what}: off by ${error} of ${norm(expected)}`);
}

test("buildNetwork: counts the weights of the literature for 28x28 images and 10 classes", () => {
  // lenet5: 6·25 + 6 + 16·6·25 + 16 + 400·120 + 120 + 120·84 + 84 + 84·10 + 10 = 61706
  // lenet5Wide: 32·25 + 32 + 64·32·25 + 64 + 64·49·512 + 512 + 512·10 + 10 = 1663370
  // mlp: 784·128 + 128 + 128·10 + 10 = 101770;  softmaxRegression: 784·10 + 10 = 7850
  const sizes = { lenet5: 61_706, lenet5Wide: 1_663_370, mlp: 101_770, softmaxRegression: 7850 };
  for (const [name, size] of Object.entries(sizes))
    assert.equal(buildNetwork(name as ArchitectureName, digits, 10).size, size);
  for (const name of Object.keys(architectures) as ArchitectureName[]) {
    const { name: own, size, numClasses, layer } = buildNetwork(name, digits, 10);
    const counted = layer.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assert.deepEqual([own, size, numClasses], [name, counted, 10]);
  }
});

test("lenet5: keeps LeCun's unpadded first convolution when images are 32x32", () => {
  // 32 - 4 = 28, pooled 14, - 4 = 10, pooled 5: as many features as the padded 28x28; two channels more add 2·6·25.
  assert.equal(buildNetwork("lenet5", [3, 32, 32], 10).size, 61_706 + 2 * 6 * 25);
});

test("buildNetwork: refuses parts that there are not, and options that it does not take", () => {
  const refused: readonly [unknown[], string][] = [
    [["constructor", digits, 10], `needs an architecture of ${Object.keys(architectures).join(", ")}, got constructor`],
    [["mlp", [28, 28], 10], "needs an inputShape [C, H, W], got [28, 28]"],
    [["mlp", [1, 28, NaN], 10], "needs an inputShape [C, H, W], got [1, 28, NaN]"],
    [["mlp", digits, 2.5], "needs an integer numClasses >= 2, got 2.5"],
    [
      ["mlp", digits, 10, { activation: "gelu" }],
      "needs an activation of sigmoid, tanh, relu, got gelu; did you mean relu?",
    ],
    [["lenet5", digits, 10, { pooling: "Max" }], "needs a pooling of average, max, got Max; did you mean max?"],
    [
      ["mlp", digits, 10, { activaton: "tanh" }],
      "needs only known names in options, got activaton; did you mean activation?",
    ],
    [["mlp", digits, 10, null], "needs an object for options, got null"],
  ];
  for (const [args, message] of refused) {
    const call = (): unknown => buildNetwork(...(args as Parameters<typeof buildNetwork>));
    assert.throws(call, { name: "InputError", message: `buildNetwork: ${message}` });
  }
  const max = { pooling: "Max" } as unknown as ArchitectureOptions;
  assert.throws(
    () => architectures.lenet5.build(digits, 10, max),
    /^InputError: pooling: needs a name of average, max, got Max; did you mean max\?$/,
  );
  const gelu = { activation: "gelu" } as unknown as ArchitectureOptions;
  assert.throws(
    () => architectures.mlp.build(digits, 10, gelu),
    /^InputError: activation: needs a name of sigmoid, tanh, relu, got gelu; did you mean relu\?$/,
  );
});

test("buildNetwork: refuses an unknown name, one class, and images too small for the windows", () => {
  const bad = "lenet" as ArchitectureName;
  assert.throws(() => buildNetwork(bad, digits, 10), {
    name: "InputError",
    message: `buildNetwork: needs an architecture of ${Object.keys(architectures).join(", ")}, got lenet; did you mean lenet5?`,
  });
  assert.throws(
    () => buildNetwork("mlp", digits, 1),
    /^InputError: buildNetwork: needs an integer numClasses >= 2, got 1/,
  );
  assert.throws(() => buildNetwork("lenet5", [1, 4, 4], 10), InputError);
});

test("createNetwork: refuses a layer that does not end in logits", () => {
  const images = activation([1, 2, 2], "relu");
  assert.throws(() => createNetwork("images", images), /^InputError: createNetwork: needs a layer that ends in logits/);
});

/** The parameter's part of a weight vector and zeros elsewhere. */
function blocks(network: Network, vector: Float32Array): { name: string; part: Float32Array }[] {
  let at = 0;
  return network.layer.parameters.map(({ name, shape }, i) => {
    const part = new Float32Array(vector.length);
    part.set(vector.subarray(at, at + volume(shape)), at);
    at += volume(shape);
    return { name: `${name} ${i}`, part };
  });
}

/**
 * Every parameter's gradient against central differences of the loss, along a direction made of the gradient itself (a wrong
 * one would not be the steepest) and of noise on the same parameter.
 *
 * The loss is a float32 of about 2.3, so differences carry an error of about 3e-7, some 1e-4 of a loss that moves by
 * 2e-3. The rest of the tolerance is for curvature, and for the kinks of relu and max that even a small step passes.
 */
function checkGradient(network: Network, weights: Float32Array, batch: Batch, longest: number): void {
  const tolerance = 1e-2;
  const { losses, gradients } = lossAndGradient(network, [weights], [batch]);
  assert.ok(losses[0]! > 0);
  const noise = blocks(network, createRng("noise").normals(network.size));
  for (const [i, { name, part: gradient }] of blocks(network, gradients[0]!).entries()) {
    const [size, spread] = [norm(gradient), norm(noise[i]!.part)];
    const direction = gradient.map((g, k) => g / size + noise[i]!.part[k]! / spread);
    const slope = gradient.reduce((sum, g, k) => sum + g * direction[k]!, 0);
    const step = Math.min(2e-3 / size, longest);
    const [up, down] = [step, -step].map((t) => {
      const at = weights.map((w, k) => w + t * direction[k]!);
      return lossAndGradient(network, [at], [batch]).losses[0]!;
    }) as [number, number];
    const measured = (up - down) / (2 * step);
    const error = Math.abs(measured - slope);
    assert.ok(error <= tolerance * Math.abs(slope), `${name}: ${slope}, differences give ${measured}`);
  }
}

const variants: readonly (readonly [name: ArchitectureName, options: ArchitectureOptions, batchSize: number])[] = [
  ["lenet5", { activation: "sigmoid", pooling: "average" }, 3],
  ["lenet5", { activation: "tanh", pooling: "max" }, 3],
  ["lenet5", { activation: "relu", pooling: "average" }, 3],
  ["lenet5", { activation: "relu", pooling: "max" }, 3],
  ["lenet5Wide", { activation: "relu", pooling: "max" }, 1],
  ["mlp", { activation: "tanh" }, 3],
  ["mlp", { activation: "relu" }, 3],
  ["softmaxRegression", {}, 3],
];

for (const [name, options, batchSize] of variants) {
  const words = [name, options.activation, options.pooling].filter((word) => word !== undefined).join(" ");
  test(`lossAndGradient: the gradient of ${words} equals central differences of the loss`, () => {
    const network = buildNetwork(name, digits, 10, options);
    const kinks = options.activation === "relu" || options.pooling === "max";
    const gain = gainOf(options.activation ?? "relu");
    const weights = initialWeights(network.layer, createRng(words), "variancePreserving", gain);
    checkGradient(network, weights, randomBatch(batchSize, createRng("batch")), kinks ? 5e-4 : 5e-2);
  });
}

test("lossAndGradient: three replicas stacked equal one at a time when weights and batches differ", () => {
  for (const name of ["lenet5", "mlp"] as const) {
    const network = buildNetwork(name, digits, 10);
    const rng = createRng("stacked");
    const weights = [0, 1, 2].map((s) => initialWeights(network.layer, rng.split("w", s), "pytorch", 1));
    const batches = [0, 1, 2].map((s) => randomBatch(2, rng.split("b", s)));
    const together = lossAndGradient(network, weights, batches);
    assert.equal(together.gradients.length, 3);
    for (const s of [0, 1, 2]) {
      const alone = lossAndGradient(network, [weights[s]!], [batches[s]!]);
      assert.ok(Math.abs(together.losses[s]! - alone.losses[0]!) < 1e-5);
      assertClose(together.gradients[s]!, alone.gradients[0]!, 1e-5, `${name} replica ${s}`);
    }
  }
});

test("lossAndGradient: the batch's gradient is the mean of its images' gradients", () => {
  const network = buildNetwork("lenet5", digits, 10);
  const weights = initialWeights(network.layer, createRng(1), "variancePreserving", Math.SQRT2);
  const batch = randomBatch(3, createRng(2));
  const singles = [0, 1, 2].map((i) => ({
    images: batch.images.slice(i * 784, (i + 1) * 784),
    labels: batch.labels.slice(i, i + 1),
    size: 1,
  }));
  const { losses, gradients } = lossAndGradient(network, [weights, weights, weights], singles);
  const whole = lossAndGradient(network, [weights], [batch]);
  const mean = gradients[0]!.map((_, k) => gradients.reduce((sum, g) => sum + g[k]! / 3, 0));
  assertClose(whole.gradients[0]!, mean, 1e-5, "gradient");
  assert.ok(Math.abs(whole.losses[0]! - losses.reduce((a, b) => a + b, 0) / 3) < 1e-5);
});

/** Weights, a batch, and two directions of length 1, for a network whose weights preserve the signal. */
function curved(name: ArchitectureName, options: ArchitectureOptions) {
  const network = buildNetwork(name, digits, 10, options);
  const gain = gainOf(options.activation ?? "relu");
  const weights = initialWeights(network.layer, createRng(name), "variancePreserving", gain);
  const batch = randomBatch(3, createRng("batch"));
  const unit = (stream: string): Float32Array => {
    const direction = createRng(stream).normals(network.size);
    const length = norm(direction);
    return direction.map((x) => x / length);
  };
  return { network, weights, batch, u: unit("u"), v: unit("v") };
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

const smooth: readonly (readonly [ArchitectureName, ArchitectureOptions])[] = [
  ["lenet5", { activation: "tanh", pooling: "average" }],
  ["lenet5", { activation: "sigmoid", pooling: "average" }],
  ["mlp", { activation: "tanh" }],
  ["softmaxRegression", {}],
];

for (const [name, options] of smooth) {
  const words = [name, options.activation, options.pooling].filter((word) => word !== undefined).join(" ");
  test(`hessianVectorProduct: equals central differences of the gradient for ${words}`, () => {
    const { network, weights, batch, v } = curved(name, options);
    // Float32 gradients are off by about 1e-6 of their norm of about 1, and H v has a norm of 0.05 to 1: a step of 0.05 leaves an
    // Along the gradient H v is largest. A step of 0.02 leaves float32 gradients off by 5e-5 and about as much curvature.
    const gradient = lossAndGradient(network, [weights], [batch]).gradients[0]!;
    const length = norm(gradient);
    const along = gradient.map((g, i) => g / length + v[i]!);
    const [product] = hessianVectorProduct(network, [weights], [batch], [along]);
    const step = 0.02;
    const [up, down] = [step, -step].map((t) => {
      const at = weights.map((w, i) => w + t * along[i]!);
      return lossAndGradient(network, [at], [batch]).gradients[0]!;
    }) as [Float32Array, Float32Array];
    const differences = up.map((g, i) => (g - down[i]!) / (2 * step));
    assertClose(product!, differences, 5e-3, "H v");
  });
}

for (const [name, options] of [...smooth, ["lenet5", { activation: "relu", pooling: "max" }]] as typeof smooth) {
  const words = [name, options.activation, options.pooling].filter((word) => word !== undefined).join(" ");
  test(`hessianVectorProduct: is symmetric and linear for ${words}`, () => {
    const { network, weights, batch, u, v } = curved(name, options);
    const sum = u.map((x, i) => 2 * x - v[i]!);
    const three = [weights, weights, weights];
    const [hu, hv, hs] = hessianVectorProduct(network, three, [batch, batch, batch], [u, v, sum]);
    const [left, right] = [dot(v, hu!), dot(u, hv!)];
    assert.ok(Math.abs(left - right) <= 1e-5 * norm(hu!), `<v, H u> = ${left}, <u, H v> = ${right}`);
    assert.ok(Math.abs(left) > 1e-4 * norm(hu!), "tests nothing");
    const combined = hu!.map((x, i) => 2 * x - hv![i]!);
    assertClose(hs!, combined, 1e-4, "H (2u - v)");
  });
}

test("hessianVectorProduct: three replicas stacked equal one at a time when weights, batches and vectors differ", () => {
  const { network, weights, batch, u, v } = curved("lenet5", { activation: "tanh", pooling: "max" });
  const other = randomBatch(3, createRng("other"));
  const all = [
    [weights, weights, u],
    [batch, other, other],
    [u, u, v],
  ] as const;
  const together = hessianVectorProduct(network, ...all);
  for (const s of [0, 1, 2]) {
    const [alone] = hessianVectorProduct(network, [all[0][s]!], [all[1][s]!], [all[2][s]!]);
    assertClose(together[s]!, alone!, 1e-5, `replica ${s}`);
  }
});

/** Softmax regression on images of two pixels, three classes; weights are W [3, 2], then b [3]. */
const tiny = buildNetwork("softmaxRegression", [1, 1, 2], 3);

test("lossAndGradient: equals softmax cross-entropy worked by hand", () => {
  // W = 0, b = (ln 1, ln 2, ln 5): q = (1, 2, 5) / 8 for every image.
  // Image (1, 0) has label 2: loss -ln(5/8). Image (0, 2) has label 0: loss -ln(1/8). Mean = 0.4700036 / 2 + 2.0794415 / 2.
  // dL/db = ((1/8, 2/8, -3/8) + (-7/8, 2/8, 5/8)) / 2 = (-0.375, 0.25, 0.125)
  // dL/dW_k = (q_k - y_k of the first image · 1 / 2, q_k - y_k of the second · 2 / 2)
  const weights = Float32Array.of(0, 0, 0, 0, 0, 0, 0, Math.log(2), Math.log(5));
  const batch = { images: Float32Array.of(1, 0, 0, 2), labels: Int32Array.of(2, 0), size: 2 };
  const { losses, gradients } = lossAndGradient(tiny, [weights], [batch]);
  assert.ok(Math.abs(losses[0]! - (Math.log(8 / 5) + Math.log(8)) / 2) < 1e-6);
  const expected = Float32Array.of(1 / 16, -7 / 8, 1 / 8, 1 / 4, -3 / 16, 5 / 8, -0.375, 0.25, 0.125);
  assertClose(gradients[0]!, expected, 1e-6, "gradient");
});

test("hessianVectorProduct: equals softmax regression worked by hand", () => {
  // W = 0, b = 0: q = 1/3 each. H v moves the logits of x = (1, 2) by r = V x + c, and dL/dz by q (r - mean r).
  // V = ((1, 0), (0, 1), (0, 0)), c = (0, 0, 3): r = (1, 2, 3), so dL/dz moves by (-1, 0, 1) / 3; dL/dW by that times x'.
  const batch = { images: Float32Array.of(1, 2), labels: Int32Array.of(0), size: 1 };
  const v = Float32Array.of(1, 0, 0, 1, 0, 0, 0, 0, 3);
  const [product] = hessianVectorProduct(tiny, [new Float32Array(9)], [batch], [v]);
  assertClose(
    product!,
    Float32Array.of(-1, -2, 0, 0, 1, 2, -1, 0, 1).map((x) => x / 3),
    1e-6,
    "H v",
  );
});

test("crossEntropy: stays finite when logits are large, and says how its derivative moves", () => {
  // q = (1/2, 1/2, 0): loss -ln(1/2) for either label. Moving the logits by (1, 0, 0) moves q_k by q_k (r_k - sum q r), that is
  // by 1/2 · 1/2, -1/2 · 1/2 and 0; half of it for a batch of two.
  const found = tidy(() => {
    const logits = tf.tensor([1000, 1000, -1000, 1000, 1000, -1000], [1, 2, 3]);
    const loss = crossEntropy(logits, tf.tensor([1, 0, 0, 0, 1, 0], [1, 2, 3]));
    const along = loss.along(tf.tensor([1, 0, 0, 1, 0, 0], [1, 2, 3]));
    return { value: loss.value(), gradient: loss.logitsGradient, along: tf.add(along, 0) }; // no negative zeros
  });
  assert.ok(Math.abs(found.value.dataSync()[0]! - Math.LN2) < 1e-6);
  assert.deepEqual([...found.gradient.dataSync()], [-0.25, 0.25, 0, 0.25, -0.25, 0]);
  assert.deepEqual([...found.along.dataSync()], [0.125, -0.125, 0, 0.125, -0.125, 0]);
  dispose(found);
});

test("crossEntropy: is infinite in no case, and about the logits' difference when the label is far off", () => {
  const value = tidy(() => crossEntropy(tf.tensor([0, 200], [1, 1, 2]), tf.tensor([1, 0], [1, 1, 2])).value());
  assert.ok(Math.abs(value.dataSync()[0]! - 200) < 1e-3);
  value.dispose();
});

test("evaluate: counts hits and averages losses when worked by hand", () => {
  // Logits are (x_0, x_1, 0). (3, 1) -> class 0, (1, 3) -> class 1, (-1, -2) -> class 2, (2, 0) -> class 0.
  // Labels 0, 1, 0, 0: three of four.
  const weights = Float32Array.of(1, 0, 0, 1, 0, 0, 0, 0, 0);
  const batch = { images: Float32Array.of(3, 1, 1, 3, -1, -2, 2, 0), labels: Int32Array.of(0, 1, 0, 0), size: 4 };
  const { loss, accuracy } = evaluate(tiny, weights, batch);
  assert.equal(accuracy, 0.75);
  const one = (logits: number[], label: number): number =>
    Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[label]!;
  const expected = one([3, 1, 0], 0) + one([1, 3, 0], 1) + one([-1, -2, 0], 0) + one([2, 0, 0], 0);
  assert.ok(Math.abs(loss - expected / 4) < 1e-6);
});

test("evaluate: weighs every image alike when slices are of unequal sizes", () => {
  // 1203 images: slices of 500, 500 and 203. Logits are (x, 0, 0) with the label 0: the mean of ln(exp x + 2) - x.
  const weights = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0);
  const size = 1203;
  const x = Float32Array.from({ length: size }, (_, i) => (i < 1000 ? 2 : -3)); // the last slice is worse
  const images = Float32Array.from({ length: 2 * size }, (_, i) => (i % 2 === 0 ? x[i / 2]! : 9));
  const { loss, accuracy } = evaluate(tiny, weights, { images, labels: new Int32Array(size), size });
  const one = (z: number): number => Math.log(Math.exp(z) + 2) - z;
  assert.ok(Math.abs(loss - (1000 * one(2) + 203 * one(-3)) / size) < 1e-5);
  assert.equal(accuracy, 1000 / size);
});

test("evaluate, lossAndGradient: agree on the loss when both see the same batch", () => {
  const network = buildNetwork("lenet5", digits, 10, { activation: "tanh", pooling: "average" });
  const weights = initialWeights(network.layer, createRng(5), "variancePreserving", 1);
  const batch = randomBatch(4, createRng(6));
  const { loss } = evaluate(network, weights, batch);
  assert.ok(Math.abs(loss - lossAndGradient(network, [weights], [batch]).losses[0]!) < 1e-5);
});

test("initialWeights: has the variance gain^2 / fanIn and no biases when it preserves variance", () => {
  const layer = dense([400], 100);
  const weights = initialWeights(layer, createRng(1), "variancePreserving", Math.SQRT2);
  const matrix = weights.subarray(0, 40_000);
  const bound = Math.SQRT2 * Math.sqrt(3 / 400);
  assert.ok(matrix.every((w) => Math.abs(w) <= bound));
  // 2 / 400 = 0.005; the variance of 40,000 uniforms is known to 0.9 / sqrt(40000) = 0.45 %, five of which are 2.2 %
  assert.ok(Math.abs(norm(matrix) ** 2 / 40_000 / 0.005 - 1) < 0.022);
  assert.ok(Math.abs(matrix.reduce((a, b) => a + b, 0) / 40_000) < (5 * bound) / Math.sqrt(3 * 40_000));
  assert.ok(weights.subarray(40_000).every((bias) => bias === 0));
});

test("initialWeights: is within 1 / sqrt(fanIn), biases too, when as in PyTorch", () => {
  const weights = initialWeights(dense([400], 100), createRng(1), "pytorch", 7);
  assert.ok(weights.every((w) => Math.abs(w) <= 1 / 20));
  assert.ok(norm(weights.subarray(40_000)) > 0.1);
  assert.ok(Math.abs((norm(weights) ** 2 / weights.length) * 1200 - 1) < 0.022);
});

test("initialWeights: is the same for equal streams, and a later layer does not shift an earlier one", () => {
  const draw = (layer: ReturnType<typeof dense>, seed: number) => initialWeights(layer, createRng(seed), "pytorch", 1);
  assert.deepEqual(draw(dense([5], 3), 1), draw(dense([5], 3), 1));
  assert.notDeepEqual(draw(dense([5], 3), 1), draw(dense([5], 3), 2));
  const [small, wide] = [buildNetwork("mlp", [1, 2, 2], 3), buildNetwork("mlp", [1, 2, 2], 7)];
  const first = 4 * 128 + 128;
  assert.deepEqual(draw(small.layer, 1).subarray(0, first), draw(wide.layer, 1).subarray(0, first));
});

test("lossAndGradient, hessianVectorProduct, evaluate: refuse what does not fit, naming it", () => {
  const weights = new Float32Array(9);
  const batch: Batch = { images: new Float32Array(4), labels: new Int32Array(2), size: 2 };
  const refused: readonly [RegExp, () => unknown][] = [
    [
      /^lossAndGradient: needs one batch per weight vector, and at least one, got 0 vectors, 0 batches$/,
      () => lossAndGradient(tiny, [], []),
    ],
    [
      /^lossAndGradient: needs one batch per weight vector, and at least one, got 2 vectors, 1 batches$/,
      () => lossAndGradient(tiny, [weights, weights], [batch]),
    ],
    [
      /^lossAndGradient: needs weights of length d = 9 for softmaxRegression, got 8$/,
      () => lossAndGradient(tiny, [weights.subarray(1)], [batch]),
    ],
    [
      /^lossAndGradient: needs batches of one size, got 2 and 1$/,
      () =>
        lossAndGradient(
          tiny,
          [weights, weights],
          [batch, { images: new Float32Array(2), labels: new Int32Array(1), size: 1 }],
        ),
    ],
    [
      /^lossAndGradient: needs 2 images of \[1, 1, 2\] in a batch, got 3 pixels$/,
      () => lossAndGradient(tiny, [weights], [{ ...batch, images: new Float32Array(3) }]),
    ],
    [
      /^lossAndGradient: needs labels of a batch in 0..2, got 3 at index 1$/,
      () => lossAndGradient(tiny, [weights], [{ ...batch, labels: Int32Array.of(0, 3) }]),
    ],
    [
      /^evaluate: needs labels of a batch in 0..2, got -1 at index 0$/,
      () => evaluate(tiny, weights, { ...batch, labels: Int32Array.of(-1, 0) }),
    ],
    [
      /^lossAndGradient: needs finite numbers in weights, got NaN at index 2$/,
      () => lossAndGradient(tiny, [weights.map((_, i) => (i === 2 ? NaN : 0))], [batch]),
    ],
    [
      /^lossAndGradient: needs a Float32Array in weights, got Array; convert it by Float32Array.from$/,
      () => lossAndGradient(tiny, [[...weights] as unknown as Float32Array], [batch]),
    ],
    [
      /^evaluate: needs finite numbers in images of a batch, got Infinity at index 0$/,
      () => evaluate(tiny, weights, { ...batch, images: new Float32Array(4).fill(Infinity) }),
    ],
    [
      /^evaluate: needs labels of a batch in 0..2, got 0.5 at index 0$/,
      () => evaluate(tiny, weights, { ...batch, labels: [0.5, 1] as unknown as Int32Array }),
    ],
    [
      /^evaluate: needs a network as buildNetwork gives it, got mlp$/,
      () => evaluate("mlp" as unknown as Network, weights, batch),
    ],
    [
      /^hessianVectorProduct: needs finite numbers in a vector v, got NaN at index 0$/,
      () => hessianVectorProduct(tiny, [weights], [batch], [weights.map(() => NaN)]),
    ],
    [/^evaluate: needs weights of length d = 9/, () => evaluate(tiny, new Float32Array(10), batch)],
    [
      /^hessianVectorProduct: needs weights of length d = 9/,
      () => hessianVectorProduct(tiny, [new Float32Array(8)], [batch], [weights]),
    ],
    [/^hessianVectorProduct: needs 1 vectors v, got 0$/, () => hessianVectorProduct(tiny, [weights], [batch], [])],
    [
      /^hessianVectorProduct: needs 9 numbers in a vector v, got 10$/,
      () => hessianVectorProduct(tiny, [weights], [batch], [new Float32Array(10)]),
    ],
  ];
  for (const [message, call] of refused) {
    assert.throws(call, (error) => error instanceof InputError && message.test(error.message), String(message));
  }
});

test("lossAndGradient, hessianVectorProduct, evaluate: keep no tensors after 200 calls", () => {
  const network = buildNetwork("mlp", [1, 2, 2], 3);
  const weights = initialWeights(network.layer, createRng(1), "pytorch", 1);
  const batch = randomBatch(2, createRng(1), [1, 2, 2], 3);
  const tensorsAfter = (calls: number): number => {
    for (let i = 0; i < calls; i++) {
      lossAndGradient(network, [weights, weights], [batch, batch]);
      hessianVectorProduct(network, [weights, weights], [batch, batch], [weights, weights]);
      evaluate(network, weights, batch);
    }
    return tf.memory().numTensors;
  };
  const before = tensorsAfter(2);
  assert.equal(tensorsAfter(200), before);
  assert.throws(() => lossAndGradient(network, [weights], [{ ...batch, size: 1 }]));
  assert.equal(tf.memory().numTensors, before);
});
