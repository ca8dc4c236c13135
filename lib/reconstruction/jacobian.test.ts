/** @file The Jacobian against central differences of gradients that the network itself computes, and J against J'. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, tidy } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import type { ArchitectureName } from "../model/architectures";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient, type Network } from "../model/network";
import { stackVectors, unstackVectors, volume } from "../model/stack";
import { clipElementwise, clipToNorm } from "../numerics/clip";
import { defaultFederation } from "../fl/config";
import { clipOf } from "./forward";
import { jacobianOf } from "./jacobian";
import { protocolOf } from "./protocol";

before(backendReady);

type Clipping = "none" | "norm" | "elementwise";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

function batchOf({ inputShape, numClasses }: Network, size: number): Batch {
  const rng = createRng("images");
  return {
    images: rng.uniforms(size * volume(inputShape)),
    labels: Int32Array.from({ length: size }, () => rng.integer(numClasses)),
    size,
  };
}

/** F(x) = sum of clipped gradients of the parts, by the federation's functions, in double precision from there on. */
function sent(network: Network, w: Float32Array, batch: Batch, count: number, clipping: Clipping, clipNorm: number) {
  const [size, length] = [batch.size / count, batch.images.length / count];
  const parts = Array.from({ length: count }, (_, u) => ({
    images: batch.images.slice(u * length, (u + 1) * length),
    labels: batch.labels.slice(u * size, (u + 1) * size),
    size,
  }));
  const { gradients } = lossAndGradient(network, new Array<Float32Array>(count).fill(w), parts);
  const bounded = gradients.map((g) =>
    clipping === "none" ? g : clipping === "norm" ? clipToNorm(g, clipNorm) : clipElementwise(g, clipNorm),
  );
  return Float64Array.from({ length: network.size }, (_, i) => bounded.reduce((sum, g) => sum + g[i]!, 0));
}

const cases: readonly [
  words: string,
  ArchitectureName,
  { activation: "tanh" | "relu"; pooling: "average" | "max" },
  shape: readonly number[],
  parts: readonly [count: number, perPart: number],
  Clipping,
  step: number,
  tolerance: number,
][] = [
  ["mlp, tanh", "mlp", { activation: "tanh", pooling: "average" }, [1, 4, 4], [3, 2], "none", 1e-2, 2e-3],
  ["mlp, tanh, clipped", "mlp", { activation: "tanh", pooling: "average" }, [1, 4, 4], [3, 2], "norm", 1e-2, 2e-3],
  ["mlp, boxed", "mlp", { activation: "tanh", pooling: "average" }, [1, 4, 4], [3, 1], "elementwise", 1e-3, 2e-2],
  ["mlp, ReLU", "mlp", { activation: "relu", pooling: "average" }, [1, 4, 4], [2, 1], "none", 1e-3, 1e-2],
  ["lenet5, tanh", "lenet5", { activation: "tanh", pooling: "average" }, [1, 28, 28], [2, 1], "none", 1e-2, 2e-3],
  ["lenet5, clipped", "lenet5", { activation: "tanh", pooling: "average" }, [1, 28, 28], [2, 2], "norm", 1e-2, 2e-3],
  ["lenet5, ReLU", "lenet5", { activation: "relu", pooling: "max" }, [1, 28, 28], [2, 1], "none", 1e-4, 2e-2],
  ["lenet5, colours", "lenet5", { activation: "tanh", pooling: "average" }, [3, 32, 32], [2, 2], "none", 1e-2, 2e-3],
];

for (const [words, name, options, shape, [count, perPart], clipping, step, tolerance] of cases) {
  test(`jacobianOf: equals central differences, and J' is its adjoint: ${words}`, () => {
    const network = buildNetwork(name, shape, 10, options);
    const w = initialWeights(network.layer, createRng("weights"), "variancePreserving", 1);
    const batch = batchOf(network, count * perPart);
    const clipNorm = clipping === "elementwise" ? 0.05 : 0.5;
    const { clip } = clipOf({
      ...protocolOf(defaultFederation),
      privacy: clipping === "none" ? "none" : "localDp",
      privacyParameters: { ...defaultFederation.privacyParameters, clipNorm, clipping: clipping as "norm" },
    });
    const rng = createRng("directions");
    const [directions, cotangents] = [1, 2].map((_, which) =>
      [0, 1].map((i) => rng.split(which ? "v" : "y", i).normals(which ? network.size : batch.images.length)),
    ) as [Float32Array[], Float32Array[]];
    const held = tf.memory().numTensors;
    const [forth, back] = tidy(() => {
      const { forward, adjoint } = jacobianOf(network, w, batch, { count, clip }, 2);
      const both = [forward(stackVectors(directions)), adjoint(stackVectors(cotangents))];
      return both.map((rows) => unstackVectors(rows));
    }) as [Float32Array[], Float32Array[]];
    assert.equal(tf.memory().numTensors, held);
    directions.forEach((y, row) => {
      const at = (t: number): Float64Array => {
        const images = batch.images.map((x, i) => x + t * y[i]!);
        return sent(network, w, { ...batch, images }, count, clipping, clipNorm);
      };
      const [above, below] = [at(step), at(-step)];
      const slopes = above.map((x, i) => (x - below[i]!) / (2 * step));
      const off = slopes.map((x, i) => x - forth[row]![i]!);
      const error = Math.sqrt(dot(off, off) / dot(slopes, slopes));
      assert.ok(error <= tolerance, `off by ${error} of the differences`);
      const [there, andBack] = [dot(forth[row]!, cotangents[row]!), dot(back[row]!, y)];
      const scale = Math.sqrt(dot(forth[row]!, forth[row]!) * dot(cotangents[row]!, cotangents[row]!));
      assert.ok(Math.abs(there - andBack) <= 1e-5 * scale, `<J y, v> = ${there}, <y, J' v> = ${andBack}`);
    });
  });
}
