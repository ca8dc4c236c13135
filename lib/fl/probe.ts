/** @file The fixed probe: the same private images presented at every round, so that image difficulty cancels in comparisons. */
import { backendReady } from "../core/backend";
import { ensure } from "../core/errors";
import type { Batch, Dataset } from "../core/types";
import { localUpdates } from "./client";
import { aggregate, drawBatch, stepAgainst, type Federation, type RoundRecord } from "./train";

/**
 * Fixed images of every client, drawn once from its own: the probe of a seed.
 *
 * @param federation as setUp gives it; the draw depends on its seed and partition, not on how it trains
 * @returns [M] batches of batchSize images
 */
export function drawProbe({ config, partition: { clients }, rng }: Federation, dataset: Dataset): Batch[] {
  return clients.map((images, client) => drawBatch(dataset, images, config.batchSize, rng.split("probe", client)));
}

/**
 * What the round of a record would have been, had the clients held these batches instead of their own.
 *
 * The model's trajectory is that of the records; only the round in question is replayed, with tau = 1.
 *
 * @param records the rounds to replay
 * @param batches [M], the probe
 * @returns per record the broadcasts before and after, ready for observe
 * @throws InputError when there is not one batch per client
 */
export async function presentProbe(
  { config, network, rng }: Federation,
  records: readonly RoundRecord[],
  batches: readonly Batch[],
): Promise<{ before: RoundRecord; after: RoundRecord }[]> {
  ensure(
    batches.length === config.numClients,
    "presentProbe",
    `needs one batch per client, ${config.numClients}`,
    batches.length,
  );
  await backendReady();
  const once = batches.map((batch) => [batch]);
  return records.map((record) => {
    const updates = localUpdates(network, record.weights, once, config.learningRate);
    const { update, kept } = aggregate(config, updates, rng.split("probe masks", record.round));
    const before = { ...record, batches: once, ownUpdate: updates[config.maliciouslyCuriousClient]!, kept };
    return { before, after: { ...record, weights: stepAgainst(record.weights, update, config.learningRate) } };
  });
}
