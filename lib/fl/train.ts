/** @file The federated loop. */
import { backendReady } from "../core/backend";
import { InputError, refuse } from "../core/errors";
import { createRng, type Rng } from "../core/rng";
import type { Batch, Dataset, Partition } from "../core/types";
import { batchOf } from "../data/batch";
import { partition } from "../data/partition";
import { aggregators } from "../defense/aggregators";
import { buildNetwork } from "../model/architectures";
import { gainOf } from "../model/layers/activation";
import { evaluate, initialWeights, type Network } from "../model/network";
import { localUpdates } from "./client";
import { checkConfig, partitionOptions, type FederationConfig } from "./config";
import { aggregateMasked, maskUpdates } from "./secureAggregation";

/** What happened in a round, as only the experimenter sees it. The attacker gets an AttackerView made from two of these. */
export interface RoundRecord {
  readonly round: number; // k; the record after the last round holds the final broadcast and nothing sent
  readonly weights: Float32Array; // w^(k) as broadcast at the start of the round, [d]
  readonly loss: number; // F(w^(k)), mean cross-entropy over evaluationImages training images, clients weighted equally
  readonly objectiveGap: number; // F(w^(k)) - F*
  readonly accuracy: number; // on evaluationImages test images, 0..1
  readonly batches: readonly (readonly Batch[])[]; // [M][tau], the private batches used in this round
  readonly ownUpdate: Float32Array | null; // what the maliciously curious client sent, [d]
  readonly kept: readonly number[]; // clients whose update is in the aggregate
}

/** Follows a run. */
export interface TrainOptions {
  readonly onRound?: (record: RoundRecord, rounds: number) => void;
}

/** What a run is made of, before the first round: derived from config and dataset alone. */
export interface Federation {
  readonly config: FederationConfig;
  readonly network: Network;
  readonly partition: Partition;
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
  const { architecture, activation, pooling, seed } = config;
  const rng = createRng(seed);
  return {
    config,
    network: buildNetwork(architecture, dataset.inputShape, dataset.numClasses, { activation, pooling }),
    partition: partition(dataset.train.labels, partitionOptions(config), rng.split("partition")),
    rng,
  };
}

/**
 * Trains a model federatedly: FedSGD for localSteps = 1, else FedAvg.
 *
 * w^(k+1) = w^(k) - eta A(update_1, ..., update_M),  update_m = (w^(k) - w_(m,tau)) / eta (see localUpdates)
 *
 * @param config see FederationConfig
 * @param dataset as loadDataset gives it
 * @param options onRound is called after every round, and once more with the final broadcast
 * @returns rounds + 1 records: one a round, and one for the final broadcast
 * @throws InputError for a bad config, an update that is not finite (round and client are named), or a loss that is not
 * @example
 * const records = await train({ ...defaultFederation, dataset: "strokes", rounds: 2 }, await loadDataset("strokes"));
 * records.length; // 3
 * @source McMahan et al. 2017; the paper's section 5
 */
export async function train(
  config: FederationConfig,
  dataset: Dataset,
  { onRound }: TrainOptions = {},
): Promise<RoundRecord[]> {
  const federation = setUp(config, dataset);
  const { network, rng } = federation;
  await backendReady();
  const judge = createJudge(federation, dataset);
  const records: RoundRecord[] = [];
  const keep = (record: RoundRecord): void => {
    records.push(record);
    onRound?.(record, config.rounds);
  };
  let weights = firstBroadcast(federation);
  for (let round = 0; round < config.rounds; round++) {
    const batches = drawBatches(federation, dataset, round);
    const updates = atRound(round, () => localUpdates(network, weights, batches, config.learningRate));
    const { update, kept } = aggregate(config, updates, rng.split("masks", round));
    const measured = atRound(round, () => judge(weights));
    keep({ round, weights, ...measured, batches, ownUpdate: updates[config.maliciouslyCuriousClient]!, kept });
    weights = stepAgainst(weights, update, config.learningRate);
    await new Promise(setImmediate); // lets a progress bar draw
  }
  const measured = atRound(config.rounds, () => judge(weights));
  keep({ round: config.rounds, weights, ...measured, batches: [], ownUpdate: null, kept: [] });
  return records;
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
 * The server's step.
 *
 * w^(k+1) = w^(k) - eta u, in float32 as it is broadcast
 *
 * @param weights w^(k), [d]
 * @param update u, [d]
 * @param learningRate eta
 * @returns w^(k+1), owned by the caller
 * @example
 * stepAgainst(Float32Array.of(1, 2), Float32Array.of(2, 0), 0.25); // [0.5, 2]
 */
export function stepAgainst(weights: Float32Array, update: Float32Array, learningRate: number): Float32Array {
  return weights.map((w, i) => w - learningRate * update[i]!);
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

/**
 * The server's aggregate of what the clients sent, through masks where the config asks for them.
 *
 * @param config of which secureAggregation, aggregator and assumedMalicious are read
 * @param updates [M][d]
 * @param rng the round's stream, for the masks
 * @returns the aggregate [d] and the clients whose update is in it, owned by the caller
 * @throws InputError as maskUpdates and the aggregator
 * @example
 * aggregate(config, [Float32Array.of(1, 2), Float32Array.of(3, 5)], createRng(1)).update; // [2, 3.5]
 */
export function aggregate(
  config: FederationConfig,
  updates: readonly Float32Array[],
  rng: Rng,
): { update: Float32Array; kept: readonly number[] } {
  if (config.secureAggregation) {
    return { update: aggregateMasked(maskUpdates(updates, rng)), kept: updates.map((_, i) => i) };
  }
  return aggregators[config.aggregator].aggregate(updates, { f: config.assumedMalicious });
}

/** Measures broadcasts on fixed images: an equal number from every client, and test images in file order. */
function createJudge(
  { config, network, partition: { clients }, rng }: Federation,
  dataset: Dataset,
): (weights: Float32Array) => Pick<RoundRecord, "loss" | "objectiveGap" | "accuracy"> {
  const share = Math.max(1, Math.round(config.evaluationImages / config.numClients));
  const sample = clients.flatMap((images, client) => {
    const stream = rng.split("evaluation", client);
    return Array.from({ length: share }, () => images[stream.integer(images.length)]!);
  });
  const training = batchOf(dataset.train, sample);
  const testCount = Math.min(config.evaluationImages, dataset.test.count);
  const test = batchOf(dataset.test, [...Array(testCount).keys()]);
  return (weights) => {
    const { loss } = evaluate(network, weights, training);
    if (!Number.isFinite(loss)) refuse("train", "needs a finite loss", loss, "lower the learningRate");
    return { loss, objectiveGap: loss - config.optimum, accuracy: evaluate(network, weights, test).accuracy };
  };
}

/** Adds the round to an error that a client's or the judge's part raised. */
function atRound<T>(round: number, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${error.message} (round ${round})`);
    throw error;
  }
}
