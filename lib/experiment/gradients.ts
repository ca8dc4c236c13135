/** @file What the theorem assumes of a run: loss, gradients and noise at some of its broadcasts, and lone inversions; of one seed. */
import type { Batch, Dataset } from "../core/types";
import { batchOf } from "../data/batch";
import type { FederationConfig } from "../fl/config";
import { drawBatch, setUp, type Federation } from "../fl/federation";
import { drawProbe, presentProbe } from "../fl/probe";
import { train, type RoundRecord } from "../fl/train";
import type { Follow } from "../jobs/kind";
import { rmse } from "../metrics/rmse";
import type { Autoencoder } from "../model/autoencoder";
import { lossAndGradient, type Network } from "../model/network";
import { priorFor } from "../reconstruction/decoder";
import { invert } from "../reconstruction/invert";
import { broadcastDifference, observe, withoutOwnShare } from "../reconstruction/observe";
import { noiseOf, type NoiseEstimate } from "../theory/constants";
import { combination, squaredDistance, squaredNorm } from "../theory/vectors";
import { byRound, isContributor, weighsAllAlike, type Attacker } from "./measure";

/** A setting and where along its run to look at the theorem's assumptions. */
export interface GradientPlan {
  /** The setting, FedSGD; its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** One run per seed; integers, each once. */
  readonly seeds: readonly number[];
  /** At whose broadcasts to measure, each in 0..K-1. */
  readonly rounds: readonly number[];
  /** Images of every client, drawn once per seed, repeats allowed: F is the mean loss on them; >= 1. */
  readonly objectiveImages: number;
  /** n >= 2, of every client and round, for σ and ζ. */
  readonly batches: number;
  /** Inverts each peer's own gradient of the fixed probe; null: none is inverted. */
  readonly attacker: Attacker | null;
}

/** A peer's image of the fixed probe, and what its own gradient gives away. */
export interface LoneInversion {
  /** Is in the round's aggregate. */
  readonly contributed: boolean;
  /** ||gbar - g_i||, gbar what the attacker makes of the broadcasts. */
  readonly gradientDistance: number;
  /** Of R(g_i) against x_i, pixels in [0, 1]. */
  readonly rmse: number;
  /** R(g_i), [C, H, W]. */
  readonly image: Float32Array;
}

/** A broadcast, as the theorem sees it. */
export interface GradientRound {
  /** k. */
  readonly round: number;
  /** F(w^(k)), nats. */
  readonly loss: number;
  /** F(w^(k+1)). */
  readonly lossAfter: number;
  /** ||grad F(w^(k))||. */
  readonly gradientNorm: number;
  /** ||grad F(w^(k+1)) - grad F(w^(k))|| / ||w^(k+1) - w^(k)||. */
  readonly smoothness: number;
  /** ||u - grad F||^2, u the round's aggregate. */
  readonly aggregateError: number;
  /** M_eff of that aggregate, the attacker's update included. */
  readonly effectiveParticipants: number;
  /** σ^2 and ζ^2 of all clients' honest gradients, before any privacy. */
  readonly noise: NoiseEstimate;
  /** One per client but the attacker; none without an attacker. */
  readonly peers: readonly LoneInversion[];
}

/** What a seed gave. */
export interface GradientRun {
  /** Of the run. */
  readonly seed: number;
  /** One per round of the plan. */
  readonly rounds: readonly GradientRound[];
}

const trainingShare = 0.1; // of the time, with an attacker

/**
 * Measures one seed of a plan: trains, and at each of the rounds takes F and its gradient on fixed images of every client, several
 * batches' gradients of every client, and, with an attacker, inverts each peer's own gradient of the fixed probe as of its true class.
 *
 * The probe holds one image per client and is that of measureLeakage with probeBatchSize 1, as are trajectory and broadcasts.
 *
 * @param plan its federation carries the seed
 * @param dataset as loadDataset gives it
 * @param autoencoder the attacker's own; null when its prior is another, or there is no attacker
 * @param follow hears of the share that is done, 0..1, and what is being done
 * @returns what the seed gave, owned by the caller
 * @throws whatever train and invert throw
 * @example
 * const looked = { federation: config, seeds: [1], rounds: [0], objectiveImages: 5, batches: 2, attacker: null };
 * (await measureGradientsOf(looked, dataset, null, () => undefined)).rounds[0].gradientNorm > 0; // true
 * @source our derivation, assumptions A1 to A4
 */
