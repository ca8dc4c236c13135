/** @file Everything a federated run depends on, in one flat record. */
import { ensure, ensureCount } from "../core/errors";
import type { DatasetName } from "../data/datasets";
import type { PartitionKind, PartitionOptions } from "../data/partition";
import type { AggregationParameters } from "../defense/aggregator";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { preAggregations, type PreAggregationName } from "../defense/preAggregations";
import { checkPrivacy, defaultPrivacy, type PrivacyName, type PrivacyParameters } from "../defense/privacy";
import { architectures, type ArchitectureName } from "../model/architectures";
import type { ActivationName } from "../model/layers/activation";
import type { Initialization } from "../model/network";
import type { PoolingName } from "../model/layers/pooling";
import { poisonings, type PoisoningName } from "../poisoning/poisonings";
import type { PoisoningParameters } from "../poisoning/poisoning";
import { rehearse } from "./aggregation";

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
  readonly poisoning: PoisoningName | "none"; // what the maliciously curious client does; "none": it is passive
  readonly poisoningParameters: PoisoningParameters; // what is left out has the rule's default
  readonly privacy: PrivacyName | "none"; // what clients do to what they send
  readonly privacyParameters: PrivacyParameters; // read unless privacy is "none"
  readonly poisonerFollowsPrivacy: boolean; // whether a client that poisons clips and noises what it sends too; see playRound
  readonly preAggregations: readonly PreAggregationName[]; // in front of the aggregator, in this order
  readonly aggregator: AggregatorName;
  readonly aggregatorParameters: Omit<AggregationParameters, "f">; // what is left out has the rule's default
  readonly assumedMalicious: number; // f, what the server assumes
  readonly nonFinite: "drop" | "stop"; // what the server does with an update that is not finite; see serve
  readonly rootImages: number; // the server's own training images, for rules that need a root update
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
  poisoning: "none", // the passive listener
  poisoningParameters: {},
  privacy: "none",
  privacyParameters: defaultPrivacy,
  poisonerFollowsPrivacy: true, // our choice: kappa then means the same with clipping and without, and no check of lengths finds the client
  preAggregations: [],
  aggregator: "mean", // no defense
  aggregatorParameters: {},
  assumedMalicious: 0, // nobody is expected to misbehave under the mean
  nonFinite: "drop", // our choice: a server that a client can stop with a NaN would not be robust
  rootImages: 100, // Cao et al. 2021 (FLTrust)
  secureAggregation: false,
  evaluationImages: 500, // our choice: the accuracy's standard error is then below 0.023
  optimum: 0, // our choice: cross-entropy is never below 0, so the gap is never understated
  seed: 1,
};

/**
 * Refuses a config that could not run.
 *
 * @param config any; what partition and buildNetwork check is left to them
 * @throws InputError naming the field, what it needs and what it got; what rehearse refuses: too few clients for f and the rule
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
  ensureOneOf("architecture", config.architecture, Object.keys(architectures));
  ensureOneOf("aggregator", config.aggregator, Object.keys(aggregators));
  ensureOneOf("poisoning", config.poisoning, ["none", ...Object.keys(poisonings)]);
  for (const name of config.preAggregations) ensureOneOf("pre-aggregation", name, Object.keys(preAggregations));
  ensureOneOf("nonFinite", config.nonFinite, ["drop", "stop"]);
  ensureCount("train", "rootImages", config.rootImages);
  if (config.privacy !== "none") checkPrivacy("train", config.privacy, config.privacyParameters);
  const { poisonerFollowsPrivacy: follows } = config;
  ensure(typeof follows === "boolean", "train", "needs a poisonerFollowsPrivacy of true, false", follows);
  ensure(
    !config.secureAggregation || (config.aggregator === "mean" && config.preAggregations.length === 0),
    "train",
    "needs the mean under secure aggregation, which reveals sums only",
    config.aggregator,
    'set aggregator: "mean" or secureAggregation: false',
  );
  rehearse(config, config.poisoning === "none" ? [] : [curious]);
}

function ensureOneOf(what: string, value: string, known: readonly string[]): void {
  ensure(
    known.includes(value),
    "train",
    `needs ${/^[aeiou]/.test(what) ? "an" : "a"} ${what} of ${known.join(", ")}`,
    value,
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
