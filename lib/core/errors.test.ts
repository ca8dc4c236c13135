import assert from "node:assert/strict";
import { test } from "node:test";
import { ensure, ensureCount, ensureFinite, InputError, refuse } from "./errors";

function messageOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof InputError);
    assert.equal(error.name, "InputError");
    return error.message;
  }
  return "no error";
}

test("refuse: names function, requirement, actual and remedy when there is one", () => {
  assert.equal(
    messageOf(() => refuse("krum", "needs n >= 2f + 3 updates", "n = 6, f = 2")),
    "krum: needs n >= 2f + 3 updates, got n = 6, f = 2",
  );
  assert.equal(
    messageOf(() => refuse("train", "needs rounds >= 1", 0, "set config.rounds")),
    "train: needs rounds >= 1, got 0; set config.rounds",
  );
});

test("refuse: shows values readably whatever their type", () => {
  const shown = (value: unknown): string =>
    messageOf(() => refuse("f", "needs x", value)).slice("f: needs x, got ".length);
  assert.equal(shown([1, [NaN, "a"]]), "[1, [NaN, a]]");
  assert.equal(shown({ round: 3 }), '{"round":3}');
  assert.equal(shown(undefined), "undefined");
  assert.equal(shown(null), "null");
  assert.equal(shown(-Infinity), "-Infinity");
});

test("ensure: silent when the condition holds, else as refuse", () => {
  assert.equal(
    messageOf(() => ensure(true, "f", "needs x", 1)),
    "no error",
  );
  assert.equal(
    messageOf(() => ensure(false, "f", "needs x", 1, "give x")),
    "f: needs x, got 1; give x",
  );
});

test("ensureCount: accepts integers from min upwards and refuses all else by name", () => {
  assert.equal(
    messageOf(() => ensureCount("f", "n", 1)),
    "no error",
  );
  assert.equal(
    messageOf(() => ensureCount("f", "n", 0, 0)),
    "no error",
  );
  assert.equal(
    messageOf(() => ensureCount("f", "n", 0)),
    "f: needs an integer n >= 1, got 0",
  );
  assert.equal(
    messageOf(() => ensureCount("f", "rounds", 2.5, 2)),
    "f: needs an integer rounds >= 2, got 2.5",
  );
  assert.equal(
    messageOf(() => ensureCount("f", "n", NaN)),
    "f: needs an integer n >= 1, got NaN",
  );
});

test("ensureFinite: names the vector, the first bad index and the value", () => {
  assert.equal(
    messageOf(() => ensureFinite("f", "update", [0, -1e308])),
    "no error",
  );
  assert.equal(
    messageOf(() => ensureFinite("f", "update 3", Float32Array.of(1, 1e39, NaN))), // 1e39 overflows a float32
    "f: needs finite numbers in update 3, got Infinity at index 1",
  );
  assert.equal(
    messageOf(() => ensureFinite("f", "v", [NaN])),
    "f: needs finite numbers in v, got NaN at index 0",
  );
});
