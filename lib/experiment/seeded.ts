/** @file Kinds of jobs that measure one seed of a plan. */
import type { FederationConfig } from "../fl/config";
import type { Job } from "../jobs/job";
import { makeJob, type JobKind } from "../jobs/kind";

/** What every plan of a study says. */
export interface SeededPlan {
  /** The setting; its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** One run per seed; integers, each once. */
  readonly seeds: readonly number[];
}

/** A kind of job that measures one seed of a plan. */
export interface SeededKind<Plan extends SeededPlan, Value> extends JobKind<Plan, Value> {
  /** Refuses a plan that cannot be measured, before any of its seeds is. */
  check(plan: Plan): void;
}

/**
 * The jobs of a plan, one per seed.
 *
 * @param kind of the jobs
 * @param plan of any number of seeds
 * @param common the dataset and the backend that they are to be computed with, and force: a moment, so what several jobs share is
 *   computed once
 * @returns jobs in the order of the seeds
 * @throws whatever the kind throws
 * @example
 * jobsBySeed(leakageKind, plan, { dataset, backend: "", force: false }).map(({ plan }) => plan.federation.seed); // plan.seeds
 */
export function jobsBySeed<Plan extends SeededPlan, Value>(
  kind: SeededKind<Plan, Value>,
  plan: Plan,
  common: Parameters<typeof makeJob>[2],
): (Job & { readonly plan: Plan })[] {
  kind.check(plan);
  const of = (seed: number): Plan => ({ ...plan, federation: { ...plan.federation, seed }, seeds: [seed] });
  return plan.seeds.map((seed) => ({ ...makeJob(kind, of(seed), common), plan: of(seed) }));
}
