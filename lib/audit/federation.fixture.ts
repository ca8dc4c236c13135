/** @file Federations that the library trains itself, recorded as a client would, for the tests of audits. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { joinBatches } from "../data/batch";
import { tinyDataset } from "../data/tiny.fixture";
import type { Batch, Dataset } from "../core/types";
import { npyOf, safetensorsOf, zipOf } from "../files/files.fixture";
import { toNpy } from "../files/writeNpy";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { setUp } from "../fl/federation";
import { train, type RoundRecord } from "../fl/train";
import { ownImages } from "../experiment/ownAutoencoder";
import { stateDictOf } from "../model/buildNetwork";
import type { StateEntry } from "../model/layerList";
import { volume } from "../model/stack";

/** A recording in a folder of its own. */
export interface SmallRecording {
  /** Where it lies. */
  readonly folder: string;
  /** What is true of it, as JSON. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** What the experimenter knows. */
  readonly records: readonly RoundRecord[];
  /** The attacker's images. */
  readonly own: Batch;
  /** As they were trained. */
  readonly config: FederationConfig;
  /** Removes it. */
  readonly remove: () => void;
}

/** Three clients with one image each; tanh in a small perceptron on 4×4 pixels. */
export const small: FederationConfig = {
  ...defaultFederation,
  ...{ architecture: "mlp", activation: "tanh", partition: "iid", numClients: 3, rounds: 1, evaluationImages: 9 },
  ...{ maliciouslyCuriousClient: 0, learningRate: 0.1 },
};

/** Weights as the arrays of a state_dict. */
export function arraysOf(
  weights: Float32Array,
  state: readonly StateEntry[],
): { name: string; data: Float32Array; shape: readonly number[] }[] {
  let at = 0;
  return state.map(({ name, shape }) => ({ name, shape, data: weights.slice(at, (at += volume(shape))) }));
}

/** A .npz as Flower's: unnamed arrays in the order of the state_dict. */
export function npzOf(weights: Float32Array, state: readonly StateEntry[]): Buffer {
  return zipOf(arraysOf(weights, state).map(({ data, shape }, i) => ({ name: `arr_${i}.npy`, content: toNpy(data, shape), deflate: true }))); // prettier-ignore
}

/** A .safetensors, which sorts its arrays by name. */
export function sortedOf(
  weights: Float32Array,
  state: readonly StateEntry[],
  rename = (name: string): string => name,
): Buffer {
  const arrays = arraysOf(weights, state).map((one) => ({ ...one, name: rename(one.name) }));
  arrays.sort((a, b) => (a.name < b.name ? -1 : 1));
  let at = 0;
  const entries = arrays.map(({ name, shape, data }) => [name, { dtype: "F32", shape, data_offsets: [at, (at += 4 * data.length)] }]); // prettier-ignore
  const bytes = Buffer.concat(arrays.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  return safetensorsOf(Object.fromEntries(entries), bytes);
}

/** Images of [N, C, H, W], saved as bytes. */
export function bytesOfImages({ images, size }: Batch, shape: readonly number[]): Buffer {
  return npyOf(
    "'|u1'",
    `(${[size, ...shape].join(", ")})`,
    Uint8Array.from(images, (x) => Math.round(255 * x)),
  );
}

/** Labels as int64. */
export function bytesOfLabels(labels: ArrayLike<number>): Buffer {
  const wide = BigInt64Array.from(Array.from(labels), (label) => BigInt(label));
  return npyOf("'<i8'", `(${labels.length},)`, Buffer.from(wide.buffer));
}

/** Trains a federation and writes down what client 0 of it sees, and, for scoring, the rest. */
export async function record(
  changes: Partial<FederationConfig> = {},
  dataset: Dataset = tinyDataset,
): Promise<SmallRecording> {
  const config = { ...small, ...changes };
  const records = await train(config, dataset);
  const { inputShape, numClasses } = dataset;
  const own = ownImages(setUp(config, dataset), dataset);
  const state = stateDictOf(config.architecture, inputShape, numClasses);
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  const write = (name: string, bytes: Buffer): void => writeFileSync(join(folder, name), bytes);
  mkdirSync(folder, { recursive: true });
  for (const { round, weights, ownUpdate, batches } of records) {
    write(`round${round}.npz`, npzOf(weights, state));
    if (ownUpdate === null) continue;
    write(`sent${round}.npy`, toNpy(ownUpdate, [ownUpdate.length]));
    const [mine, ...others] = batches.map((ofClient) => joinBatches(ofClient));
    for (const [name, batch] of [
      ["batch", mine!],
      ["truth", joinBatches(others)],
      ["everybody", joinBatches([mine!, ...others])],
    ] as const) {
      // prettier-ignore
      write(`${name}${round}_images.npy`, bytesOfImages(batch, inputShape));
      write(`${name}${round}_labels.npy`, bytesOfLabels(batch.labels));
    }
  }
  write("own_images.npy", bytesOfImages(own, inputShape));
  write("own_labels.npy", bytesOfLabels(own.labels));
  const { architecture, activation, pooling, learningRate, numClients, batchSize, localSteps } = config;
  const spec = {
    ...{ model: architecture, activation, pooling, inputShape, numClasses },
    ...{ broadcasts: "round{k}.npz", learningRate, numClients, batchSize, localSteps },
    own: { images: "own_images.npy", labels: "own_labels.npy", update: "sent{k}.npy", batch: "batch{k}_images.npy" },
    attacker: { steps: 300, restarts: 2, priors: [] },
    truth: { images: "truth{k}_images.npy", labels: "truth{k}_labels.npy" },
  };
  return { folder, spec, records, own, config, remove: () => rmSync(folder, { recursive: true }) };
}
