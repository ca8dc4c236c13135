/** @file The shape of what a seed of a gradient plan gave, for a result that comes from elsewhere. */
import { z } from "zod";
import type { NoiseEstimate } from "../theory/constants";
import type { GradientPlan, GradientRound, GradientRun, LoneInversion } from "./gradients";

const number = z.number(); // finite
const magnitude = number.min(0);

const noise = z.strictObject({
  samplingVariance: magnitude,
  largestVariance: magnitude,
  heterogeneity: number,
} satisfies Record<keyof NoiseEstimate, z.ZodType>);

const peer = z.strictObject({
  contributed: z.boolean(),
  gradientDistance: magnitude,
  rmse: magnitude,
  image: z.instanceof(Float32Array),
} satisfies Record<keyof LoneInversion, z.ZodType>);

const round = z.strictObject({
  round: z.int().min(0),
  loss: number,
  lossAfter: number,
  gradientNorm: magnitude,
  smoothness: magnitude,
  aggregateError: magnitude,
  effectiveParticipants: magnitude,
  noise,
  peers: z.array(peer),
} satisfies Record<keyof GradientRound, z.ZodType>);

const gradientValue = z.strictObject({
  seed: z.int(),
  rounds: z.array(round),
} satisfies Record<keyof GradientRun, z.ZodType>) satisfies z.ZodType<GradientRun>;

/**
 * What measureGradientsOf gives for a plan: of its seed, at its rounds.
 *
 * @param plan of one seed
 * @returns the schema
 * @example
 * const looked = { federation: config, seeds: [1], rounds: [0], objectiveImages: 5, batches: 2, attacker: null };
 * gradientValueOf(looked).safeParse(await measureGradientsOf(looked, dataset, null, follow)).success; // true
 */
export function gradientValueOf({ seeds, rounds: asked }: GradientPlan): z.ZodType<GradientRun> {
  return gradientValue
    .refine(({ seed }) => seed === seeds[0], { path: ["seed"], message: "the plan's" })
    .refine(({ rounds }) => rounds.length === asked.length && rounds.every(({ round }, i) => round === asked[i]), { path: ["rounds"], message: "the plan's" }); // prettier-ignore
}
