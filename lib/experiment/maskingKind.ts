/** @file What secure aggregation changes, as a job. */
import { z } from "zod";
import { ensureSeeds } from "../core/known";
import { checkConfig } from "../fl/config";
import { federationShape } from "./leakagePlan";
import { measureMasking, type MaskingCheck, type MaskingPlan } from "./masking";
import type { SeededKind } from "./seeded";

/** One seed of one plan, by measureMasking. */
export const maskingKind: SeededKind<MaskingPlan, MaskingCheck> = {
  name: "masking",
  code: "experiment/masking",
  plan: z.strictObject({ federation: federationShape, seeds: z.array(z.int()) }),
  valueOf: () =>
    z.strictObject({
      seed: z.int(),
      gradientDifference: z.number().min(0),
      plainCorrelation: z.number().min(0),
      maskedCorrelation: z.number().min(0),
    } satisfies Record<keyof MaskingCheck, z.ZodType>),
  check({ federation, seeds }) {
    ensureSeeds("compareMasking", seeds);
    checkConfig(federation);
  },
  compute: (plan, { dataset }) => Promise.resolve(measureMasking(plan, dataset)),
};
