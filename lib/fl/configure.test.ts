import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregators } from "../defense/aggregators";
import { defaultFederation, type FederationConfig } from "./config";
import { federation } from "./configure";

test("federation: is the defaults and what differs from them, in another record", () => {
  assert.deepEqual(federation(), defaultFederation);
  assert.notEqual(federation(), defaultFederation);
  const changes = { aggregator: "median", assumedMalicious: 2, privacy: "localDp" } as const;
  assert.deepEqual(federation(changes), { ...defaultFederation, ...changes });
  assert.deepEqual(Object.keys(federation(changes)), Object.keys(defaultFederation));
});

test("federation: takes names as they are written, and gives a config that a config goes into", () => {
  const config: FederationConfig = federation({ activation: "tanh", preAggregations: ["nnm", "clipping"] });
  const next = federation({ ...config, aggregator: "krum", assumedMalicious: 1 });
  assert.deepEqual([next.activation, next.preAggregations, next.aggregator], ["tanh", ["nnm", "clipping"], "krum"]);
  // @ts-expect-error a name that no rule has
  assert.throws(() => federation({ aggregator: "kram" }));
  // @ts-expect-error a field that there is not
  assert.throws(() => federation({ agregator: "krum" }));
});

test("federation: refuses what JavaScript lets through, and says what was perhaps meant", () => {
  const rules = Object.keys(aggregators).join(", ");
  const refused: readonly [changes: unknown, message: string][] = [
    [
      { agregator: "krum" },
      "federation: needs only known names in the config, got agregator; did you mean aggregator?",
    ],
    [
      { Aggregator: "krum" },
      "federation: needs only known names in the config, got Aggregator; did you mean aggregator?",
    ],
    [
      { aggregator: undefined },
      "federation: needs a value for the config.aggregator, got undefined; leave the field out, or give it one",
    ],
    [
      { poisoning: "signFlip", poisoningParameters: { scale: undefined } },
      "federation: needs a value for the config.poisoningParameters.scale, got undefined; leave the field out, or give it one",
    ],
    [null, "federation: needs an object for the config, got null"],
    ["median", "federation: needs an object for the config, got median"],
    [["median"], "federation: needs an object for the config, got [median]"],
    [{ aggregator: "medain" }, `train: needs an aggregator of ${rules}, got medain; did you mean median?`],
    [{ rounds: "50" }, "train: needs an integer rounds >= 1, got 50"],
    [
      { poisoning: "signFlip", poisoningParameters: { sclae: 3 } },
      "train: needs only known names in poisoningParameters of signFlip, got sclae; did you mean scale?",
    ],
  ];
  for (const [changes, message] of refused)
    assert.throws(() => federation(changes as Partial<FederationConfig>), { name: "InputError", message });
});
