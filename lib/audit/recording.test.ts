import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { backendReady } from "../core/backend";
import { toNpy } from "../files/writeNpy";
import { bytesOfImages, bytesOfLabels, record, type SmallRecording } from "./federation.fixture";
import { readRecording } from "./recording";
import { checkSpec } from "./spec";

let two: SmallRecording;
before(async () => {
  await backendReady();
  two = await record({ rounds: 2 });
});
after(() => two.remove());

type Changes = Readonly<Record<string, unknown>>;
const read = (changes: Changes = {}, own: Changes = {}) =>
  readRecording(checkSpec({ ...two.spec, ...changes, own: { ...(two.spec["own"] as Changes), ...own } }, two.folder));
const copy = (from: string, to: string): void => copyFileSync(join(two.folder, from), join(two.folder, to));

test("readRecording: reads every round by its number, and what was saved is what was trained on", async () => {
  const { rounds, own, notes } = await read();
  assert.deepEqual(notes, []);
  assert.equal(own!.size, two.own.size);
  rounds.forEach(({ weights, ownUpdate, ownBatch, truth, difference }, k) => {
    const { records } = two;
    assert.deepEqual(weights, records[k]!.weights);
    assert.deepEqual(ownUpdate, records[k]!.ownUpdate);
    assert.deepEqual(ownBatch!.images, records[k]!.batches[0]![0]!.images);
    assert.deepEqual(ownBatch!.labels, records[k]!.batches[0]![0]!.labels); // found among its own images
    assert.equal(truth!.size, 2);
    const change = (records[k]!.weights[0]! - records[k + 1]!.weights[0]!) / 0.1;
    assert.equal(difference[0], Math.fround(change));
  });
});

test("readRecording: drops broadcasts that repeat, and says so", async () => {
  copy("round1.npz", "again.npz");
  const { rounds, notes } = await read({ broadcasts: ["round0.npz", "round1.npz", "again.npz", "round2.npz"] });
  assert.equal(rounds.length, 2);
  assert.match(notes[0]!, /^1 of 4 broadcasts repeat the one before and were dropped/);
  await assert.rejects(
    read({ broadcasts: ["round1.npz", "again.npz"] }),
    /needs two broadcasts that differ, got 2 alike/,
  );
});

const refused: readonly [what: string, changes: Changes, own: Changes, message: RegExp][] = [
  ["one broadcast", { broadcasts: ["round0.npz"] }, {}, /needs at least two broadcasts, got 1/],
  ["no broadcast", { broadcasts: "runde{k}.npz" }, {}, /needs files .*runde\{k\}.npz, got none/],
  ["a folder that is not there", { broadcasts: "no/round{k}.npz" }, {}, /needs the folder .*no, got ENOENT/],
  ["a missing file", { broadcasts: ["round0.npz", "no.npz"] }, {}, /needs the file .*no.npz, got no such file/],
  ["a round that is missing", { broadcasts: "gap{k}.npz" }, {}, /of consecutive numbers, got 0 and then 2; a client that missed a round/],
  ["a truncated file", { broadcasts: ["round0.npz", "cut.npz"] }, {}, /cut.npz/],
  ["NaN", { broadcasts: ["round0.npz", "nan.npy"] }, {}, /nan.npy.*NaN/],
  ["another model", { model: "softmaxRegression" }, {}, /needs the model's 2 arrays in .*round0.npz, got 4, which differ/],
  ["one update for two rounds", {}, { update: "sent0.npy" }, /needs one file for each of 2 rounds in own.update, got 1; say "name\{k\}.npy", or a list/],
  ["an update of another length", {}, { update: ["short.npy", "short.npy"] }, /needs the model's .* weights in .*short.npy, got 3/],
  ["missing images", {}, { images: "no.npy" }, /needs the file .*no.npy, got no such file/],
  ["labels of other images", {}, { labels: "batch0_labels.npy" }, /needs 30 labels of own.labels/],
  ["labels outside the classes", {}, { labels: "large.npy" }, /needs labels of own.labels .* in 0..2, got 7/],
  ["a batch that is not among its images", {}, { batch: ["black.npy", "black.npy"] }, /needs image 0 of own.batch .* among own.images/],
  ["a batch of more images than there are steps", {}, { batch: ["own_images.npy", "own_images.npy"] }, /needs own.batch to be one to 1 batches of 1 images, got 30/],
  ["labels of one round for two", { labels: [1, 2] }, {}, /needs a list of labels for each of 2 rounds, got 1/],
]; // prettier-ignore
for (const [what, changes, own, message] of refused)
  test(`readRecording: refuses ${what} in one line`, async () => {
    const { folder, records } = two;
    const write = (name: string, bytes: Buffer): void => writeFileSync(join(folder, name), bytes);
    copy("round0.npz", "gap0.npz");
    copy("round1.npz", "gap2.npz");
    const bytes = toNpy(records[0]!.weights, [records[0]!.weights.length]);
    write("cut.npz", bytes.subarray(0, 500));
    write("nan.npy", toNpy(records[0]!.weights.map((w, i) => (i === 7 ? NaN : w)), [records[0]!.weights.length])); // prettier-ignore
    write("short.npy", toNpy(Float32Array.of(1, 2, 3), [3]));
    write("black.npy", bytesOfImages({ images: new Float32Array(16), labels: Int32Array.of(0), size: 1 }, [1, 4, 4]));
    write("large.npy", bytesOfLabels(Array.from({ length: 30 }, (_, i) => (i === 3 ? 7 : 0))));
    await assert.rejects(read(changes, own), (error: Error) => {
      assert.equal(error.name, "InputError");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
