/** @file How much a setting leaks along its run: the measurement that every notebook makes, one seed at a time, stored. */
import { backendReady } from "../core/backend";
import type { Dataset } from "../core/types";
import { computeSeed, seedJobs } from "./leakageJob";
import type { LeakagePlan, LeakageRun } from "./measure";
import type { Remembered } from "./store";
import { sweep } from "./sweep";

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
 * Seeds are computed side by side in child processes, or where the environment's CURIOUS_ENGINE says (see sweep), and stored one
 * by one under their config, so a further seed, a further plan or a killed run costs only what is missing.
 *
 * @param plans by name; rounds are 0-based and below federation.rounds
 * @param dataset as loadDataset gives it
 * @param options force, onProgress
 * @returns a study a plan, under the same names, with its runs in the order of the seeds; read only
 * @throws InputError for a round outside the run, or the error of the first seed that failed, after all others are stored
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
  const names = Object.keys(plans) as Name[];
  const common = { dataset, backend, force: force && new Date().toISOString() };
  const jobsOf = names.map((plan) => seedJobs(plans[plan], common));
  const jobs = jobsOf.flat();
  const reports = await sweep(jobs, {
    dataset,
    onProgress: ({ index, done, total, note }) =>
      onProgress?.(Math.round(100 * done), 100 * total, `seed ${jobs[index]!.plan.federation.seed}: ${note}`),
  });
  const failed = reports.find(({ error }) => error !== undefined);
  if (failed) throw failed.error!;

  const studies = {} as Record<Name, LeakageStudy>;
  for (const [p, plan] of names.entries()) {
    const found: Remembered<LeakageRun>[] = [];
    for (const job of jobsOf[p]!) {
      const stored = await computeSeed({ ...job, force: false }, dataset, () => undefined);
      found.push({ ...stored, status: reports[jobs.indexOf(job)]!.status === "stored" ? "stored" : "computed" });
    }
    studies[plan] = {
      runs: found.map(({ value }) => value),
      sources: found.map(({ value, ...source }) => source),
    };
  }
  return studies;
}
