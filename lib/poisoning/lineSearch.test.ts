import assert from "node:assert/strict";
import { test } from "node:test";
import { own, round } from "./context.fixture";
import { farthestScale } from "./lineSearch";

/** A server whose aggregate lies height(s) from the honest mean (2, 4) when the poisoned vectors hold s; notes each s. */
function server(height: (scale: number) => number): { tried: number[]; scale: number; count: number } {
  const tried: number[] = [];
  let count = 0;
  const aggregate = (updates: readonly Float32Array[]): Float32Array => {
    count = updates.length;
    tried.push(updates.at(-1)![0]!);
    return Float32Array.of(2 + height(updates.at(-1)![0]!), 4);
  };
  const context = { ...round, numMalicious: 2, aggregate };
  return { tried, scale: farthestScale("rule", own, context, (s) => Float32Array.of(s, 0)), count };
}

test("farthestScale: tries twenty scales, doubling its step while it gets farther, then shrinking it", () => {
  const { tried, scale, count } = server((s) => (s <= 30 ? s : 0));
  assert.equal(count, 3 + 2); // the honest, and both malicious
  assert.equal(tried.length, 20);
  // 10 and 30 get farther; 30 + 40 does not, nor any of 30 + 40 * 0.8^i
  const shrunk = tried.slice(4).map((s, i) => Math.abs(s - (30 + 40 * 0.8 ** (i + 1))));
  assert.deepEqual(tried.slice(0, 4), [0, 10, 30, 70]);
  assert.ok(Math.max(...shrunk) < 1e-5);
  assert.equal(scale, 30);
});

test("farthestScale: settles beyond a peak that its first step jumped, since it never goes back", () => {
  const { scale } = server((s) => Math.max(0, 5 - Math.abs(s - 5))); // 10 is as bad as 0
  assert.equal(scale, 8); // 0 + 10 * 0.8 gets farther than 0; all that follows lies above 8
});

test("farthestScale: stays at 0 when nothing gets farther", () => {
  assert.equal(server(() => 1).scale, 0);
});

test("farthestScale: refuses when the server's rule is missing", () => {
  assert.throws(() => farthestScale("optimalAlie", own, round, () => own), {
    message: "optimalAlie: needs the server's rule, got none; give it in context.aggregate",
  });
});
