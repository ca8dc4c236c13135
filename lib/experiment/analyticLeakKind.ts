/** @file The analytic leak along a run, as a job. */
import { z } from "zod";
import { ensure } from "../core/errors";
import { ensureSeeds } from "../core/known";
import { checkConfig } from "../fl/config";
import { measureAnalyticLeak, type AnalyticLeak, type AnalyticLeakPlan } from "./analyticLeak";
import { federationShape } from "./leakagePlan";
import type { SeededKind } from "./seeded";

const integers = z.array(z.int());
const magnitude = z.number().min(0);

/** One seed of one plan, by measureAnalyticLeak. */
export const analyticLeakKind: SeededKind<AnalyticLeakPlan, AnalyticLeak[]> = {
  name: "analyticLeak",
  code: "experiment/analyticLeak",
  plan: z.strictObject({ federation: federationShape, seeds: integers, rounds: integers, peers: integers }),
  valueOf: ({ seeds: [seed], rounds, peers }) =>
    z
      .array(
        z.strictObject({
          seed: z.literal(seed!),
          round: z.int().min(0),
          effectiveParticipants: z.int().min(1),
          objectiveGap: z.number(),
          rmse: magnitude,
          bound: magnitude,
          dispersion: magnitude,
          relativeDispersion: magnitude,
        } satisfies Record<keyof AnalyticLeak, z.ZodType>),
      )
      .length(rounds.length * peers.length),
  check({ federation, seeds, rounds, peers }) {
    const fn = "followAnalyticLeak";
    for (const [name, list] of Object.entries({ seeds, rounds, peers }))
      ensure(Array.isArray(list) && list.length > 0, fn, `needs an array of ${name}, not empty`, list);
    const isSeeds = seeds.every(Number.isInteger) && new Set(seeds).size === seeds.length;
    ensure(isSeeds, fn, "needs integer seeds, each once", [...seeds]);
    const { architecture, batchSize, numClients } = federation;
    ensure(architecture === "softmaxRegression" && batchSize === 1, fn, "needs softmaxRegression with batches of 1", `${architecture}, ${batchSize}`); // prettier-ignore
    ensureSeeds(fn, seeds);
    const within = (values: readonly number[], low: number, high: number): boolean => values.every((v) => Number.isInteger(v) && v >= low && v <= high); // prettier-ignore
    ensure(within(rounds, 0, federation.rounds), fn, `needs rounds of 0..${federation.rounds}`, [...rounds]);
    ensure(within(peers, 1, numClients - 1), fn, `needs peers of 1..${numClients - 1}`, [...peers]);
    checkConfig(federation);
  },
  compute: (plan, { dataset }) => measureAnalyticLeak(plan, dataset),
};
