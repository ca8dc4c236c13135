/** @file How much a setting leaks along its run: the measurement itself, of one seed. leakage.ts spreads seeds and stores results. */
import { refuse } from "../core/errors";
import type { Batch, Dataset } from "../core/types";
import { joinBatches } from "../data/batch";
import type { Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import type { FederationConfig } from "../fl/config";
import { drawProbe, presentProbe } from "../fl/probe";
import { setUp } from "../fl/federation";
import { train, type RoundRecord } from "../fl/train";
import { scoreLeak, type Leak, type LeakOptions } from "../metrics/leak";
import type { Follow } from "../jobs/kind";
import type { Autoencoder } from "../model/autoencoder";
import { attack, searchOptionsOf } from "../reconstruction/attack";
import type { AttackerOptions } from "../reconstruction/attackers";
import { priorFor } from "../reconstruction/decoder";
import type { InvertOptions, Reconstruction } from "../reconstruction/inversion";
import { matchingLosses } from "../reconstruction/invert";
import { throughProtocol } from "../reconstruction/forward";
import { assumeContributors, knowingOwnShare, observe, withoutOwnShare } from "../reconstruction/observe";
import { asMeanOf, keepsSome, showsNothing } from "../reconstruction/selection";
import type { AttackerView } from "../reconstruction/view";
import { ownImages } from "./ownAutoencoder";

/** What the attacker does, as plain JSON. */
export interface Attacker extends AttackerOptions {
  /** Takes all M clients to be in the aggregate ("all", default), or knows how many are ("known"). */
  readonly contributors?: "all" | "known";
}

/** A setting and where along its run to measure it. */
export interface LeakagePlan {
  /** The setting; its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** How the views are inverted, see Attacker and the presets in `attackers`. */
  readonly attacker: Attacker;
  /** One run per seed; integers, each once. The seed is the unit of replication. */
  readonly seeds: readonly number[];
  /** Rounds, 0..K-1, at which the fixed probe is presented and inverted: the same private images each time. */
  readonly probeRounds: readonly number[];
  /** Images of each client in the probe, >= 1. */
  readonly probeBatchSize: number;
  /** Rounds, 0..K-1, whose own batches are inverted; at least one round of either kind. */
  readonly trajectoryRounds: readonly number[];
}

/** What is kept of a round's record. */
export type RoundSummary = Omit<RoundRecord, "weights" | "batches" | "ownUpdate" | "memory">;

/** What a seed gave. */
export interface LeakageRun {
  /** Of the run. */
  readonly seed: number;
  /** One more than trained. */
  readonly rounds: readonly RoundSummary[];
  /** One per probe round. */
  readonly probe: readonly Leak[];
  /** One per trajectory round. */
  readonly trajectory: readonly Leak[];
}

const trainingShare = 0.18; // of the time, as measured for 15 views

/**
 * Measures one seed of a plan: train, observe, infer the labels, invert, match to the private images, compare with the floor.
 *
 * @param plan its federation carries the seed
 * @param dataset as loadDataset gives it
 * @param autoencoder the attacker's own; null when its prior is another
 * @param follow hears of the share that is done, 0..1, and what is being done
 * @returns what the seed gave, owned by the caller
 * @throws whatever train and invert throw
 * @example
 * (await measureSeed(plan, dataset, null, () => undefined)).probe.length; // plan.probeRounds.length
 * @source our choice (design: measuring honestly)
 */
export async function measureSeed(
  plan: LeakagePlan,
  dataset: Dataset,
  autoencoder: Autoencoder | null,
  follow: Follow,
): Promise<LeakageRun> {
  const { federation: config, attacker } = plan;
  const rounds: RoundSummary[] = [];
  const read = new Set([...plan.probeRounds, ...plan.trajectoryRounds.flatMap((round) => [round, round + 1])]);
  const records = await train(config, dataset, {
    keep: (round) => read.has(round),
    onRound: (record, all) => {
      rounds.push(summarize(record));
      follow((trainingShare * record.round) / all, "training");
    },
  });
  const victims = await collectTargets(plan, dataset, byRound(records));
  const federation = setUp(config, dataset);
  const own = ownImages(federation, dataset);
  const seen = victims.filter(({ view }) => !showsNothing(view));
  const views = seen.map(({ view }) => view);
  const how: InvertOptions = {
    seed: config.seed, // each seed has starts of its own
    ...searchOptionsOf(attacker),
    own,
    prior: priorFor(attacker.prior, autoencoder, views.length),
    onStep: (done, total) => follow(trainingShare + ((1 - trainingShare) * done) / total, "inversion"),
  };
  const targets = seen.map(({ view, granted, inView }) => ({
    view,
    ...(granted && { granted }),
    labels: inView.labels,
  }));
  const reconstructions = (await attack(targets, how, attacker)).map(({ reconstruction }) => reconstruction);
  const truthLosses = await matchingLosses(seen.map(({ granted, view }) => granted ?? view), seen.map(({ inView }) => inView), how); // prettier-ignore
  const decoderMean = autoencoder?.meanImage;
  const leaks = victims.map((victim) => {
    const reconstruction = reconstructions[seen.indexOf(victim)] ?? nothingSeen(victim.view);
    const truthLoss = truthLosses[seen.indexOf(victim)] ?? 0;
    return scoreLeak(reconstruction, victim.truth, own, { ...victim.options, decoderMean, truthLoss });
  });
  return {
    seed: config.seed,
    rounds,
    probe: leaks.slice(0, plan.probeRounds.length),
    trajectory: leaks.slice(plan.probeRounds.length),
  };
}

function summarize({ batches: _b, weights: _w, ownUpdate: _u, memory: _m, ...summary }: RoundRecord): RoundSummary {
  return summary;
}

/**
 * Records by their round, where only some were kept.
 *
 * @param records as train gives them
 * @returns the record of a round; throws where it was not kept
 * @example
 * byRound(records)(records[0].round); // records[0]
 */
export function byRound(records: readonly RoundRecord[]): (round: number) => RoundRecord {
  const kept = new Map(records.map((record) => [record.round, record]));
  return (round) => kept.get(round) ?? refuse("byRound", `needs rounds of ${[...kept.keys()].join(", ")}`, round);
}

/** Nothing to invert, as the broadcasts of a skipped step are the same: every image is then the attacker's guess without a gradient. */
function nothingSeen({ round }: AttackerView): Reconstruction {
  const [images, labels] = [new Float32Array(0), new Int32Array(0)];
  return { round, images, labels, matchingLoss: 0, trace: [] }; // no image has the gradient 0, which is the observed one
}

/** A view and the truth about it: the images of the other clients, and who of them is in the aggregate. */
export interface ViewWithTruth {
  readonly view: AttackerView;
  readonly granted?: AttackerView; // of a rule that keeps some updates: as of the mean of those that it kept
  readonly inView: Batch; // the images that the attacker takes to be behind the view
  readonly truth: Batch;
  readonly options: LeakOptions;
}

/** The probe's views first, then the trajectory's. */
async function collectTargets(
  { federation: config, attacker, probeRounds, probeBatchSize, trajectoryRounds }: LeakagePlan,
  dataset: Dataset,
  recordOf: (round: number) => RoundRecord,
): Promise<ViewWithTruth[]> {
  const probing = setUp({ ...config, batchSize: probeBatchSize, localSteps: 1 }, dataset);
  const chosen = probeRounds.map(recordOf);
  const probe = (await presentProbe(probing, chosen, drawProbe(probing, dataset))).map((pair) => ({
    ...pair,
    config: probing.config,
  }));
  const trajectory = trajectoryRounds.map((round) => ({ before: recordOf(round), after: recordOf(round + 1), config }));
  return [...probe, ...trajectory].map(({ before, after, config: protocol }) =>
    behind(observe(before, after, protocol, dataset), before, protocol, attacker),
  );
}

/**
 * What the attacker makes of its view before it inverts, and what the experimenter knows of the round behind it.
 *
 * @param view as observe gives it
 * @param record of its round
 * @param config of the federation, as the round was played
 * @param attacker of whom contributors and through are read
 * @returns the view it inverts, the one it would if it was told whom the server kept, and the images behind them
 * @example
 * const { truth } = behind(view, records[0], config, {});
 * truth.size; // (config.numClients - 1) * config.localSteps * config.batchSize
 */
export function behind(
  view: AttackerView,
  record: RoundRecord,
  config: FederationConfig,
  { contributors = "all", through = "mean" }: Pick<Attacker, "contributors" | "through">,
): ViewWithTruth {
  const { batches, effectiveParticipants } = record;
  const curious = config.maliciouslyCuriousClient;
  const isIn = (client: number): boolean => isContributor(record, client);
  const images = batches.map((own) => joinBatches(own));
  const others = images.filter((_, client) => client !== curious);
  const contributed = images.flatMap(({ size }, client) =>
    client === curious ? [] : Array.from({ length: size }, () => isIn(client)),
  );
  const truth = joinBatches(others);
  if (through === "protocol") {
    const known = knowingOwnShare(view);
    const options = { contributed, effectiveParticipants };
    if (!keepsSome(known.protocol!) || showsNothing(known))
      return { view: throughProtocol("measureLeakage", known), inView: truth, truth, options };
    const inside = images.filter((_, client) => client !== curious && isIn(client));
    const granted = asMeanOf(known, { others: inside.length, own: isIn(curious) });
    return { view: known, granted, inView: joinBatches(inside), truth, options };
  }
  if (weighsAllAlike(record, config))
    return { view: withoutOwnShare(view), inView: truth, truth, options: { contributed, effectiveParticipants } };
  const options = { contributed, effectiveParticipants, ownBatch: images[curious]!, ownContributed: isIn(curious) };
  if (contributors === "all" || record.skipped !== null) return { view, inView: joinBatches(images), truth, options };
  const inside = images.filter((_, client) => isIn(client));
  return { view: assumeContributors(view, inside.length), inView: joinBatches(inside), truth, options };
}

/**
 * Whether a client's update is in a round's aggregate; under a coordinate-wise rule, which keeps nobody as a whole, all are.
 *
 * @param record of the round
 * @param client its number
 * @returns false where the server dropped it or made no step, or the rule kept others
 * @example
 * isContributor({ kept: [1, 2], dropped: [], skipped: null }, 0); // false
 */
export function isContributor(
  { kept, dropped, skipped }: Pick<RoundRecord, "kept" | "dropped" | "skipped">,
  client: number,
): boolean {
  return skipped === null && !dropped.includes(client) && (kept.length === 0 || kept.includes(client));
}

/**
 * Whether a round's aggregate is the plain mean of all updates, so a client can take its own share out.
 *
 * @param record of the round
 * @param config of the federation: its rule and pre-aggregations
 * @returns true where every client has the same weight, none was dropped and the server made a step
 * @example
 * weighsAllAlike({ dropped: [], skipped: null }, plan.federation); // true; the mean
 */
export function weighsAllAlike(
  { dropped, skipped }: Pick<RoundRecord, "dropped" | "skipped">,
  { aggregator, preAggregations }: FederationConfig,
): boolean {
  const { equalWeights }: Aggregator = aggregators[aggregator];
  return equalWeights === true && preAggregations.length === 0 && dropped.length === 0 && skipped === null;
}
