import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { packJob, runOf, unpackJob, type Job } from "./job";
import { keyOf } from "./store";
import { fixtureJob } from "./jobs.fixture";

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
