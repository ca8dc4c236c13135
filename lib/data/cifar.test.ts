import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { projectRoot } from "../core/paths";
import { parseCifar, readCifar, unpackCifar } from "./cifar";
import { imageStats } from "./imageStats";

const shared = join(projectRoot, "..", "shared", "data", "cifar-10-batches-bin");
const noShared = existsSync(shared) ? false : "../shared/data is not there";
const noTar = spawnSync("tar", ["--version"]).status === 0 ? false : "no tar on this machine";

/** A record whose planes are constant. */
function record(label: number, red: number, green: number, blue: number): Buffer {
  return Buffer.concat([Buffer.of(label), ...[red, green, blue].map((value) => Buffer.alloc(1024, value))]);
}

test("parseCifar: parts labels from planes when two records follow each other", () => {
  const set = parseCifar(Buffer.concat([record(9, 1, 2, 3), record(0, 4, 5, 6)]), "b.bin");
  assert.deepEqual(set.labels, Uint8Array.of(9, 0));
  assert.equal(set.count, 2);
  assert.equal(set.pixels.length, 2 * 3072);
  // first and last byte of every plane: plane p of image i begins at 3072 i + 1024 p
  const ends = [0, 1023, 1024, 2047, 2048, 3071].flatMap((at) => [set.pixels[at], set.pixels[3072 + at]]);
  assert.deepEqual(ends, [1, 4, 1, 4, 2, 5, 2, 5, 3, 6, 3, 6]);
});

test("parseCifar: names the file when it is empty or truncated, or a label is out of range", () => {
  const two = Buffer.concat([record(9, 1, 2, 3), record(10, 4, 5, 6)]);
  const whole = /^parseCifar: needs a positive multiple of 3073 bytes in b\.bin, got (0|6145); fetch the file again$/;
  assert.throws(() => parseCifar(two.subarray(0, 0), "b.bin"), { name: "InputError", message: whole });
  assert.throws(() => parseCifar(two.subarray(1), "b.bin"), { name: "InputError", message: whole });
  const message = "parseCifar: needs labels below 10 in b.bin, got 10 in record 1";
  assert.throws(() => parseCifar(two, "b.bin"), { name: "InputError", message });
});

test("readCifar: joins the files in the given order", () => {
  const folder = mkdtempSync(join(tmpdir(), "curious-cifar-"));
  const files = ["a.bin", "b.bin"].map((file) => join(folder, file));
  writeFileSync(files[0]!, record(1, 10, 10, 10));
  writeFileSync(files[1]!, Buffer.concat([record(2, 20, 20, 20), record(3, 30, 30, 30)]));
  const set = readCifar(files, 10);
  rmSync(folder, { recursive: true });
  assert.deepEqual(set.labels, Uint8Array.of(1, 2, 3));
  assert.deepEqual(
    [0, 1, 2].map((i) => set.pixels[3072 * i]),
    [10, 20, 30],
  );
  assert.equal(set.count, 3);
});

test("unpackCifar: finds the batches when the archive was packed by tar", { skip: noTar }, () => {
  const folder = mkdtempSync(join(tmpdir(), "curious-tar-"));
  const inside = join(folder, "cifar-10-batches-bin");
  mkdirSync(inside);
  const one = Buffer.concat([record(1, 10, 11, 12), record(2, 20, 21, 22)]); // 6146 bytes: not a multiple of 512
  writeFileSync(join(inside, "data_batch_1.bin"), one);
  writeFileSync(join(inside, "readme.html"), "x".repeat(512));
  writeFileSync(join(inside, "test_batch.bin"), record(3, 30, 31, 32));
  const archive = execFileSync("tar", ["-czf", "-", "-C", folder, "cifar-10-batches-bin"]);
  rmSync(folder, { recursive: true });
  const files = unpackCifar(archive);
  assert.deepEqual([...files.keys()].sort(), ["data_batch_1.bin", "test_batch.bin"]);
  assert.deepEqual(Buffer.from(files.get("data_batch_1.bin")!), one);
  assert.deepEqual(Buffer.from(files.get("test_batch.bin")!), record(3, 30, 31, 32));
});

// A class-balanced subset of 10,000 + 2,000. CIFAR-10's train mean over all channels is (0.4914 + 0.4822 + 0.4465) / 3 = 0.4734.
test("readCifar: gives balanced classes and a plausible mean when it reads the real files", { skip: noShared }, () => {
  const train = readCifar([join(shared, "data_batch_1.bin")], 10);
  const stats = imageStats(train, 10);
  assert.equal(train.count, 10000);
  assert.deepEqual(stats.classCounts, new Array(10).fill(1000));
  assert.ok(Math.abs(stats.mean - 0.4734) < 0.005, `mean ${stats.mean}`);
  assert.equal(readCifar([join(shared, "test_batch.bin")], 10).count, 2000);
});
