import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { projectRoot } from "../core/paths";
import type { Dataset } from "../core/types";
import { datasets, type DatasetName } from "./datasets";
import type { DatasetSpec, FolderSpec } from "./spec";
import { parseIdx } from "./idx";
import { loadDataset, openDataset } from "./source";
import { imageStats } from "./imageStats";

type Files = Readonly<Record<string, Uint8Array>>;

const shared = join(projectRoot, "..", "shared", "data");
const noShared = existsSync(shared) ? false : "../shared/data is not there";
const noTar = spawnSync("tar", ["--version"]).status === 0 ? false : "no tar on this machine";

function idx(dims: readonly number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length, 0);
  dims.forEach((dim, axis) => header.writeUInt32BE(dim, 4 + 4 * axis));
  return gzipSync(Buffer.concat([header, Uint8Array.from(values)]));
}

/** Two training images of one row of three pixels, and one test image. */
const tiny: Files = {
  "train-images-idx3-ubyte.gz": idx([2, 1, 3], [1, 2, 3, 4, 5, 6]),
  "train-labels-idx1-ubyte.gz": idx([2], [1, 0]),
  "t10k-images-idx3-ubyte.gz": idx([1, 1, 3], [7, 8, 9]),
  "t10k-labels-idx1-ubyte.gz": idx([1], [1]),
};
// the pixels and labels of train, then of test
const tinyHash = createHash("sha256")
  .update(Uint8Array.of(1, 2, 3, 4, 5, 6, 1, 0, 7, 8, 9, 1))
  .digest("hex");

function specOf(files: Files, mirror: string, format: "idx" | "cifar" = "idx"): FolderSpec {
  return {
    name: "tiny",
    label: "tiny",
    format,
    inputShape: format === "idx" ? [1, 1, 3] : [3, 32, 32],
    numClasses: 2,
    classNames: ["off", "on"],
    source: "this test",
    licence: "MIT",
    folder: "tiny",
    mirrors: [mirror],
    files: Object.entries(files).map(([file, bytes]) => ({
      file,
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    })),
  };
}

/** A fresh folder with these files in it, removed after the test. */
function folderWith(t: TestContext, files: Files = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "curious-source-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

const inside = (folder: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([file, bytes]) => [`${folder}/${file}`, bytes]));

const without = (name: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).filter(([file]) => file !== name));

