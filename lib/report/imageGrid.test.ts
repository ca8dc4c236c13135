import assert from "node:assert/strict";
import { decode } from "fast-png";
import test from "node:test";
import { asRmse, imageGrid, type ImageGridSpec } from "./imageGrid";

const spec: ImageGridSpec = {
  title: "t",
  shape: [1, 2, 2],
  columns: ["private", "round 0", "round 1"],
  rows: [
    { label: "client 1", images: [Float32Array.of(0, 1, 0.5, 2), Float32Array.of(1, -3, 0, 1), null] },
    { label: "client 2", images: [null, null, Float32Array.of(0, 0, 0, 1)], captions: ["", "", "RMSE 0.21"] },
  ],
};

interface Picture {
  readonly source: string;
  readonly x: number;
  readonly y: number;
  readonly sizex: number;
  readonly sizey: number;
}

function pictureOf(grid: ImageGridSpec) {
  const { layout } = imageGrid(grid);
  const [picture, ...rest] = layout["images"] as Picture[];
  assert.deepEqual(rest, []);
  return { picture: picture!, layout, png: decode(Buffer.from(picture!.source.split(",")[1]!, "base64")) };
}

test("imageGrid: every pixel becomes a square of 4 screen pixels, clipped to [0, 1], the first column apart", () => {
  const { png } = pictureOf(spec);
  const at = (x: number, y: number): number => png.data[y * png.width + x]!;
  // Images are 8 px wide and high; 4 px between columns, 14 more after "private": they begin at 0, 26 and 38.
  assert.deepEqual([png.width, png.channels], [38 + 8, 1]);
  const firstRow = [at(0, 0), at(3, 3), at(4, 0), at(7, 3), at(0, 4), at(7, 7)];
  assert.deepEqual(firstRow, [0, 0, 255, 255, 128, 255]); // 0, 0, 1, 1, 0.5 -> 127.5, 2 -> 1
  assert.deepEqual([at(26, 0), at(30, 0), at(25, 0)], [255, 0, 255]); // 1, -3 -> 0, the white gap
  assert.equal(at(38, 0), Math.round(0.95 * 255)); // an empty place
  assert.deepEqual([at(38, png.height - 8), at(45, png.height - 1)], [0, 255]);
});

test("imageGrid: the picture has as many screen pixels as its place, so nothing is resampled", () => {
  const { png, picture, layout } = pictureOf(spec);
  assert.ok(Math.abs(picture.sizex * layout.width - png.width) < 1e-9);
  assert.ok(Math.abs(picture.sizey * layout.height - png.height) < 1e-9);
  const left = picture.x * layout.width;
  assert.ok(Math.abs(left - Math.round(left)) < 1e-9);
});

test("imageGrid: planes of a colour image become pixels", () => {
  const rgb = Float32Array.of(1, 0, 0, 1, 0, 0); // [3, 1, 2]: R 1 0, G 0 1, B 0 0
  const { png } = pictureOf({ title: "t", shape: [3, 1, 2], columns: ["a"], rows: [{ label: "", images: [rgb] }] });
  assert.equal(png.channels, 3);
  assert.deepEqual([...png.data.subarray(0, 3), ...png.data.subarray(4 * 3, 4 * 3 + 3)], [255, 0, 0, 0, 255, 0]);
});

test("imageGrid: shrinks the pixels, never below one, so many columns fit the width", () => {
  const width = (count: number): number => {
    const columns = Array.from({ length: count }, (_, c) => `round ${c}`);
    const image = new Float32Array(784);
    const { picture } = pictureOf({ title: "t", shape: [1, 28, 28], columns, rows: [{ label: "a", images: columns.map(() => image) }] }); // prettier-ignore
    return picture.x * 900 + picture.sizex * 900;
  };
  for (let count = 1; count <= 20; count++) assert.ok(width(count) <= 900, `${count} columns`);
});

test("imageGrid: labels rows, columns and images", () => {
  const texts = (imageGrid(spec).layout["annotations"] as { text: string }[]).map(({ text }) => text);
  // Images of 8 px leave room for 6 letters per line.
  assert.deepEqual(texts, ["<b>t</b>", "private", "round<br>0", "round<br>1", "client 1", "client 2", "RMSE<br>0.21"]);
});

test("imageGrid: refuses wrong counts, lengths, shapes and NaN, and says where", () => {
  const row = (images: (Float32Array | null)[], captions?: string[]): ImageGridSpec => ({ ...spec, rows: [{ label: "client 1", images, ...(captions && { captions }) }] }); // prettier-ignore
  const image = new Float32Array(4);
  assert.throws(() => imageGrid(row([image])), /needs 3 images and captions in row "client 1", got \[1, 1\]/);
  assert.throws(() => imageGrid(row([image, image, image], [""])), /got \[3, 1\]/);
  assert.throws(() => imageGrid(row([image, new Float32Array(5), image])), /needs 4 pixels in row "client 1", column "round 0", got 5/); // prettier-ignore
  assert.throws(() => imageGrid(row([image, image, Float32Array.of(0, NaN, 0, 0)])), /column "round 1", got NaN/);
  assert.throws(
    () => imageGrid({ ...spec, shape: [2, 2, 1] }),
    /needs a shape \[1, H, W\] or \[3, H, W\], got \[2, 2, 1\]/,
  );
  assert.throws(() => imageGrid({ ...spec, rows: [] }), /needs at least one row and one column/);
});

test("asRmse: two decimals", () => {
  assert.deepEqual([0.2149, 0.05, 0.3].map(asRmse), ["RMSE 0.21", "RMSE 0.05", "RMSE 0.30"]);
});
