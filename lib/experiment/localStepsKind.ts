/** @file Local steps along a run, as a job. */
import { z } from "zod";
import { ensure } from "../core/errors";
import { ensureSeeds } from "../core/known";
import { checkConfig } from "../fl/config";
import { federationShape } from "./leakagePlan";
import { measureLocalSteps, type LocalStepsPlan, type LocalStepsRound } from "./localSteps";
import type { SeededKind } from "./seeded";

const integers = z.array(z.int());
const magnitude = z.number().min(0);

/** One seed of one plan, by measureLocalSteps. */
export const localStepsKind: SeededKind<LocalStepsPlan, LocalStepsRound[]> = {
  name: "localSteps",
  code: "experiment/localSteps",
  plan: z.strictObject({ federation: federationShape, seeds: integers, rounds: integers }),
  valueOf: ({ federation, seeds: [seed], rounds }) =>
    z
      .array(
        z.strictObject({
          seed: z.literal(seed!),
          round: z.int().min(0),
          localSteps: z.literal(federation.localSteps),
          objectiveGap: z.number(),
          gradientNorm: magnitude,
          drift: magnitude,
          dispersion: magnitude,
          sentDispersion: magnitude,
          stepNorm: magnitude,
          firstNorm: magnitude,
          smoothness: magnitude,
          sentNorms: z.array(magnitude).length(federation.numClients),
        } satisfies Record<keyof LocalStepsRound, z.ZodType>),
      )
      .length(rounds.length),
  check({ federation, seeds, rounds }) {
    const fn = "followLocalSteps";
    ensureSeeds(fn, seeds);
    const isFine = rounds.every((k) => Number.isInteger(k) && k >= 0 && k < federation.rounds);
    ensure(isFine, fn, `needs rounds in 0..${federation.rounds - 1}`, [...rounds]);
    checkConfig(federation);
  },
  compute: (plan, { dataset }) => measureLocalSteps(plan, dataset),
};
