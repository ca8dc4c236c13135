import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateProportion } from "./proportion";

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

/** P(at most count of n), summed term by term. */
function atMost(count: number, n: number, p: number): number {
  let [term, sum] = [(1 - p) ** n, 0];
  for (let k = 0; k <= count; k++) {
    sum += term;
    term *= ((n - k) / (k + 1)) * (p / (1 - p));
  }
  return sum;
}

test("estimateProportion: ends where the binomial tails hold 2.5 % each", () => {
  for (const [count, n] of [
    [1, 10],
    [5, 10],
    [3, 200],
  ] as const) {
    // prettier-ignore
    const { mean, interval } = estimateProportion(count, n);
    assert.equal(mean, count / n);
    close(1 - atMost(count - 1, n, interval[0]), 0.025);
    close(atMost(count, n, interval[1]), 0.025);
  }
});

test("estimateProportion: of no case reaches to 1 - 0.025^(1/n), of all cases from 0.025^(1/n)", () => {
  for (const n of [2, 30, 1500]) {
    close(estimateProportion(0, n).interval[1], 1 - 0.025 ** (1 / n));
    assert.equal(estimateProportion(0, n).interval[0], 0);
    close(estimateProportion(n, n).interval[0], 0.025 ** (1 / n));
    assert.equal(estimateProportion(n, n).interval[1], 1);
  }
});

test("estimateProportion: refuses counts out of range", () => {
  assert.throws(() => estimateProportion(3, 2), /estimateProportion: needs count <= n, got 3 of 2/);
  assert.throws(() => estimateProportion(0, 1), /n >= 2, got 1/);
  assert.throws(() => estimateProportion(1.5, 2), /integer count/);
  assert.throws(() => estimateProportion(0, 2, { confidence: 1 }), /0 < confidence < 1/);
});
