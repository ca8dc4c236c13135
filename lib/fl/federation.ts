/** @file What a federated run is made of before its first round: derived from config and dataset alone. */
import { checkDataset } from "../core/dataset";
import { createRng, type Rng } from "../core/rng";
import type { Batch, Dataset, Partition } from "../core/types";
import { batchOf } from "../data/batch";
import { partition } from "../data/partition";
import type { Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { buildNetwork } from "../model/buildNetwork";
import { gainOf } from "../model/layers/activation";
import { initialWeights, type Network } from "../model/network";
import { checkConfig, partitionOptions, type FederationConfig } from "./config";

/** What a run is made of, before the first round: derived from config and dataset alone. */
export interface Federation {
  /** Checked. */
  readonly config: FederationConfig;
  /** The clients' model. */
  readonly network: Network;
  /** Which training images are whose. */
  readonly partition: Partition;
  /** The server's own training images, where the aggregator needs a root update. */
  readonly root: Batch | null;
  /** Of which every random stream of the run is split. */
  readonly rng: Rng;
}

/**
 * The network, the partition and the random streams of a config.
 *
 * @param config see FederationConfig
 * @param dataset as loadDataset gives it
 * @returns what the run is made of before its first round; the same config and dataset give the same
 * @throws InputError for a config that could not run, or a client without a batch
 * @example
 * setUp(config, dataset).partition.clients.length; // config.numClients
 */
export function setUp(config: FederationConfig, dataset: Dataset): Federation {
  checkConfig(config);
  checkDataset("train", dataset);
  const { architecture, activation, pooling, seed } = config;
  const rng = createRng(seed);
  const { needs = [] }: Aggregator = aggregators[config.aggregator];
  const drawRoot = (): Batch =>
    drawBatch(dataset, Int32Array.from(dataset.train.labels.keys()), config.rootImages, rng.split("root"));
  return {
    config,
    network: buildNetwork(architecture, dataset.inputShape, dataset.numClasses, { activation, pooling }),
    partition: partition(dataset.train.labels, partitionOptions(config), rng.split("partition")),
    root: needs.includes("rootUpdate") ? drawRoot() : null,
    rng,
  };
}

/**
 * The first broadcast of a federation, w^(0).
 *
 * @param federation as setUp gives it
 * @returns [d], owned by the caller
 * @example
 * firstBroadcast(federation).length; // federation.network.size
 */
export function firstBroadcast({ config, network, rng }: Federation): Float32Array {
  return initialWeights(network.layer, rng.split("weights"), config.initialization, gainOf(config.activation));
}

/**
 * The batches of every client in a round. Each batch has no repeats; those of a client's local steps are drawn independently.
 *
 * @param federation as setUp gives it
 * @param dataset that the partition is of
 * @param round k; client, round and local step have a stream of their own
 * @returns [M][tau], owned by the caller
 * @example
 * drawBatches(federation, dataset, 0).map((steps) => steps.length); // [1, 1, 1]; three clients, one local step
 */
export function drawBatches(
  { config, partition: { clients }, rng }: Federation,
  dataset: Dataset,
  round: number,
): Batch[][] {
  return clients.map((images, client) =>
    Array.from({ length: config.localSteps }, (_, t) =>
      drawBatch(dataset, images, config.batchSize, rng.split("batch", client, round, t)),
    ),
  );
}

/**
 * Some of a client's images, without repeats.
 *
 * @param dataset that the images are of
 * @param images indices into dataset.train, the client's own
 * @param size images to draw, at most as many as there are
 * @param stream drawn from
 * @returns a batch, owned by the caller
 * @example
 * drawBatch(dataset, Int32Array.of(7, 8, 9), 2, createRng(1)).size; // 2
 */
export function drawBatch(dataset: Dataset, images: Int32Array, size: number, stream: Rng): Batch {
  const chosen = stream.permutation(images.length).subarray(0, size);
  return batchOf(
    dataset.train,
    chosen.map((i) => images[i]!),
  );
}