export async function measureGradientsOf(
  plan: GradientPlan,
  dataset: Dataset,
  autoencoder: Autoencoder | null,
  follow: Follow,
): Promise<GradientRun> {
  const { rounds, objectiveImages, attacker } = plan;
  const config = { ...plan.federation, evaluationImages: plan.federation.numClients }; // the judge's numbers are not read
  const records = await train(config, dataset, {
    keep: (round) => rounds.includes(round) || rounds.includes(round - 1),
    onRound: ({ round }, all) => follow(((attacker ? trainingShare : 0.5) * round) / all, "training"),
  });
  const recordOf = byRound(records);
  const federation = setUp(config, dataset);
  const { network, partition, rng } = federation;
  const objective = partition.clients.map((images, client) => {
    const stream = rng.split("objective", client);
    return batchOf(
      dataset.train,
      Array.from({ length: objectiveImages }, () => images[stream.integer(images.length)]!),
    );
  });
  const peers = attacker && (await invertAlone(plan, attacker, dataset, rounds.map(recordOf), autoencoder, follow));
  const measured = rounds.map((round, r): GradientRound => {
    const [{ weights, effectiveParticipants }, after] = [recordOf(round), recordOf(round + 1)];
    const [here, next] = [weights, after.weights].map((w) => gradientAt(network, w, objective)) as [Slope, Slope];
    const update = broadcastDifference(weights, after.weights, config.learningRate);
    const moved = config.learningRate * Math.sqrt(squaredNorm(update));
    follow((rounds.length + r) / (2 * rounds.length), "gradients");
    return {
      round,
      loss: here.loss,
      lossAfter: next.loss,
      gradientNorm: Math.sqrt(squaredNorm(here.gradient)),
      smoothness: moved > 0 ? Math.sqrt(squaredDistance(here.gradient, next.gradient)) / moved : 0,
      aggregateError: squaredDistance(update, here.gradient),
      effectiveParticipants,
      noise: noiseAt(federation, dataset, plan.batches, recordOf(round)),
      peers: peers?.[r] ?? [],
    };
  });
  return { seed: config.seed, rounds: measured };
}

/** F and its gradient at a model. */
interface Slope {
  readonly loss: number;
  readonly gradient: readonly number[]; // [d]
}

function gradientAt(network: Network, weights: Float32Array, objective: readonly Batch[]): Slope {
  const { losses, gradients } = lossAndGradient(network, objective.map(() => weights), objective); // prettier-ignore
  return { loss: losses.reduce((sum, loss) => sum + loss / losses.length, 0), gradient: combination(gradients) };
}

/** σ^2 and ζ^2 at a broadcast, from several batches of every client. */
function noiseAt(
  { config, network, partition, rng }: Federation,
  dataset: Dataset,
  count: number,
  { round, weights }: RoundRecord,
): NoiseEstimate {
  const batches = partition.clients.flatMap((images, client) =>
    Array.from({ length: count }, (_, t) =>
      drawBatch(dataset, images, config.batchSize, rng.split("noise batch", client, round, t)),
    ),
  );
  const { gradients } = lossAndGradient(network, batches.map(() => weights), batches); // prettier-ignore
  return noiseOf(partition.clients.map((_, client) => gradients.slice(client * count, (client + 1) * count)));
}

/** Per round and peer: its own gradient of the probe inverted alone, and how far the observed gradient is from it. */
async function invertAlone(
  { federation: settings }: GradientPlan,
  attacker: Attacker,
  dataset: Dataset,
  records: readonly RoundRecord[],
  autoencoder: Autoencoder | null,
  follow: Follow,
): Promise<LoneInversion[][]> {
  const probing = setUp({ ...settings, batchSize: 1, localSteps: 1 }, dataset);
  const { config, network } = probing;
  const curious = config.maliciouslyCuriousClient;
  const probe = drawProbe(probing, dataset);
  const replayed = await presentProbe(probing, records, probe);
  const isPeer = (client: number): boolean => client !== curious;
  const labels = probe.filter((_, client) => isPeer(client)).map((batch) => batch.labels);
  const seen = replayed.map(({ before, after }) => {
    const view = observe(before, after, config, dataset);
    const { gradients } = lossAndGradient(network, probe.map(() => before.weights), probe); // prettier-ignore
    return {
      view: weighsAllAlike(before, config) ? withoutOwnShare(view) : view,
      before,
      own: gradients.filter((_, client) => isPeer(client)),
    };
  });
  const { autoencoderSteps: _steps, labels: _labels, contributors: _contributors, prior, ...options } = attacker;
  const views = seen.flatMap(({ view, own }) => own.map((observedGradient) => ({ ...view, observedGradient, numImages: 1 }))); // prettier-ignore
  const inverted = await invert(views, {
    ...options,
    prior: priorFor(prior, autoencoder, views.length),
    labels: seen.flatMap(() => labels),
    onStep: (done, total) => follow(trainingShare + ((0.5 - trainingShare) * done) / total, "lone inversions"),
  });
  const clients = [...probe.keys()].filter(isPeer);
  return seen.map(({ view, before, own }, r) =>
    clients.map((client, i) => {
      const { images: image } = inverted[r * clients.length + i]!;
      return {
        contributed: isContributor(before, client),
        gradientDistance: Math.sqrt(squaredDistance(view.observedGradient, own[i]!)),
        rmse: rmse(image, probe[client]!.images),
        image,
      };
    }),
  );
}
