import assert from "node:assert/strict";
import test from "node:test";
import { isDeepStrictEqual } from "node:util";
import { checkConfig } from "../fl/config";
import { commonPlan } from "./commonPlan";
import { studiedPlans } from "./studiedPlans";
import { styleOf, type SettingName } from "./style";

for (const profile of ["smoke", "quick", "paper"] as const) {
  test(`studiedPlans: names of profile ${profile} are unique and drawable, configs differ and can run`, () => {
    const all = Object.values(studiedPlans(profile)).flatMap((plans) => Object.entries(plans));
    const labels = all.map(([name]) => styleOf(name as SettingName).label);
    assert.equal(new Set(labels).size, labels.length);
    const configs = all.map(([, { federation }]) => federation);
    configs.forEach(checkConfig);
    for (const [i, config] of configs.entries()) {
      assert.ok(!configs.slice(0, i).some((other) => isDeepStrictEqual(other, config)), all[i]![0]);
    }
    for (const [name, { seeds }] of all) {
      assert.ok(seeds.length >= 2 && commonPlan(profile).seeds.join().startsWith(seeds.join()), name);
    }
  });
}
