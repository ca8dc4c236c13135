import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { estimateCorrelation, rankCorrelation } from "./rank";

const close = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`); // prettier-ignore

test("rankCorrelation: is 1 - 6 sum d^2 / (n (n^2 - 1)) without ties", () => {
  // ranks 1 2 3 4 5 and 2 1 4 3 5: sum d^2 = 4, 1 - 24 / 120
  close(rankCorrelation([10, 20, 30, 40, 50], [0.2, 0.1, 7, 3, 9]), 0.8);
  const rng = createRng("ranks");
  const draw = (): number[] => [...rng.permutation(9)];
  for (let i = 0; i < 20; i++) {
    const [x, y] = [draw(), draw()];
    const squares = x.reduce((sum, value, j) => sum + (value - y[j]!) ** 2, 0);
    close(rankCorrelation(x, y), 1 - (6 * squares) / (9 * 80));
  }
});

test("rankCorrelation: lets equal values share the mean of their ranks", () => {
  // ranks 1 2.5 2.5 4 and 1 2 3 4: deviations (-1.5, 0, 0, 1.5) and (-1.5, -0.5, 0.5, 1.5): 4.5 / sqrt(4.5 · 5)
  close(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4]), 4.5 / Math.sqrt(22.5));
});

test("rankCorrelation: refuses what has no ranks", () => {
  assert.throws(() => rankCorrelation([1], [1]), /at least two, got 1 and 1/);
  assert.throws(() => rankCorrelation([1, 2], [1]), /as many x as y/);
  assert.throws(() => rankCorrelation([1, NaN], [1, 2]), /finite/);
  assert.throws(() => rankCorrelation([1, 2], [3, 3]), /needs y that differ, got 3 throughout/);
});

test("estimateCorrelation: is the mean over seeds, its interval cut where no correlation lies", () => {
  // mean 0.8, se sqrt(0.07 / 3) = 0.1528, t(0.975, 2) = 4.3027: 0.8 ± 0.657
  const { mean, interval, n } = estimateCorrelation([0.5, 1, 0.9]);
  close(mean, 0.8);
  assert.ok(Math.abs(interval[0] - 0.1428) < 1e-3);
  assert.deepEqual([interval[1], n], [1, 3]);
  assert.throws(() => estimateCorrelation([0.5, 1.2]), /values in \[-1, 1\], got 1.2/);
});
