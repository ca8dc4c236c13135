/** @file Everything a federated run depends on, in one flat record. */
import { ensure, ensureCount, refuse } from "../core/errors";
import type { DatasetName } from "../data/datasets";
import type { PartitionKind, PartitionOptions } from "../data/partition";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { architectures, type ArchitectureName } from "../model/architectures";
import type { ActivationName } from "../model/layers/activation";
import type { Initialization } from "../model/network";
import type { PoolingName } from "../model/layers/pooling";

/** A federated run is a pure function of this record and the dataset. Sweeps are `{ ...base, numClients: 5 }`. */
export interface FederationConfig {
  readonly dataset: DatasetName;
  readonly architecture: ArchitectureName;
  readonly activation: ActivationName;
  readonly pooling: PoolingName;
  readonly initialization: Initialization;
  readonly numClients: number; // M, the maliciously curious client included
  readonly maliciouslyCuriousClient: number; // its index, 0..M-1
  readonly partition: PartitionKind;
  readonly alpha: number; // Dirichlet concentration; read when partition is "dirichlet"
  readonly classesPerClient: number; // read when partition is "classes"
  readonly rounds: number; // K, communication rounds
  readonly localSteps: number; // tau, gradient steps of a client in a round; 1 is FedSGD
  readonly batchSize: number; // B, images a client uses in one local step
  readonly learningRate: number; // eta, of clients and server alike
  readonly aggregator: AggregatorName;
  readonly assumedMalicious: number; // f, what the server assumes
  readonly secureAggregation: boolean; // pairwise masks; the server sees sums only
  readonly evaluationImages: number; // training images for the loss, and test images for the accuracy, each round
  readonly optimum: number; // F*, subtracted from the loss to give the objective gap
  readonly seed: number; // partition, initial weights, batches and masks
}

/** The defaults, each with its source. */
export const defaultFederation: FederationConfig = {
  dataset: "fashion-mnist", // paper: Fashion-MNIST and MNIST
  architecture: "lenet5", // paper: LeNet-5
  activation: "relu", // not stated in the paper: our choice, as in the first author's public LeNet
  pooling: "max", // not stated: our choice, as there
  initialization: "variancePreserving", // not stated: our choice; PyTorch's default keeps LeNet-5 on a plateau for 20 rounds
  numClients: 10, // paper: M = 10
  maliciouslyCuriousClient: 0, // paper: one of the clients
  partition: "dirichlet", // paper: non-IID; the kind is not stated: our choice
  alpha: 0.5, // not stated: our choice, the field's usual value
  classesPerClient: 2, // not stated: our choice
  rounds: 50, // paper: 50 rounds
  localSteps: 1, // paper: the theory's FedSGD
  batchSize: 1, // not stated: our choice; every client has one private image in a round
  learningRate: 0.05, // not stated: our choice
  aggregator: "mean", // no defense
  assumedMalicious: 0, // nobody is expected to misbehave under the mean
  secureAggregation: false,
  evaluationImages: 500, // our choice: the accuracy's standard error is then below 0.023
  optimum: 0, // our choice: cross-entropy is never below 0, so the gap is never understated
  seed: 1,
};

/**
 * Refuses a config that could not run.
 *
 * @param config any; what partition and buildNetwork check is left to them
 * @throws InputError naming the field, what it needs and what it got
 * @example
 * checkConfig({ ...defaultFederation, rounds: 0 }); // throws "train: needs an integer rounds >= 1, got 0"
 */
export function checkConfig(config: FederationConfig): void {
  const counts = ["numClients", "rounds", "localSteps", "batchSize", "evaluationImages"] as const;
  for (const name of counts) ensureCount("train", name, config[name]);
  const { maliciouslyCuriousClient: curious, numClients, learningRate, assumedMalicious: f } = config;
  ensureCount("train", "maliciouslyCuriousClient", curious, 0);
  ensure(curious < numClients, "train", `needs maliciouslyCuriousClient < numClients = ${numClients}`, curious);
  ensure(Number.isFinite(learningRate) && learningRate > 0, "train", "needs a finite learningRate > 0", learningRate);
  ensureCount("train", "assumedMalicious", f, 0);
  ensure(f < numClients / 2, "train", `needs assumedMalicious f < numClients / 2 = ${numClients / 2}`, f);
  if (!(config.architecture in architectures))
    refuse("train", `needs an architecture of ${Object.keys(architectures).join(", ")}`, config.architecture);
  if (!(config.aggregator in aggregators))
    refuse("train", `needs an aggregator of ${Object.keys(aggregators).join(", ")}`, config.aggregator);
  ensure(
    !config.secureAggregation || config.aggregator === "mean",
    "train",
    "needs the mean under secure aggregation, which reveals sums only",
    config.aggregator,
    'set aggregator: "mean" or secureAggregation: false',
  );
}

/**
 * The partition a config asks for; every client gets at least one batch.
 *
 * @param config of which partition, numClients, batchSize, and alpha or classesPerClient are read
 * @returns the options of partition
 * @example
 * partitionOptions(defaultFederation); // { kind: "dirichlet", alpha: 0.5, numClients: 10, minImages: 1 }
 */
export function partitionOptions({
  partition: kind,
  numClients,
  batchSize,
  alpha,
  classesPerClient,
}: FederationConfig): PartitionOptions {
  const common = { numClients, minImages: batchSize };
  if (kind === "dirichlet") return { ...common, kind, alpha };
  if (kind === "classes") return { ...common, kind, classesPerClient };
  return { ...common, kind };
}
