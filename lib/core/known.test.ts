import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureDefined, ensureKnown, ensureNames, ensureSeeds, meantOrAll } from "./known";

const message = (compute: () => void): string => {
  try {
    compute();
  } catch (error) {
    assert.equal((error as Error).name, "InputError");
    return (error as Error).message;
  }
  return "";
};

test("ensureKnown: takes what there is and nothing that only a prototype has", () => {
  ensureKnown("f", "a rule", "max", ["max", "average"]);
  for (const name of ["constructor", "__proto__", "toString", "", undefined, null, 1, ["max"], {}])
    assert.match(
      message(() => ensureKnown("f", "a rule", name, ["max", "average"])),
      /^f: needs a rule of max, average, got /,
    );
});

test("meantOrAll: names the nearest whatever its case and hyphens, and all where none is near", () => {
  const known = ["fashion-mnist", "mnist", "cifar-10", "strokes"];
  for (const [name, nearest] of [
    ["cifar10", "cifar-10"],
    ["CIFAR 10", "cifar-10"],
    ["minst", "mnist"], // two neighbours swapped
    ["mnsti", undefined], // two of five letters
    ["mnists", "mnist"],
    ["fashionmnist", "fashion-mnist"],
    ["FashionMINST", "fashion-mnist"],
    ["imagenet", undefined],
    ["", undefined],
  ] as const) {
    const expected = nearest ? `did you mean ${nearest}?` : `known are: ${known.join(", ")}`;
    assert.equal(meantOrAll(name, known), expected, name);
  }
  const short = ["average", "max"];
  assert.equal(meantOrAll("avg", short), "did you mean average?"); // letters left out, but not the first
  assert.equal(meantOrAll("vrg", short), "known are: average, max");
  assert.equal(meantOrAll("av", short), "known are: average, max");
  assert.equal(meantOrAll("scale", []), "known are: none");
});

test("ensureNames: refuses what nobody reads, and what is no record", () => {
  ensureNames("f", "options", {}, []);
  ensureNames("f", "options", { steps: 0 }, ["steps"]);
  assert.equal(
    message(() => ensureNames("f", "options", { step: 0 }, ["steps", "seed"])),
    "f: needs only known names in options, got step; did you mean steps?",
  );
  const hidden = JSON.parse('{ "__proto__": { "steps": 1 } }') as object;
  assert.match(
    message(() => ensureNames("f", "options", hidden, ["steps"])),
    /got __proto__; known are: steps$/,
  );
  for (const value of [[], null, "steps", 3])
    assert.match(
      message(() => ensureNames("f", "options", value as object, ["0"])),
      /^f: needs an object for options, got /,
    );
});

test("ensureDefined: finds what is undefined at any depth, and passes over vectors", () => {
  ensureDefined("f", "plan", { a: null, b: [0, ""], c: new Float32Array(3), d: () => undefined });
  for (const [value, place] of [
    [undefined, "plan"],
    [{ a: { b: undefined } }, "plan.a.b"],
    [{ a: [1, undefined] }, "plan.a.1"],
  ] as const) {
    const expected = `f: needs a value for ${place}, got undefined; leave the field out, or give it one`;
    assert.equal(
      message(() => ensureDefined("f", "plan", value)),
      expected,
    );
  }
});

test("ensureSeeds: takes different integers alone", () => {
  ensureSeeds("f", [3, -1, 0]);
  const refused: readonly [unknown, string][] = [
    [[], "f: needs at least one seed, got none"],
    [[7, 7, 7], "f: needs seeds that differ, got 7 again"],
    [[0, -0], "f: needs seeds that differ, got 0 again"],
    [[1, 1.5], `f: needs an integer seed >= ${Number.MIN_SAFE_INTEGER}, got 1.5`],
    [["1"], `f: needs an integer seed >= ${Number.MIN_SAFE_INTEGER}, got 1`],
    ["123", "f: needs at least one seed, got 123"],
  ];
  for (const [seeds, expected] of refused)
    assert.equal(
      message(() => ensureSeeds("f", seeds as number[])),
      expected,
    );
});
