import assert from "node:assert/strict";
import { test } from "node:test";
import { millsRatio } from "./normal";

test("millsRatio: agrees with mpmath to 1e-14, and its slope to 1e-13", () => {
  // mpmath 1.4.1, 40 digits: sqrt(pi / 2) e^(x^2 / 2) erfc(x / sqrt 2), and 1 - x times it
  const cases = [
    [-30.0, 6.785889613061119e195, 2.0357668839183357e197],
    [-1.0, 3.4770518117036944, 4.477051811703695],
    [0.5, 0.8763644564536923, 0.5618177717731538],
    [1.9999999, 0.42136924501420914, 0.1572615521085062],
    [2.0, 0.4213692292880545, 0.15726154142389107],
    [4.0, 0.23665238291356067, 0.053390468345757315],
    [38.0, 0.026297602974252963, 0.0006910869783873536],
    [100000.0, 9.999999999e-6, 9.999999997e-11],
  ] as const;
  for (const [x, ratio, slope] of cases) {
    const got = millsRatio(x);
    assert.ok(Math.abs(got.ratio - ratio) <= 1e-14 * ratio, `m(${x}) = ${got.ratio}, not ${ratio}`);
    assert.ok(Math.abs(got.slope - slope) <= 1e-13 * slope, `1 - x m(${x}) = ${got.slope}, not ${slope}`);
  }
});
