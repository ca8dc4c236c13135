import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { squaredDistances } from "./distances";
import { squaredNorms } from "./linear";
import { explicitSpread } from "./principalVariance.fixture";
import { spreadOf } from "./principalVariance";

test("spreadOf: is the top eigenpair of the covariance itself", () => {
  for (const weights of [
    [1, 1, 1, 1, 1, 1],
    [1, 0.5, 0, 2, 0.1, 1],
    [0, 0, 1, 1, 1, 0],
  ]) {
    // prettier-ignore
    const updates = weights.map((_, i) => createRng("spread").split("update", i).normals(4));
    const squared = Float64Array.from(updates.flatMap((x) => squaredNorms(updates, x))); // in float64
    const found = spreadOf(squared, weights);
    const expected = explicitSpread(updates, weights);
    assert.ok(Math.abs(found.variance - expected.variance) < 1e-9);
    found.projections.forEach((p, i) => assert.ok(Math.abs(p - expected.projections[i]!) < 1e-6, `projection ${i}`));
  }
});

test("spreadOf: is nothing where all updates are equal, or only one has weight", () => {
  const equal = [1, 2, 3].map(() => Float32Array.of(0.1, -7));
  assert.deepEqual(spreadOf(squaredDistances(equal), [1, 1, 1]), { variance: 0, projections: [0, 0, 0] });
  const apart = [1, 2, 3].map((x) => Float32Array.of(x));
  assert.deepEqual(spreadOf(squaredDistances(apart), [0, 1, 0]), { variance: 0, projections: [0, 0, 0] });
});
