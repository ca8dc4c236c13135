import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { areOfficialFiles } from "./identity";

test("areOfficialFiles: takes the files byte for byte, and none that is missing, shorter or changed", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "identity-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = ["images", "labels"].map((file) => {
    const sha256 = createHash("sha256").update(`of ${file}`).digest("hex");
    writeFileSync(join(folder, file), `of ${file}`);
    return { file, bytes: 9, sha256 };
  });
  assert.equal(areOfficialFiles(files, folder), true);
  writeFileSync(join(folder, "labels"), "of Labels");
  assert.equal(areOfficialFiles(files, folder), false);
  writeFileSync(join(folder, "labels"), "of");
  assert.equal(areOfficialFiles(files, folder), false);
  rmSync(join(folder, "labels"));
  assert.equal(areOfficialFiles(files, folder), false);
});
