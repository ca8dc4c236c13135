import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import wabt from "wabt";
import { projectRoot } from "../core/paths";
import { compiled, kernels } from "./simd";

test("simd: are what simd.wat says", async () => {
  const source = readFileSync(join(projectRoot, "lib/numerics/simd.wat"), "utf8");
  const module = (await wabt()).parseWat("simd.wat", source, { simd: true });
  const { buffer } = module.toBinary({});
  assert.equal(compiled, Buffer.from(buffer).toString("base64"), "compile simd.wat and put its bytes into simd.ts");
});

test("kernels: refuse a memory that WebAssembly cannot have", () => {
  assert.throws(() => kernels(1e12), {
    name: "InputError",
    message: "aggregate: needs at most 2 GB for its sorting and distances, got 1000000000000 bytes",
  });
});
