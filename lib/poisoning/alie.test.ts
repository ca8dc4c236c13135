import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { alie, alieScale } from "./alie";
import { own, round } from "./context.fixture";
import type { PoisoningContext } from "./poisoning";

const poison = (context: Partial<PoisoningContext>): Float32Array =>
  alie.poisonUpdate!(own, { ...round, ...context }, createRng(1));

test("alie: is the honest mean plus or minus z standard deviations", () => {
  const far = 2 * Math.sqrt(12); // mean (2, 4), std (1, sqrt 12)
  assert.deepEqual(poison({ parameters: { scale: 2 } }), Float32Array.of(4, 4 + far));
  assert.deepEqual(poison({ parameters: { scale: 2, direction: "minus" } }), Float32Array.of(0, 4 - far));
});

test("alie: goes alieScale standard deviations when no scale is given", () => {
  const z = alieScale(round);
  assert.deepEqual(poison({}), Float32Array.of(2 + z, 4 + z * Math.sqrt(12)));
});

test("alieScale: equals the values of the first author's public code at n = 31, and is above 0 at n = 10", () => {
  // Phi^-1((n - m - s)/(n - m)), s = floor(n/2) - m
  for (const [numMalicious, z] of [
    [2, 0.13],
    [6, 0.3585],
    [10, 0.7124],
    [14, 1.5647],
  ] as const)
    // prettier-ignore
    assert.ok(Math.abs(alieScale({ numClients: 31, numMalicious }) - z) < 5e-5);
  assert.ok(Math.abs(alieScale({ numClients: 10, numMalicious: 1 }) - 0.1397) < 5e-5); // Phi^-1(5/9)
  // Where the malicious make a majority by themselves the published z is infinite.
  assert.ok(Math.abs(alieScale({ numClients: 3, numMalicious: 1 }) - 0.6745) < 5e-5); // Phi^-1(3/4)
  assert.ok(Math.abs(alieScale({ numClients: 10, numMalicious: 5 }) - 1.2816) < 5e-5); // Phi^-1(4.5/5)
});

test("alie: refuses a scale that is not finite, an unknown direction, a lone honest client", () => {
  assert.throws(() => poison({ numClients: 2, numMalicious: 1 }), {
    message: "alie: needs a malicious client and two honest ones, got 1 malicious of 2; take numClients >= 3",
  });
  assert.throws(() => poison({ parameters: { scale: Infinity } }), {
    message: "alie: needs a finite scale, got Infinity",
  });
  assert.throws(() => poison({ parameters: { scale: 1, direction: "up" as "plus" } }), {
    message: 'alie: needs a direction of "plus", "minus", got up',
  });
  assert.throws(() => poison({ honestUpdates: round.honestUpdates.slice(1, 2) }), {
    message: "alie: needs the updates of at least 2 honest clients, got 1; take more clients",
  });
});
