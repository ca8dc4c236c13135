/** @file A store of a test's own, and this process alone to compute in: with a dataset that child processes do not have. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

export function ownStore(): string {
  const store = mkdtempSync(join(tmpdir(), "store-"));
  after(() => rmSync(store, { recursive: true, force: true }));
  Object.assign(process.env, { CURIOUS_STORE: store, CURIOUS_WORKERS: "1", CURIOUS_ENGINE: "" });
  return store;
}
