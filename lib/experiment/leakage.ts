/** @file How much a setting leaks along its run: the measurement that every notebook makes, one seed at a time, stored. */
import { backendReady } from "../core/backend";
import { ensure, ensureCount } from "../core/errors";
import { createRng } from "../core/rng";
import type { Batch, Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import { batchOf } from "../data/batch";
import type { FederationConfig } from "../fl/config";
import { drawProbe, presentProbe } from "../fl/probe";
import { setUp, train, type Federation, type RoundRecord } from "../fl/train";
import { floorRmse } from "../metrics/baseline";
import { labelAccuracy } from "../metrics/labels";
import { matchImages } from "../metrics/matching";
import { trainAutoencoders, type Autoencoder } from "../model/autoencoder";
import { volume } from "../model/network";
import { invert, type InvertOptions } from "../reconstruction/invert";
import { inferLabels } from "../reconstruction/labels";
import { observe, withoutOwnShare, type AttackerView } from "../reconstruction/observe";
import type { Prior, PriorName } from "../reconstruction/prior";
import { runInPool, workerCount } from "./pool";
import { isStored, remember, type Remembered, type Run } from "./store";

/** What the attacker does, as plain JSON. */
export interface Attack extends Omit<InvertOptions, "prior" | "labels" | "onStep"> {
  readonly prior: PriorName;
  readonly labels: "inferred" | "given"; // read off the gradient, or granted
  readonly autoencoderSteps: number; // of the prior's training on the attacker's own images
}

/** A setting and where along its run to measure it. */
export interface LeakagePlan {
  readonly federation: FederationConfig; // its seed is replaced by each of `seeds`
  readonly attack: Attack;
  readonly seeds: readonly number[];
  readonly probeRounds: readonly number[]; // rounds at which the fixed probe is presented and inverted
  readonly probeBatchSize: number; // images a client in the probe
  readonly trajectoryRounds: readonly number[]; // rounds whose own batches are inverted
}

/** One inverted view, scored. */
export interface Leak {
  readonly round: number;
  readonly rmse: number; // mean over the private images, pixels in [0, 1]
  readonly perImage: readonly number[]; // RMSE of each private image
  readonly floor: number; // mean RMSE of the best guess without a gradient
  readonly leakage: number; // 1 - rmse / floor
  readonly matchingLoss: number;
  readonly labelAccuracy: number; // share of the inferred labels that are right, as a multiset
  readonly labels: readonly number[]; // true labels of the private images
  readonly privateImages: Float32Array; // [n, C, H, W]
  readonly reconstructions: Float32Array; // [n, C, H, W], in the order of the private images they were matched to
}

/** What a seed gave. */
export interface LeakageRun {
  readonly seed: number;
  readonly rounds: readonly Pick<RoundRecord, "round" | "loss" | "objectiveGap" | "accuracy">[]; // one more than trained
  readonly probe: readonly Leak[]; // one a probe round
  readonly trajectory: readonly Leak[]; // one a trajectory round
}

/** The runs of a plan and where they came from. */
export interface LeakageStudy {
  readonly runs: readonly LeakageRun[]; // one a seed, in the order of plan.seeds
  readonly sources: readonly Omit<Remembered<unknown>, "value">[];
}

/** Follows a study; `done` of `total` is roughly proportional to time. */
export interface LeakageOptions {
  readonly force?: boolean; // compute although stored
  readonly onProgress?: (done: number, total: number, note: string) => void;
}

const ownSample = 256; // own images from which the attacker estimates the model's mean output by class

/**
 * Trains a federation for every plan and seed and measures what its maliciously curious client reconstructs.
 *
 * For each seed: train; train the attacker's autoencoder on its own shard; observe the chosen rounds without the attacker's own
 * share; infer the labels; invert; match to the private images of the other clients; compare with the no-information floor.
 * Seeds are computed side by side in child processes and stored one by one under their config, so a further seed, a further
 * plan or a killed run costs only what is missing.
 *
 * @param plans by name; rounds are 0-based and below federation.rounds
 * @param dataset as loadDataset gives it
 * @param options force, onProgress
 * @returns a study a plan, under the same names, with its runs in the order of the seeds; read only
 * @throws InputError for a round outside the run, or whatever train and invert refuse
 * @example
 * const { passive } = await measureLeakage({ passive: plan }, dataset, { onProgress: bar.update });
 * passive.runs[0].probe[0].leakage; // 1 - RMSE / floor of the first seed at its first probe round
 */
export async function measureLeakage<Name extends string>(
  plans: Readonly<Record<Name, LeakagePlan>>,
  dataset: Dataset,
  { force = false, onProgress }: LeakageOptions = {},
): Promise<Record<Name, LeakageStudy>> {
  const backend = await backendReady();
  const { name, hash } = dataset;
  const names = Object.keys(plans) as Name[];
  const jobsOf = names.map((plan) => {
    checkPlan(plans[plan]);
    return plans[plan].seeds.map((seed): SeedJob => {
      const federation = { ...plans[plan].federation, seed };
      return {
        plan: { ...plans[plan], federation, seeds: [seed] },
        dataset: { name: name as DatasetName, hash },
        backend,
        force,
      };
    });
  });
  const jobs = jobsOf.flat();
  const missing = force ? jobs : jobs.filter((job) => !isStored(runOf(job)));
  const shares = missing.map(() => 0);
  const follow = (job: number, share: number, note: string): void => {
    shares[job] = share;
    const { federation } = missing[job]!.plan;
    onProgress?.(
      Math.round(100 * shares.reduce((sum, x) => sum + x, 0)),
      100 * missing.length,
      `seed ${federation.seed}: ${note}`,
    );
  };
  if (missing.length > 1 && workerCount() > 1) {
    await runInPool("leakageWorker.js", missing, { onProgress: ({ job, share, note }) => follow(job, share, note) });
  } else {
    for (const [i, job] of missing.entries()) await computeSeed(job, dataset, (share, note) => follow(i, share, note));
  }
  const studies = {} as Record<Name, LeakageStudy>;
  for (const [p, plan] of names.entries()) {
    const found: Remembered<LeakageRun>[] = [];
    for (const job of jobsOf[p]!) {
      const { status, ...run } = await computeSeed({ ...job, force: false }, dataset, () => undefined);
      found.push({ ...run, status: missing.includes(job) ? "computed" : status });
    }
    studies[plan] = {
      runs: found.map(({ value }) => value),
      sources: found.map(({ value, ...source }) => source),
    };
  }
  return studies;
}

/** One seed of one plan, as a child process gets it. */
export interface SeedJob {
  readonly plan: LeakagePlan; // of a single seed
  readonly dataset: { readonly name: DatasetName; readonly hash: string };
  readonly backend: string;
  readonly force: boolean;
}

/** What a seed's result is stored under. */
function runOf({ plan, dataset, backend }: SeedJob): Run {
  return { kind: "leakage", config: { backend, plan }, datasetHash: dataset.hash };
}

/** Computes a seed, or reads it from the store. */
export function computeSeed(job: SeedJob, dataset: Dataset, follow: Follow): Promise<Remembered<LeakageRun>> {
  return remember(runOf(job), () => measureSeed(job, dataset, follow), { force: job.force });
}

function checkPlan({ seeds, federation, probeRounds, trajectoryRounds, probeBatchSize }: LeakagePlan): void {
  ensure(seeds.length >= 1, "measureLeakage", "needs at least one seed", "none");
  ensureCount("measureLeakage", "probeBatchSize", probeBatchSize);
  for (const round of [...probeRounds, ...trajectoryRounds]) {
    ensure(
      Number.isInteger(round) && round >= 0 && round < federation.rounds,
      "measureLeakage",
      `needs rounds in 0..${federation.rounds - 1}`,
      round,
    );
  }
  ensure(
    probeRounds.length + trajectoryRounds.length > 0,
    "measureLeakage",
    "needs at least one round to invert",
    "none",
  );
}

type Follow = (share: number, note: string) => void;

async function measureSeed({ plan, backend, force }: SeedJob, dataset: Dataset, follow: Follow): Promise<LeakageRun> {
  const { federation: config, attack } = plan;
  const parts = { autoencoder: 0.15, training: 0.15 }; // shares of the time, as measured for 15 views
  const prior = await autoencoderOf(plan, dataset, backend, force, (share) =>
    follow(parts.autoencoder * share, "autoencoder"),
  );
  const records = await train(config, dataset, {
    onRound: ({ round }, rounds) => follow(parts.autoencoder + (parts.training * round) / rounds, "training"),
  });
  const victims = await collectVictims(plan, dataset, records);
  const federation = setUp(config, dataset);
  const own = ownImages(federation, dataset);
  const known = sample(own, dataset);
  const labels: Int32Array[] = [];
  for (const { view, privateLabels } of victims) {
    labels.push(attack.labels === "given" ? privateLabels : await inferLabels(view, known));
  }
  const before = parts.autoencoder + parts.training;
  const { autoencoderSteps: _steps, labels: _labels, prior: priorName, ...options } = attack;
  const reconstructions = await invert(
    victims.map(({ view }) => view),
    {
      ...options,
      prior: priorFor(priorName, prior, victims.length),
      labels,
      onStep: (done, total) => follow(before + ((1 - before) * done) / total, "inversion"),
    },
  );
  const pixels = volume(dataset.inputShape);
  const leaks = victims.map(({ privateImages, privateLabels }, v): Leak => {
    const { images, labels: reconstructionLabels, matchingLoss, round } = reconstructions[v]!;
    const match = matchImages(privateImages, images, { pixels, privateLabels, reconstructionLabels });
    const { floor } = floorRmse({
      privateImages,
      privateLabels,
      ownImages: own.images,
      ownLabels: own.labels,
      pixels,
      decoderMean: prior?.meanImage,
    });
    return {
      round,
      rmse: match.mean,
      perImage: match.pairs.map(({ rmse }) => rmse),
      floor,
      leakage: 1 - match.mean / floor,
      matchingLoss,
      labelAccuracy: labelAccuracy(privateLabels, reconstructionLabels),
      labels: [...privateLabels],
      privateImages,
      reconstructions: Float32Array.from(
        match.pairs.flatMap(({ reconstruction: r }) => [...images.subarray(r * pixels, (r + 1) * pixels)]),
      ),
    };
  });
  return {
    seed: config.seed,
    rounds: records.map(({ round, loss, objectiveGap, accuracy }) => ({ round, loss, objectiveGap, accuracy })),
    probe: leaks.slice(0, plan.probeRounds.length),
    trajectory: leaks.slice(plan.probeRounds.length),
  };
}

/** A view and the truth about it. */
interface Victims {
  readonly view: AttackerView;
  readonly privateImages: Float32Array; // of the other clients, [n, C, H, W]
  readonly privateLabels: Int32Array;
}

/** The probe's views first, then the trajectory's. */
async function collectVictims(
  { federation: config, probeRounds, probeBatchSize, trajectoryRounds }: LeakagePlan,
  dataset: Dataset,
  records: readonly RoundRecord[],
): Promise<Victims[]> {
  const probing = setUp({ ...config, batchSize: probeBatchSize, localSteps: 1 }, dataset);
  const chosen = probeRounds.map((round) => records[round]!);
  const probe = (await presentProbe(probing, chosen, drawProbe(probing, dataset))).map((pair) => ({
    ...pair,
    config: probing.config,
  }));
  const trajectory = trajectoryRounds.map((round) => ({ before: records[round]!, after: records[round + 1]!, config }));
  return [...probe, ...trajectory].map(({ before, after, config: protocol }) => {
    const view = withoutOwnShare(observe(before, after, protocol, dataset));
    const others = before.batches.filter((_, client) => client !== protocol.maliciouslyCuriousClient).flat();
    return {
      view,
      privateImages: Float32Array.from(others.flatMap(({ images }) => [...images])),
      privateLabels: Int32Array.from(others.flatMap(({ labels }) => [...labels])),
    };
  });
}

/** The attacker's autoencoder. It depends on its shard alone, so settings that share seed and partition share it. */
async function autoencoderOf(
  { federation: config, attack }: LeakagePlan,
  dataset: Dataset,
  backend: string,
  force: boolean,
  follow: (share: number) => void,
): Promise<Autoencoder | null> {
  if (attack.prior !== "autoencoder") return null;
  const { seed, numClients, partition, alpha, classesPerClient, maliciouslyCuriousClient, batchSize } = config;
  const shard = { seed, numClients, partition, alpha, classesPerClient, maliciouslyCuriousClient, batchSize };
  const run = {
    kind: "autoencoder",
    config: { backend, shard, steps: attack.autoencoderSteps },
    datasetHash: dataset.hash,
  };
  const { value } = await remember(
    run,
    async () => {
      const own = ownImages(setUp(config, dataset), dataset);
      const onStep = (step: number, steps: number): void => follow(step / steps);
      const [trained] = await trainAutoencoders([own], dataset.inputShape, createRng(seed).split("autoencoder"), {
        steps: attack.autoencoderSteps,
        onStep,
      });
      return trained!;
    },
    { force },
  );
  return value;
}

function priorFor(name: PriorName, autoencoder: Autoencoder | null, views: number): Prior {
  if (name !== "autoencoder") return { kind: name };
  return { kind: name, autoencoders: Array.from({ length: views }, () => autoencoder!) };
}

/** Everything the maliciously curious client owns. */
function ownImages({ config, partition }: Federation, dataset: Dataset): Batch {
  return batchOf(dataset.train, partition.clients[config.maliciouslyCuriousClient]!);
}

/** Some of its own images, evenly spaced through the shard. */
function sample({ images, labels, size }: Batch, { inputShape }: Dataset): Batch {
  const pixels = volume(inputShape);
  const count = Math.min(ownSample, size);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
  return {
    images: Float32Array.from(chosen.flatMap((i) => [...images.subarray(i * pixels, (i + 1) * pixels)])),
    labels: Int32Array.from(chosen, (i) => labels[i]!),
    size: count,
  };
}
