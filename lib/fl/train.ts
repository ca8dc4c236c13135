/** @file The federated loop. */
import { backendReady } from "../core/backend";
import { InputError, refuse } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Batch, Dataset } from "../core/types";
import { batchOf } from "../data/batch";
import { recycle } from "../numerics/spare";
import { evaluate } from "../model/network";
import { poisonings } from "../poisoning/poisonings";
import type { Poisoning } from "../poisoning/poisoning";
import type { FederationConfig } from "./config";
import { drawBatches, firstBroadcast, setUp, type Federation } from "./federation";
import { runRound } from "./round";
import type { ServerMemory } from "./server";

/** What happened in a round, as only the experimenter sees it. The attacker gets an AttackerView made from two of these. */
export interface RoundRecord {
  /** k; the record after the last round holds the final broadcast and nothing sent. */
  readonly round: number;
  /** w^(k) as broadcast at the start of the round, [d]. */
  readonly weights: Float32Array;
  /** F(w^(k)), mean cross-entropy over evaluationImages training images, clients weighted equally. */
  readonly loss: number;
  /** F(w^(k)) - F*. */
  readonly objectiveGap: number;
  /** On evaluationImages test images, 0..1. */
  readonly accuracy: number;
  /** Accuracy of w^(k) on the poisoning's success test, 0..1; null where it has none. */
  readonly attackSuccess: number | null;
  /** [M][tau], the private batches used in this round. */
  readonly batches: readonly (readonly Batch[])[];
  /** What the maliciously curious client sent, [d]. */
  readonly ownUpdate: Float32Array | null;
  /** Clients whose update is in the aggregate; none for coordinate-wise rules. */
  readonly kept: readonly number[];
  /** M_eff of the aggregate; 0 in the record after the last round. */
  readonly effectiveParticipants: number;
  /** Clients whose update could not be used: not finite, as a rule; see aggregateRound. */
  readonly dropped: readonly number[];
  /** Why the server made no step, so that w^(k+1) = w^(k); null where it made one. */
  readonly skipped: string | null;
  /** Of the server, before the round. */
  readonly memory: ServerMemory;
}

/** Follows a run. */
export interface TrainOptions {
  /** Hears of every round, kept or not, and at last of the final broadcast; `rounds` is how many there are. */
  readonly onRound?: (record: RoundRecord, rounds: number) => void;
  /** Which records are returned, by round; default all, half a megabyte each for LeNet-5. */
  readonly keep?: (round: number) => boolean;
}

/** A run that could not go on. What it had computed is in it. */
export class RunEnded extends InputError {
  /** Of the rounds before, those that were to be kept. */
  readonly records: readonly RoundRecord[];
  constructor(message: string, records: readonly RoundRecord[]) {
    super(message);
    this.records = records;
  }
}

/**
 * Trains a model federatedly: FedSGD for localSteps = 1, else FedAvg.
 *
 * w^(k+1) = w^(k) - eta u^(k),  u^(k) the round's aggregate (see runRound)
 *
 * @param config see FederationConfig
 * @param dataset as loadDataset gives it
 * @param options onRound is called after every round, and once more with the final broadcast; keep chooses the records that are
 *   returned, by round: observe needs two that follow each other
 * @returns rounds + 1 records: one per round, and one for the final broadcast; of these, those that keep keeps
 * @throws InputError for a bad config; RunEnded, an InputError with the records so far, where a client computes an update that is not
 *   finite, or the loss is not: the model has diverged (round and client are named)
 * @example
 * const records = await train({ ...defaultFederation, dataset: "strokes", rounds: 2 }, await loadDataset("strokes"));
 * records.length; // 3
 * (await train({ ...defaultFederation, dataset: "strokes", rounds: 2 }, await loadDataset("strokes"), { keep: (k) => k > 0 })).length; // 2
 * @source McMahan et al. 2017; the paper's section 5
 */
export async function train(
  config: FederationConfig,
  dataset: Dataset,
  options: TrainOptions = {},
): Promise<RoundRecord[]> {
  ensureNames("train", "options", options, ["onRound", "keep"] satisfies (keyof TrainOptions)[]);
  const { onRound, keep = () => true } = options;
  const federation = setUp(config, dataset);
  const { rng } = federation;
  await backendReady();
  const evaluateAt = createEvaluation(federation, dataset);
  const records: RoundRecord[] = [];
  const finish = (record: RoundRecord): void => {
    if (keep(record.round)) records.push(record);
    onRound?.(record, config.rounds);
  };
  const atRound = <T>(round: number, compute: () => T): T => {
    try {
      return compute();
    } catch (error) {
      if (error instanceof InputError) throw new RunEnded(`${error.message} (round ${round})`, records);
      throw error;
    }
  };
  let weights = firstBroadcast(federation);
  let memory: ServerMemory = {};
  for (let round = 0; round < config.rounds; round++) {
    const batches = drawBatches(federation, dataset, round);
    const input = { weights, batches, memory, rng: rng.split("round", round) };
    const { sent, update, memory: next, ...served } = atRound(round, () => runRound(federation, input));
    const measured = atRound(round, () => evaluateAt(weights));
    const ownUpdate = sent[config.maliciouslyCuriousClient]!;
    finish({ round, weights, ...measured, batches, ownUpdate, ...served, memory });
    weights = stepAgainst(weights, update, config.learningRate);
    if (!next.previous) recycle([update]);
    memory = next;
    await new Promise(setImmediate); // lets a progress bar draw
  }
  const measured = atRound(config.rounds, () => evaluateAt(weights));
  const nothing = {
    batches: [],
    ownUpdate: null,
    kept: [],
    effectiveParticipants: 0,
    dropped: [],
    skipped: null,
    memory,
  };
  finish({ round: config.rounds, weights, ...measured, ...nothing });
  return records;
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
  const next = new Float32Array(weights.length);
  for (let i = 0; i < next.length; i++) next[i] = weights[i]! - learningRate * update[i]!;
  return next;
}

/** Measures broadcasts on fixed images: an equal number from every client, and test images in file order. */
function createEvaluation(
  { config, network, partition: { clients }, rng }: Federation,
  dataset: Dataset,
): (weights: Float32Array) => Pick<RoundRecord, "loss" | "objectiveGap" | "accuracy" | "attackSuccess"> {
  const share = Math.max(1, Math.round(config.evaluationImages / config.numClients));
  const sample = clients.flatMap((images, client) => {
    const stream = rng.split("evaluation", client);
    return Array.from({ length: share }, () => images[stream.integer(images.length)]!);
  });
  const training = batchOf(dataset.train, sample);
  const testCount = Math.min(config.evaluationImages, dataset.test.count);
  const test = batchOf(dataset.test, [...Array(testCount).keys()]);
  const rule: Poisoning | null = config.poisoning === "none" ? null : poisonings[config.poisoning];
  const success = rule?.successTest?.(test, network.inputShape, config.poisoningParameters) ?? null;
  return (weights) => {
    const { loss } = evaluate(network, weights, training);
    if (!Number.isFinite(loss)) refuse("train", "needs a finite loss", loss, "lower the learningRate");
    return {
      loss,
      objectiveGap: loss - config.optimum,
      accuracy: evaluate(network, weights, test).accuracy,
      attackSuccess: success && evaluate(network, weights, success).accuracy,
    };
  };
}
