/** @file The attacker's autoencoder as a job: settings that share seed and partition share it. */
import { z } from "zod";
import { partitionKinds } from "../data/partition";
import type { FederationConfig } from "../fl/config";
import { makeJob, resultOf, type JobContext, type JobKind } from "../jobs/kind";
import type { Autoencoder } from "../model/autoencoder";
import { shardOf, trainOwnAutoencoder, type Shard } from "./ownAutoencoder";

/** What is asked for. */
export interface AutoencoderPlan {
  readonly shard: Shard; // whose images
  readonly steps: number; // of training
}

const shard = z.strictObject({
  seed: z.int(),
  maliciouslyCuriousClient: z.int().min(0),
  kind: z.enum(partitionKinds),
  numClients: z.int().min(1),
  alpha: z.number().optional(),
  classesPerClient: z.int().optional(),
}) as unknown as z.ZodType<Shard>; // JSON holds no undefined

const lengths = z.array(z.int().min(1));
const floats = z.instanceof(Float32Array);

/** One autoencoder, by trainOwnAutoencoder. */
export const autoencoderKind: JobKind<AutoencoderPlan, Autoencoder> = {
  name: "autoencoder",
  code: "experiment/ownAutoencoder",
  plan: z.strictObject({ shard, steps: z.int().min(1) }),
  valueOf: () =>
    z.strictObject({
      inputShape: lengths,
      codeShape: lengths,
      decoderWeights: floats,
      meanImage: floats,
      trainingRmse: z.number().min(0),
    } satisfies Record<keyof Autoencoder, z.ZodType>),
  compute: ({ shard: own, steps }, { dataset, follow }) =>
    trainOwnAutoencoder(own, dataset, steps, (share) => follow(share, "autoencoder")),
};

/**
 * The attacker's autoencoder: from the store, or trained.
 *
 * @param config whose maliciously curious client it belongs to
 * @param steps of training
 * @param context see JobContext
 * @returns the autoencoder; read only
 * @throws whatever trainAutoencoders throws
 * @example
 * const context = { dataset, backend: "", force: false, follow: () => undefined };
 * (await autoencoderOf(config, 1, context)).codeShape; // [4, 7, 7]
 */
export async function autoencoderOf(
  config: FederationConfig,
  steps: number,
  context: JobContext,
): Promise<Autoencoder> {
  const job = makeJob(autoencoderKind, { shard: shardOf(config), steps }, context);
  return (await resultOf(autoencoderKind, job, context.dataset, context.follow)).value;
}
