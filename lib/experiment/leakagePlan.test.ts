import assert from "node:assert/strict";
import test from "node:test";
import { defaultFederation } from "../fl/config";
import { checkPlan, readPlans } from "./leakagePlan";
import type { LeakagePlan } from "./measure";

const plan: LeakagePlan = {
  federation: { ...defaultFederation, dataset: "strokes", rounds: 3 },
  attacker: {
    prior: "pixel",
    labels: "inferred",
    autoencoderSteps: 2,
    steps: 5,
    initialCode: "uniform",
    unroll: true,
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
  const attacker = (change: object): object => ({ attacker: { ...plan.attacker, ...change } });
  const cases: readonly [change: object, message: string][] = [
    [{ sedes: [1] }, "readPlans: needs only known names at a, got sedes; did you mean seeds?"],
    [{ seeds: [1, 1.5] }, "readPlans: needs an integer at a.seeds.1, got 1.5"],
    [{ seeds: undefined }, "readPlans: needs an array at a.seeds, got undefined"],
    [{ probeBatchSize: "1" }, "readPlans: needs a number at a.probeBatchSize, got 1"],
    [{ federation: [] }, "readPlans: needs an object at a.federation, got []"],
    [
      federation({ learningRaet: 1 }),
      "readPlans: needs only known names at a.federation, got learningRaet; did you mean learningRate?",
    ],
    [federation({ rounds: "3" }), "readPlans: needs a number at a.federation.rounds, got 3"],
    [federation({ secureAggregation: 1 }), "readPlans: needs a boolean at a.federation.secureAggregation, got 1"],
    [federation({ numClients: 0 }), "train: needs an integer numClients >= 1, got 0"],
    [
      attacker({ prior: "magic" }),
      "readPlans: needs one of autoencoder, bicubic, gaussian, pixel at a.attacker.prior, got magic",
    ],
    [attacker({ unroll: 5 }), "readPlans: needs a boolean at a.attacker.unroll, got 5"],
    [attacker({ step: 5 }), "readPlans: needs only known names at a.attacker, got step; did you mean steps?"],
    [attacker({ steps: 0 }), "readPlans: needs a number >= 1 at a.attacker.steps, got 0"],
    [attacker({ restarts: -1 }), "readPlans: needs a number >= 1 at a.attacker.restarts, got -1"],
    [attacker({ learningRate: 0 }), "readPlans: needs a number > 0 at a.attacker.learningRate, got 0"],
    [attacker({ totalVariation: -1 }), "readPlans: needs a number >= 0 at a.attacker.totalVariation, got -1"],
    [federation({ alpha: 0 }), "train: needs a finite alpha > 0, got 0"],
    [
      federation({ aggregator: "krum", aggregatorParameters: { f: 3 } }),
      "train: needs only known names in aggregatorParameters of krum, got f; known are: neighbours",
    ],
    [{ seeds: [7, 7, 7] }, "measureLeakage: needs seeds that differ, got 7 again"],
    [{ seeds: [] }, "measureLeakage: needs at least one seed, got none"],
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

test("readPlans: refuses a plan that is named __proto__, at any depth, and never drops one", () => {
  const named = JSON.parse(`{ "a": ${JSON.stringify(plan)}, "__proto__": ${JSON.stringify(plan)} }`) as unknown;
  assert.throws(() => readPlans(named), /^InputError: readPlans: needs names that an object can have, got __proto__; /);
  const inside = JSON.stringify({ a: plan }).replace('"dataset":', '"__proto__":{"rounds":9},"dataset":');
  assert.throws(
    () => readPlans(JSON.parse(inside)),
    /^InputError: readPlans: needs names that an object can have at a.federation, got __proto__; /,
  );
  assert.deepEqual(Object.keys(readPlans(json({ constructor: plan, toString: plan }))), ["constructor", "toString"]);
});

test("checkPlan: holds what JavaScript writes to the same as JSON, and refuses what is undefined", () => {
  checkPlan(plan);
  const cases: readonly [change: object, message: string][] = [
    [{ seeds: [7, 7, 7] }, "measureLeakage: needs seeds that differ, got 7 again"],
    [{ seds: [1] }, "measureLeakage: needs only known names, got seds; did you mean seeds?"],
    [
      { attacker: { ...plan.attacker, restarts: undefined } },
      "measureLeakage: needs a value for the plan.attacker.restarts, got undefined; leave the field out, or give it one",
    ],
    [
      { attacker: { ...plan.attacker, pirior: "pixel" } },
      "measureLeakage: needs only known names at attacker, got pirior; did you mean prior?",
    ],
    [
      { federation: { ...plan.federation, poisoning: "signFlip", poisoningParameters: { kappa: 3 } } },
      "train: needs only known names in poisoningParameters of signFlip, got kappa; known are: scale",
    ],
  ];
  for (const [change, message] of cases)
    assert.throws(() => checkPlan({ ...plan, ...change }), { name: "InputError", message });
});
