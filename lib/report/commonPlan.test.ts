import assert from "node:assert/strict";
import { test } from "node:test";
import { commonPlan, vary, varyEach } from "./commonPlan";

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
  for (const [change, message] of refused) {
    assert.throws(() => vary(plan, change), { name: "InputError", message });
    assert.throws(() => varyEach(plan, { a: change }), { name: "InputError", message });
  }
});
