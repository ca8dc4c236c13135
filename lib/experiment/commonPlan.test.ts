import assert from "node:assert/strict";
import { test } from "node:test";
import { commonPlan, commonWindows, vary } from "./commonPlan";

test("vary: changes the fields that are named, and refuses one that is not there or has no value", () => {
  const plan = commonPlan("smoke");
  const poisoned = vary(plan, { poisoning: "signFlip", poisoningParameters: { scale: 3 } });
  assert.deepEqual(poisoned, {
    ...plan,
    federation: { ...plan.federation, poisoning: "signFlip", poisoningParameters: { scale: 3 } },
  });
  const without = "got undefined; leave the field out, or give it one";
  const refused: readonly [change: object, message: string][] = [
    [{ poisoning: undefined }, `vary: needs a value for changes.poisoning, ${without}`],
    [
      { poisoning: "signFlip", poisoningParameters: { scale: undefined } },
      `vary: needs a value for changes.poisoningParameters.scale, ${without}`,
    ],
    [{ agregator: "krum" }, "vary: needs only known names in changes, got agregator; did you mean aggregator?"],
  ];
  for (const [change, message] of refused) assert.throws(() => vary(plan, change), { name: "InputError", message });
});

test("commonWindows: lie in the common plan's rounds, each with an inverted round in it", () => {
  for (const profile of ["smoke", "quick", "paper"] as const) {
    const { probeRounds, federation } = commonPlan(profile);
    for (const [name, [first, last]] of Object.entries(commonWindows(profile))) {
      assert.ok(first <= last && last < federation.rounds, `${profile} ${name}`);
      assert.ok(probeRounds.some((round) => round >= first && round <= last), `${profile} ${name}`); // prettier-ignore
    }
  }
});
