import assert from "node:assert/strict";
import test from "node:test";
import { defaultFederation } from "../fl/config";
import { readPlan, readPlans } from "./leakagePlan";
import type { LeakagePlan } from "./measure";

const plan: LeakagePlan = {
  federation: { ...defaultFederation, dataset: "strokes", rounds: 3 },
  attack: {
    prior: "pixel",
    labels: "inferred",
    autoencoderSteps: 2,
    steps: 5,
    initialCode: "uniform",
    localSteps: "unrolled",
  },
  seeds: [1, 2],
  probeRounds: [0, 2],
  probeBatchSize: 2,
  trajectoryRounds: [],
};
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("readPlans: gives plans as a notebook writes them, whole or with the federation's defaults left out", () => {
  const short = { ...plan, federation: { dataset: "strokes", rounds: 3 } };
  assert.deepEqual(readPlans(json({ whole: plan, short })), { whole: plan, short: plan });
});

test("readPlans: names the place that is not as it should be", () => {
  const federation = (change: object): object => ({ federation: { ...plan.federation, ...change } });
  const attack = (change: object): object => ({ attack: { ...plan.attack, ...change } });
  const cases: readonly [change: object, message: string][] = [
    [{ sedes: [1] }, "readPlans: needs only known names at a, got sedes"],
    [{ seeds: [1, 1.5] }, "readPlans: needs an integer at a.seeds.1, got 1.5"],
    [{ seeds: undefined }, "readPlans: needs an array at a.seeds, got undefined"],
    [{ probeBatchSize: "1" }, "readPlans: needs a number at a.probeBatchSize, got 1"],
    [{ federation: [] }, "readPlans: needs an object at a.federation, got []"],
    [federation({ learningRaet: 1 }), "readPlans: needs only known names at a.federation, got learningRaet"],
    [federation({ rounds: "3" }), "readPlans: needs a number at a.federation.rounds, got 3"],
    [federation({ secureAggregation: 1 }), "readPlans: needs a boolean at a.federation.secureAggregation, got 1"],
    [federation({ numClients: 0 }), "train: needs an integer numClients >= 1, got 0"],
    [attack({ prior: "magic" }), "readPlans: needs one of pixel, bicubic, autoencoder at a.attack.prior, got magic"],
    [attack({ localSteps: 5 }), "readPlans: needs one of mean, unrolled at a.attack.localSteps, got 5"],
    [attack({ step: 5 }), "readPlans: needs only known names at a.attack, got step"],
    [{ probeRounds: [3] }, "measureLeakage: needs rounds in 0..2, got 3"],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => readPlans(json({ a: { ...plan, ...change } })), { name: "InputError", message });
  }
  for (const [value, message] of [
    [[plan], "readPlans: needs an object, got "],
    [{}, "readPlans: needs at least one plan, got none"],
    [null, "readPlans: needs an object, got null"],
  ] as const) {
    assert.throws(
      () => readPlans(value),
      (error: Error) => error.message.startsWith(message),
    );
  }
});

test("readPlan: takes a plan that came through JSON as it was, and fills in nothing", () => {
  assert.deepEqual(readPlan(json(plan)), plan);
  const { rounds: _, ...federation } = plan.federation;
  const message = "readPlan: needs a number at federation.rounds, got undefined";
  assert.throws(() => readPlan({ ...plan, federation }), { name: "InputError", message });
});
