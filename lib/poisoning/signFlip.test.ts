import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { own, round } from "./context.fixture";
import type { PoisoningParameters } from "./poisoning";
import { signFlip } from "./signFlip";

const flip = (parameters: PoisoningParameters): Float32Array =>
  signFlip.poisonUpdate!(own, { ...round, parameters }, createRng(1));

test("signFlip: is -kappa times the own update, kappa 1 when left out", () => {
  assert.deepEqual(flip({}), Float32Array.of(-1, 2));
  assert.deepEqual(flip({ scale: 2.5 }), Float32Array.of(-2.5, 5));
  assert.deepEqual(flip({ scale: -1 }), own); // the honest update
});

test("signFlip: refuses a kappa that is not finite", () => {
  for (const scale of [NaN, Infinity]) {
    assert.throws(() => flip({ scale }), { message: `signFlip: needs a finite scale, got ${scale}` });
  }
});
