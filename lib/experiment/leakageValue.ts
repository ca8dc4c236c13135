/** @file The shape of what a seed of a leakage plan gave, for a result that comes from elsewhere. */
import { z } from "zod";
import type { Leak } from "../metrics/leak";
import type { LeakagePlan, LeakageRun, RoundSummary } from "./measure";

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
  effectiveParticipants: number.min(0),
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
    effectiveParticipants: number.min(0),
    matchingLoss: number,
    truthLoss: number.min(0).nullable(),
    found: z.boolean().nullable(),
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

const leakageValue = z.strictObject({
  seed: z.int(),
  rounds: z.array(round),
  probe: z.array(leak),
  trajectory: z.array(leak),
} satisfies Record<keyof LeakageRun, z.ZodType>) satisfies z.ZodType<LeakageRun>;

/**
 * What measureSeed gives for a plan: of its seed, with all its rounds.
 *
 * @param plan of one seed
 * @returns the schema
 * @example
 * leakageValueOf(plan).safeParse(await measureSeed(plan, dataset, null, follow)).success; // true
 */
export function leakageValueOf(plan: LeakagePlan): z.ZodType<LeakageRun> {
  const { federation, seeds, probeRounds, trajectoryRounds } = plan;
  const all = Array.from({ length: federation.rounds + 1 }, (_, round) => round);
  return leakageValue
    .refine(({ seed }) => seed === seeds[0], { path: ["seed"], message: "the plan's" })
    .refine(({ rounds }) => areRounds(rounds, all), { path: ["rounds"], message: "all that were trained, and one more" })
    .refine(({ probe }) => areRounds(probe, probeRounds), { path: ["probe"], message: "the plan's probe rounds" })
    .refine(({ trajectory }) => areRounds(trajectory, trajectoryRounds), { path: ["trajectory"], message: "the plan's trajectory rounds" }); // prettier-ignore
}

function areRounds(records: readonly { readonly round: number }[], rounds: readonly number[]): boolean {
  return records.length === rounds.length && records.every(({ round }, i) => round === rounds[i]);
}
