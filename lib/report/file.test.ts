import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "../core/paths";
import { figureFile, newestRecord } from "./file";

const name = "99_newest_record";

test("newestRecord: finds what a finished run left, what is being written once that is newer, and nothing where nothing is", (t) => {
  process.env["CURIOUS_FIGURES"] = mkdtempSync(join(tmpdir(), "curious-figures-"));
  const folder = process.env["CURIOUS_FIGURES"];
  t.after(() => {
    delete process.env["CURIOUS_FIGURES"];
    rmSync(folder, { recursive: true, force: true });
  });
  const stamps = [
    { stamp: { profile: "smoke", datasetSource: "folder" }, finished: ["smoke"] },
    { stamp: { profile: "quick", datasetSource: "embedded" }, finished: ["stand-in", "quick"] },
  ] as const;
  for (const { stamp, finished } of stamps) {
    const settled = join(projectRoot, "build", ...finished, "figures", `${name}.${stamp.profile}.json`);
    const written = figureFile("test", name, stamp, "json");
    t.after(() => rmSync(settled, { force: true }));
    assert.equal(newestRecord("test", name, stamp), undefined);
    for (const file of [settled, written]) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "{}");
    }
    utimesSync(written, 2000, 2000);
    utimesSync(settled, 1000, 1000);
    assert.equal(newestRecord("test", name, stamp), written);
    utimesSync(settled, 3000, 3000);
    assert.equal(newestRecord("test", name, stamp), settled);
  }
});
