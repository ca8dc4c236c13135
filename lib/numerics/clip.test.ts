import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clipElementwise, clipToNorm } from "./clip";

/** Vectors of float32 of very different sizes, and clips; no subnormal numbers, whose products round coarsely. */
const number = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -20, max: 20 }))
  .map(([x, power]) => Math.fround(x * 10 ** power))
  .filter((x) => x === 0 || Math.abs(x) > 1e-30);
const vectors = fc.array(number, { minLength: 1, maxLength: 20 }).map((xs) => Float32Array.from(xs));
const clips = fc.tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -10, max: 10 })).map(([x, power]) => x * 10 ** power); // prettier-ignore

/** In double precision, in which sums of squares of float32 cannot overflow. */
function norm(x: Float32Array): number {
  return Math.sqrt(Array.from(x).reduce((sum, value) => sum + value * value, 0));
}

test("clipToNorm: scales a longer vector to the norm when worked by hand", () => {
  // ||(3, 4)|| = 5, so C = 2.5 halves it
  const clipped = clipToNorm(Float32Array.of(3, 4), 2.5);
  assert.ok(Math.abs(clipped[0]! - 1.5) < 1e-6 && Math.abs(clipped[1]! - 2) < 1e-6);
});

test("clipToNorm: leaves a vector on the sphere or inside it as it is, bit for bit, in a copy", () => {
  for (const clipNorm of [5, 5.1, 1e30]) {
    const vector = Float32Array.of(3, 4);
    const clipped = clipToNorm(vector, clipNorm);
    assert.deepEqual(clipped, vector);
    assert.notEqual(clipped, vector);
  }
  assert.deepEqual(clipToNorm(new Float32Array(3), 1), new Float32Array(3));
});

test("clipToNorm: never exceeds the norm, keeps the direction, and leaves short vectors alone", () => {
  fc.assert(
    fc.property(vectors, clips, (vector, clipNorm) => {
      const before = vector.slice();
      const clipped = clipToNorm(vector, clipNorm);
      assert.deepEqual(vector, before);
      assert.ok(norm(clipped) <= clipNorm, `${norm(clipped)} > ${clipNorm}`);
      if (norm(vector) <= clipNorm) assert.deepEqual(clipped, vector);
      else {
        assert.ok(norm(clipped) >= clipNorm * (1 - 3e-7)); // 2^-23, and rounding to float32
        const factor = clipNorm / norm(vector);
        clipped.forEach((x, i) => {
          const error = Math.abs(x - factor * vector[i]!);
          assert.ok(error <= 3e-7 * Math.abs(factor * vector[i]!) + 1e-44); // below 1e-38 float32 has fewer digits
        });
      }
    }),
    { numRuns: 300 },
  );
});

test("clipElementwise: moves each coordinate into the interval, and changes the direction", () => {
  assert.deepEqual([...clipElementwise(Float32Array.of(3, -0.5, -7, 1), 1)], [1, -0.5, -1, 1]);
  fc.assert(
    fc.property(vectors, clips, (vector, clipNorm) => {
      const clipped = clipElementwise(vector, clipNorm);
      const bound = Math.fround(clipNorm);
      clipped.forEach((x, i) => {
        const inside = Math.abs(vector[i]!) <= clipNorm;
        assert.equal(x, inside ? vector[i] : Math.sign(vector[i]!) * bound);
      });
    }),
  );
});

test("clipToNorm, clipElementwise: refuse a clip that is none, and a coordinate that is not finite", () => {
  for (const clip of [clipToNorm, clipElementwise]) {
    for (const clipNorm of [0, -1, NaN, Infinity]) {
      assert.throws(() => clip(Float32Array.of(1), clipNorm), {
        name: "InputError",
        message: `${clip.name}: needs a finite clipNorm > 0, got ${clipNorm}`,
      });
    }
    assert.throws(() => clip(Float32Array.of(1, NaN), 1), {
      name: "InputError",
      message: `${clip.name}: needs finite numbers in vector, got NaN at index 1`,
    });
  }
});
