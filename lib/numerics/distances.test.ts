import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { squaredDistances } from "./distances";

const draw = (n: number, d: number): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("distances").split("update", i).normals(d));

function oracle(updates: readonly Float32Array[]): number[] {
  return updates.flatMap((x) => updates.map((y) => x.reduce((sum, value, k) => sum + (value - y[k]!) ** 2, 0)));
}

function assertClose(updates: readonly Float32Array[], tolerance: number, what: string): void {
  const expected = oracle(updates);
  const found = squaredDistances(updates);
  assert.equal(found.length, expected.length);
  found.forEach((x, at) => assert.ok(Math.abs(x - expected[at]!) <= tolerance * expected[at]!, `${what}, at ${at}`));
}

test("squaredDistances: are the sums of squared differences, whatever the number of updates and their length", () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    for (const d of [0, 1, 2, 3, 4, 1023, 1024, 1025, 2051]) assertClose(draw(n, d), 1e-6, `n = ${n}, d = ${d}`);
  }
  for (const n of [19, 20, 21, 22, 23, 100]) assertClose(draw(n, 1067), 1e-6, `n = ${n}`);
  const offset = draw(30, 1067).map((update) => update.map((x) => 1000 + x)); // of which each loses digits at once
  assertClose(offset, 1e-6, "with an offset");
});

test("squaredDistances: are right to 2e-5 when every rounding goes the same way", () => {
  // Equal summands: their float32 sum is rounded down again and again, or up again and again, while it stays below a power of two.
  for (const gap of [1 + 2 ** -23, 1.3, Math.SQRT2, 1.9]) {
    assertClose([new Float32Array(4096), new Float32Array(4096).fill(gap)], 2e-5, `gap = ${gap}`);
  }
});

test("squaredDistances: have all digits when squares are beyond float32", () => {
  const d = 1300;
  for (const n of [6, 21]) {
    const scaled = (scale: number) => draw(n, d).map((update) => update.map((x) => x * scale));
    for (const scale of [1e30, 1e19, 1e-18, 1e-19, 1e-21, 1e-25]) assertClose(scaled(scale), 1e-6, `${n} of ${scale}`);
    const [huge, tiny] = [scaled(1e30), scaled(1e-25)];
    assertClose([...draw(n - 3, d), huge[0]!, tiny[1]!, ...draw(2, d), huge[2]!, tiny[3]!], 1e-6, `${n} mixed`);
    assertClose([...draw(n, d), tiny[1]!], 1e-6, `${n} and a tiny one`);
  }
  const [zeros, spike] = [new Float32Array(d), new Float32Array(d)];
  spike[1200] = 2 ** 100;
  assert.deepEqual([...squaredDistances([zeros, spike])], [0, 2 ** 200, 2 ** 200, 0]);
});

test("squaredDistances: lose no digit to an offset common to all, nor to a huge update", () => {
  // Steps of 2^-7 are exact beside 2^16 in float32; inner products would have to tell 2^32 from 2^32 + 2^-13.
  const offset = 2 ** 16;
  const updates = [0, 1, 3].map((step) => new Float32Array(600).fill(offset + step * 2 ** -7));
  const unit = 600 * 2 ** -14;
  assert.deepEqual(
    [...squaredDistances(updates)],
    [0, 1, 9, 1, 0, 4, 9, 4, 0].map((x) => x * unit),
  );
  const huge = new Float32Array(600).fill(1e30);
  const [, first, , , , second] = squaredDistances([
    updates[0]!,
    updates[1]!,
    huge,
    updates[2]!,
    updates[0]!,
    updates[2]!,
  ]);
  assert.deepEqual([first, second], [unit, 9 * unit]);
});

test("squaredDistances: are 0 between equal updates and only there, however many are equal", () => {
  const [a, b, c] = draw(3, 1030) as [Float32Array, Float32Array, Float32Array];
  const near = a.map((x, k) => (k === 700 ? x + 2 ** -20 : x)); // whose squared distance from a is too small for the sums in float32
  const updates = [a, b, near, a, c, b, a, near].map((update) => update.slice());
  assertClose(updates, 1e-6, "some equal");
  assertClose([...updates, ...draw(20, 1030)], 1e-6, "some of many equal");
  assertClose(
    Array.from({ length: 9 }, () => c),
    0,
    "all equal",
  );
});

test("squaredDistances: are right however far out clients are, one or many, apart or nearly together", () => {
  const d = 1300;
  for (const far of [1, 3, 10, 30, 100, 1e3, 1e6, 1e15]) {
    for (const [n, f] of [
      [11, 1],
      [20, 2],
      [20, 9],
      [30, 4],
    ] as const) {
      // prettier-ignore
      const updates = draw(n, d).map((update, i) => (i < f ? draw(1, d)[0]!.map((x, k) => far * x + update[k]!) : update));
      assertClose(updates, 1e-5, `${f} of ${n} at ${far}`);
    }
  }
});

test("squaredDistances: of a pair do not depend on its place among the updates", () => {
  for (const n of [11, 27]) {
    const updates = draw(n, 1030);
    const turned = squaredDistances([...updates].reverse());
    squaredDistances(updates).forEach((x, at) => assert.equal(x, turned[n * n - 1 - at]));
  }
});