/** A mirror on the loopback; what it was asked for is in `asked`. */
async function serve(t: TestContext, files: Files): Promise<{ mirror: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const file = request.url!.slice(1);
    asked.push(file);
    const bytes = files[file];
    if (bytes) response.end(bytes);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { mirror: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

/** A mirror that refuses connections. */
async function nowhere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}/`;
}

const retryDelay = 1;

test("openDataset: prefers CURIOUS_DATA, then data/, without a look at the network", async (t) => {
  const other = { ...tiny, "t10k-labels-idx1-ubyte.gz": idx([1], [0]) };
  const curiousData = folderWith(t, inside("tiny", tiny));
  const data = folderWith(t, inside("tiny", other));
  const spec = specOf(tiny, await nowhere());
  const first = await openDataset(spec, { curiousData, data, retryDelay });
  assert.equal(first.source, "folder");
  assert.equal(first.hash, tinyHash);
  assert.deepEqual(first.test, { pixels: Uint8Array.of(7, 8, 9), labels: Uint8Array.of(1), count: 1 });
  const second = await openDataset(spec, { curiousData: folderWith(t), data, retryDelay }); // has no tiny/
  assert.equal(second.source, "download");
  assert.deepEqual([...second.test.labels], [0]);
  assert.notEqual(second.hash, tinyHash);
});

test("openDataset: names the file when one in CURIOUS_DATA or data/ is damaged or missing, whatever a mirror has", async (t) => {
  const { mirror, asked } = await serve(t, tiny);
  const name = "train-labels-idx1-ubyte.gz";
  const damaged = folderWith(t, inside("tiny", { ...tiny, [name]: tiny[name]!.subarray(0, 20) }));
  const rest = without(name, tiny);
  const lacking = folderWith(t, inside("tiny", rest));
  const spec = specOf(tiny, mirror);
  const missing = {
    name: "InputError",
    message: /^loadDataset: needs the file .*tiny.train-labels.*, got no such file/,
  };
  const broken = {
    name: "InputError",
    message: /^parseIdx: needs undamaged gzip data in .*tiny.train-labels-idx1-ubyte\.gz/,
  };
  const data = folderWith(t);
  await assert.rejects(openDataset(spec, { curiousData: damaged, data }), broken);
  await assert.rejects(openDataset(spec, { data: damaged }), broken);
  await assert.rejects(openDataset(spec, { curiousData: lacking, data }), missing);
  const absent = {
    name: "InputError",
    message: /^loadDataset: needs CURIOUS_DATA to be a folder, got .*nowhere; or unset it$/,
  };
  await assert.rejects(openDataset(spec, { curiousData: join(data, "nowhere"), data }), absent);
  assert.deepEqual(asked, []);
});

test("openDataset: downloads what data/ lacks, and nothing the second time", async (t) => {
  const { mirror, asked } = await serve(t, tiny);
  const rest = without("t10k-labels-idx1-ubyte.gz", tiny);
  const spec = specOf(tiny, mirror);
  const data = folderWith(t, inside("tiny", rest));
  const labels: string[] = [];
  const first = await openDataset(spec, { data, onProgress: ({ label }) => labels.push(label) });
  assert.deepEqual([first.source, first.hash], ["download", tinyHash]);
  assert.deepEqual(asked, ["t10k-labels-idx1-ubyte.gz"]);
  assert.deepEqual(labels, asked);
  assert.deepEqual(await openDataset(spec, { data }), first);
  assert.equal(asked.length, 1);
  const empty = folderWith(t);
  assert.equal((await openDataset(spec, { data: empty })).hash, tinyHash);
  assert.deepEqual(readdirSync(join(empty, "tiny")).sort(), Object.keys(tiny).sort());
});

test("openDataset: refuses and leaves nothing when a download never matches", async (t) => {
  const { mirror } = await serve(t, { ...tiny, "train-images-idx3-ubyte.gz": idx([2, 1, 3], [1, 2, 3, 4, 5, 7]) });
  const data = folderWith(t);
  const message = /^download: needs train-images-idx3-ubyte\.gz with \d+ bytes and SHA-256/;
  await assert.rejects(openDataset(specOf(tiny, mirror), { data, retryDelay }), {
    name: "InputError",
    message,
  });
  assert.deepEqual(readdirSync(data), []);
});

test("openDataset: gives strokes and says so once when no mirror can be reached", async (t) => {
  const warn = t.mock.method(console, "warn", () => undefined);
  const data = folderWith(t);
  const dataset = await openDataset(specOf(tiny, await nowhere()), { data, retryDelay });
  assert.deepEqual([dataset.name, dataset.source], ["strokes", "embedded"]);
  assert.deepEqual([dataset.train.count, dataset.test.count], [12000, 2000]);
  assert.deepEqual(imageStats(dataset.train, 10).classCounts, new Array(10).fill(1200));
  assert.equal(dataset.train.pixels.length, 12000 * 28 * 28);
  assert.equal(warn.mock.callCount(), 1);
  assert.match(
    String(warn.mock.calls[0]!.arguments[0]),
    /^tiny is not at hand .*ECONNREFUSED.* "strokes" in its place/,
  );
  assert.deepEqual(readdirSync(data), []);
});

test("openDataset: unpacks the batches when CIFAR-10's archive is downloaded", { skip: noTar }, async (t) => {
  const record = (label: number, value: number) => Buffer.concat([Buffer.of(label), Buffer.alloc(3072, value)]);
  const batches: Files = {
    "data_batch_1.bin": record(1, 10),
    "data_batch_2.bin": Buffer.concat([record(0, 20), record(1, 30)]),
    "test_batch.bin": record(0, 40),
  };
  const packed = folderWith(t, {
    ...inside("cifar-10-batches-bin", batches),
    "cifar-10-batches-bin/a.html": Buffer.of(1),
  });
  const archive: Files = { "c.tar.gz": execFileSync("tar", ["-czf", "-", "-C", packed, "cifar-10-batches-bin"]) };
  const { mirror, asked } = await serve(t, archive);
  const spec = specOf(archive, mirror, "cifar");
  // an earlier run was interrupted before the test batch
  const data = folderWith(t, { "tiny/data_batch_1.bin": record(0, 99) });
  const { source, train, test: held } = await openDataset(spec, { data, retryDelay });
  assert.equal(source, "download");
  assert.deepEqual([...train.labels, ...held.labels], [1, 0, 1, 0]);
  assert.deepEqual(
    [0, 1, 2].map((i) => train.pixels[3072 * i]),
    [10, 20, 30],
  );
  assert.deepEqual(readdirSync(join(data, "tiny")).sort(), Object.keys(batches));
  await openDataset(spec, { data });
  assert.equal(asked.length, 1);
});

/** Runs with CURIOUS_DATA set, and puts it back. */
async function withCuriousData<T>(folder: string, run: () => Promise<T>): Promise<T> {
  const before = process.env["CURIOUS_DATA"];
  process.env["CURIOUS_DATA"] = folder;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env["CURIOUS_DATA"];
    else process.env["CURIOUS_DATA"] = before;
  }
}

test("loadDataset: keeps what it loaded but no failure", async (t) => {
  const images = idx(
    [1, 28, 28],
    Uint8Array.from({ length: 784 }, (_, i) => (i % 8 === 0 ? 255 : 0)),
  ); // as bright as digits
  const labels = idx([1], [3]);
  const files = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
  const four = Object.fromEntries(files.map((file, i) => [`mnist/${file}-ubyte.gz`, i % 2 === 0 ? images : labels]));
  const folder = folderWith(t, { ...four, "mnist/t10k-labels-idx1-ubyte.gz": Buffer.of(1) });
  await withCuriousData(folder, async () => {
    await assert.rejects(loadDataset("mnist"), { name: "InputError", message: /t10k-labels-idx1-ubyte\.gz/ });
    writeFileSync(join(folder, "mnist", "t10k-labels-idx1-ubyte.gz"), labels);
    const [one, two] = await Promise.all([loadDataset("mnist"), loadDataset("mnist")]);
    assert.equal(one, two);
    assert.equal(await loadDataset("mnist"), one);
    assert.deepEqual([one.name, one.source, one.train.count], ["mnist", "folder", 1]);
  });
});

test("loadDataset: lists the names when it does not know one", () => {
  for (const [wrong, remedy] of [
    ["minst", "; did you mean mnist?"],
    ["cifar10", "; did you mean cifar-10?"],
    ["constructor", ""],
    ["__proto__", ""],
  ] as const) {
    // prettier-ignore
    const message = `loadDataset: needs a dataset of ${Object.keys(datasets).join(", ")}, got ${wrong}${remedy}`;
    assert.throws(() => void loadDataset(wrong as DatasetName), { name: "InputError", message });
  }
});

test(
  "openDataset: tells one official dataset from another, training from test images, and the official from changed ones",
  { skip: noShared },
  async (t) => {
    const four = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map(
      (file) => `${file}-ubyte.gz`,
    );
    const open = (from: string, order = [0, 1, 2, 3], change: Files = {}): Promise<Dataset> => {
      const files = four.map((file, i) => [file, readFileSync(join(shared, from, four[order[i]!]!))] as const);
      const curiousData = folderWith(t, inside("fashion-mnist", { ...Object.fromEntries(files), ...change }));
      return openDataset(datasets["fashion-mnist"], { curiousData, data: "" });
    };
    const images = parseIdx(readFileSync(join(shared, "fashion-mnist", four[2]!)), "", 3).values;
    await Promise.all([
      open("fashion-mnist").then(({ official }) => assert.equal(official, true)),
      assert.rejects(
        open("mnist"),
        /needs fashion-mnist's training images, got mnist's training images; put each dataset's/,
      ),
      assert.rejects(
        open("fashion-mnist", [2, 3, 0, 1]),
        /needs fashion-mnist's training images, got fashion-mnist's test images/,
      ),
      open("fashion-mnist", undefined, {
        [four[2]!]: idx(
          [10_000, 28, 28],
          images.map((x, i) => (i === 5 ? 255 - x : x)),
        ),
      }).then(({ official }) => assert.equal(official, false)),
      assert.rejects(
        open("fashion-mnist", undefined, {
          [four[2]!]: idx(
            [10_000, 28, 28],
            images.map(() => 9),
          ),
        }),
        /needs test images like fashion-mnist's, .* got 0.035 and 0.000/,
      ),
      assert.rejects(
        open("fashion-mnist", undefined, { [four[3]!]: idx([10_000], new Uint8Array(10_000)) }),
        /needs test images of all of fashion-mnist's 10 classes, .* got 10000 of 10000 in one/,
      ),
    ]);
  },
);

test("openDataset: refuses what is no folder and no file, and waits for no pipe", async (t) => {
  const spec = specOf(tiny, await nowhere());
  const folder = folderWith(t, {
    ...inside("tiny", without("t10k-labels-idx1-ubyte.gz", tiny)),
    file: Uint8Array.of(1),
  });
  const open = (curiousData: string): Promise<Dataset> => openDataset(spec, { curiousData, data: folder });
  await assert.rejects(open(join(folder, "file")), /needs CURIOUS_DATA to be a folder, got .*file; or unset it/);
  const labels = join(folder, "tiny", "t10k-labels-idx1-ubyte.gz");
  mkdirSync(labels);
  await assert.rejects(open(folder), /needs a file at .*t10k-labels-idx1-ubyte\.gz, got a folder/);
  rmSync(labels, { recursive: true });
  if (spawnSync("mkfifo", [labels]).status !== 0) return;
  await assert.rejects(open(folder), /needs a file at .*t10k-labels-idx1-ubyte\.gz, got something else/);
});

test("loadDataset: draws the recorded strokes when nothing of their making has changed", async () => {
  const { name, source, hash, train } = await loadDataset("strokes");
  assert.deepEqual([name, source, train.count], ["strokes", "embedded", 12000]);
  assert.equal(hash, "71654d569a77e2572760ee1bc6ca9472e13417cc2742f13c3adac14e36068144");
});

test("loadDataset: reads every real dataset as its description says", { skip: noShared }, async () => {
  await withCuriousData(shared, async () => {
    for (const name of ["fashion-mnist", "mnist", "cifar-10"] as const) {
      const { source, inputShape, numClasses, classNames, train, test: held } = await loadDataset(name);
      assert.equal(source, "folder");
      assert.equal(classNames.length, numClasses);
      for (const { pixels, labels, count } of [train, held]) {
        assert.equal(pixels.length, count * inputShape.reduce((product, dim) => product * dim));
        assert.equal(new Set(labels).size, numClasses);
      }
    }
  });
});

test("datasets: give whole checksums, slashes after mirrors, and a name for every class", () => {
  for (const [name, spec] of Object.entries<DatasetSpec>(datasets)) {
    assert.equal(spec.name, name);
    assert.equal(new Set(spec.classNames).size, spec.numClasses);
    if (spec.format === "embedded") continue;
    for (const { sha256 } of spec.files) assert.match(sha256, /^[0-9a-f]{64}$/);
    for (const mirror of spec.mirrors) assert.match(mirror, /^https?:\/\/.*\/$/);
  }
});
