import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";

test("CURIOUS_BACKEND: empty is absent, anything but tensorflow and wasm is refused by name", () => {
  const script = `console.log(require(${JSON.stringify(require.resolve("./backend"))}).backend.name)`;
  const load = (value: string): { stdout: string; stderr: string } =>
    spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: { ...process.env, CURIOUS_BACKEND: value } });
  const { CURIOUS_BACKEND: _, ...without } = process.env;
  const unset = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: without }).stdout;
  assert.match(unset, /^(tensorflow|wasm)\n$/);
  assert.equal(load("").stdout, unset);
  assert.equal(load("wasm").stdout, "wasm\n");
  for (const value of [" ", "Wasm", "cpu"])
    assert.match(load(value).stderr, /InputError: backend: needs "tensorflow" or "wasm", got /);
});
