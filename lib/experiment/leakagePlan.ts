/** @file Leakage plans as they come from a file or another machine: their shape, and what must hold before anything is computed. */
import { z } from "zod";
import { ensure, ensureCount } from "../core/errors";
import { ensureDefined, ensureSeeds } from "../core/known";
import { checkConfig, defaultFederation, type FederationConfig } from "../fl/config";
import { objectives } from "../reconstruction/objective";
import { priors, type PriorName } from "../reconstruction/priors";
import type { Attacker, LeakagePlan } from "./measure";
import { checkShape } from "../jobs/schema";

const types = { number: z.number(), string: z.string(), boolean: z.boolean() } as const;

/** A field of the config is of the type that its default has; what may stand in it checkConfig knows. */
export const federationShape = z.strictObject(
  Object.fromEntries(
    Object.entries(defaultFederation).map(([name, value]) => [
      name,
      types[typeof value as keyof typeof types] ?? z.json(),
    ]),
  ),
) as unknown as z.ZodType<FederationConfig>;

/** How the attacker inverts. */
export const attackerShape = z.strictObject({
  prior: z.enum(Object.keys(priors) as PriorName[]),
  labels: z.enum(["inferred", "given"]),
  contributors: z.enum(["all", "known"]).optional(),
  autoencoderSteps: z.int().min(1),
  objective: z.enum(Object.keys(objectives) as (keyof typeof objectives)[]).optional(),
  unroll: z.boolean().optional(),
  through: z.enum(["mean", "protocol"]).optional(),
  noise: z.enum(["ignored", "known"]).optional(),
  steps: z.int().min(1).optional(),
  learningRate: z.number().gt(0).optional(),
  totalVariation: z.union([z.number().min(0), z.tuple([z.number().gt(0), z.number().gt(0)])]).optional(),
  box: z.boolean().optional(),
  initialCode: z.enum(["normal", "uniform", "guess"]).optional(),
  restarts: z.int().min(1).optional(),
  restartSteps: z.int().min(1).optional(),
  retryAbove: z.number().min(0).optional(),
  goal: z.number().min(0).optional(),
  labelSearch: z
    .strictObject({
      candidates: z.int().min(1),
      trialSteps: z.int().min(1),
      starts: z.int().min(1).optional(),
      rounds: z.int().min(1),
    })
    .optional(),
  separate: z.boolean().optional(),
  selectionSteps: z.int().min(1).optional(),
  seed: z.int().optional(),
} satisfies Record<keyof Attacker, z.ZodType>) as unknown as z.ZodType<Attacker>; // JSON holds no undefined

/** See LeakagePlan. */
export const leakagePlan = z.strictObject({
  federation: federationShape,
  attacker: attackerShape,
  seeds: z.array(z.int()),
  probeRounds: z.array(z.number()),
  probeBatchSize: z.number(),
  trajectoryRounds: z.array(z.number()),
}) satisfies z.ZodType<LeakagePlan>;

/**
 * Reads leakage plans by name, as a file of JSON holds them. Fields that `federation` leaves out have their defaults.
 *
 * @param value { name: plan, ... }
 * @returns plans for measureLeakage
 * @throws InputError naming the place that is not as it should be; whatever checkConfig and checkPlan refuse
 * @example
 * readPlans({ passive: { ...plan, federation: { dataset: "strokes" } } }).passive.federation.rounds; // defaultFederation.rounds
 * readPlans({ passive: { ...plan, seeds: "1..4" } }); // throws "readPlans: needs an array at passive.seeds, got 1..4"
 */
export function readPlans(value: unknown): Record<string, LeakagePlan> {
  const fill = (part: unknown): unknown =>
    isObject(part) && isObject(part["federation"])
      ? { ...part, federation: { ...defaultFederation, ...part["federation"] } }
      : part;
  const filled = isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fill(part)]))
    : value;
  const plans = checkShape("readPlans", z.record(z.string(), leakagePlan), filled);
  ensure(Object.keys(plans).length > 0, "readPlans", "needs at least one plan", "none");
  for (const each of Object.values(plans)) checkPlan(each);
  return plans;
}

/**
 * Refuses a plan that cannot be measured.
 *
 * @param given as a notebook writes it
 * @throws InputError for a name that is not known, a value that is undefined or out of range, no seed or one twice, no round, a round
 *   outside the run, or an empty probe; as checkConfig
 * @example
 * checkPlan({ ...plan, probeRounds: [99] }); // throws "measureLeakage: needs rounds in 0..1, got 99"
 */
export function checkPlan(given: LeakagePlan): void {
  ensureDefined("measureLeakage", "the plan", given);
  const { seeds, federation, probeRounds, trajectoryRounds, probeBatchSize } = checkShape(
    "measureLeakage",
    leakagePlan,
    given,
  );
  checkConfig(federation);
  ensureSeeds("measureLeakage", seeds);
  ensureCount("measureLeakage", "probeBatchSize", probeBatchSize);
  for (const round of [...probeRounds, ...trajectoryRounds]) {
    ensure(
      Number.isInteger(round) && round >= 0 && round < federation.rounds,
      "measureLeakage",
      `needs rounds in 0..${federation.rounds - 1}`,
      round,
    );
  }
  ensure(
    probeRounds.length + trajectoryRounds.length > 0,
    "measureLeakage",
    "needs at least one round to invert",
    "none",
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
