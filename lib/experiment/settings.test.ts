import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { privacies, type PrivacyName } from "../defense/privacies";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation } from "../fl/config";
import { poisonings, type PoisoningName } from "../poisoning/poisonings";
import { essenceOf, setting, settingBetween, type Change } from "./settings";

const labels = (...changes: Change[]): string[] => changes.map((change) => setting(change).label);

test("setting: is called by its rules and mechanisms, with their strengths and whatever is not at its default", () => {
  assert.deepEqual(
    labels(
      { poisoning: "none" },
      { poisoning: "signFlip" },
      { poisoning: "gaussianNoise", poisoningParameters: { noiseStd: 0.03, noiseMode: "replacing" } },
      { poisoning: "backdoor", poisoningParameters: { triggerSize: 3, boost: 2 } },
      { aggregator: "mean" },
      { poisoning: "signFlip", aggregator: "krum", assumedMalicious: 1, privacy: "localDp" },
      { privacy: "dpSgd", privacyParameters: { ...defaultPrivacy, clipNorm: 0.1, noiseMultiplier: 0 }, batchSize: 4 },
      { batchSize: 4 },
      { partition: "iid" },
    ),
    [
      "passive",
      "sign flip, κ = 1",
      "Gaussian noise, σ_ζ = 0.03, noiseMode = replacing",
      "backdoor, boost = 2",
      "no defense (mean)",
      "sign flip + Krum + local DP, κ = 1, σ = 3",
      "DP-SGD, C = 0.1, σ = 0, B = 4",
      "B = 4",
      "IID clients",
    ],
  );
});

test("setting: every rule and mechanism of the registries is called by its own label", () => {
  for (const [name, { label }] of Object.entries(poisonings))
    assert.ok(setting({ poisoning: name as PoisoningName }).label.startsWith(label), name);
  for (const [name, { label }] of Object.entries(aggregators))
    assert.equal(setting({ aggregator: name as AggregatorName }).label, label);
  for (const [name, { label }] of Object.entries(privacies))
    assert.equal(setting({ privacy: name as PrivacyName }).label, `${label}, σ = 3`);
});

test("setting: words of one's own stand for what acts, and shown parameters in every label", () => {
  const theirs = { ...defaultPrivacy, noiseMultiplier: 0.03, clipping: "elementwise" } as const;
  const change = { privacy: "localDp", privacyParameters: theirs } as const;
  assert.equal(setting(change).label, "local DP, σ = 0.03, clipping = elementwise");
  assert.equal(setting(change, { label: "local DP, authors' form" }).label, "local DP, authors' form, σ = 0.03");
  assert.equal(setting(change, { show: ["clipNorm"] }).label, "local DP, C = 1, σ = 0.03, clipping = elementwise");
});

test("setting: refuses a change that says nothing, misspells, or has no value", () => {
  const refused: readonly [change: object, message: RegExp][] = [
    [{}, /setting: needs a change, got none; the plain run is/],
    [{ poisoning: undefined }, /setting: needs a value for change.poisoning, got undefined/],
    [{ poisoning: "signFlip", poisoningParameters: { scale: [1, 3][2] } }, /needs a value for change.poisoningParameters.scale/],
    [{ agregator: "krum" }, /got agregator; did you mean aggregator\?/],
    [{ aggregator: "crum" }, /needs the aggregator of .*, got crum; did you mean krum\?/],
    [{ preAggregations: ["nmn"] }, /needs a pre-aggregation of nnm/],
    [{ poisoning: "signFlip", poisoningParameters: { kappa: 2 } }, /got kappa; known are: scale/],
    [{ privacy: "localDp", privacyParameters: { ...defaultPrivacy, clipNorm: 0 } }, /needs a finite clipNorm > 0/],
  ]; // prettier-ignore
  for (const [change, message] of refused) assert.throws(() => setting(change), { name: "InputError", message });
  assert.throws(() => setting({ poisoning: "signFlip" }, { show: ["clipNorm"] }), /needs parameters of the change to show, got clipNorm/); // prettier-ignore
});

test("essenceOf: configs that train the same are equal, others are not", () => {
  const of = (change: Change) => essenceOf({ ...defaultFederation, ...change });
  const plain = of({});
  const { noiseMultiplier, ...rest } = defaultPrivacy;
  for (const change of [
    { assumedMalicious: 2 },
    { privacyParameters: { ...rest, noiseMultiplier: 7 } },
    { classesPerClient: 3 },
    { poisonerFollowsPrivacy: false },
  ])
    assert.deepEqual(of(change), plain, JSON.stringify(change));
  assert.deepEqual(of({ poisoning: "signFlip" }), of({ poisoning: "signFlip", poisoningParameters: { scale: 1 } }));
  for (const change of [{ poisoning: "signFlip" }, { privacy: "localDp" }, { alpha: 1 }, { batchSize: 2 }] as const)
    assert.notDeepEqual(of(change), plain, JSON.stringify(change));
  assert.notDeepEqual(of({ aggregator: "krum", assumedMalicious: 1 }), of({ aggregator: "krum", assumedMalicious: 2 }));
  assert.equal(noiseMultiplier, 3);
});

test("settingBetween: names all that differs, with the rule whose parameter it is", () => {
  const between = (change: Change, base: Change = {}) =>
    settingBetween({ ...defaultFederation, ...base }, { ...defaultFederation, ...base, ...change, seed: 9 }).label;
  assert.equal(between({}), "passive");
  assert.equal(between({ poisoning: "signFlip", aggregator: "krum", assumedMalicious: 1 }), "sign flip + Krum, κ = 1");
  assert.equal(between({ poisoningParameters: { scale: 3 } }, { poisoning: "signFlip" }), "sign flip, κ = 3");
  assert.equal(between({ batchSize: 4 }), "passive, B = 4");
  assert.equal(between({ batchSize: 4, privacy: "dpSgd" }), "DP-SGD, σ = 3, B = 4");
});
