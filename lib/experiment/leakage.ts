/** @file How much a setting leaks along its run: the measurement that every notebook makes, one seed at a time, stored. */
import { backendReady } from "../core/backend";
import { ensure, ensureCount } from "../core/errors";
import type { Dataset } from "../core/types";
import type { DatasetName } from "../data/datasets";
import type { Autoencoder } from "../model/autoencoder";
import { measureSeed, type Follow, type LeakagePlan, type LeakageRun } from "./measure";
import { shardOf, trainOwnAutoencoder } from "./ownAutoencoder";
import { runInPool, workerCount } from "./pool";
import { isStored, remember, type Remembered, type Run } from "./store";

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
  const since = force && new Date().toISOString();
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
        force: since,
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
  readonly force: boolean | string; // a moment, so that what several jobs share is computed once
}

/** What a seed's result is stored under. */
function runOf({ plan, dataset, backend }: SeedJob): Run {
  return { kind: "leakage", code: "experiment/measure", config: { backend, plan }, datasetHash: dataset.hash };
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
  const { plan, force } = job;
  const compute = async (): Promise<LeakageRun> => {
    if (plan.attack.prior !== "autoencoder") return measureSeed(plan, dataset, null, follow);
    const autoencoder = await autoencoderOf(job, dataset, (share) => follow(autoencoderShare * share, "autoencoder"));
    return measureSeed(plan, dataset, autoencoder, (share, note) =>
      follow(autoencoderShare + (1 - autoencoderShare) * share, note),
    );
  };
  return remember(runOf(job), compute, { force });
}

const autoencoderShare = 0.15; // of the time, as measured for 15 views

/** The attacker's autoencoder. It depends on its shard alone, so settings that share seed and partition share it. */
async function autoencoderOf(
  { plan: { federation, attack }, backend, force }: SeedJob,
  dataset: Dataset,
  follow: (share: number) => void,
): Promise<Autoencoder> {
  const steps = attack.autoencoderSteps;
  const run: Run = {
    kind: "autoencoder",
    code: "experiment/ownAutoencoder",
    config: { backend, shard: shardOf(federation), steps },
    datasetHash: dataset.hash,
  };
  return (await remember(run, () => trainOwnAutoencoder(federation, dataset, steps, follow), { force })).value;
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
