import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { backendReady } from "../core/backend";
import { loadDataset } from "../data/source";
import { defaultFederation } from "../fl/config";
import { computeJob } from "./computeJob";
import { packJob, runOf, unpackJob, type Job } from "./job";
import { seedJobs } from "./leakageJob";
import { keyOf } from "./store";
import { fixtureJob } from "./sweep.fixture";

const store = (process.env["CURIOUS_STORE"] = mkdtempSync(join(tmpdir(), "job-")));
after(() => rmSync(store, { recursive: true, force: true }));

test("unpackJob: gives back what packJob was given, through JSON", () => {
  const job = fixtureJob({ id: "there and back" }, "2026-11-23T17:00:00.000Z");
  assert.deepEqual(unpackJob(JSON.parse(JSON.stringify(packJob(job)))), job);
});

test("unpackJob: names both hashes when the job is of another library, or of a module that this one has not", () => {
  const payload = packJob(fixtureJob({ id: "other" }));
  const other = "f".repeat(64);
  const message = `this worker has library hash ${payload.libraryHash}, the job asks for ${other}; `;
  assert.throws(
    () => unpackJob({ ...payload, libraryHash: other }),
    (error: Error) => error.name === "UnfitError" && error.message.startsWith(message),
  );
  assert.throws(() => unpackJob({ ...payload, code: "fl/future" }), {
    name: "UnfitError",
    message: /library hash none \(it has no fl\/future\), the job asks for [0-9a-f]{64}; bring both/,
  });
});

test("keyOf: of a job does not change when it is forced, and does with its plan, dataset and backend", () => {
  const job = fixtureJob({ id: "a" });
  const key = (change: Partial<Job>): string => keyOf(runOf({ ...job, ...change }));
  assert.equal(key({ force: true }), key({}));
  const changes: readonly Partial<Job>[] = [
    { plan: { id: "b" } },
    { dataset: { name: "strokes", hash: "1".repeat(64) } },
    { backend: "wasm" },
    { kind: "other" },
  ];
  assert.equal(new Set([key({}), ...changes.map(key)]).size, 5);
});

test("computeJob: leaves it to others when the dataset or the backend is another, and refuses a kind or plan it does not know", async () => {
  const dataset = await loadDataset("strokes");
  const plan = {
    federation: { ...defaultFederation, dataset: "strokes", rounds: 1 },
    attack: { prior: "pixel", labels: "given", autoencoderSteps: 1 },
    ...{ seeds: [1], probeRounds: [0], probeBatchSize: 1, trajectoryRounds: [] },
  } as const;
  const job: Job = seedJobs(plan, { dataset, backend: await backendReady(), force: false })[0]!;
  const compute = (change: Partial<Job>) => computeJob({ ...job, ...change }, () => undefined);
  await assert.rejects(compute({ dataset: { name: "strokes", hash: "0".repeat(64) } }), {
    name: "UnfitError",
    message: new RegExp(`^this worker's strokes \\(embedded\\) has hash ${dataset.hash}, the job asks for 0{64}; `),
  });
  await assert.rejects(compute({ backend: "abacus 1.0" }), {
    name: "UnfitError",
    message: /^this worker computes on .*, the job asks for abacus 1\.0$/,
  });
  await assert.rejects(compute({ kind: "magic" }), {
    name: "InputError",
    message: "computeJob: needs a kind of leakage, gradients, got magic",
  });
  await assert.rejects(compute({ plan: { ...plan, seeds: "all" } }), {
    name: "InputError",
    message: "readPlan: needs an array at seeds, got all",
  });
});
