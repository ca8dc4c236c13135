import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregators } from "./aggregators";
import { preAggregations } from "./preAggregations";

test("aggregators, preAggregations: hold each rule under its own name, with its source", () => {
  for (const [name, rule] of Object.entries({ ...aggregators, ...preAggregations })) {
    assert.equal(rule.name, name);
    assert.ok(rule.source.length > 0);
  }
});
