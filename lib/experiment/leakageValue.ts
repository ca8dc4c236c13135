/** @file The shape of what a seed of a leakage plan gave, for a result that comes from elsewhere. */
import { z } from "zod";
import type { Leak } from "../metrics/leak";
import type { LeakageRun, RoundSummary } from "./measure";

const number = z.number(); // finite
const count = z.int().min(0);
const share = number.min(0).max(1);
const pixels = z.instanceof(Float32Array);

const round = z.strictObject({
  round: count,
  loss: number,
  objectiveGap: number,
  accuracy: share,
  attackSuccess: share.nullable(),
  kept: z.array(count),
  effective: number.min(0),
  dropped: z.array(count),
  skipped: z.string().nullable(),
} satisfies Record<keyof RoundSummary, z.ZodType>);

const leak = z
  .strictObject({
    round: count,
    rmse: number.min(0),
    perImage: z.array(number.min(0)),
    floor: number.min(0),
    perImageFloor: z.array(number.min(0)),
    leakage: number.max(1),
    contributed: z.array(z.boolean()),
    contributorRmse: number.min(0).nullable(),
    contributorLeakage: number.max(1).nullable(),
    effective: number.min(0),
    matchingLoss: number,
    labelAccuracy: share,
    labels: z.array(count),
    privateImages: pixels,
    reconstructions: pixels,
  } satisfies Record<keyof Leak, z.ZodType>)
  .refine(
    ({ labels: { length: n }, ...of }) =>
      [of.perImage, of.perImageFloor, of.contributed].every(({ length }) => length === n) &&
      of.privateImages.length === of.reconstructions.length &&
      of.privateImages.length % n === 0,
    { path: ["labels"], message: "one per private image, as all else" },
  );

/** What measureSeed gives. */
export const leakageValue = z.strictObject({
  seed: z.int(),
  rounds: z.array(round),
  probe: z.array(leak),
  trajectory: z.array(leak),
} satisfies Record<keyof LeakageRun, z.ZodType>) satisfies z.ZodType<LeakageRun>;
