import assert from "node:assert/strict";
import { test } from "node:test";
import { classGuesses } from "./guess";

test("classGuesses: is the shrunk mean of a class, worked by hand, and the mean of all for a class without an image", () => {
  // Two pixels. Class 0: (0, 1), (1, 1); class 1: (1, 0). Mean of all: (2/3, 2/3).
  const own = { images: Float32Array.of(0, 1, 1, 1, 1, 0), labels: Int32Array.of(0, 0, 1), size: 3 };
  const expected = [[(1 + 4 / 3) / 4, (2 + 4 / 3) / 4], [(1 + 4 / 3) / 3, 4 / 3 / 3], [2 / 3, 2 / 3]]; // prettier-ignore
  classGuesses(own, 3).forEach((guess, c) =>
    guess.forEach((x, p) => assert.ok(Math.abs(x - expected[c]![p]!) < 1e-7, `class ${c}, pixel ${p}`)),
  );
});
