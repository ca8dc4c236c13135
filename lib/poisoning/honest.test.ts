import assert from "node:assert/strict";
import { test } from "node:test";
import { round } from "./context.fixture";
import { meanOf, stdOf } from "./honest";

test("meanOf, stdOf: equal the moments worked by hand", () => {
  // (1 + 2 + 3)/3, (2 + 8 + 2)/3; squares 1 + 0 + 1 = 2 and 4 + 16 + 4 = 24, over h - 1 = 2
  const mean = meanOf(round.honestUpdates);
  assert.deepEqual(mean, Float64Array.of(2, 4));
  assert.deepEqual(stdOf(round.honestUpdates, mean), Float64Array.of(1, Math.sqrt(12)));
});
