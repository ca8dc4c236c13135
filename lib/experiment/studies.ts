/** @file What notebooks ask for: plans in, studies out, every seed computed once and stored. */
import { ensureNames } from "../core/known";
import type { Dataset } from "../core/types";
import type { FederationConfig } from "../fl/config";
import type { JobContext } from "../jobs/kind";
import type { AnalyticLeak, AnalyticLeakPlan } from "./analyticLeak";
import { analyticLeakKind } from "./analyticLeakKind";
import { gradientKind } from "./gradientKind";
import type { GradientPlan, GradientRun } from "./gradients";
import { leakageKind } from "./leakageKind";
import type { LocalStepsPlan, LocalStepsRound } from "./localSteps";
import { localStepsKind } from "./localStepsKind";
import type { MaskingCheck } from "./masking";
import { maskingKind } from "./maskingKind";
import type { LeakagePlan, LeakageRun } from "./measure";
import { jobsBySeed } from "./seeded";
import { collectRuns, type Study, type StudyOptions } from "./study";

/** The runs of a leakage plan and where they came from. */
export type LeakageStudy = Study<LeakageRun>;

/** The runs of a gradient plan and where they came from. */
export type GradientStudy = Study<GradientRun>;

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
 * @returns one study per plan, under the same names, with its runs in the order of the seeds; read only
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
  options?: StudyOptions,
): Promise<Record<Name, LeakageStudy>> {
  return collectRuns(leakageKind, plans, dataset, options);
}

/**
 * The jobs of a leakage plan, for a sweep.
 *
 * @param plan see LeakagePlan
 * @param common the dataset and the backend it is to be computed on, and force, see StoreOptions
 * @returns one per seed, in the order of the seeds
 * @throws InputError for a plan that cannot be measured
 * @example
 * seedJobs(plan, { dataset, backend: "", force: false }).map(({ plan }) => plan.federation.seed); // plan.seeds
 */
export function seedJobs(
  plan: LeakagePlan,
  common: Pick<JobContext, "dataset" | "backend" | "force">,
): ReturnType<typeof jobsBySeed<LeakagePlan, LeakageRun>> {
  return jobsBySeed(leakageKind, plan, common);
}

/**
 * Trains a federation for every plan and seed, and measures at some of its broadcasts what the theorem assumes: F and its gradient,
 * σ and ζ, how far the aggregate is from the gradient, and inversions of the peers' own gradients. See measureGradientsOf.
 *
 * Computed and stored as measureLeakage does.
 *
 * @param plans by name; rounds are 0-based and below federation.rounds
 * @param dataset as loadDataset gives it
 * @param options force, onProgress
 * @returns one study per plan, under the same names, with its runs in the order of the seeds; read only
 * @throws InputError as checkConfig; for no seed or round, a round outside the run, fewer than two batches, no image, or local steps; or the error of the first seed that failed, after all others are stored
 * @example
 * const looked = { federation: config, seeds: [1, 2], rounds: [0, 1], objectiveImages: 5, batches: 2, attacker: null };
 * (await measureGradients({ passive: looked }, dataset)).passive.runs.map(({ seed }) => seed); // [1, 2]
 * @source our derivation, assumptions A1 to A4
 */
export function measureGradients<Name extends string>(
  plans: Readonly<Record<Name, GradientPlan>>,
  dataset: Dataset,
  options?: StudyOptions,
): Promise<Record<Name, GradientStudy>> {
  return collectRuns(gradientKind, plans, dataset, options);
}

/**
 * Compares the first round with and without secure aggregation, from both sides.
 *
 * @param config its seed is replaced by each of the seeds
 * @param dataset as loadDataset gives it
 * @param seeds at least one, none twice
 * @returns one check per seed
 * @throws InputError for no seed, or one twice
 * @example
 * const [check] = await compareMasking(config, dataset, [1]);
 * check.gradientDifference < 1e-4; // true
 * @source the paper's section 4.1: secure aggregation hides updates from the server, not the broadcast from the client
 */
export async function compareMasking(
  config: FederationConfig,
  dataset: Dataset,
  seeds: readonly number[],
): Promise<readonly MaskingCheck[]> {
  const { study } = await collectRuns(maskingKind, { study: { federation: config, seeds } }, dataset);
  return study.runs;
}

/**
 * Trains softmax regression, and at each of the rounds reads images off mean gradients of some peers.
 *
 * The private images are those of the first round at every round, and all sets of `peers` neighbours in the ring of peers are
 * read and averaged (squares), so every image counts equally often whatever is varied. The reading needs no optimisation:
 * its error is the mixing of images, nothing else.
 *
 * @param config architecture "softmaxRegression", batchSize 1; its seed is replaced by each of the seeds
 * @param dataset as loadDataset gives it
 * @param plan seeds; rounds, up to config.rounds; peers: how many peers are in the mean, each 1..M-1
 * @returns one leak per seed, round and number of peers
 * @throws InputError when the architecture or batch size is another, a list is empty, a seed is no integer or given twice, or a round
 *   or number is out of range
 * @example
 * const softmax = { ...config, architecture: "softmaxRegression" };
 * const [alone, mixed] = await followAnalyticLeak(softmax, dataset, { seeds: [1], rounds: [0], peers: [1, 2] });
 * [alone.rmse < 1e-4, mixed.rmse > 0.01, mixed.rmse < mixed.bound]; // [true, true, true]
 * @source our derivation, line (10)
 */
export async function followAnalyticLeak(
  config: FederationConfig,
  dataset: Dataset,
  plan: Omit<AnalyticLeakPlan, "federation">,
): Promise<AnalyticLeak[]> {
  ensureNames("followAnalyticLeak", "plan", plan, ["seeds", "rounds", "peers"]);
  const { study } = await collectRuns(analyticLeakKind, { study: { federation: config, ...plan } }, dataset);
  return study.runs.flat();
}

/**
 * Trains, and at each of the rounds sets the local steps of all clients against the gradients of the same batches at the broadcast.
 *
 * @param config its seed is replaced by each of the seeds
 * @param dataset as loadDataset gives it
 * @param plan seeds; rounds, below config.rounds
 * @returns one entry per seed and round
 * @throws InputError when a round is out of range
 * @example
 * const plan = { seeds: [1], rounds: [0] };
 * const [{ drift, stepNorm, smoothness }] = await followLocalSteps({ ...config, localSteps: 2 }, dataset, plan);
 * drift <= driftBound({ localSteps: 2, learningRate: config.learningRate, smoothness: smoothness, stepNorm: stepNorm }); // true
 * @source our derivation, line (22)
 */
export async function followLocalSteps(
  config: FederationConfig,
  dataset: Dataset,
  plan: Omit<LocalStepsPlan, "federation">,
): Promise<LocalStepsRound[]> {
  const { study } = await collectRuns(localStepsKind, { study: { federation: config, ...plan } }, dataset);
  return study.runs.flat();
}
