/** @file One seed of a leakage plan as a job. */
import { autoencoderOf } from "./autoencoderKind";
import { checkPlan, leakagePlan } from "./leakagePlan";
import { leakageValueOf } from "./leakageValue";
import { measureSeed, type LeakagePlan, type LeakageRun } from "./measure";
import type { SeededKind } from "./seeded";

const autoencoderShare = 0.15; // of the time, as measured for 15 views

/** One seed of one plan, by measureSeed. The attacker's autoencoder is a job of its own. */
export const leakageKind: SeededKind<LeakagePlan, LeakageRun> = {
  name: "leakage",
  code: "experiment/measure",
  plan: leakagePlan,
  valueOf: leakageValueOf,
  check: checkPlan,
  async compute(plan, context) {
    const { dataset, follow } = context;
    if (plan.attacker.prior !== "autoencoder") return measureSeed(plan, dataset, null, follow);
    const training = (share: number): void => follow(autoencoderShare * share, "autoencoder");
    const autoencoder = await autoencoderOf(plan.federation, plan.attacker.autoencoderSteps, {
      ...context,
      follow: training,
    });
    return measureSeed(plan, dataset, autoencoder, (share, note) =>
      follow(autoencoderShare + (1 - autoencoderShare) * share, note),
    );
  },
};
