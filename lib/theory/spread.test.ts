import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dispersionOf } from "./bound";
import { krumSpread, medianSpread, ruleError } from "./spread";
import { combination, squaredDistance } from "./vectors";

const number = fc.double({ min: -100, max: 100, noNaN: true });

test("medianSpread: holds for arbitrary honest and malicious numbers", () => {
  const values = fc.array(number, { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(values, fc.array(number, { maxLength: 4 }), (honest, malicious) => {
      fc.pre(malicious.length < honest.length);
      const sorted = [...honest, ...malicious].sort((a, b) => a - b);
      const n = sorted.length;
      const median = (sorted[Math.floor((n - 1) / 2)]! + sorted[Math.ceil((n - 1) / 2)]!) / 2;
      const mean = honest.reduce((sum, x) => sum + x / honest.length, 0);
      const spread = dispersionOf(honest.map((x) => [x]));
      assert.ok((median - mean) ** 2 <= medianSpread(n, malicious.length) * spread * (1 + 1e-9) + 1e-9);
    }),
    { numRuns: 500 },
  );
});

test("krumSpread: holds for arbitrary honest and malicious points", () => {
  const point = fc.tuple(number, number);
  const points = fc.array(point, { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(points, fc.array(point, { maxLength: 3 }), (honest, malicious) => {
      const [n, f] = [honest.length + malicious.length, malicious.length];
      fc.pre(n >= 2 * f + 3);
      const all = [...honest, ...malicious];
      const scores = all.map((p, i) => {
        const distances = all.filter((_, j) => j !== i).map((q) => squaredDistance(p, q));
        return distances.sort((a, b) => a - b).slice(0, n - f - 2).reduce((sum, x) => sum + x, 0); // prettier-ignore
      });
      const choice = all[scores.indexOf(Math.min(...scores))]!;
      assert.ok(
        squaredDistance(choice, combination(honest)) <= krumSpread(n, f) * dispersionOf(honest) * (1 + 1e-9) + 1e-9,
      );
    }),
    { numRuns: 500 },
  );
});

test("spreads: refuse more malicious clients than the rule bears", () => {
  const flat = { biases: [[0], [0], [0], [0]], samplingStd: 1 };
  assert.throws(() => medianSpread(4, 2), /needs 2f < n, got n = 4, f = 2/);
  assert.throws(() => krumSpread(6, 2), /needs n >= 2f \+ 3, got n = 6, f = 2/);
  assert.throws(() => ruleError(-1, flat), /spread >= 0/);
});
