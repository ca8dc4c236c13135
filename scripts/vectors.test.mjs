// The vectors command on files that agree with the library, on tampered copies, and on files that are none.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { differences } from "./vectors/compare.mjs";
import { readEntries } from "./vectors/files.mjs";

const command = fileURLToPath(new URL("vectors.mjs", import.meta.url));
const shared = fileURLToPath(new URL("../../shared/vectors/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vectors-"));
after(() => rmSync(folder, { recursive: true }));

function write(name, content) {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

function vectors(...files) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...files], { encoding: "utf8" });
  return { status, stdout, stderr, lines: stdout.trimEnd().split("\n") };
}

const gray = (value) => Array.from({ length: 12 }, () => new Array(12).fill(value));

/** Sections whose values are worked by hand. */
const sections = () => ({
  // constant images 0.5 and 1: rmse 0.5, psnr 20 log10(2), ssim (2 * 0.5 * 1 + 1e-4) / (0.25 + 1 + 1e-4)
  image: {
    about: "constant images",
    vectors: [
      {
        a: gray(0.5),
        b: gray(1),
        rmse: 0.5,
        psnr: 6.020599913279624,
        "ssim_gaussian_11_1.5": 1.0001 / 1.2501,
        ssim_uniform_7: 1.0001 / 1.2501,
      },
      { a: gray(1), b: gray(1), rmse: 0, psnr: "Infinity" },
    ],
  },
  // greedy would take 1 + 10, the least is 2 + 2
  assignment: { vectors: [{ cost: [[1, 2], [2, 10]], columns: [1, 0], total: 4 }] }, // prettier-ignore
});

/** Rules with a known and an unknown name; the mean of (1, 2), (3, 4), (8, 0) is (4, 2). */
const rules = () => ({
  inputs: { three: [[1, 2], [3, 4], [8, 0]] }, // prettier-ignore
  vectors: [
    { name: "Average", kind: "aggregator", params: {}, input: "three", output: [4, 2] },
    { name: "Mean", kind: "aggregator", params: {}, input: [[1], [2]], output: [1.5], random: false, tolerance: 0 },
    { name: "Mean", kind: "aggregator", params: {}, input: [[1], [2]], output: [7], random: true },
    { name: "NoSuchRule", kind: "aggregator", params: { f: 1 }, input: "three", output: [0, 0] },
  ],
});

test("vectors: passes what agrees and skips, by name, what the library lacks", () => {
  const unknown = { ...sections(), noSuchKind: { vectors: [{ epsilon: 1 }] } };
  unknown.image.vectors[0].noSuchMetric = 0.25;
  const { status, stdout, lines } = vectors(write("good.json", unknown), write("rules.json", rules()));
  assert.match(stdout, /^skipped: image noSuchMetric \(good\.json, entry 1\) — not in the library yet$/m);
  assert.match(stdout, /^skipped: noSuchKind \(good\.json, entry 1\) — not in the library yet$/m);
  assert.match(stdout, /^skipped: NoSuchRule \(rules\.json, entry 4\) — not in the library yet$/m);
  assert.match(stdout, /^skipped: Mean \(rules\.json, entry 3\) — its output depends on chance$/m);
  assert.equal(lines.at(-1), "5 passed, 0 failed, 4 skipped");
  assert.equal(status, 0);
});

test("vectors: prints both values and exits 1 when a value was tampered with", () => {
  const bad = sections();
  bad.image.vectors[0].rmse = 0.50001; // ten times the tolerance
  bad.assignment.vectors[0] = { ...bad.assignment.vectors[0], columns: [0, 1], total: 11 };
  const badRules = rules();
  badRules.vectors[0].output[1] = 2.001;
  const { status, stdout, lines } = vectors(write("bad.json", bad), write("bad-rules.json", badRules));
  assert.match(
    stdout,
    /^failed: image \(bad\.json, entry 1\) rmse: got 0\.5, expected 0\.50001, tolerance 0\.000001$/m,
  );
  assert.match(stdout, /^failed: assignment \(bad\.json, entry 1\) columns\[0\]: got 1, expected 0, tolerance 0$/m);
  assert.match(stdout, /^failed: assignment \(bad\.json, entry 1\) total: got 4, expected 11, /m);
  assert.match(stdout, /^failed: Average \(bad-rules\.json, entry 1\) output\[1\]: got 2, expected 2\.001, /m);
  assert.equal(lines.at(-1), "2 passed, 3 failed, 2 skipped");
  assert.equal(status, 1);
});

