import assert from "node:assert/strict";
import { test } from "node:test";
import { commonPlan, withFewSeeds } from "./commonPlan";
import type { Dataset } from "../core/types";
import { checkPlanned, distinct, measureSettings, pick, planEach, without } from "./planned";
import { setting, type Setting } from "./settings";
import * as studies from "./studies";

const base = commonPlan("smoke");
const flipBy = (scale: number): Setting => setting({ poisoning: "signFlip", poisoningParameters: { scale } });
const passive = setting({ poisoning: "none" });

test("planEach: a setting's plan differs from the base in its change alone", () => {
  const [one] = planEach(base, [flipBy(2)]);
  const { poisoning, poisoningParameters, ...rest } = one!.plan.federation;
  assert.deepEqual([poisoning, poisoningParameters], ["signFlip", { scale: 2 }]);
  const { poisoning: _, poisoningParameters: __, ...others } = base.federation;
  assert.deepEqual({ ...one!.plan, federation: rest }, { ...base, federation: others });
});

test("checkPlanned: refuses two names for one run, also where one spells a default out, and two runs of one name", () => {
  const bare = setting({ poisoning: "signFlip" }, { label: "the flip" });
  assert.throws(() => checkPlanned(planEach(base, [flipBy(1), bare])), /needs one name for one run, got sign flip, κ = 1 and the flip, κ = 1/); // prettier-ignore
  const trusting = [1, 2].map((assumedMalicious) => setting({ aggregator: "krum", assumedMalicious }));
  assert.throws(() => checkPlanned(planEach(base, trusting)), /needs labels that differ, got Krum twice/);
  const plain = setting({ aggregator: "mean" });
  assert.throws(() => checkPlanned(planEach(base, [passive, plain])), /got passive and no defense \(mean\)/);
  const few = planEach(withFewSeeds(base), [passive]);
  assert.throws(() => checkPlanned([...few, ...planEach(base, [passive])]), /needs labels that differ/);
  assert.throws(() => checkPlanned([]), /needs at least one setting/);
  checkPlanned(planEach(base, [passive, flipBy(1), flipBy(2)]));
});

test("checkPlanned: takes a second name for a run that is declared, behind the run itself", () => {
  const [first, second] = planEach(base, [flipBy(1), setting({ poisoning: "signFlip" }, { label: "the flip" })]);
  const alias = { ...second!, isAlias: true } as const;
  checkPlanned([first!, alias]);
  const needsRun = /needs the run that an alias names, of the same seeds, before it, got the flip, κ = 1/;
  for (const wrong of [[alias, first!], [alias], [{ ...first!, plan: { ...first!.plan, seeds: [7] } }, alias]])
    assert.throws(() => checkPlanned(wrong), needsRun);
  assert.throws(() => checkPlanned([first!, { ...alias, setting: flipBy(1) }]), /needs labels that differ/);
});

test("measureSettings: measures a run once, and gives it under both its names", async (t) => {
  const measured: string[][] = [];
  const measure = (plans: object): Promise<object> => {
    measured.push(Object.keys(plans));
    return Promise.resolve(Object.fromEntries(Object.keys(plans).map((name) => [name, { runs: [name], sources: [] }])));
  };
  t.mock.method(studies, "measureLeakage", measure as unknown as typeof studies.measureLeakage);
  const [first, second] = planEach(base, [flipBy(1), setting({ poisoning: "signFlip" }, { label: "the flip" })]);
  const found = await measureSettings([first!, { ...second!, isAlias: true }], {} as Dataset);
  assert.deepEqual(measured, [["sign flip, κ = 1"]]);
  assert.deepEqual(found.map(({ setting: { label } }) => label), ["sign flip, κ = 1", "the flip, κ = 1"]); // prettier-ignore
  assert.equal(found[1]!.study, found[0]!.study);
});

test("pick and without: find a setting by what it changes, in the order asked for, and refuse one that is not there", () => {
  const all = planEach(base, [passive, flipBy(1), flipBy(3)]);
  assert.deepEqual(pick(all, [flipBy(3), passive]), [all[2], all[0]]);
  assert.throws(() => pick(all, [flipBy(2)]), { message: "pick: needs a setting that was measured, got sign flip, κ = 2; there are: passive; sign flip, κ = 1; sign flip, κ = 3" }); // prettier-ignore
  assert.deepEqual(without(all, [flipBy(1), flipBy(2)]), [all[0], all[2]]);
  assert.deepEqual(distinct([flipBy(1), passive, flipBy(1)]).length, 2);
});
