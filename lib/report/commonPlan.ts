/** @file The common ground of the notebooks on poisoning and defenses: one passive run, and settings that differ from it in a few fields. */
import type { LeakagePlan } from "../experiment/measure";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { byProfile, currentProfile, type Profile } from "./profile";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/**
 * The passive run that every setting is compared with: LeCun's LeNet-5 on non-IID Fashion-MNIST, the fixed probe along 50 rounds.
 *
 * @param profile the profile; that of this run unless given
 * @returns a plan of 2 (smoke), 3 (quick) or 20 (paper) seeds; read only
 * @example
 * commonPlan("quick").federation.poisoning; // "none"
 * @source M, the dataset, LeNet-5 and 50 rounds: the paper's section 5; the rest is not stated: README, Decisions
 */
export function commonPlan(profile: Profile = currentProfile()): LeakagePlan {
  const of = <T>(values: Readonly<Record<Profile, T>>): T => byProfile(values, profile);
  return {
    federation: {
      ...defaultFederation,
      activation: "tanh",
      pooling: "average",
      learningRate: 0.1,
      rounds: of({ smoke: 5, quick: 50, paper: 50 }),
    },
    attack: {
      prior: "autoencoder",
      labels: "inferred",
      objective: "cosine",
      learningRate: 0.1,
      steps: of({ smoke: 10, quick: 250, paper: 250 }),
      autoencoderSteps: of({ smoke: 10, quick: 400, paper: 400 }),
    },
    seeds: upTo(of({ smoke: 2, quick: 3, paper: 20 })),
    probeBatchSize: 1,
    probeRounds: of({
      smoke: [0, 1, 4],
      quick: [0, 4, 9, 14, 19, 30, 40, 49],
      paper: [0, 2, 4, 7, 9, 12, 14, 17, 19, 25, 30, 35, 40, 43, 46, 49],
    }),
    trajectoryRounds: [],
  };
}

/**
 * A plan whose federation differs in some fields.
 *
 * @param plan to start from
 * @param changes fields of the federation
 * @returns another plan; the rest is shared with the given one
 * @example
 * vary(plan, { aggregator: "krum", assumedMalicious: 1 }).federation.aggregator; // "krum"
 */
export function vary(plan: LeakagePlan, changes: Partial<FederationConfig>): LeakagePlan {
  return { ...plan, federation: { ...plan.federation, ...changes } };
}

/**
 * A plan varied in several ways, each under its name: what measureLeakage takes.
 *
 * @param plan to start from
 * @param changes by name, of the style table where the studies are to be drawn; fields of the federation
 * @returns a plan a name
 * @example
 * const plans = varyEach(plan, { passive: {}, backdoor: { poisoning: "backdoor" } });
 * plans.backdoor.federation.poisoning; // "backdoor"
 */
export function varyEach(
  plan: LeakagePlan,
  changes: Readonly<Record<string, Partial<FederationConfig>>>,
): Record<string, LeakagePlan> {
  return Object.fromEntries(Object.entries(changes).map(([name, change]) => [name, vary(plan, change)]));
}
