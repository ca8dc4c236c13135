/** @file The common ground of the notebooks on poisoning and defenses: one passive run that settings differ from, and stretches of its rounds. */
import { ensureDefined, ensureNames } from "../core/known";
import type { LeakagePlan } from "./measure";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { byProfile, currentProfile, type Profile } from "../core/profile";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/**
 * The passive run that every setting is compared with: LeCun's LeNet-5 on non-IID Fashion-MNIST, the fixed probe along 50 rounds.
 *
 * @param profile the profile; that of this run unless given
 * @returns a plan of 2 (smoke), 3 (quick) or 12 (paper) seeds; read only
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
    attacker: {
      prior: "autoencoder",
      labels: "inferred",
      objective: "cosine",
      learningRate: 0.1,
      steps: of({ smoke: 10, quick: 250, paper: 250 }),
      autoencoderSteps: of({ smoke: 10, quick: 400, paper: 400 }),
    },
    seeds: upTo(of({ smoke: 2, quick: 3, paper: 12 })),
    probeBatchSize: 1,
    probeRounds: of({
      smoke: [0, 1, 4],
      quick: [0, 4, 9, 14, 19, 30, 40, 49],
      paper: [0, 4, 9, 14, 19, 30, 40, 49], // as quick: another seed tells more than other rounds of the same one
    }),
    trajectoryRounds: [],
  };
}

/** First and last round of a stretch, both included. */
export type Window = readonly [first: number, last: number];

/**
 * The stretches of rounds over which the notebooks on poisoning and defenses average.
 *
 * @param profile the profile; that of this run unless given
 * @returns early, middle and late thirds; settled: middle and late; first: the twenty that the paper calls early under noise; last: the
 *   twenty at the end; whole
 * @example
 * commonWindows("paper").late; // [35, 49]
 * @source our choice; the paper says "early" and "late" alone
 */
export function commonWindows(profile: Profile = currentProfile()): Record<WindowName, Window> {
  const at = (early: Window, middle: Window, late: Window, first: Window, last: Window): Record<WindowName, Window> => {
    return { early, middle, late, settled: [middle[0], late[1]], first, last, whole: [early[0], late[1]] };
  };
  const full = at([0, 9], [10, 34], [35, 49], [0, 19], [30, 49]);
  return byProfile({ smoke: at([0, 0], [1, 1], [4, 4], [0, 1], [4, 4]), quick: full, paper: full }, profile);
}

/** A stretch of commonWindows. */
export type WindowName = "early" | "middle" | "late" | "settled" | "first" | "last" | "whole";

const fewSeeds = 4;

/**
 * A plan with the first few of its seeds, for settings that are shown without a verdict.
 *
 * @param plan any
 * @returns another plan of at most 4 seeds; the rest is shared with the given one
 * @example
 * withFewSeeds(commonPlan("paper")).seeds; // [1, 2, 3, 4]
 */
export function withFewSeeds(plan: LeakagePlan): LeakagePlan {
  return { ...plan, seeds: plan.seeds.slice(0, fewSeeds) };
}

/**
 * A plan whose federation differs in some fields.
 *
 * @param plan to start from
 * @param changes fields of the federation; one that is undefined would put the plain run in the changed one's place
 * @returns another plan; the rest is shared with the given one
 * @throws InputError for a field that there is not, or one without a value, however deep
 * @example
 * vary(plan, { aggregator: "krum", assumedMalicious: 1 }).federation.aggregator; // "krum"
 */
export function vary(plan: LeakagePlan, changes: Partial<FederationConfig>): LeakagePlan {
  ensureNames("vary", "changes", changes, Object.keys(defaultFederation));
  ensureDefined("vary", "changes", changes);
  return { ...plan, federation: { ...plan.federation, ...changes } };
}
