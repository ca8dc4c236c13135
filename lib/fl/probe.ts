/** @file The fixed probe: the same private images presented at every round, so image difficulty cancels in comparisons. */
import { backendReady } from "../core/backend";
import { ensure } from "../core/errors";
import { ensurePixels } from "../core/typed";
import type { Batch, Dataset } from "../core/types";
import { checkBatch } from "../model/network";
import { runRound } from "./round";
import { drawBatch, type Federation } from "./federation";
import { stepAgainst, type RoundRecord } from "./train";

/**
 * Fixed images of every client, drawn once from its own: the probe of a seed.
 *
 * @param federation as setUp gives it; the draw depends on its seed and partition, not on how it trains
 * @param dataset that the partition is of
 * @returns [M] batches of batchSize images without repeats, owned by the caller
 * @example
 * drawProbe(federation, dataset).map(({ size }) => size); // [1, 1, 1]; three clients, one image each
 * @source our choice: the same victims at every round, so image difficulty cancels
 */
export function drawProbe({ config, partition: { clients }, rng }: Federation, dataset: Dataset): Batch[] {
  return clients.map((images, client) => drawBatch(dataset, images, config.batchSize, rng.split("probe", client)));
}

/**
 * What the round of a record would have been, had the clients held these batches instead of their own.
 *
 * The model's trajectory is that of the records; only the round in question is replayed, with tau = 1, poisoning, privacy and
 * aggregation included, and the server's memory as it was.
 *
 * @param federation as setUp gives it, with batchSize that of the batches and localSteps 1
 * @param records the rounds to replay
 * @param batches [M], the probe
 * @returns per record the broadcasts before and after, ready for observe; vectors are shared with the records
 * @throws InputError when there is not one batch per client, one is of other images or labels than the federation's, or an update is not finite
 * @example
 * const [replay] = await presentProbe(federation, [records[1]], drawProbe(federation, dataset));
 * observe(replay.before, replay.after, config, dataset).round; // 1
 * @source our choice, as drawProbe
 */
export async function presentProbe(
  federation: Federation,
  records: readonly RoundRecord[],
  batches: readonly Batch[],
): Promise<{ before: RoundRecord; after: RoundRecord }[]> {
  const { config, network, rng } = federation;
  ensure(
    batches.length === config.numClients,
    "presentProbe",
    `needs one batch per client, ${config.numClients}`,
    batches.length,
  );
  batches.forEach((batch, client) => {
    checkBatch("presentProbe", `batch ${client}`, network, batch);
    ensurePixels("presentProbe", `batch ${client}`, batch.images);
  });
  await backendReady();
  const once = batches.map((batch) => [batch]);
  return records.map((record) => {
    const { weights, memory, round } = record;
    const input = { weights, batches: once, memory, rng: rng.split("probed round", round) };
    const { sent, update, kept, effectiveParticipants, dropped, skipped } = runRound(federation, input);
    const ownUpdate = sent[config.maliciouslyCuriousClient]!;
    const before = { ...record, batches: once, ownUpdate, kept, effectiveParticipants, dropped, skipped };
    return {
      before,
      after: { ...record, round: round + 1, weights: stepAgainst(weights, update, config.learningRate) },
    };
  });
}
