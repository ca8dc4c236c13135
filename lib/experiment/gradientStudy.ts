/** @file The theorem's assumptions along runs: every plan and seed, side by side, stored. */
import type { Dataset } from "../core/types";
import { computeGradients, gradientJobs } from "./gradientJob";
import type { GradientPlan, GradientRun } from "./gradients";
import { collectRuns, type Study, type StudyOptions } from "./study";

/** The runs of a plan and where they came from. */
export type GradientStudy = Study<GradientRun>;

/**
 * Trains a federation for every plan and seed, and measures at some of its broadcasts what the theorem assumes: F and its gradient,
 * σ and ζ, how far the aggregate is from the gradient, and inversions of the peers' own gradients. See measureGradientsOf.
 *
 * Computed and stored as measureLeakage does.
 *
 * @param plans by name; rounds are 0-based and below federation.rounds
 * @param dataset as loadDataset gives it
 * @param options force, onProgress
 * @returns a study a plan, under the same names, with its runs in the order of the seeds; read only
 * @throws InputError as gradientJobs, or the error of the first seed that failed, after all others are stored
 * @example
 * const looked = { federation: config, seeds: [1, 2], rounds: [0, 1], objectiveImages: 5, batches: 2, attack: null };
 * (await measureGradients({ passive: looked }, dataset)).passive.runs.map(({ seed }) => seed); // [1, 2]
 * @source our derivation, assumptions A1 to A4
 */
export function measureGradients<Name extends string>(
  plans: Readonly<Record<Name, GradientPlan>>,
  dataset: Dataset,
  options?: StudyOptions,
): Promise<Record<Name, GradientStudy>> {
  return collectRuns(plans, { jobsOf: gradientJobs, compute: computeGradients }, dataset, options);
}
