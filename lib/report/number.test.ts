import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatNumber, formatReal, roundTo } from "./number";

test("roundTo: keeps significant digits, and what is not finite", () => {
  assert.equal(roundTo(0.123456, 3), 0.123);
  assert.equal(roundTo(123456, 3), 123000);
  assert.ok(Object.is(roundTo(-0, 3), 0));
  assert.ok(Number.isNaN(roundTo(NaN, 3)));
  assert.equal(roundTo(-Infinity, 3), -Infinity);
});

test("roundTo: rounding again changes nothing, and the relative error is at most half a digit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), (x) => {
      const rounded = roundTo(x, 4);
      assert.equal(roundTo(rounded, 4), rounded);
      assert.ok(Math.abs(rounded - x) <= 0.5001e-3 * Math.abs(x));
    }),
  );
});

test("formatNumber: three significant digits with their zeros, integers in full", () => {
  const cases: [number, string][] = [
    [0.20999, "0.210"],
    [0.0304, "0.0304"],
    [12.345, "12.3"],
    [999.7, "1000"], // three digits of 999.7 are 1.00e3
    [1234.5, "1235"],
    [0.00012345, "1.23e-4"],
    [1.5e9, "1.50e9"],
    [-0.5, "-0.500"],
    [50, "50"],
    [60000, "60000"],
    [-0, "0"],
    [NaN, "–"],
    [Infinity, "∞"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
  assert.equal(formatNumber(0.20999, 2), "0.21");
});

test("formatReal: an integer gets decimals, so it fits into a column of fractions", () => {
  assert.deepEqual([1, 0, 25].map((x) => formatReal(x)), ["1.00", "0.00", "25.0"]); // prettier-ignore
});
