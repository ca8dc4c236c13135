/** @file How much a setting leaks along its run: the measurement that every notebook makes, one seed at a time, stored. */
import { backendReady } from "../core/backend";
import { ensure, ensureCount } from "../core/errors";
import { createRng } from "../core/rng";
import type { Batch, Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import { batchOf, joinBatches } from "../data/batch";
import type { FederationConfig } from "../fl/config";
import { drawProbe, presentProbe } from "../fl/probe";
import { setUp, train, type Federation, type RoundRecord } from "../fl/train";
import { scoreLeak, type Leak } from "../metrics/leak";
import { trainAutoencoders, type Autoencoder } from "../model/autoencoder";
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
 * const [leak] = passive.runs[0].probe; // of the first seed at its first probe round
 * leak.leakage; // 1 - leak.rmse / leak.floor
 * @source our choice (design: measuring honestly); the paper reports the RMSE of the private images of a run
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

/**
 * Computes a seed, or reads it from the store: the part of measureLeakage that a child process does.
 *
 * @param job a plan of a single seed, with the dataset and the backend it is to be computed on
 * @param dataset the one the job names
 * @param follow hears of the share that is done, 0..1, and what is being done; not when it is stored
 * @returns the run and where it came from; read only
 * @throws whatever train and invert refuse
 * @example
 * const job = { plan: { ...plan, seeds: [1] }, dataset: { name: "strokes", hash: dataset.hash }, backend: "", force: false };
 * (await computeSeed(job, dataset, () => undefined)).value.seed; // 1
 */
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
  const autoencoder = await autoencoderOf(plan, dataset, backend, force, (share) =>
    follow(parts.autoencoder * share, "autoencoder"),
  );
  const records = await train(config, dataset, {
    onRound: ({ round }, rounds) => follow(parts.autoencoder + (parts.training * round) / rounds, "training"),
  });
  const victims = await collectVictims(plan, dataset, records);
  const federation = setUp(config, dataset);
  const own = ownImages(federation, dataset);
  const known = ownImages(federation, dataset, ownSample);
  const labels: Int32Array[] = [];
  for (const { view, truth } of victims) {
    labels.push(attack.labels === "given" ? truth.labels : await inferLabels(view, known));
  }
  const before = parts.autoencoder + parts.training;
  const { autoencoderSteps: _steps, labels: _labels, prior: priorName, ...options } = attack;
  const reconstructions = await invert(
    victims.map(({ view }) => view),
    {
      ...options,
      prior: priorFor(priorName, autoencoder, victims.length),
      labels,
      onStep: (done, total) => follow(before + ((1 - before) * done) / total, "inversion"),
    },
  );
  const decoderMean = autoencoder?.meanImage;
  const leaks = victims.map(({ truth }, v) => scoreLeak(reconstructions[v]!, truth, own, { decoderMean }));
  return {
    seed: config.seed,
    rounds: records.map(({ round, loss, objectiveGap, accuracy }) => ({ round, loss, objectiveGap, accuracy })),
    probe: leaks.slice(0, plan.probeRounds.length),
    trajectory: leaks.slice(plan.probeRounds.length),
  };
}

/** A view and the truth about it: the images of the other clients. */
interface Victims {
  readonly view: AttackerView;
  readonly truth: Batch;
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
    return { view, truth: joinBatches(others) };
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

/** What the maliciously curious client owns: everything, or so many of its images, evenly spaced. */
function ownImages({ config, partition }: Federation, dataset: Dataset, atMost = Infinity): Batch {
  const images = partition.clients[config.maliciouslyCuriousClient]!;
  const count = Math.min(atMost, images.length);
  return batchOf(
    dataset.train,
    Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]!),
  );
}
