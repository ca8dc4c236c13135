import assert from "node:assert/strict";
import { test } from "node:test";
import { integrate } from "./gaussLegendre";

test("integrate: is exact for every power up to 31, and not for 34", () => {
  for (let power = 0; power <= 31; power++) {
    assert.ok(Math.abs(integrate((x) => x ** power, 0, 1) * (power + 1) - 1) < 1e-14, `x^${power}`);
  }
  assert.ok(Math.abs((integrate((x) => x ** 34, -1, 2) * 35) / 2 - 1) > 1e-9);
});

test("integrate: keeps the digits of an interval far narrower than its place", () => {
  assert.ok(Math.abs(integrate(() => 3, 5, 1e-20) / 3e-20 - 1) < 1e-14); // 5 + 1e-20 is 5
});
