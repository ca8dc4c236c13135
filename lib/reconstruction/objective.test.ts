import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch, Shape } from "../core/types";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient, type Network } from "../model/network";
import { volume } from "../model/stack";
import type { ArchitectureOptions } from "../model/options";
import { gradientMatching, type ObjectiveName } from "./objective";

before(backendReady);

function randomBatch(size: number, seed: string, shape: Shape): Batch {
  const rng = createRng(seed);
  const labels = Int32Array.from({ length: size }, () => rng.integer(10));
  return { images: rng.uniforms(size * volume(shape)), labels, size };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
const norm = (x: Float32Array): number => Math.sqrt(dot(x, x));

/** The distance in double precision, in a form that keeps its digits near a match. */
function distance(g: Float32Array, target: Float32Array, objective: ObjectiveName): number {
  const [a, b] = objective === "squared" ? [1, 1] : [norm(g), norm(target)];
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += (g[i]! / a - target[i]! / b) ** 2;
  return objective === "squared" ? sum : sum / 2;
}

/**
 * Holds gradientMatching's derivative against central differences of the double-precision distance, along a direction made of
 * the derivative itself and of noise.
 *
 * The float32 gradients inside the distance carry an error of 1e-6 of their norm. A step of 2e-3 of the dummy's norm moves
 * them by 1e-3 of it or more: about 1e-3 of error, and as much from the curvature; the tolerance is 1e-2.
 */
async function checkDerivative(
  network: Network,
  weights: Float32Array,
  dummy: Batch,
  target: Float32Array,
  objective: ObjectiveName,
  step: number,
): Promise<void> {
  const { imagesGradient } = await gradientMatching(network, weights, dummy, target, objective);
  assert.equal(imagesGradient.length, dummy.images.length);
  const noise = createRng("direction").normals(imagesGradient.length);
  const [size, spread] = [norm(imagesGradient), norm(noise)];
  const direction = imagesGradient.map((x, i) => x / size + noise[i]! / spread);
  const at = async (t: number): Promise<number> => {
    const images = dummy.images.map((x, i) => x + t * direction[i]!);
    const { gradient } = await gradientMatching(network, weights, { ...dummy, images }, target, objective);
    return distance(gradient, target, objective);
  };
  const measured = ((await at(step)) - (await at(-step))) / (2 * step);
  const slope = dot(imagesGradient, direction);
  assert.ok(Math.abs(measured - slope) <= 1e-2 * Math.abs(slope), `${objective}: ${slope}, differences ${measured}`);
}

const variants: readonly (readonly [ArchitectureName, ArchitectureOptions, Shape])[] = [
  ["lenet5", { activation: "tanh", pooling: "average" }, [1, 28, 28]],
  ["lenet5", { activation: "sigmoid", pooling: "average" }, [1, 28, 28]],
  ["mlp", { activation: "tanh" }, [2, 4, 4]],
  ["softmaxRegression", {}, [1, 5, 5]],
];

for (const [name, options, shape] of variants) {
  const words = [name, options.activation, options.pooling].filter((word) => word !== undefined).join(" ");
  const network = buildNetwork(name, shape, 10, options);
  const weights = initialWeights(network.layer, createRng(words), "variancePreserving", 1);
  const secret = randomBatch(2, "secret", shape);
  const look = () => lossAndGradient(network, [weights], [secret]);

  for (const objective of ["squared", "cosine"] as const) {
    test(`gradientMatching: the ${objective} derivative equals central differences for ${words}`, async () => {
      const { gradients } = look();
      const dummy = randomBatch(2, "dummy", shape);
      await checkDerivative(network, weights, dummy, gradients[0]!, objective, 2e-3 * norm(dummy.images));
    });

    test(`gradientMatching: the ${objective} distance and derivative keep their digits near a match for ${words}`, async () => {
      const { gradients } = look();
      const noise = createRng("near").normals(secret.images.length);
      const images = secret.images.map((x, i) => x + (0.01 * norm(secret.images) * noise[i]!) / norm(noise));
      const dummy = { ...secret, images };
      const found = await gradientMatching(network, weights, dummy, gradients[0]!, objective);
      const expected = distance(found.gradient, gradients[0]!, objective);
      assert.ok(Math.abs(found.distance - expected) <= 1e-3 * expected, `${found.distance}, in doubles ${expected}`);
      await checkDerivative(network, weights, dummy, gradients[0]!, objective, 2e-3 * norm(dummy.images));
    });
  }

  test(`gradientMatching: distance and derivative vanish at the private images for ${words}`, async () => {
    const { losses, gradients } = look();
    for (const objective of ["squared", "cosine"] as const) {
      const found = await gradientMatching(network, weights, secret, gradients[0]!, objective);
      assert.ok(Math.abs(found.loss - losses[0]!) < 1e-5);
      assert.ok(norm(found.gradient.map((g, i) => g - gradients[0]![i]!)) <= 1e-5 * norm(found.gradient));
      assert.ok(found.distance >= 0 && found.distance < 1e-9, `${found.distance}`);
      assert.ok(norm(found.imagesGradient) < 1e-3, `${norm(found.imagesGradient)}`);
    }
  });
}

/** Softmax regression on one pixel, two classes; weights (w_0, w_1, b_0, b_1) = 0, so q = 1/2. */
const tiny = buildNetwork("softmaxRegression", [1, 1, 1], 2);

test("gradientMatching: equals distances and derivatives worked by hand on one pixel", async () => {
  // x = 3 with label 0: dL/dz = (-1/2, 1/2), so g = (-x, x, -1, 1) / 2 = (-1.5, 1.5, -0.5, 0.5), whatever the weights are worth.
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const zeros = new Float32Array(4);
  // g* = (-1, 1, 0, 0): squared D = 0.25 · 4 = 1. dD/dx = 2 <g - g*, dg/dx> = 2 (0.25 + 0.25) = 1, as dg/dx = (-0.5, 0.5, 0, 0).
  const target = Float32Array.of(-1, 1, 0, 0);
  const squared = await gradientMatching(tiny, zeros, dummy, target, "squared");
  assert.ok(Math.abs(squared.loss - Math.LN2) < 1e-6);
  assert.deepEqual([...squared.gradient], [-1.5, 1.5, -0.5, 0.5]);
  assert.ok(Math.abs(squared.distance - 1) < 1e-6);
  assert.ok(Math.abs(squared.imagesGradient[0]! - 1) < 1e-6);
  // cosine: <g, g*> / (||g|| ||g*||) = x / sqrt(x^2 + 1) = 3 / sqrt(10); its derivative is 1 / (x^2 + 1)^1.5 = 0.0316228.
  const cosine = await gradientMatching(tiny, zeros, dummy, target, "cosine");
  assert.ok(Math.abs(cosine.distance - (1 - 3 / Math.sqrt(10))) < 1e-6);
  assert.ok(Math.abs(cosine.imagesGradient[0]! + 1 / 10 ** 1.5) < 1e-6);
});

test("gradientMatching: cosine ignores the target's length and squared does not", async () => {
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const at = async (scale: number, objective: ObjectiveName) => {
    const target = Float32Array.of(-1, 1, 0.5, 0).map((x) => scale * x);
    return (await gradientMatching(tiny, new Float32Array(4), dummy, target, objective)).distance;
  };
  assert.ok(Math.abs((await at(1000, "cosine")) - (await at(1, "cosine"))) < 1e-6);
  assert.ok((await at(1000, "squared")) > 1e5 * (await at(1, "squared")));
});

test("gradientMatching: cosine is 1/2 and finite when the observed gradient vanishes", async () => {
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const zeros = new Float32Array(4);
  const found = await gradientMatching(tiny, zeros, dummy, zeros, "cosine");
  assert.ok(Math.abs(found.distance - 0.5) < 1e-6);
  assert.ok(Number.isFinite(found.imagesGradient[0]!));
});

test("gradientMatching: cosine is the same at every scale of the observed gradient that float32 has", async () => {
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const at = (scale: number) =>
    gradientMatching(
      tiny,
      new Float32Array(4),
      dummy,
      Float32Array.of(-1, 1, 0.5, 0).map((x) => scale * x),
      "cosine",
    );
  const plain = await at(1);
  for (const scale of [1e38, 1e19, 1e16, 1e-11, 1e-16, 1e-30, 1e-37]) {
    const { distance, imagesGradient } = await at(scale);
    assert.ok(Math.abs(distance - plain.distance) < 1e-6, `${scale}: ${distance}`);
    assert.ok(Math.abs(imagesGradient[0]! - plain.imagesGradient[0]!) < 1e-6, `${scale}`);
  }
});

test("gradientMatching: refuses vectors and batches that do not fit, naming them", async () => {
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const [fits, short] = [new Float32Array(4), new Float32Array(3)];
  const refused: readonly [Parameters<typeof gradientMatching>, string][] = [
    [[tiny, short, dummy, fits, "cosine"], "needs weights of length d = 4 for softmaxRegression, got 3"],
    [[tiny, fits, dummy, short, "cosine"], "needs 4 numbers in observedGradient, got 3"],
    [
      [tiny, fits, { ...dummy, labels: Int32Array.of(2) }, fits, "cosine"],
      "needs labels of a batch in 0..1, got 2 at index 0",
    ],
    [
      [tiny, fits, dummy, fits.map(() => NaN), "cosine"],
      "needs finite numbers in observedGradient, got NaN at index 0",
    ],
    [
      [tiny, fits, dummy, fits, "cos" as "cosine"],
      "needs an objective of squared, cosine, got cos; did you mean cosine?",
    ],
    [
      [tiny, fits, dummy, fits.map(() => 1e18), "squared"],
      'needs gradients of norm below 1e18 for the squared objective, got 2.00e+18; use objective "cosine"',
    ],
    [[tiny, fits, { ...dummy, size: 2 }, fits, "cosine"], "needs 2 images of [1, 1, 1] in a batch, got 1 pixels"],
  ];
  for (const [args, message] of refused) {
    await assert.rejects(gradientMatching(...args), { name: "InputError", message: `gradientMatching: ${message}` });
  }
});

test("gradientMatching: keeps no tensors after 200 calls", async () => {
  const dummy = { images: Float32Array.of(3), labels: Int32Array.of(0), size: 1 };
  const call = () => gradientMatching(tiny, new Float32Array(4), dummy, Float32Array.of(1, 2, 3, 4), "cosine");
  await call();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 200; i++) await call();
  assert.equal(tf.memory().numTensors, before);
});
