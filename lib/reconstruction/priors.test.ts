import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { trainAutoencoders } from "../model/autoencoder";
import { stackImages, unstackImages } from "../model/stack";
import type { Decoder, PriorContext } from "./prior";
import { createDecoder } from "./decoder";
import { priors, type Prior, type PriorName } from "./priors";
import { cubicMatrix } from "./priors/bicubic";

before(backendReady);

/** The rows of a matrix. */
function rowsOf(matrix: Float32Array, columns: number): number[][] {
  return Array.from({ length: matrix.length / columns }, (_, i) => [
    ...matrix.subarray(i * columns, (i + 1) * columns),
  ]);
}

const own: Batch = { images: createRng("own").uniforms(5 * 64), labels: Int32Array.of(0, 1, 1, 2, 2), size: 5 };

/** Replicas that look for an image each. */
function context(views: readonly number[], inputShape = [1, 8, 8]): Omit<PriorContext, "autoencoders"> {
  return { inputShape, numClasses: 3, views, labels: views.map(() => Int32Array.of(1)), own };
}

/** What a decoder makes of a batch of codes per replica. */
function decode(decoder: Decoder, codes: readonly Float32Array[]): Float32Array[] {
  const output = tidy(() => decoder.decode(stackImages(codes, decoder.codeShape)).images);
  const images = unstackImages(output, codes.length);
  output.dispose();
  return images;
}

test("priors: go by their own names, and each pull-back is the transpose of its map, which is linear or nearly so", async () => {
  const prior = (kind: PriorName): Prior => ({ kind, autoencoders: kind === "autoencoder" ? trained : [] });
  const trained = await autoencoders;
  for (const [name, rule] of Object.entries(priors)) {
    assert.equal(rule.name, name);
    const tensors = tf.memory().numTensors;
    const decoder = createDecoder(prior(name as PriorName), context([0, 1]));
    const [c, h, w] = decoder.codeShape as [number, number, number];
    const { directional, transposed } = tidy(() => {
      const at = tf.randomNormal([1, h, w, 2 * c], 0, 0.3, "float32", 1);
      const along = tf.randomNormal(at.shape, 0, 1, "float32", 2);
      const { images, pull } = decoder.decode(at);
      const weight = tf.randomNormal(images.shape, 0, 1, "float32", 3);
      const moved = (t: number) => tf.sum(tf.mul(decoder.decode(tf.add(at, tf.mul(along, t))).images, weight));
      const [up, down] = [moved(1e-2), moved(-1e-2)].map((value) => value.dataSync()[0]!) as [number, number];
      return { directional: (up - down) / 2e-2, transposed: tf.sum(tf.mul(pull(weight), along)).dataSync()[0]! };
    });
    const close = Math.abs(directional - transposed) < 2e-2 * Math.max(1, Math.abs(directional));
    assert.ok(close, `${name}: ${directional}, ${transposed}`);
    dispose([decoder.tensors]);
    assert.equal(tf.memory().numTensors, tensors, name);
  }
});

test("createDecoder: pixel has the image itself as its code", () => {
  const decoder = createDecoder({ kind: "pixel" }, context([0], [3, 5, 7]));
  assert.deepEqual(decoder.codeShape, [3, 5, 7]);
  const image = createRng("image").uniforms(105);
  assert.deepEqual(decode(decoder, [image]), [image]);
});

test("createDecoder: bicubic upsamples a quarter-size code along both axes", () => {
  const decoder = createDecoder({ kind: "bicubic" }, context([0]));
  assert.deepEqual(decoder.codeShape, [1, 2, 2]);
  const rows = rowsOf(cubicMatrix(2, 8), 2);
  const code = [0.5, -1, 2, 0.25];
  const [image] = decode(decoder, [Float32Array.from(code)]);
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) {
      const [[a, b], [c, d]] = [rows[i]!, rows[j]!] as [[number, number], [number, number]];
      const expected = a * (c * code[0]! + d * code[1]!) + b * (c * code[2]! + d * code[3]!);
      assert.ok(Math.abs(image![8 * i + j]! - expected) < 1e-5, `pixel ${i}, ${j}`);
    }
  }
});

const shard = (seed: string): Batch => ({
  images: createRng(seed).uniforms(8 * 64),
  labels: new Int32Array(8),
  size: 8,
});
const autoencoders = trainAutoencoders([shard("a"), shard("b")], [1, 8, 8], createRng(1), { steps: 3, batchSize: 4 });

test("createDecoder: takes the autoencoder of each replica's view", async () => {
  const prior: Prior = { kind: "autoencoder", autoencoders: await autoencoders };
  const decoder = createDecoder(prior, context([1, 0, 1]));
  assert.deepEqual(decoder.codeShape, [4, 2, 2]);
  const zero = new Float32Array(16);
  const images = decode(decoder, [zero, zero, zero]);
  for (const [s, view] of [1, 0, 1].entries()) {
    const { meanImage } = prior.autoencoders![view]!;
    const far = images[s]!.filter((value, p) => Math.abs(value - meanImage[p]!) > 1e-5);
    assert.equal(far.length, 0, `replica ${s}`);
  }
  assert.notDeepEqual(images[0], images[1]);
  dispose([decoder.tensors]);
});

test("createDecoder: refuses shapes and autoencoders that do not fit", async () => {
  const [first] = await autoencoders;
  const refused: readonly [Prior, number[], number[], string][] = [
    [
      { kind: "bicubic" },
      [0],
      [1, 8, 12],
      "needs square images with sides that are multiples of 4 for the bicubic prior, got [1, 8, 12]",
    ],
    [
      { kind: "bicubic" },
      [0],
      [1, 6, 6],
      "needs square images with sides that are multiples of 4 for the bicubic prior, got [1, 6, 6]",
    ],
    [
      { kind: "autoencoder", autoencoders: [first!] },
      [0, 1],
      [1, 8, 8],
      "needs an autoencoder per view, got none for view 1",
    ],
    [
      { kind: "autoencoder", autoencoders: [first!] },
      [0],
      [1, 28, 28],
      "needs an autoencoder for images of [1, 28, 28], got [1, 8, 8]",
    ],
  ];
  for (const [prior, views, shape, message] of refused) {
    assert.throws(() => createDecoder(prior, { ...context(views), inputShape: shape }), {
      name: "InputError",
      message: `invert: ${message}`,
    });
  }
});
