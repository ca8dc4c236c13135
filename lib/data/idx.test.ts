import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { projectRoot } from "../core/paths";
import { parseIdx, readIdx } from "./idx";
import { imageStats } from "./imageStats";

const shared = join(projectRoot, "..", "shared", "data");
const skip = existsSync(shared) ? false : "../shared/data is not there";

/** An IDX file of unsigned bytes, not yet gzipped. */
function idx(dims: readonly number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length, 0);
  dims.forEach((dim, axis) => header.writeUInt32BE(dim, 4 + 4 * axis));
  return Buffer.concat([header, Uint8Array.from(values)]);
}

const twoImages = gzipSync(idx([2, 1, 3], [1, 2, 3, 4, 5, 6]));
const twoLabels = gzipSync(idx([2], [7, 3]));

/** readIdx over two files with these bytes, images of 1 x 3 pixels, ten classes. */
function readPair(images: Uint8Array, labels: Uint8Array) {
  const folder = mkdtempSync(join(tmpdir(), "curious-idx-"));
  try {
    writeFileSync(join(folder, "images.gz"), images);
    writeFileSync(join(folder, "labels.gz"), labels);
    return readIdx(join(folder, "images.gz"), join(folder, "labels.gz"), [1, 1, 3], 10);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("parseIdx: gives lengths and bytes when the file is written out by hand", () => {
  // 00 00 08 01 = unsigned bytes, one axis; 00 00 00 02 = two of them
  const bytes = Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]);
  assert.deepEqual(parseIdx(gzipSync(bytes), "labels.gz", 1), { dims: [2], values: Uint8Array.of(7, 3) });
  const images = Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 255]);
  assert.deepEqual(parseIdx(gzipSync(images), "images.gz", 3), {
    dims: [1, 2, 2],
    values: Uint8Array.of(10, 20, 30, 255),
  });
});

test("parseIdx: names the file and what was expected when the bytes are not what they should be", () => {
  const flipped = Buffer.from(twoLabels);
  flipped[flipped.length - 5]! ^= 1; // in the checksum of the gzip trailer
  const cases: readonly [bytes: Uint8Array, message: RegExp][] = [
    [idx([2], [7, 3]), /^parseIdx: needs gzip data \(1f 8b \.\.\.\) in l\.gz, got 0000 \.\.\.; fetch the file again$/],
    [new Uint8Array(0), /^parseIdx: needs gzip data .* in l\.gz, got an empty file/],
    [
      twoLabels.subarray(0, 20),
      /^parseIdx: needs undamaged gzip data in l\.gz, got unexpected end of file \(20 bytes\)/,
    ],
    [flipped, /^parseIdx: needs undamaged gzip data in l\.gz, got incorrect data check/],
    [gzipSync(Buffer.from([0, 0, 8])), /^parseIdx: needs 8 bytes of IDX header in l\.gz, got 3/],
    [twoImages, /^parseIdx: needs magic 0x00000801 \(labels\) in l\.gz, got 0x00000803$/],
    [
      gzipSync(idx([3], [7, 3])),
      /^parseIdx: needs 3 = 3 bytes after the header of l\.gz, got 2; fetch the file again$/,
    ],
    [gzipSync(idx([1], [7, 3])), /^parseIdx: needs 1 = 1 bytes after the header of l\.gz, got more/],
  ];
  for (const [bytes, message] of cases)
    assert.throws(() => parseIdx(bytes, "l.gz", 1), { name: "InputError", message });
});

test("parseIdx: refuses every proper beginning of a file (property)", () => {
  fc.assert(
    fc.property(fc.nat(twoImages.length - 1), (length) => {
      assert.throws(() => parseIdx(twoImages.subarray(0, length), "i.gz", 3), { name: "InputError", message: /i\.gz/ });
    }),
  );
});

test("readIdx: pairs images with labels when both files are sound", () => {
  assert.deepEqual(readPair(twoImages, twoLabels), {
    pixels: Uint8Array.of(1, 2, 3, 4, 5, 6),
    labels: Uint8Array.of(7, 3),
    count: 2,
  });
});

test("readIdx: names the file when sizes, counts or labels are wrong", () => {
  const cases: readonly [images: Uint8Array, labels: Uint8Array, message: RegExp][] = [
    [
      gzipSync(idx([2, 3, 1], [1, 2, 3, 4, 5, 6])),
      twoLabels,
      /needs images of 1 x 3 pixels in .*images\.gz, got 3 x 1$/,
    ],
    [twoImages, gzipSync(idx([1], [7])), /as many labels in .*labels\.gz as images in .*, got 1 labels, 2 images$/],
    [twoImages, gzipSync(idx([3], [7, 3, 1])), /as many labels in .*, got 3 labels, 2 images$/],
    [twoImages, gzipSync(idx([2], [7, 10])), /needs labels below 10 in .*labels\.gz, got 10 at index 1$/],
    [gzipSync(idx([0, 1, 3], [])), gzipSync(idx([0], [])), /needs at least one image in .*images\.gz, got 0$/],
    [twoLabels, twoImages, /needs 16 bytes of IDX header in .*images\.gz, got 10/],
  ];
  for (const [images, labels, message] of cases) {
    assert.throws(() => readPair(images, labels), { name: "InputError", message });
  }
});

test("parseIdx: unpacks no more than the header says, however much there is", () => {
  const bomb = gzipSync(Buffer.concat([idx([2], [7, 3]), Buffer.alloc(2 ** 28)])); // 260 kB that become 268 million bytes
  const before = process.memoryUsage().rss;
  assert.throws(
    () => parseIdx(bomb, "l.gz", 1),
    /^InputError: parseIdx: needs 2 = 2 bytes after the header of l\.gz, got more/,
  );
  assert.ok(process.memoryUsage().rss - before < 2 ** 26);
  const vast = Buffer.from([0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 4, 0, 0, 0, 4, 0]);
  assert.throws(
    () => parseIdx(gzipSync(vast), "i.gz", 3),
    /needs at most 268435456 bytes in i\.gz, got 4294967295 x 1024 x 1024/,
  );
});

// Means, deviations and first labels: the README beside the files.
test("readIdx: gives the known statistics when it reads the real files", { skip }, () => {
  const read = (name: string, set: string) => {
    const at = (file: string) => join(shared, name, `${set}-${file}-ubyte.gz`);
    return readIdx(at("images-idx3"), at("labels-idx1"), [1, 28, 28], 10);
  };
  for (const [name, mean, std] of [
    ["fashion-mnist", 0.286, 0.353],
    ["mnist", 0.1307, 0.3081],
  ] as const) {
    const train = read(name, "train");
    const stats = imageStats(train, 10);
    assert.equal(train.count, 60000);
    assert.equal(read(name, "t10k").count, 10000);
    assert.ok(Math.abs(stats.mean - mean) < 5e-5, `${name}: mean ${stats.mean}`);
    assert.ok(Math.abs(stats.std - std) < 5e-5, `${name}: std ${stats.std}`);
    if (name === "fashion-mnist") assert.deepEqual(stats.classCounts, new Array(10).fill(6000));
    if (name === "mnist") assert.deepEqual([...train.labels.subarray(0, 10)], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  }
});