test("vectors: fails an entry, not the run, when the library refuses it or it holds nothing to compare", () => {
  const bad = sections();
  bad.image.vectors[1].b = gray(1).slice(1); // 11 rows against 12
  delete bad.assignment.vectors[0].total;
  bad.image.vectors.push({ a: gray(1), b: gray(1) });
  const { status, stdout, lines } = vectors(write("refused.json", bad));
  assert.match(
    stdout,
    /^failed: image \(refused\.json, entry 2\) cannot be computed: rmse: needs two images of equal/m,
  );
  assert.match(stdout, /^failed: image \(refused\.json, entry 3\) holds no value to compare with$/m);
  assert.match(stdout, /^failed: assignment .* total: got 4, but the file holds no value$/m);
  assert.equal(lines.at(-1), "1 passed, 3 failed, 0 skipped");
  assert.equal(status, 1);
});

test("vectors: exits 2 and says what is wrong when there is no file, or it is none", () => {
  const cases = [
    [[], /^vectors: needs at least one FILE\n/],
    [[join(folder, "missing.json")], /missing\.json: cannot be read \(ENOENT\)/],
    [[write("broken.json", '{ "image": ')], /broken\.json: is not JSON \(/],
  ];
  for (const [files, message] of cases) {
    const { status, stdout, stderr } = vectors(...files);
    assert.match(stderr, message);
    assert.equal(stdout, "");
    assert.equal(status, 2);
  }
});

test("readEntries: refuses when the content is in neither format", () => {
  const cases = [
    [[1, 2], /needs an object with vectors/],
    [{}, /needs at least one section with vectors/],
    [{ image: { about: "no list" } }, /needs a list image\.vectors/],
    [{ image: { vectors: [1] } }, /needs objects in image\.vectors, entry 1 is none/],
    [{ vectors: {} }, /needs a list vectors/],
    [{ vectors: [{ input: [[1]] }] }, /needs a name in entry 1/],
    [{ inputs: {}, vectors: [{ name: "Krum", input: "gone" }] }, /needs a matrix as the input of entry 1 \(Krum\)/],
  ];
  for (const [content, message] of cases) {
    assert.throws(() => readEntries(write("other.json", content)), message);
  }
});

test("differences: holds for numbers, lists, infinities and NaN", () => {
  const lines = (got, expected, tolerance) => differences({ what: "x", got, expected, tolerance });
  assert.deepEqual(lines(1, 1 + 1e-7, 1e-6), []);
  assert.deepEqual(lines(1, 1.1, 0.01), ["x: got 1, expected 1.1, tolerance 0.01"]);
  assert.deepEqual(lines(Infinity, "Infinity", 0), []);
  assert.equal(lines(Infinity, 1, 1).length, 1);
  assert.equal(lines(NaN, 1, 1).length, 1);
  assert.deepEqual(lines(Float32Array.of(1, 2), [1, 3], 0.5), ["x[1]: got 2, expected 3, tolerance 0.5"]);
  assert.deepEqual(lines([1, 2], [1], 1), ["x: got 2 numbers, expected 1"]);
  assert.deepEqual(lines([[1, 2], [3, 4]], [[1, 2], [3, 4]], 0), []); // prettier-ignore
  assert.equal(lines([1, 2, 3, 4, 5], [0, 0, 0, 0, 0], 0).at(-1), "x: … 5 of 5 values differ");
});

test("vectors: agrees with the shared reference values when they are there", { skip: !existsSync(shared) }, () => {
  const { status, stdout, lines } = vectors(join(shared, "reference.json"));
  assert.doesNotMatch(stdout, /^(failed|skipped): (gradient_matching|image|assignment|privacy)/m);
  assert.match(lines.at(-1), /^\d+ passed, 0 failed, \d+ skipped$/);
  assert.equal(status, 0);
});

test("vectors: notices when a shared gradient was tampered with", { skip: !existsSync(shared) }, () => {
  const { gradient_matching } = JSON.parse(readFileSync(join(shared, "reference.json"), "utf8"));
  const [entry, other] = gradient_matching.vectors;
  entry.gradient_layers[2].norm *= 1.002;
  entry.d_squared_distance_d_dummy.every_97th[3] *= -1;
  other.d_cosine_distance_d_dummy.sum *= 1.1;
  const { status, stdout, lines } = vectors(write("tampered.json", { gradient_matching }));
  assert.match(stdout, /entry 1\) gradient of layer 2, norm: got 0\.0231999\d*, expected 0\.0232463\d*, tolerance/);
  assert.match(
    stdout,
    /entry 1\) derivative of squared distance, every 97th\[3\]: got -0\.0000167\d*, expected 0\.0000167/,
  );
  assert.match(stdout, /entry 2\) derivative of cosine distance, sum: got -0\.01367\d*, expected -0\.01504\d*/);
  assert.equal(lines.at(-1), "0 passed, 2 failed, 0 skipped");
  assert.equal(status, 1);
});
