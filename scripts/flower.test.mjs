import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { differences } from "../examples/flower/check.mjs";
import { setup } from "./setup.mjs";
import { at, filesUnder } from "./steps/common.mjs";

await setup({ only: ["build", "tensorflow"] });
const { readArrays } = createRequire(import.meta.url)("curious-inside");

const recordings = at("examples", "flower", "recordings");
const specs = readdirSync(at("examples")).filter((file) => file.endsWith(".json"));
/** Rounds of the recordings that have another number than one. */
const rounds = { "local-steps.json": 2 };

for (const spec of specs)
  test(`${spec}: what its clients sent, computed by the library, gives the next broadcast`, async () => {
    const found = await differences(at("examples", spec));
    assert.equal(found.length, rounds[spec] ?? 1);
    for (const { mean, own } of found) {
      assert.ok(mean <= 1e-4, `mean ${mean}`);
      assert.ok(own === null || own <= 1e-4, `own ${own}`);
    }
  });

test("differences: a spec that says something else of the federation is far off", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flower-"));
  try {
    const file = join(folder, "spec.json");
    const differ = async (spec, change) => {
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(at("examples", spec), "utf8")), ...change }));
      return (await differences(file, at("examples")))[0].mean;
    };
    assert.ok((await differ("one-image-each.json", {})) <= 1e-4);
    assert.ok((await differ("one-image-each.json", { pooling: "max" })) > 0.1);
    assert.ok((await differ("one-image-each.json", { learningRate: 0.2 })) > 0.1);
    assert.ok((await differ("local-steps.json", { clientWeights: null })) > 0.1);
    assert.ok((await differ("blitz.json", { normalize: { mean: [0, 0, 0], std: [1, 1, 1] } })) > 0.1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("recordings: Flower sends an aggregate twice, with evaluate and with the next fit", async () => {
  const [evaluated, fitted] = await Promise.all(
    [1, 2].map((k) => readArrays(join(recordings, "local-steps", `received${k}.npz`))),
  );
  assert.deepEqual(fitted, evaluated);
});

test("recordings: all of them take 2 MB at most", () => {
  const files = filesUnder(recordings);
  assert.ok(files.length > 0);
  assert.ok(files.reduce((sum, file) => sum + statSync(file).size, 0) <= 2e6);
});
