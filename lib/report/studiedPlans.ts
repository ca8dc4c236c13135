/** @file The plans of notebooks 03 to 06 by name, so that a summary of all of them finds their runs in the store. */
import type { AggregatorName } from "../defense/aggregators";
import type { PrivacyName } from "../defense/privacy/privacy";
import type { LeakagePlan } from "../experiment/measure";
import type { FederationConfig } from "../fl/config";
import { commonPlan, indicative, varyEach } from "./commonPlan";
import { byProfile, currentProfile, type Profile } from "../core/profile";

type Changes = Record<string, Partial<FederationConfig>>;

const kappa = 1; // of the sign flip that defenses meet; not stated: our choice, as in the first author's public code
const flip = { poisoning: "signFlip", poisoningParameters: { scale: kappa } } as const;
const guardedBy = (aggregator: AggregatorName) => ({ aggregator, assumedMalicious: 1 }) as const;
const noisedBy = (privacy: PrivacyName, noiseMultiplier: number, clipNorm = 1) =>
  ({ privacy, privacyParameters: { clipNorm, noiseMultiplier, delta: 1e-5 } }) as const;
const each = <T>(values: readonly T[], entry: (value: T) => [string, Partial<FederationConfig>]): Changes =>
  Object.fromEntries(values.map(entry));

/**
 * The settings of each notebook, varied from commonPlan, under names of the style table that are unique over all notebooks. A setting
 * that two notebooks share stands in the first; one without a verdict has the few seeds of indicative. What only the paper profile of
 * a notebook runs is left out but for the grids of σ and C.
 *
 * @param profile the profile; that of this run unless given
 * @returns by notebook and setting: a plan, for measureLeakage
 * @example
 * Object.keys(studiedPlans("smoke")["03"]); // ["passive", "signFlip κ=1"]
 * @source the parameters of the notebooks; our choices where the paper states none
 */
export function studiedPlans(
  profile: Profile = currentProfile(),
): Record<"03" | "04" | "05" | "06", Record<string, LeakagePlan>> {
  const of = <T>(values: Readonly<Record<Profile, T>>): T => byProfile(values, profile);
  const isSmoke = profile === "smoke";
  const base = commonPlan(profile);
  const fine = of({ smoke: [], quick: [0.03], paper: [0.001, 0.01, 0.03, 0.1, 0.3, 1, 10] }); // without verdicts
  const scales = isSmoke ? [kappa] : [1, 3, 6];
  const stds = of({ smoke: [], quick: [0.1], paper: [0.03, 0.1, 0.3] });
  const rules: AggregatorName[] = isSmoke ? ["krum"] : ["krum", "median", "dnc", "freqFed"];
  const alone: AggregatorName[] = isSmoke ? rules : ["oracle", ...rules, "multiKrum"];
  const noises = isSmoke ? [3] : [0, 0.003, 3];
  const fineBatch = of({ smoke: [], quick: [], paper: fine });
  const clips = of({ smoke: [], quick: [0.1, 3], paper: [0.1, 0.3, 3] });
  const gridNoises = of({ smoke: [], quick: [0], paper: [0, 0.03, 0.1, 0.3, 1, 3, 10] });
  const grid = clips.flatMap((c) => gridNoises.map((s) => [c, s] as const));
  const theirs = { clipping: "elementwise", noiseScale: "sensitivityOverBatch" } as const;
  const authors = of({ smoke: [], quick: [0.03], paper: [0.003, 0.03, 3] });
  const kinds: PrivacyName[] = isSmoke ? ["localDp"] : ["localDp", "dpSgd"];
  const pairs = kinds.flatMap((kind) => rules.map((rule) => [rule, kind] as const));
  const weak = of<AggregatorName[]>({ smoke: [], quick: ["krum"], paper: rules });
  return {
    "03": varyEach(base, {
      passive: {},
      ...each(scales, (scale) => [`signFlip κ=${scale}`, { ...flip, poisoningParameters: { scale } }]),
      ...each(stds, (noiseStd) => [`gaussianNoise σ_ζ=${noiseStd}`, { poisoning: "gaussianNoise", poisoningParameters: { noiseStd } }]), // prettier-ignore
      ...(!isSmoke && { backdoor: { poisoning: "backdoor", poisoningParameters: { targetLabel: 0, triggerSize: 3, boost: 1 } } }), // prettier-ignore
    }),
    "04": varyEach(
      base,
      each(alone, (rule) => [`signFlip+${rule} κ=${kappa}`, { ...flip, ...guardedBy(rule) }]),
    ),
    "05": {
      ...varyEach(base, {
        ...each(noises, local),
        "passive B=4": { batchSize: 4 },
        ...each(noises, batched),
      }),
      ...varyEach(indicative(base), {
        ...each(fine, local),
        ...each(grid, ([c, s]) => [`localDp C=${c} σ=${s}`, noisedBy("localDp", s, c)]),
        ...each(authors, (s) => [`authorsDp σ=${s}`, { privacy: "localDp", privacyParameters: { ...noisedBy("localDp", s).privacyParameters, ...theirs } }]), // prettier-ignore
        ...each(fineBatch, batched),
      }),
    },
    "06": varyEach(base, {
      ...each(kinds, (kind) => [`signFlip+${kind} κ=${kappa} σ=3`, { ...flip, ...noisedBy(kind, 3) }]),
      ...each(pairs, ([rule, kind]) => [`signFlip+${rule}+${kind} κ=${kappa} σ=3`, { ...flip, ...guardedBy(rule), ...noisedBy(kind, 3) }]), // prettier-ignore
      ...(weak.length > 0 && { [`signFlip+localDp κ=${kappa} σ=0.003`]: { ...flip, ...noisedBy("localDp", 0.003) } }),
      ...each(weak, (rule) => [`signFlip+${rule}+localDp κ=${kappa} σ=0.003`, { ...flip, ...guardedBy(rule), ...noisedBy("localDp", 0.003) }]), // prettier-ignore
    }),
  };
}

function local(std: number): [string, Partial<FederationConfig>] {
  return [`localDp σ=${std}`, noisedBy("localDp", std)];
}

function batched(std: number): [string, Partial<FederationConfig>] {
  return [`dpSgd B=4 σ=${std}`, { batchSize: 4, ...noisedBy("dpSgd", std) }];
}
