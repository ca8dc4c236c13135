import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { own, round } from "./context.fixture";
import { minMax, minMaxGamma } from "./minMax";

const distance = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((x, j) => x - b[j]!));
const farthest = (vectors: readonly Float32Array[], from = vectors): number =>
  Math.max(...vectors.flatMap((a) => from.map((b) => distance(a, b))));

test("minMaxGamma: stops where the farthest honest update is as far as two honest ones are from each other", () => {
  // 0, 2, 4: mean 2, std 2, largest distance 4; 2 - 2 gamma is 4 away from 4 at gamma = 1; the search is 5/512 wide at its end
  const gamma = minMaxGamma([0, 2, 4].map((x) => Float32Array.of(x)));
  assert.ok(gamma <= 1 && gamma > 1 - 5 / 512);
});

test("minMax: is on the asked side of the mean, and as far as a step more would break the bound", () => {
  const vectors = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(vectors, fc.constantFrom("plus", "minus"), (pairs, direction) => {
      const honestUpdates = pairs.map((pair) => Float32Array.from(pair));
      const largest = farthest(honestUpdates);
      const gamma = minMaxGamma(honestUpdates, direction);
      const poisoned = minMax.poisonUpdate!(own, { ...round, honestUpdates, parameters: { direction } }, createRng(1));
      assert.ok(farthest([poisoned], honestUpdates) <= largest + 1e-4);
      // at the slow, obvious spot one step on, unless the honest are equal or the search's upper end is allowed
      const mean = [0, 1].map((j) => honestUpdates.reduce((sum, u) => sum + u[j]!, 0) / honestUpdates.length);
      const std = mean.map((m, j) =>
        Math.sqrt(honestUpdates.reduce((sum, u) => sum + (u[j]! - m) ** 2, 0) / (honestUpdates.length - 1)),
      );
      const sign = direction === "plus" ? 1 : -1;
      const at = (g: number): Float32Array => Float32Array.from(mean, (m, j) => m + sign * g * std[j]!);
      assert.ok(distance(poisoned, at(gamma)) < 1e-4);
      if (largest > 0 && gamma < 4.98) assert.ok(farthest([at(gamma + 0.0101)], honestUpdates) > largest);
    }),
  );
});

test("minMax: sends the mean when all honest updates are equal", () => {
  const honestUpdates = [Float32Array.of(1, 2), Float32Array.of(1, 2)];
  assert.deepEqual(minMax.poisonUpdate!(own, { ...round, honestUpdates }, createRng(1)), Float32Array.of(1, 2));
});
