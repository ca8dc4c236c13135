/** @file How much a setting leaks along its run: the measurement that every notebook makes, one seed at a time, stored. */
import type { Dataset } from "../core/types";
import { computeSeed, seedJobs } from "./leakageJob";
import type { LeakagePlan, LeakageRun } from "./measure";
import { collectRuns, type Study, type StudyOptions } from "./study";

/** The runs of a plan and where they came from. */
export type LeakageStudy = Study<LeakageRun>;

/** Follows a study. */
export type LeakageOptions = StudyOptions;

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
export function measureLeakage<Name extends string>(
  plans: Readonly<Record<Name, LeakagePlan>>,
  dataset: Dataset,
  options?: LeakageOptions,
): Promise<Record<Name, LeakageStudy>> {
  return collectRuns(plans, { jobsOf: seedJobs, compute: computeSeed }, dataset, options);
}
