import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { round } from "./context.fixture";
import { gaussianNoise } from "./gaussianNoise";
import type { PoisoningParameters } from "./poisoning";

const d = 20000;
const own = Float32Array.from({ length: d }, (_, j) => (j % 2 === 0 ? 3 : -3));
const noisy = (parameters: PoisoningParameters, seed = 1): Float32Array =>
  gaussianNoise.poisonUpdate!(own, { ...round, parameters }, createRng(seed));

/** Mean and mean square of what is left after taking out a share of the own update. */
function moments(vector: Float32Array, share: number): { mean: number; square: number } {
  const rest = vector.map((x, j) => x - share * own[j]!);
  return { mean: rest.reduce((a, b) => a + b, 0) / d, square: rest.reduce((a, b) => a + b * b, 0) / d };
}

test("gaussianNoise: adds noise of variance noiseStd², or sends such noise alone", () => {
  const cases = [
    { parameters: { noiseStd: 0.5 }, share: 1, variance: 0.25 },
    { parameters: {}, share: 1, variance: 0.01 },
    { parameters: { noiseStd: 2, noiseMode: "replacing" }, share: 0, variance: 4 },
  ] as const;
  for (const { parameters, share, variance } of cases) {
    const { mean, square } = moments(noisy(parameters), share);
    assert.ok(Math.abs(mean) < 5 * Math.sqrt(variance / d), `mean ${mean}`); // five standard errors
    assert.ok(Math.abs(square / variance - 1) < 5 * Math.sqrt(2 / d), `variance ${square}`);
  }
});

test("gaussianNoise: is the same for the same stream, and another for another", () => {
  assert.deepEqual(noisy({}), noisy({}));
  assert.notDeepEqual(noisy({}), noisy({}, 2));
});

test("gaussianNoise: leaves the update as it is when noiseStd is 0", () => {
  assert.deepEqual(noisy({ noiseStd: 0 }), own);
});

test("gaussianNoise: refuses a negative or infinite noiseStd, and an unknown mode", () => {
  assert.throws(() => noisy({ noiseStd: -1 }), { message: "gaussianNoise: needs a finite noiseStd >= 0, got -1" });
  assert.throws(() => noisy({ noiseStd: Infinity }), /needs a finite noiseStd >= 0, got Infinity/);
  assert.throws(() => noisy({ noiseMode: "both" as "added" }), {
    message: 'gaussianNoise: needs a noiseMode of "added", "replacing", got both',
  });
});
