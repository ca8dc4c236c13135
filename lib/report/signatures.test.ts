import assert from "node:assert/strict";
import test from "node:test";
import type { LeakageStudy } from "../experiment/studies";
import type { LeakagePlan } from "../experiment/measure";
import type { Studied } from "../experiment/planned";
import { setting } from "../experiment/settings";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { signatures } from "./signatures";
import { leakOf, roundOf, studyOf } from "./study.fixture";

const windows = { early: [0, 0], late: [1, 1], noised: [0, 0], robust: [0, 1], combined: [0, 1] } as const;
/** Two seeds that differ by `spread`; errors of two rounds. */
const study = (first: number, second: number, spread = 0): LeakageStudy =>
  studyOf(...[0, spread].map((more) => ({ rounds: [roundOf(0, 1)], probe: [leakOf(0, [first + more]), leakOf(1, [second])] }))); // prettier-ignore
const planOf = (changes: Partial<FederationConfig>): LeakagePlan =>
  ({ federation: { ...defaultFederation, ...changes } }) as LeakagePlan;
const noise = { privacy: "localDp", privacyParameters: { clipNorm: 1, noiseMultiplier: 3, delta: 1e-5 } } as const;
const krum = { aggregator: "krum", assumedMalicious: 1 } as const;
const plans = {
  passive: planOf({ privacyParameters: { clipNorm: 9, noiseMultiplier: 9, delta: 0.5 } }), // read by nobody
  krum: planOf(krum),
  localDp: planOf(noise),
  both: planOf({ ...krum, ...noise }),
};
const settings = {
  passive: setting({ poisoning: "none" }),
  krum: setting(krum),
  localDp: setting(noise),
  both: setting({ ...krum, ...noise }),
};
type Name = keyof typeof plans;
const studied = (studies: Partial<Record<Name, LeakageStudy>>, own: typeof plans = plans): Studied[] =>
  (Object.keys(studies) as Name[]).map((name) => ({ setting: settings[name], plan: own[name], study: studies[name]! }));

test("signatures: each is the difference to its counterpart (hand-worked)", () => {
  const studies = { passive: study(0.2, 0.3), krum: study(0.25, 0.1), localDp: study(0.5, 0.4), both: study(0.1, 0.2) }; // prettier-ignore
  const found = new Map(signatures(studied(studies), windows).map((entry) => [entry.setting, entry]));
  const mean = (name: Name, id: "F1" | "F2" | "F3" | "F4"): string | undefined => {
    const sign = found.get(settings[name])![id];
    return sign ? `${sign.estimate.mean.toFixed(3)} ${sign.against}` : undefined;
  };
  assert.deepEqual([mean("passive", "F1"), mean("krum", "F1")], ["0.100 its early rounds", "-0.150 its early rounds"]);
  assert.deepEqual([mean("localDp", "F2"), mean("both", "F2")], ["0.300 passive", "-0.150 Krum"]);
  assert.equal(mean("krum", "F3"), "-0.075 passive"); // (0.25 + 0.1) / 2 - (0.2 + 0.3) / 2
  assert.equal(mean("both", "F4"), "-0.025 Krum"); // 0.15 - 0.175; against local DP 0.15 - 0.45
  const none = [mean("passive", "F2"), mean("passive", "F3"), mean("krum", "F2"), mean("both", "F3"), mean("krum", "F4")]; // prettier-ignore
  assert.deepEqual(none, [undefined, undefined, undefined, undefined, undefined]);
});

test("signatures: F4 is decided by the counterpart that says no, also where the other's mean is higher", () => {
  // Against krum +0.05 in both seeds: absent. Against local DP +0.1 on average, but undecided: seeds +0.3 and -0.1.
  const pair = study(0.4, 0.4);
  const wide = studyOf(...[0.1, 0.5].map((rmse) => ({ rounds: [roundOf(0, 1)], probe: [leakOf(0, [rmse]), leakOf(1, [rmse])] }))); // prettier-ignore
  const studies = { passive: pair, krum: study(0.35, 0.35), localDp: wide, both: pair };
  const { F4 } = signatures(studied(studies), windows).find(({ setting }) => setting === settings.both)!;
  assert.equal(F4!.against, "Krum");
  assert.ok(F4!.estimate.interval[0] > 0);
});

test("signatures: leaves out what has no counterpart or no noise", () => {
  const silent = planOf({ ...noise, privacyParameters: { ...noise.privacyParameters, noiseMultiplier: 0 } });
  const [entry] = signatures(studied({ localDp: study(0.1, 0.2), passive: study(0.2, 0.2) }, { ...plans, localDp: silent }), windows).slice(1); // prettier-ignore
  assert.equal(entry!.F2, null); // clipping alone
  const [alone] = signatures(studied({ both: study(0.1, 0.2) }), windows);
  assert.deepEqual([alone!.F2, alone!.F4], [null, null]);
});
