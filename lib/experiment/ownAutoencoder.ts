/** @file What the maliciously curious client has of its own: its images, and the autoencoder that it trains on them. */
import { checkDataset } from "../core/dataset";
import { createRng } from "../core/rng";
import type { Batch, Dataset } from "../core/types";
import { batchOf } from "../data/batch";
import { partition, type PartitionOptions } from "../data/partition";
import { partitionOptions, type FederationConfig } from "../fl/config";
import type { Federation } from "../fl/federation";
import { trainAutoencoders, type Autoencoder } from "../model/autoencoder";

/** What the client's own images depend on, besides the dataset: settings that share it share the autoencoder. */
export type Shard = PartitionOptions & { readonly seed: number; readonly maliciouslyCuriousClient: number };

/**
 * Which images the maliciously curious client of a config owns.
 *
 * @param config see FederationConfig
 * @returns the client, the seed and how images are dealt out: plain JSON
 * @example
 * shardOf(config).seed === config.seed; // true
 */
export function shardOf(config: FederationConfig): Shard {
  const { seed, maliciouslyCuriousClient } = config;
  const { minImages: _only, ...dealt } = partitionOptions(config); // refuses partitions, and changes none
  return { seed, maliciouslyCuriousClient, ...dealt };
}

/**
 * What the maliciously curious client owns: everything, or so many of its images, evenly spaced.
 *
 * @param federation as setUp gives it
 * @param dataset that the federation was set up for
 * @param atMost number of images, default all
 * @returns the images and their labels
 * @example
 * ownImages(federation, dataset, 5).labels.length; // 5
 */
export function ownImages({ config, partition }: Federation, dataset: Dataset, atMost = Infinity): Batch {
  const images = partition.clients[config.maliciouslyCuriousClient]!;
  const count = Math.min(atMost, images.length);
  return batchOf(
    dataset.train,
    Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]!),
  );
}

/**
 * Trains the attacker's autoencoder on its own images.
 *
 * @param shard see shardOf
 * @param dataset as loadDataset gives it
 * @param steps of training
 * @param follow hears of the share that is done, 0..1
 * @returns the autoencoder, owned by the caller
 * @throws whatever trainAutoencoders throws
 * @example
 * const trained = await trainOwnAutoencoder(shardOf(config), dataset, 1, () => undefined);
 * trained.codeShape; // [4, 7, 7]
 */
export async function trainOwnAutoencoder(
  { seed, maliciouslyCuriousClient, ...dealt }: Shard,
  dataset: Dataset,
  steps: number,
  follow: (share: number) => void,
): Promise<Autoencoder> {
  checkDataset("train", dataset);
  const { clients } = partition(dataset.train.labels, dealt, createRng(seed).split("partition"));
  const own = batchOf(dataset.train, clients[maliciouslyCuriousClient]!);
  const [autoencoder] = await trainAutoencoders([own], dataset.inputShape, createRng(seed).split("autoencoder"), {
    steps,
    onStep: (step, total) => follow(step / total),
  });
  return autoencoder!;
}
