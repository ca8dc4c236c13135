/** @file What a client recorded of a federation: all that a spec names, read and held against the model. */
import { ensure, refuse } from "../core/errors";
import type { Batch } from "../core/types";
import { numberedFiles } from "../files/numbered";
import { isName, type ModelSpec } from "../model/buildNetwork";
import { withStatistics } from "../model/layerList";
import { broadcastDifference } from "../reconstruction/observe";
import { readBatch, readImages, readLabels } from "./images";
import type { AuditSpec } from "./spec";
import { readCheckpoint, type Checkpoint } from "./weights";

const FN = "audit";

/** A round between two broadcasts. */
export interface RecordedRound {
  /** From 0 on, of those that were recorded. */
  readonly round: number;
  /** The two broadcasts' files. */
  readonly files: readonly [before: string, after: string];
  /** Of the spec, with the statistics of its batch normalisations. */
  readonly model: ModelSpec;
  /** W as broadcast, [d]. */
  readonly weights: Float32Array;
  /** (w - w of the next broadcast) / eta, [d]. */
  readonly difference: Float32Array;
  /** (w - what the attacker sent) / eta, [d]. */
  readonly ownUpdate: Float32Array | null;
  /** What it computed that from. */
  readonly ownBatch: Batch | null;
  /** Of the weights in both files, relative. */
  readonly rounding: number;
  /** Of the private images, if given. */
  readonly labels: Int32Array | null;
  /** The private images, if given. */
  readonly truth: Batch | null;
}

/** A recording, read. */
export interface Recording {
  /** At least one. */
  readonly rounds: readonly RecordedRound[];
  /** The attacker's images. */
  readonly own: Batch | null;
  /** What a reader of the report should know of the files. */
  readonly notes: readonly string[];
}

/**
 * Reads all files of a spec.
 *
 * @param spec see readSpec
 * @returns the recording, owned by the caller
 * @throws InputError for a file that is missing, damaged, or not what the spec says; fewer than two different broadcasts; files that are
 *   not one per round
 * @example
 * const { rounds } = await readRecording(await readSpec(join(projectRoot, "examples", "local-steps.json")));
 * rounds.length; // 2; of four broadcasts one stands twice
 */
export async function readRecording(spec: AuditSpec): Promise<Recording> {
  const notes: string[] = [];
  const broadcasts = await readBroadcasts(spec, notes);
  const count = broadcasts.length - 1;
  const { own: ownSpec, learningRate } = spec;
  const own = ownSpec.images === null ? null : await readBatch(ownSpec.images, ownSpec.labels!, "own", spec);
  const perRound = (files: readonly string[], field: string): Promise<string[]> => filesPerRound(files, field, count);
  const updates = ownSpec.update && (await perRound(ownSpec.update.file, "own.update"));
  const batches = ownSpec.batch && (await perRound(ownSpec.batch.images, "own.batch"));
  const batchLabels = ownSpec.batch?.labels && (await perRound(ownSpec.batch.labels, "own.batch.labels"));
  const truths = spec.truth && (await perRound(spec.truth.images, "truth.images"));
  const truthLabels = spec.truth && (await perRound(spec.truth.labels, "truth.labels"));
  const labels = await labelsPerRound(spec, count);
  const rounds: RecordedRound[] = [];
  for (let k = 0; k < count; k++) {
    const [before, after] = [broadcasts[k]!, broadcasts[k + 1]!];
    const { weights, buffers } = before.checkpoint;
    rounds.push({
      round: k,
      files: [before.file, after.file],
      model: isName(spec.model) ? spec.model : withStatistics(spec.model, buffers),
      weights,
      difference: broadcastDifference(weights, after.checkpoint.weights, learningRate),
      ownUpdate: updates && (await readUpdate(updates[k]!, spec, weights)),
      ownBatch: batches && (await readOwnBatch(batches[k]!, batchLabels?.[k] ?? null, own, spec)),
      rounding: Math.max(before.checkpoint.rounding, after.checkpoint.rounding),
      labels: labels?.[k] ?? null,
      truth: truths && truthLabels && (await readBatch(truths[k]!, truthLabels[k]!, "truth", spec)),
    });
  }
  const sizes = new Set(rounds.map(({ ownBatch }) => ownBatch?.size));
  ensure(sizes.size === 1, FN, "needs own.batch of equally many images in every round", [...sizes]);
  return { rounds, own, notes };
}

