/** @file One seed of a gradient plan as a job. */
import { ensure, ensureCount } from "../core/errors";
import { ensureDefined, ensureSeeds } from "../core/known";
import { checkConfig } from "../fl/config";
import { checkShape } from "../jobs/schema";
import { autoencoderOf } from "./autoencoderKind";
import { gradientPlan } from "./gradientPlan";
import { gradientValueOf } from "./gradientValue";
import { measureGradientsOf, type GradientPlan, type GradientRun } from "./gradients";
import type { SeededKind } from "./seeded";

/** One seed of one plan, by measureGradientsOf. The attacker's autoencoder is a job of its own. */
export const gradientKind: SeededKind<GradientPlan, GradientRun> = {
  name: "gradients",
  code: "experiment/gradients",
  plan: gradientPlan,
  valueOf: gradientValueOf,
  check: checkGradientPlan,
  async compute(plan, context) {
    const { dataset, follow } = context;
    const { federation, attacker } = plan;
    if (attacker?.prior !== "autoencoder") return measureGradientsOf(plan, dataset, null, follow);
    const training = { ...context, follow: () => follow(0, "autoencoder") };
    const autoencoder = await autoencoderOf(federation, attacker.autoencoderSteps, training);
    return measureGradientsOf(plan, dataset, autoencoder, follow);
  },
};

/** Refuses a plan that cannot be measured. */
function checkGradientPlan(given: GradientPlan): void {
  const fn = "measureGradients";
  ensureDefined(fn, "the plan", given);
  const { federation, seeds, rounds, objectiveImages, batches } = checkShape(fn, gradientPlan, given);
  checkConfig(federation);
  ensureSeeds(fn, seeds);
  ensure(rounds.length >= 1, fn, "needs at least one round", "none");
  const isWithin = (round: number): boolean => Number.isInteger(round) && round >= 0 && round < federation.rounds;
  ensure(rounds.every(isWithin), fn, `needs rounds in 0..${federation.rounds - 1}`, [...rounds]);
  ensureCount(fn, "objectiveImages", objectiveImages);
  ensureCount(fn, "batches", batches, 2);
  ensure(federation.localSteps === 1, fn, "needs FedSGD, localSteps = 1", federation.localSteps);
}
