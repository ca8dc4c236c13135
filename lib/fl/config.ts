/** @file Everything a federated run depends on, in one flat record. */
import { ensure, ensureCount } from "../core/errors";
import { ensureDefined, ensureKnown, ensureNames } from "../core/known";
import { datasets, type DatasetName } from "../data/datasets";
import { partitionKinds, type PartitionKind, type PartitionOptions } from "../data/partition";
import type { AggregationParameters } from "../defense/aggregator";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { preAggregations as preAggregationRules, type PreAggregationName } from "../defense/preAggregations";
import { privacies, type PrivacyName } from "../defense/privacies";
import { checkPrivacy } from "../defense/privacy/checkPrivacy";
import { defaultPrivacy, type PrivacyParameters } from "../defense/privacy/privacy";
import { architectures, type ArchitectureName } from "../model/architectures";
import { activationNames, type ActivationName } from "../model/layers/activation";
import { initializations, type Initialization } from "../model/network";
import { poolingNames, type PoolingName } from "../model/layers/pooling";
import { poisonings, type PoisoningName } from "../poisoning/poisonings";
import type { PoisoningParameters } from "../poisoning/poisoning";
import { rehearse } from "./aggregation";

/** A federated run is a pure function of this record and the dataset. Sweeps are `{ ...base, numClients: 5 }`. */
export interface FederationConfig {
  /** A key of `datasets`; default "fashion-mnist" (paper; MNIST too). */
  readonly dataset: DatasetName;
  /** The clients' model, a key of `architectures`; default "lenet5" (paper). */
  readonly architecture: ArchitectureName;
  /** Between layers: "relu", "tanh" or "sigmoid"; default "relu" (not stated in the paper: our choice). */
  readonly activation: ActivationName;
  /** "max" or "average", where the architecture pools; default "max" (not stated: our choice). */
  readonly pooling: PoolingName;
  /** Of the weights: "variancePreserving" (default; not stated: our choice) or "pytorch", PyTorch's default. */
  readonly initialization: Initialization;
  /** M, the maliciously curious client included; an integer in 1..100,000, default 10 (paper). */
  readonly numClients: number;
  /** Index of the client that attacks, 0..M-1; default 0 (paper: one of the clients). */
  readonly maliciouslyCuriousClient: number;
  /** How images are dealt out: "iid", "dirichlet" or "classes"; default "dirichlet" (paper: non-IID; the kind is our choice). */
  readonly partition: PartitionKind;
  /** Dirichlet concentration > 0, the smaller the less alike clients are; read when partition is "dirichlet"; default 0.5 (our choice). */
  readonly alpha: number;
  /** Classes that a client owns, >= 1; read when partition is "classes"; default 2 (our choice). */
  readonly classesPerClient: number;
  /** K, communication rounds, >= 1; default 50 (paper). */
  readonly rounds: number;
  /** tau, gradient steps of a client in a round, >= 1; default 1: FedSGD (the paper's theory); more is FedAvg. */
  readonly localSteps: number;
  /** B, images that a client uses in one local step, >= 1; default 1 (not stated: our choice). */
  readonly batchSize: number;
  /** eta > 0, of clients and server alike; default 0.05 (not stated: our choice). */
  readonly learningRate: number;
  /** What the maliciously curious client does: a key of `poisonings`, or "none" (default): it is passive and only listens. */
  readonly poisoning: PoisoningName | "none";
  /** Strength and the like of the poisoning, see PoisoningParameters; what is left out has the rule's default; default {}. */
  readonly poisoningParameters: PoisoningParameters;
  /** What clients do to what they send: "localDp", "dpSgd", or "none" (default). */
  readonly privacy: PrivacyName | "none";
  /** Clipping and noise, see PrivacyParameters; read unless privacy is "none"; default `defaultPrivacy`: C = 1, sigma = 3. */
  readonly privacyParameters: PrivacyParameters;
  /** Whether a client that poisons clips and noises what it sends too, see runRound; default true (our choice). */
  readonly poisonerFollowsPrivacy: boolean;
  /** In front of the aggregator, in this order: keys of `preAggregations`; default []. */
  readonly preAggregations: readonly PreAggregationName[];
  /** The server's rule, robust to Byzantine clients or not: a key of `aggregators`; default "mean", no defense. */
  readonly aggregator: AggregatorName;
  /** Of the rule and the pre-aggregations, see AggregationParameters; what is left out has the rule's default; default {}. */
  readonly aggregatorParameters: Omit<AggregationParameters, "f">;
  /** f, malicious (Byzantine) clients that the server assumes, 0 <= f < M/2, whoever really is; default 0. */
  readonly assumedMalicious: number;
  /** What the server does with an update that is not finite: "drop" it (default: our choice) or "stop"; see aggregateRound. */
  readonly nonFinite: "drop" | "stop";
  /** The server's own training images, >= 1, for rules that need a root update; default 100 (Cao et al. 2021, FLTrust). */
  readonly rootImages: number;
  /** Pairwise masks, so the server sees sums only; needs the mean; default false. */
  readonly secureAggregation: boolean;
  /** Training images for the loss, and test images for the accuracy, in each round, >= 1; default 500 (our choice). */
  readonly evaluationImages: number;
  /** F*, nats, subtracted from the loss to give the objective gap; default 0 (our choice: no gap is understated). */
  readonly optimum: number;
  /** An integer that decides partition, initial weights, batches, masks and noise; default 1. */
  readonly seed: number;
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
 * Refuses a config that could not run, or that says something which nobody would read: a misspelt name, a parameter of another rule.
 *
 * @param config any; what the dataset decides is left to setUp
 * @throws InputError naming the field, what it needs and what it got, and the name that was perhaps meant; what rehearse refuses:
 *   too few clients for f and the rule
 * @example
 * checkConfig({ ...defaultFederation, rounds: 0 }); // throws "train: needs an integer rounds >= 1, got 0"
 * checkConfig({ ...defaultFederation, pooling: "Max" }); // throws "train: needs a pooling of average, max, got Max; did you mean max?"
 */
export function checkConfig(config: FederationConfig): void {
  ensureNames("train", "the config", config, fields);
  const missing = fields.find((name) => config[name] === undefined);
  ensure(
    missing === undefined,
    "train",
    `needs a value for ${missing}`,
    "undefined",
    "begin with ...defaultFederation",
  );
  ensureDefined("train", "the config", config);
  for (const [name, names] of Object.entries(choices) as [keyof typeof choices, readonly string[]][])
    ensureKnown("train", `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`, config[name], names);
  const counts = ["numClients", "rounds", "localSteps", "batchSize", "evaluationImages", "rootImages", "classesPerClient"] as const; // prettier-ignore
  for (const name of counts) ensureCount("train", name, config[name]);
  const { maliciouslyCuriousClient: curious, numClients, learningRate, assumedMalicious: f, alpha, optimum } = config;
  ensure(numClients <= mostClients, "train", `needs numClients <= ${mostClients}`, numClients);
  ensureCount("train", "maliciouslyCuriousClient", curious, 0);
  ensure(curious < numClients, "train", `needs maliciouslyCuriousClient < numClients = ${numClients}`, curious);
  ensure(Number.isFinite(learningRate) && learningRate > 0, "train", "needs a finite learningRate > 0", learningRate);
  ensure(Number.isFinite(alpha) && alpha > 0, "train", "needs a finite alpha > 0", alpha);
  ensure(Number.isFinite(optimum), "train", "needs a finite optimum", optimum);
  ensureCount("train", "seed", config.seed, Number.MIN_SAFE_INTEGER);
  ensureCount("train", "assumedMalicious", f, 0);
  ensure(f < numClients / 2, "train", `needs assumedMalicious f < numClients / 2 = ${numClients / 2}`, f);
  const isSecure = config.secureAggregation;
  ensure(typeof isSecure === "boolean", "train", "needs secureAggregation true or false", isSecure);
  checkRules(config);
  const { poisonerFollowsPrivacy: follows } = config;
  ensure(typeof follows === "boolean", "train", "needs poisonerFollowsPrivacy true or false", follows);
  ensure(
    !isSecure || (config.aggregator === "mean" && config.preAggregations.length === 0),
    "train",
    "needs the mean under secure aggregation, which reveals sums only",
    config.aggregator,
    'set aggregator: "mean" or secureAggregation: false',
  );
  rehearse(config, config.poisoning === "none" ? [] : [curious]);
}

const mostClients = 100_000; // each has an update of its own in memory, and images of its own

const fields = Object.keys(defaultFederation) as (keyof FederationConfig)[];

/** The fields that hold a name, and the names there are. */
const choices = {
  dataset: Object.keys(datasets),
  architecture: Object.keys(architectures),
  activation: activationNames,
  pooling: poolingNames,
  initialization: initializations,
  partition: partitionKinds,
  poisoning: ["none", ...Object.keys(poisonings)],
  privacy: ["none", ...Object.keys(privacies)],
  aggregator: Object.keys(aggregators),
  nonFinite: ["drop", "stop"],
} as const satisfies Partial<Record<keyof FederationConfig, readonly string[]>>;

/** Parameters must be read by a rule that is chosen; those of a privacy mechanism stand in every config, and are checked where it has one. */
function checkRules(config: FederationConfig): void {
  const { poisoning, poisoningParameters, privacy, privacyParameters, aggregator, preAggregations } = config;
  const poison: readonly string[] = poisoning === "none" ? [] : poisonings[poisoning].reads;
  ensureNames("train", `poisoningParameters of ${poisoning}`, poisoningParameters, poison);
  ensureNames("train", "privacyParameters", privacyParameters, Object.keys(defaultPrivacy));
  if (privacy !== "none") checkPrivacy("train", privacy, privacyParameters);
  ensure(Array.isArray(preAggregations), "train", "needs a list of preAggregations", preAggregations);
  for (const name of preAggregations) ensureKnown("train", "a pre-aggregation", name, Object.keys(preAggregationRules));
  const chain = [...preAggregations.map((name) => preAggregationRules[name]), aggregators[aggregator]];
  const reads = new Set(chain.flatMap((rule) => rule.reads.filter((name) => name !== "f")));
  ensureNames(
    "train",
    `aggregatorParameters of ${[...preAggregations, aggregator].join(">")}`,
    config.aggregatorParameters,
    [...reads],
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
