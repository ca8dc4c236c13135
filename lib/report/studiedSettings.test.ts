import assert from "node:assert/strict";
import test from "node:test";
import { isDeepStrictEqual } from "node:util";
import { checkConfig } from "../fl/config";
import { commonPlan, vary } from "./commonPlan";
import { studiedSettings } from "./studiedSettings";
import { styleOf, type SettingName } from "./style";

for (const profile of ["smoke", "quick", "paper"] as const) {
  test(`studiedSettings: names of profile ${profile} are unique and drawable, configs differ and can run`, () => {
    const all = Object.values(studiedSettings(profile)).flatMap((changes) => Object.entries(changes));
    const labels = all.map(([name]) => styleOf(name as SettingName).label);
    assert.equal(new Set(labels).size, labels.length);
    const configs = all.map(([, change]) => vary(commonPlan(profile), change).federation);
    configs.forEach(checkConfig);
    for (const [i, config] of configs.entries()) {
      assert.ok(!configs.slice(0, i).some((other) => isDeepStrictEqual(other, config)), all[i]![0]);
    }
  });
}