/** The broadcasts that differ from the one before. */
async function readBroadcasts(spec: AuditSpec, notes: string[]): Promise<{ file: string; checkpoint: Checkpoint }[]> {
  const files: string[] = [];
  for (const pattern of spec.broadcasts) files.push(...(await numberedFiles(FN, pattern)));
  ensure(
    files.length >= 2,
    FN,
    "needs at least two broadcasts",
    files.length,
    "what is learnt lies between one and the next",
  );
  const kept: { file: string; checkpoint: Checkpoint }[] = [];
  const repeated: string[] = [];
  for (const file of files) {
    const checkpoint = await readCheckpoint(file, spec);
    if (checkpoint.note !== null && kept.length === 0) notes.push(checkpoint.note);
    const last = kept.at(-1)?.checkpoint.weights;
    if (last?.every((w, i) => w === checkpoint.weights[i]) === true) repeated.push(file);
    else kept.push({ file, checkpoint });
  }
  ensure(kept.length >= 2, FN, "needs two broadcasts that differ", `${files.length} alike`, "the model before a round, and the one after it"); // prettier-ignore
  if (repeated.length > 0)
    notes.push(`${repeated.length} of ${files.length} broadcasts repeat the one before and were dropped, as Flower sends each aggregate for evaluation and again for training`); // prettier-ignore
  return kept;
}

/** One file per round. What a client sent last may have no broadcast after it. */
async function filesPerRound(given: readonly string[], field: string, rounds: number): Promise<string[]> {
  const files: string[] = [];
  for (const pattern of given) files.push(...(await numberedFiles(FN, pattern)));
  const fits = files.length === rounds || files.length === rounds + 1;
  ensure(fits, FN, `needs one file for each of ${rounds} rounds in ${field}`, files.length, rounds > 1 ? 'say "name{k}.npy", or a list' : undefined); // prettier-ignore
  return files.slice(0, rounds);
}

async function labelsPerRound({ labels, numClasses }: AuditSpec, rounds: number): Promise<Int32Array[] | null> {
  if (labels === null) return null;
  if (typeof labels[0] === "string") {
    const files = await filesPerRound(labels as string[], "labels", rounds);
    return Promise.all(files.map((file) => readLabels(file, "labels", numClasses)));
  }
  ensure(labels.length === rounds, FN, `needs a list of labels for each of ${rounds} rounds`, labels.length);
  return (labels as readonly (readonly number[])[]).map((list) => Int32Array.from(list));
}

/** What the attacker sent, as (w - w of its own) / eta. */
async function readUpdate(file: string, spec: AuditSpec, weights: Float32Array): Promise<Float32Array> {
  const { kind } = spec.own.update!;
  const { weights: sent } = await readCheckpoint(file, spec);
  return kind === "weights" ? broadcastDifference(weights, sent, spec.learningRate) : sent;
}

const nearEnough = 1e-3; // per pixel, of an image that is saved twice

/** The attacker's batch, whose labels are those of the same images among its own where they are not given. */
async function readOwnBatch(file: string, labels: string | null, own: Batch | null, spec: AuditSpec): Promise<Batch> {
  const { batchSize, localSteps } = spec;
  const batch =
    labels !== null
      ? await readBatch(file, labels, "own.batch", spec)
      : await readImages(file, "own.batch", spec.inputShape).then(({ images, count }) => ({
          images,
          labels: Int32Array.from({ length: count }, (_, i) => labelAmong(images, i, count, own!, file)),
          size: count,
        }));
  const isWhole = batch.size % batchSize === 0 && batch.size <= batchSize * localSteps;
  ensure(isWhole, FN, `needs own.batch to be one to ${localSteps} batches of ${batchSize} images`, batch.size, "localSteps batches, in their order; fewer where steps take turns with them"); // prettier-ignore
  return batch;
}

/** The label of an image that is among labelled ones. */
function labelAmong(images: Float32Array, index: number, count: number, own: Batch, file: string): number {
  const pixels = images.length / count;
  for (let i = 0; i < own.size; i++) {
    let most = 0;
    for (let p = 0; p < pixels && most <= nearEnough; p++)
      most = Math.max(most, Math.abs(own.images[i * pixels + p]! - images[index * pixels + p]!));
    if (most <= nearEnough) return own.labels[i]!;
  }
  return refuse(FN, `needs image ${index} of own.batch (${file}) among own.images, which have its label`, "another", 'give labels: "batch": { "images": …, "labels": … }'); // prettier-ignore
}
