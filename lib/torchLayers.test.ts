/** @file Models of every kind of layer against PyTorch: loss, gradient, and the derivative of its length with respect to the images. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { backendReady, dispose, tidy } from "./core/backend";
import { projectRoot } from "./core/paths";
import type { Batch, Shape } from "./core/types";
import type { NamedArray } from "./files/namedArray";
import { readNpz } from "./files/npz";
import { buildNetwork, stateDictOf } from "./model/buildNetwork";
import { layerNames, withStatistics, type LayerList } from "./model/layerList";
import { asTensor } from "./model/layers/product";
import type { Normalization } from "./model/layers/shape";
import { differentiate, gradientAlong, lossAndGradient, type Network } from "./model/network";
import { stackBatches, stackVectors, unpackWeights, unstackImages } from "./model/stack";

const TOLERANCE = 1e-5; // of a vector's norm; the largest error is 1.3e-6 on TensorFlow, 2.0e-6 on wasm

/** One model of layers.npz; see layers.py. */
interface Case {
  readonly layers: LayerList;
  readonly inputShape: Shape;
  readonly numClasses: number;
  readonly normalize?: Normalization;
  readonly state: readonly NamedArray[];
  readonly of: (name: string) => Float32Array;
  readonly labels: Int32Array;
}

const cases = new Map<string, Case>();

before(async () => {
  await backendReady();
  const arrays = await readNpz(join(projectRoot, "lib", "model", "testdata", "layers.npz"));
  for (const name of new Set(arrays.map((array) => array.name.split("/")[0]!))) {
    const valuesOf = (what: string): NamedArray["values"] =>
      arrays.find((one) => one.name === `${name}/${what}`)!.values;
    const spec = JSON.parse(Buffer.from(valuesOf("spec") as Uint8Array).toString()) as Omit<Case, "state" | "of" | "labels">; // prettier-ignore
    const prefix = `${name}/state/`;
    cases.set(name, {
      ...spec,
      state: arrays.filter((one) => one.name.startsWith(prefix)).map((one) => ({ ...one, name: one.name.slice(prefix.length) })), // prettier-ignore
      of: (what) => valuesOf(what) as Float32Array,
      labels: Int32Array.from(valuesOf("labels"), Number),
    });
  }
});

function assertClose(actual: Float32Array, expected: Float32Array, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const error = Math.hypot(...actual.map((value, i) => value - expected[i]!));
  assert.ok(error <= TOLERANCE * Math.hypot(...expected), `${what}: off by ${error} of ${Math.hypot(...expected)}`);
}

/** The derivative of 0.5 |dL/dw|^2 with respect to the images, [B, C, H, W]. */
function secondOf(network: Network, weights: Float32Array, batch: Batch): Float32Array {
  const along = tidy(() => {
    const pass = differentiate(network, unpackWeights(network.layer, stackVectors([weights])), ...stackBatches(network, [batch])); // prettier-ignore
    return gradientAlong(pass, pass.gradients.weights.map(asTensor));
  });
  const [images] = unstackImages(along, 1);
  dispose([along]);
  return images!;
}

for (const name of ["convolutions", "smooth", "maxima", "means", "norms", "residuals", "normalised"]) {
  test(`PyTorch, ${name}: its state_dict is what stateDictOf says, and its derivatives are the network's`, () => {
    const { layers, inputShape, numClasses, normalize, state, of, labels } = cases.get(name)!;
    const entries = stateDictOf(layers, inputShape, numClasses);
    assert.deepEqual(
      state.map((array) => [array.name, array.shape]),
      entries.map((entry) => [entry.name, entry.shape]),
    );
    const isOf = (kind: "parameter" | "buffer") => (_: unknown, i: number) => entries[i]!.kind === kind;
    const buffers = state
      .filter(isOf("buffer"))
      .map((array) => [array.name, Array.from(array.values, Number)] as const);
    const weights = Float32Array.from(state.filter(isOf("parameter")).flatMap(({ values }) => Array.from(values, Number))); // prettier-ignore
    const filled = withStatistics(layers, Object.fromEntries(buffers));
    const network = buildNetwork(filled, inputShape, numClasses, normalize === undefined ? {} : { normalize });
    const batch = { images: of("images"), labels, size: labels.length };
    const { losses, gradients } = lossAndGradient(network, [weights], [batch]);
    assertClose(Float32Array.from(losses), of("loss"), "loss");
    assertClose(gradients[0]!, of("gradient"), "dL/dw");
    assertClose(secondOf(network, weights, batch), of("second"), "derivative of 0.5 |dL/dw|^2");
  });
}

test("PyTorch: the cases have every kind of layer that there is", () => {
  assert.equal(cases.size, 7);
  const text = JSON.stringify([...cases.values()].map(({ layers }) => layers));
  const missing = layerNames.filter((name) => !text.includes(`"${name}"`));
  assert.deepEqual(missing, []);
});
